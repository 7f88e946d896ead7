"""What the attacks share; counts their cases, and writes them into docs/guarantees.md where that is asked for.

``HPSEARCH_WRITE_GUARANTEES=1 python -m pytest tests/hpsearch/faults -m ""`` writes the table between its marks.
"""

from __future__ import annotations

import ast
import os
from collections import Counter
from pathlib import Path

import pytest
from roots import bowl

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[2] / "docs" / "guarantees.md"
BEGIN, END = "<!-- cases: begin -->", "<!-- cases: end -->"

_passed: Counter[str] = Counter()
_failed: Counter[str] = Counter()


@pytest.fixture(scope="session")
def whole_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds nothing yet, made once: tests copy the file."""
    from hpsearch.tracking import sqlite_store
    from hpsearch.tracking.store import settings

    path = tmp_path_factory.mktemp("whole") / "mlflow.db"
    with settings():
        sqlite_store.make(path)
    return path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a study of four trials that was not delivered; its file is beside it, in the working directory."""
    from hpsearch.study.loading import load_study

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bowl.py").write_text(bowl())
    load_study(tmp_path / "bowl.py").run(tmp_path / "mlruns", quiet=True, tracking=False)
    return tmp_path / "mlruns"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    path = Path(report.location[0])
    if path.parent.name != HERE.name:
        return
    if report.when == "call" and report.passed:
        _passed[path.name] += 1
    elif report.failed:
        _failed[path.name] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get("HPSEARCH_WRITE_GUARANTEES") == "1" and _passed:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, behind = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n{table()}{END}{behind}", encoding="utf-8")


def table() -> str:
    lines = ["| what is claimed | cases | failed |", "|---|---:|---:|"]
    for name in sorted({*_passed, *_failed}):
        claim = ast.get_docstring(ast.parse((HERE / name).read_text(encoding="utf-8"))) or name
        first = claim.splitlines()[0].rstrip(".")
        where, failed = f"tests/hpsearch/faults/{name}", _failed[name]
        lines.append(f"| {first} (`{where}`) | {_passed[name] + failed} | {failed} |")
    total, lost = sum(_passed.values()) + sum(_failed.values()), sum(_failed.values())
    return "\n".join([*lines, f"| all | {total} | {lost} |"]) + "\n"
