"""Examples in docstrings: which there are, and what they give."""

from __future__ import annotations

import doctest
import inspect
import os
import tempfile
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

FLAGS = doctest.ELLIPSIS
IMPORTS = ("import ", "from ")


def examples_of(thing: Any) -> list[doctest.DocTest]:
    """The examples in the docstring of an object of ours, and in those of its members."""
    module = thing if isinstance(thing, ModuleType) else import_module(thing.__module__)
    tests = doctest.DocTestFinder(exclude_empty=True).find(thing, module.__name__, module)
    for test in tests:
        if test.examples and test.examples[0].source.startswith(IMPORTS):
            test.globs = {"__name__": "__main__"}  # as for a reader who copies it: it sees what it imports
    return [test for test in tests if test.examples]


def has_example(thing: Any) -> bool:
    """Whether the object's own docstring shows how it is used, from the import on."""
    return any(f">>> {word}" in (inspect.getdoc(thing) or "") for word in IMPORTS)


def failures(tests: list[doctest.DocTest]) -> Iterator[str]:
    """Run examples, each in an empty folder, and yield what differs from what they show."""
    here = os.getcwd()
    for test in tests:
        report: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
            finally:
                os.chdir(here)
        if failed:
            yield "".join(report)
