"""The house of docs/architecture.md: arrows between rooms go down only, and files stay one idea long."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FLOORS: list[set[str]] = [
    {"models", "errors"},
    {"space"},
    {"study"},
    {"log"},
    {"judging", "optuna_bridge"},
    {"samplers", "pruners"},
    {"ladder", "tables"},
    {"objectives"},
    {"tracking"},
    {"engine"},
    {"report"},
    {"running"},
    {"cli"},
    {"__main__"},
]
"""From the lowest floor of ``hpsearch`` to the highest; rooms of one floor do not see each other."""

ALLOWED = {
    ("study.study", "running.api"): "study.run() is a method that users type; it imports when it is called",
}

LOOSE = {"__init__", "__main__", "errors"}
"""The only modules that stand in no room."""

FOREIGN = {"models": {"optuna", "mlflow", "pandas"}}
"""What a room must not know."""


def sources() -> list[Path]:
    return sorted(path for path in ROOT.glob("hpsearch/**/*.py")) + sorted(ROOT.glob("models/**/*.py"))


def module_of(path: Path) -> str:
    """Return a module's name within hpsearch; models/ is installed as hpsearch.models."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "hpsearch" else parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_of(path): path for path in sources()}


def room_of(module: str) -> str:
    return module.split(".")[0]


def package_of(path: Path) -> list[str]:
    parts = module_of(path).split(".") if module_of(path) else []
    return parts if path.name == "__init__.py" else parts[:-1]


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Return what a file imports, also inside functions: our modules by their names within hpsearch."""
    return frozenset(_imports_of(path))


def _imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                package = package_of(path)
                base = package[: len(package) - node.level + 1] + (node.module.split(".") if node.module else [])
                origin = ".".join(["hpsearch", *base])
            else:
                assert node.module is not None
                origin = node.module
            names = [f"{origin}.{alias.name}" for alias in node.names]
            yield from names
            if not all(name.removeprefix("hpsearch.") in MODULES for name in names):
                yield origin  # something of the module or package itself is taken


def ours(path: Path) -> set[str]:
    """Return the modules of ours that a file imports."""
    names = {name.removeprefix("hpsearch.") for name in imports_of(path) if name.startswith("hpsearch.")}
    return {name for name in names if name in MODULES} - {module_of(path)}


def floor_of(room: str) -> int | None:
    return next((number for number, rooms in enumerate(FLOORS) if room in rooms), None)


@pytest.mark.parametrize("module", [module for module in MODULES if module])
def test_every_arrow_goes_down(module: str) -> None:
    room = room_of(module)
    floor = floor_of(room)
    assert floor is not None, f"{module} stands in no room of the house"
    for imported in ours(MODULES[module]):
        other = room_of(imported)
        if other == room or (module, imported) in ALLOWED:
            continue
        other_floor = floor_of(other)
        assert other_floor is not None
        assert other_floor < floor, f"{module} imports {imported}: that arrow does not go down"


def test_no_circle() -> None:
    graph = {
        module: {name for name in ours(path) - {""} if (module, name) not in ALLOWED}
        for module, path in MODULES.items()
        if module
    }
    TopologicalSorter(graph).prepare()


def test_nothing_stands_loose() -> None:
    assert {path.stem for path in ROOT.glob("hpsearch/*.py")} == LOOSE


@pytest.mark.parametrize("module", list(MODULES))
def test_no_room_imports_what_it_must_not_know(module: str) -> None:
    found = {name.split(".")[0] for name in imports_of(MODULES[module])}
    assert not found & FOREIGN.get(room_of(module), set())
    if room_of(module) == "models":
        assert not any(
            name == "hpsearch" or room_of(name.removeprefix("hpsearch.")) != "models"
            for name in imports_of(MODULES[module])
            if name.startswith("hpsearch")
        ), module
    if room_of(module) != "tracking":
        assert "mlflow" not in found, f"{module}: only hpsearch.tracking imports mlflow"


@pytest.mark.parametrize("module", list(MODULES))
def test_a_file_can_be_read_in_one_sitting(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 330


def test_the_command_line_starts_without_heavy_libraries() -> None:
    heavy = ("mlflow", "pandas", "sklearn", "optuna", "numpy")
    code = f"import sys, hpsearch.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
