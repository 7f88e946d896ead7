"""Looks at what the studies of a root share: the root's own MLflow store, and what was left half-written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hpsearch.engine.finding import Finding
from hpsearch.errors import UserError
from hpsearch.log.catalogue import LOG, studies
from hpsearch.log.lines import read
from hpsearch.log.records import Header
from hpsearch.tracking import cursor, sqlite_store
from hpsearch.tracking.deliver import is_running
from hpsearch.tracking.store import opening, settings
from hpsearch.tracking.sync import sync
from hpsearch.tracking.uri import STORE

HALF_WRITTEN = (".*.partial", "delivered.json.*", ".model-*", ".journal-*")
"""Names of what a process was writing when it was killed: nothing reads them."""


def examine_root(root: Path) -> list[Finding]:
    """Return what is wrong with what the studies of a root share; each is mended by its own ``mend``, in this order."""
    return [*_store(root), *_half_written(root)]


def _store(root: Path) -> Iterator[Finding]:
    path = root / STORE
    with settings():
        condition = sqlite_store.condition(path, thorough=True)
    refusal = sqlite_store.refusal(path, condition)
    if refusal is None:
        return
    problem = refusal.partition(";")[0].partition(": ")[0]
    if condition.kind == "half-made":
        yield Finding(
            problem, "set it aside, make a new one and deliver all studies to it", partial(_anew, root, condition)
        )
    elif condition.kind == "damaged":
        only = sqlite_store.only_there(path, _uids(root))
        caveat = f"; the copy set aside alone holds {only}" if only else ""
        yield Finding(
            problem,
            f"set it aside, make a new one and deliver all studies to it from their logs{caveat}",
            partial(_anew, root, condition),
        )
    elif condition.kind == "older":
        remedy = f"migrate a copy, put it in place, and keep the old one as {STORE}.before-{condition.why}-1"
        yield Finding(problem, remedy, partial(_migrate, root, condition.why))
    else:
        problem, _, remedy = refusal.partition(": ")
        yield Finding(problem, remedy, None)


def _uids(root: Path) -> set[str]:
    """Return the uids of the studies whose logs can be read, and so be delivered again."""
    uids = set()
    for name in studies(root):
        try:
            header = next((record for record, _ in read(root / "studies" / name / LOG)), None)
        except UserError:
            continue  # its log is damaged: what MLflow holds of it counts as not to be brought back
        if isinstance(header, Header):
            uids.add(header.uid)
    return uids


def _anew(root: Path, condition: sqlite_store.Condition) -> None:
    uri = f"sqlite:///{(root / STORE).absolute()}"
    _refuse_while_running(root)
    cursor.forget_all(root, uri)  # before: cut off in between, there is nothing that says it was delivered
    sqlite_store.set_aside(root / STORE, condition.kind)
    for name in studies(root):
        (report,) = sync([root / "studies" / name], uri)
        if report.message:
            raise UserError(report.message)


def _migrate(root: Path, revision: str) -> None:
    _refuse_while_running(root)
    with settings():
        sqlite_store.migrate(root / STORE, revision)
        with opening(f"sqlite:///{(root / STORE).absolute()}", root):
            pass  # it opens


def _refuse_while_running(root: Path) -> None:
    if running := [name for name in studies(root) if is_running(root / "studies" / name)]:
        raise UserError(f"{root / STORE}: {running[0]} is being run and delivered to it; mend it when that is done")


def _half_written(root: Path) -> Iterator[Finding]:
    running = {name for name in studies(root) if is_running(root / "studies" / name)}
    places = [root, *(root / "studies" / name for name in studies(root) if name not in running)]
    places += [place / "checkpoints" for place in places[1:]]
    for place in places:
        for pattern in (*HALF_WRITTEN, "*.partial"):
            for path in sorted(place.glob(pattern)):
                yield Finding(f"{path}: half-written by a process that was killed", "delete it", partial(_delete, path))


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
