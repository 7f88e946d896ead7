"""A root that was moved or copied: MLflow's store holds absolute paths of artifacts, which have to be changed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hpsearch.tracking.uri import artifact_location, is_own, sqlite_path

_PLACES = {"runs": "artifact_uri", "logged_models": "artifact_location", "experiments": "artifact_location"}
"""Tables of MLflow's store that hold paths of artifacts, and the column of each."""


def moved_from(study_dir: Path, name: str, uri: str) -> str | None:
    """Return where MLflow looks for a study's artifacts, where they are below the root and not there; else None.

    Args:
        study_dir: The study's folder.
        name: The study's name, and the experiment's.
        uri: The tracking URI, resolved; a server decides for itself where artifacts are.
    """
    root = study_dir.absolute().parents[1]
    expected = artifact_location(root, uri, name)
    if expected is None or not _folder(expected).exists():
        return None
    return _elsewhere(root, name, uri)


def relocate(study_dir: Path, name: str, uri: str) -> None:
    """Have MLflow look for a study's artifacts below the root where it is now."""
    root = study_dir.absolute().parents[1]
    old = _elsewhere(root, name, uri)
    store = sqlite_path(uri)
    new = artifact_location(root, uri, name)
    if old is None or store is None:
        return
    with closing(sqlite3.connect(store)) as base, base:
        (experiment,) = base.execute("select experiment_id from experiments where name = ?", (name,)).fetchone()
        tables = {row[0] for row in base.execute("select name from sqlite_master where type = 'table'")}
        for table, column in _PLACES.items():
            if table in tables:
                base.execute(
                    f"update {table} set {column} = ? || substr({column}, ?) "
                    f"where experiment_id = ? and substr({column}, 1, ?) = ?",
                    (new, len(old) + 1, experiment, len(old), old),
                )


def settle_own(root: Path, name: str, uri: str) -> None:
    """Have the root's own store look for a study's artifacts in this root, before anything is written to them.

    Otherwise a root that was moved would write to where it was, and a copy into the first one's folders. What somebody
    placed elsewhere by hand stays.

    Args:
        root: The root.
        name: The study's name.
        uri: The tracking URI, resolved.
    """
    store, expected = sqlite_path(uri), artifact_location(root, uri, name)
    if store is None or expected is None or not is_own(store, root):
        return
    old = _elsewhere(root, name, uri)
    if old is not None and old.startswith("file:") and old.endswith(expected[len(root.absolute().as_uri()) :]):
        relocate(root / "studies" / name, name, uri)


def _elsewhere(root: Path, name: str, uri: str) -> str | None:
    """Return where a store has a study's artifacts, where that is not below the root; else None."""
    store, expected = sqlite_path(uri), artifact_location(root, uri, name)
    if store is None or expected is None or not store.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as base:
            row = base.execute("select artifact_location from experiments where name = ?", (name,)).fetchone()
    except sqlite3.DatabaseError:
        return None  # it is half-made or damaged, and holds no place: the doctor of the root says so
    if row is None or row[0] is None or row[0] == expected:
        return None
    is_same = row[0].startswith("file:") and os.path.realpath(_folder(row[0])) == os.path.realpath(_folder(expected))
    return None if is_same else str(row[0])


def _folder(location: str) -> Path:
    return Path(unquote(urlsplit(location).path))
