"""A root that was moved or copied: MLflow's store holds absolute places of artifacts, which are then elsewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hpsearch.tracking.uri import artifact_location, sqlite_path

_PLACES = {"runs": "artifact_uri", "logged_models": "artifact_location", "experiments": "artifact_location"}
"""Tables of MLflow's store that hold places, and the column of each."""


def moved_from(study_dir: Path, name: str, uri: str) -> str | None:
    """Return where MLflow looks for a study's artifacts, where they are below the root and not there; else None.

    Args:
        study_dir: The study's folder.
        name: The study's name, and the experiment's.
        uri: The tracking URI, resolved; a server decides for itself where artifacts are.
    """
    store = sqlite_path(uri)
    expected = artifact_location(study_dir.absolute().parents[1], uri, name)
    if store is None or expected is None or not store.exists() or not _folder(expected).exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as base:
            found = base.execute("select artifact_location from experiments where name = ?", (name,)).fetchone()
    except sqlite3.DatabaseError:
        return None  # it is half-made or damaged, and holds no place: the doctor of the root says so
    return None if found is None or found[0] == expected else str(found[0])


def relocate(study_dir: Path, name: str, uri: str) -> None:
    """Have MLflow look for a study's artifacts below the root where it is now."""
    old, store = moved_from(study_dir, name, uri), sqlite_path(uri)
    new = artifact_location(study_dir.absolute().parents[1], uri, name)
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


def _folder(location: str) -> Path:
    return Path(unquote(urlsplit(location).path))
