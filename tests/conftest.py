"""Settings of the whole suite."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator

import pytest
from examples import FEW, MANY
from hypothesis import HealthCheck, settings

# An example's time says more about the machine's other work than about the code: Hypothesis's deadline of 200 ms an
# example, and its check that examples are not drawn too slowly, fail tests that are right. What a test costs is bounded
# by its number of examples.
UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("hpsearch", max_examples=FEW, **UNTIMED)
settings.register_profile("thorough", max_examples=MANY, **UNTIMED)  # .ci/run
settings.load_profile("hpsearch")

# Tests start many processes: what the first one compiles is there for the others, whatever the environment says. In
# this process it is pytest's rewriting of the test files, which takes as long as the rest of the collection.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# pytest-xdist sets a terminal's width, and there is no terminal.
os.environ.pop("COLUMNS", None)


@pytest.fixture(autouse=True)
def import_path() -> Iterator[None]:
    """Take back what a test has put on the import path: the folder of a study file stays there in its process."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the garbage collector from what collection makes: it lives to the end, and each pass over it takes time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests whose names hold an address: each process of pytest-xdist would call them otherwise."""
    named = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if named:
        raise pytest.UsageError(f"a test's name holds an address, give ids: {named[0]}")
