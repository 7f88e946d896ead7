"""The house of docs/architecture.md: arrows between rooms go down only, and files stay one idea long."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LEVELS: list[set[str]] = [
    {"models"},
    {"hpsearch.errors"},
    {"hpsearch.dimensions", "hpsearch.naming", "hpsearch.registry", "hpsearch.optuna_storage"},
    {"hpsearch.records", "hpsearch.space", "hpsearch.scaling", "hpsearch.goal"},
    {"hpsearch.rows", "hpsearch.logfile", "hpsearch.constraints", "hpsearch.comparison"},
    {"hpsearch.history"},
    {"hpsearch.study", "hpsearch.optuna_fold", "hpsearch.stages"},
    {"hpsearch.audit", "hpsearch.calibration", "hpsearch.confirm", "hpsearch.diagnosis"},
    {"hpsearch.declaration", "hpsearch.loading", "hpsearch.proposal", "hpsearch.variants"},
    {"hpsearch.samplers", "hpsearch.pruners", "hpsearch.objectives", "hpsearch.tracking"},
    {"hpsearch.ladder"},
    {"hpsearch.engine", "hpsearch.lr_range"},
    {"hpsearch.report"},
    {"hpsearch.delivery", "hpsearch.preflight", "hpsearch.replay", "hpsearch.single", "hpsearch.winner"},
    {"hpsearch.api"},
    {"hpsearch.cli"},
    {"hpsearch.__main__"},
]
"""From the lowest room to the highest; rooms of one level do not see each other."""

ALLOWED = {
    ("hpsearch.study", "hpsearch.api"): "study.run() is a method that users type; it imports when it is called",
}

FOREIGN = {
    "models": {"hpsearch", "optuna", "mlflow", "pandas"},
    "hpsearch": set(),
}


def sources() -> list[Path]:
    return sorted([*ROOT.glob("models/**/*.py"), *ROOT.glob("hpsearch/**/*.py")])


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room_of(module: str) -> str:
    if module.split(".")[0] == "models":
        return "models"
    return ".".join(module.split(".")[:2])


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield node.module
            if node.module in ("hpsearch", "models"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def level_of(room: str) -> int | None:
    return next((number for number, rooms in enumerate(LEVELS) if room in rooms), None)


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_every_arrow_goes_down(path: Path) -> None:
    module = module_of(path)
    if module == "hpsearch":
        return  # the package itself only names where things live
    room = room_of(module)
    level = level_of(room)
    assert level is not None, f"{module} stands in no room of the house"
    for imported in imports_of(path):
        other = room_of(imported)
        other_level = level_of(other)
        if other_level is None or other == room or (room, other) in ALLOWED:
            continue
        assert other_level < level, f"{module} imports {imported}: that arrow does not go down"


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_no_room_imports_what_it_must_not_know(path: Path) -> None:
    module = module_of(path)
    found = {name.split(".")[0] for name in imports_of(path)}
    assert not found & FOREIGN[module.split(".")[0]]
    if not module.startswith("hpsearch.tracking"):
        assert "mlflow" not in found, f"{module}: only hpsearch.tracking imports mlflow"


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 330


def test_the_command_line_starts_without_heavy_libraries() -> None:
    heavy = ("mlflow", "pandas", "sklearn", "optuna", "numpy")
    code = f"import sys, hpsearch.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
