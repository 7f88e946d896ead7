"""Removes secrets from what MLflow holds of a study: from tags, and from artifacts that are texts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log import redact
from hpsearch.log.records import Header
from hpsearch.tracking.deliver import locked
from hpsearch.tracking.installed import demand
from hpsearch.tracking.remove import PATIENCE
from hpsearch.tracking.store import Store, settings
from hpsearch.tracking.uri import redact as address
from hpsearch.tracking.uri import sqlite_path

TEXTS = ("git.diff", "environment.json", "traceback.txt", "report.html")
"""Artifacts that may hold what a user's code or the machine wrote. Study file and declaration are the user's."""


@dataclass(frozen=True)
class ScrubbedStore:
    """What was changed in a store.

    Attributes:
        tags: How many tags were changed.
        artifacts: How many artifacts were replaced.
        wiped: Whether the file holds no old value in its free pages any more; None for a server.
    """

    tags: int
    artifacts: int
    wiped: bool | None


def scrub(
    study_dir: Path, header: Header, uri: str, secrets: Sequence[str] = (), *, diff: bool = False
) -> ScrubbedStore:
    """Change the tags and replace the artifacts of a study's runs that hold secrets; repeated, it changes nothing.

    Args:
        study_dir: The study's folder.
        header: The first record of its log.
        uri: The tracking URI, resolved.
        secrets: Texts that are secret, in addition to what looks like a secret.
        diff: Whether to empty the difference from the commit.

    Raises:
        UserError: The store does not answer, or another process is delivering the study.
    """
    demand("scrubbing runs in MLflow (--no-tracking leaves them as they are)")
    with settings(), locked(study_dir, lambda _: False, PATIENCE) as free:
        if not free:
            raise UserError(f"{study_dir.name}: it is being delivered to MLflow; try again when that is done")
        from mlflow.exceptions import MlflowException

        try:
            return _scrub(Store(uri, study_dir.absolute().parents[1], header.name), header.uid, uri, secrets, diff)
        except MlflowException as error:
            reason = (str(error).strip().splitlines() or [""])[0][:200]
            raise UserError(f"{address(uri)}: MLflow does not let it be changed ({reason})") from error


def _scrub(store: Store, uid: str, uri: str, secrets: Sequence[str], diff: bool) -> ScrubbedStore:
    client: Any = store._client
    tags = artifacts = 0
    for run in store.find(uid):
        if run.deleted:
            client.restore_run(run.run)  # a deleted run's tags cannot be changed
        for name, value in client.get_run(run.run).data.tags.items():
            if (clean := redact.text(value, secrets)) != value:
                client.set_tag(run.run, name, clean)
                tags += 1
        for artifact in client.list_artifacts(run.run):
            if artifact.path in TEXTS:
                artifacts += _replaced(store, run.run, artifact.path, secrets, diff)
        if run.deleted:
            client.delete_run(run.run)
    return ScrubbedStore(tags, artifacts, _wipe(uri) if tags else None)


def _replaced(store: Store, run: str, name: str, secrets: Sequence[str], diff: bool) -> bool:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        old = Path(store._client.download_artifacts(run, name, folder)).read_text(encoding="utf-8", errors="replace")
    clean = "" if diff and name == "git.diff" else redact.text(old, secrets)
    if clean == old:
        return False
    store.log_text(run, clean, name)
    return True


def _wipe(uri: str) -> bool | None:
    """Write a sqlite store anew, so that no free page holds what was changed; false where others use it just now."""
    path = sqlite_path(uri)
    if path is None:
        return None
    try:
        with closing(sqlite3.connect(path, timeout=5.0)) as base:
            base.execute("vacuum")
            base.execute("pragma wal_checkpoint(truncate)")
    except sqlite3.OperationalError:
        return False
    return True
