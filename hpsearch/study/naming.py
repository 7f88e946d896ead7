"""What studies and their variants may be called: their names are names of folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpsearch.errors import UserError

PREFIX = "hpsearch_study_"
"""Stands before a study file's name in the name of its module, so that a file random.py hides nothing."""


def data_word(data: Any) -> str:
    """Return what a variant's name calls its data: a data set's name, a file's without its ending, or ``arrays``."""
    if isinstance(data, str | Path):
        return Path(data).stem or str(data)
    path, target = getattr(data, "path", None), getattr(data, "target", None)
    if path is None:
        return "arrays"
    return data_word(path) + (f".{target}".replace("/", "_").replace("\\", "_") if target else "")


def source_word(source: str) -> str:
    """Return what a variant's name calls the source of results: a study's name, or a file's without its ending."""
    if "://" in source:
        return source.partition("#")[2].replace("/", "_").replace("\\", "_") or "optuna"
    path = Path(source)
    if path.name == "log.jsonl":
        path = path.parent
    return path.stem if path.suffix in (".csv", ".log", ".db", ".sqlite", ".sqlite3", ".journal") else path.name


def check_study_name(name: object) -> None:
    """Raise a UserError where a name cannot be the name of a folder."""
    if not isinstance(name, str) or not name.strip():
        raise UserError(f"a study's name must be a text, not {name!r}")
    if any(sign in name for sign in "/\\") or any(ord(sign) < 32 for sign in name):
        raise UserError(f"study name {name!r}: no path separators or control characters")
    if name.startswith((".", "-")) or name != name.strip():
        raise UserError(f"study name {name!r}: must not begin with a dot, a dash or a blank, nor end with a blank")
    if len(name.encode()) > 200:
        raise UserError(f"study name {name[:40]!r}…: longer than 200 bytes; choose a shorter one with name= or --name")
