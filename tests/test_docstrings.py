"""Every public object shows how it is used, and what it shows is so."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from docstrings import examples_of, failures, has_example

from hpsearch.errors import StudyFailed
from hpsearch.models.layers import Declared
from hpsearch.objectives.user_trial import UserTrial
from hpsearch.running.result import Result

ROOT = Path(__file__).resolve().parents[1]

ROOMS = (
    "hpsearch",
    "hpsearch.samplers",
    "hpsearch.pruners",
    "hpsearch.integrations",
    "hpsearch.models",
    "hpsearch.models.layers",
    "hpsearch.models.datasets",
    "hpsearch.models.preprocessing",
)
"""Where people import from: all that these rooms offer is public."""

HANDED_OVER = {"Result": Result, "StudyFailed": StudyFailed, "UserTrial": UserTrial}
"""What people are given without importing it."""

FRAMEWORKS = (
    "hpsearch.integrations.boosting",
    "hpsearch.integrations.networks",
    "hpsearch.models.estimators.onnx_file",
    "hpsearch.models.estimators.safetensors_file",
)
"""Their examples need packages that are not always there: tests/hpsearch/integrations/test_docstrings.py runs them, and
test_onnx.py and test_safetensors.py in tests/models/estimators."""


def is_public(room: str, thing: Any) -> bool:
    """Of the layers those that people write: what computes them is for who adds one (docs/layers.md)."""
    return room != "hpsearch.models.layers" or (issubclass(thing, Declared) and thing is not Declared)


def public() -> dict[str, Any]:
    """Public objects by name, each once."""
    named = [
        (f"{room}.{name}", getattr(import_module(room), name))
        for room in ROOMS
        for name in import_module(room).__all__
        if is_public(room, getattr(import_module(room), name))
    ]
    once: dict[int, tuple[str, Any]] = {}
    for name, thing in [*named, *HANDED_OVER.items()]:
        once.setdefault(id(thing), (name, thing))
    return dict(once.values())


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(part for part in parts if part != "__init__")
    return name if parts[0] == "hpsearch" else f"hpsearch.{name}"


MODULES = sorted(
    module_of(path)
    for folder in ("hpsearch", "models")
    for path in (ROOT / folder).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8") and path.relative_to(ROOT).parts[:2] != ("hpsearch", "models")
)
"""Modules with examples in their docstrings."""


def test_a_public_object_shows_how_it_is_used() -> None:
    without = [name for name, thing in public().items() if not has_example(thing)]
    assert not without, "their docstrings have no example (a line that begins with >>>)"


@pytest.mark.parametrize("module", [name for name in MODULES if name not in FRAMEWORKS])
def test_the_examples_of_a_module_give_what_they_show(module: str) -> None:
    tests = examples_of(import_module(module))
    assert tests
    assert not list(failures(tests))


def test_hardly_an_example_is_left_out() -> None:
    tests = [test for module in MODULES for test in examples_of(import_module(module))]
    skipped = [test.name for test in tests if "SKIP" in (test.docstring or "")]
    assert skipped == ["hpsearch.models.datasets.fetch.fetch"]
