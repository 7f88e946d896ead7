"""Looks at a study's log, checkpoints and delivery, says what is wrong in words, and mends it.

Mending never changes a result: what a log loses is trained again, with the same outcome, and everything else follows
from the log.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.finding import Finding
from hpsearch.errors import UserError
from hpsearch.log import lock
from hpsearch.log.catalogue import LOG
from hpsearch.log.history import Goal, History
from hpsearch.log.lines import decode, key_of
from hpsearch.log.records import SCHEMA, Header
from hpsearch.tracking import cursor, remove, sqlite_store
from hpsearch.tracking.deliver import is_delivering, is_running
from hpsearch.tracking.delivery_report import progress_text, report
from hpsearch.tracking.relocate import moved_from, relocate
from hpsearch.tracking.sync import sync
from hpsearch.tracking.uri import resolve

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class _Log:
    """How much of a log is good: its history so far, the bytes and lines that hold it, and why no more, or None."""

    history: History | None
    end: int
    lines: int
    flaw: str | None
    behind: int


def examine(study_dir: Path) -> list[Finding]:
    """Return what is wrong with a study that is not being run; each is mended by its own ``mend``, in this order."""
    findings: list[Finding] = []
    path = study_dir / LOG
    log = _read(path)
    if log.flaw is not None:
        findings.append(_damaged(path, log))
    if log.history is None or log.history.header is None:
        return findings
    findings += _checkpoints(study_dir, log.history)
    findings += _broken(path, log.history)
    if (holder := lock.left_by(study_dir)) is not None:
        findings.append(
            Finding(
                f"the last run was killed ({holder}); nothing is lost",
                "take its name out of the lock; running the study again resumes it",
                partial(lock.clear, study_dir),
            )
        )
    return findings + list(_delivery(study_dir, log))


def running(study_dir: Path) -> bool:
    """Return whether a study is being run now: then it is not to be examined."""
    return is_running(study_dir)


def _read(path: Path) -> _Log:
    """Fold a log as far as it is good; a torn last line is no flaw, the next run cuts it off."""
    history: History | None = None
    end = lines = 0
    flaw: str | None = None
    key = 0
    content = path.read_bytes().splitlines(keepends=True)
    for line in content:
        try:
            record = decode(line, key)
            if isinstance(record, Header) and record.schema != SCHEMA:
                flaw = f"it is written in log schema {record.schema}, this hpsearch reads schema {SCHEMA}"
                break
            if history is None:
                if not isinstance(record, Header):
                    raise ValueError("it does not begin with a header")
                history = History(Goal.of(record.declaration))
                key = key_of(record)
            history.apply(record)
        except (ValueError, KeyError, IndexError) as error:
            if line.endswith(b"\n"):
                what = "what it says does not follow" if isinstance(error, KeyError | IndexError) else str(error)
                flaw = f"line {lines + 1} of {len(content)} is damaged: {what}"
            break
        end += len(line)
        lines += 1
    return _Log(_fold(content[:lines], key) if flaw else history, end, lines, flaw, len(content) - lines)


def _fold(lines: list[bytes], key: int) -> History | None:
    """Fold lines that are good: the one behind them may have been taken in by half."""
    records = [decode(line, key if number else 0) for number, line in enumerate(lines)]
    if not records or not isinstance(records[0], Header):
        return None
    return History.fold(records, Goal.of(records[0].declaration))


def _damaged(path: Path, log: _Log) -> Finding:
    assert log.flaw is not None
    if log.history is None:
        return Finding(f"{path}: {log.flaw}", "nothing of it can be used; `hpsearch rm` removes the study", None)

    def cut() -> None:
        number = 1
        while (copy := path.with_name(f"{LOG}.damaged-{number}")).exists():
            number += 1
        shutil.copyfile(path, copy)
        with path.open("r+b") as file:
            file.truncate(log.end)
        # What was delivered beyond the cut is looked up again, and comes out the same.
        for uri in cursor.delivered_to(path.parent):
            cursor.forget(path.parent, uri)

    many = f"that line and {log.behind - 1} behind it" if log.behind > 1 else "that line"
    return Finding(
        f"{path}: {log.flaw}",
        f"cut {many}, after saving a copy beside it; running the study again trains them again, with the same result",
        cut,
    )


def _broken(path: Path, history: History) -> Iterator[Finding]:
    """Name the trials that an earlier version trained wrongly and that were not tried again since."""
    waiting = set(history.failed())
    broken = [trial.number for trial in history.trials if trial.is_broken and trial.number in waiting]
    if broken:
        yield Finding(
            f"{path}: trials {broken} go on with other epochs than their next: they were trained wrongly on workers",
            "they count for nothing; hpsearch run with --retry-failed trains their points again",
            None,
        )


def _checkpoints(study_dir: Path, history: History) -> Iterator[Finding]:
    assert history.header is not None
    checkpoints = Checkpoints(study_dir / CHECKPOINTS, history.header.uid)
    for path, tick, flaw in checkpoints.inspect():
        if flaw is None and tick > history.tick:
            flaw = f"it is ahead of the log, which ends with tick {history.tick}"
        if flaw is not None:
            yield Finding(f"{path}: a checkpoint that cannot be used ({flaw})", "delete it", path.unlink)


def _delivery(study_dir: Path, log: _Log) -> Iterator[Finding]:
    assert log.history is not None
    assert log.history.header is not None
    name = log.history.header.name
    for uri in remove.stores(study_dir):
        if remove.is_gone(uri):
            yield Finding(
                f"it was delivered to {uri}, which is not there: the root may have been moved",
                "forget that store, and deliver to the one of this root",
                partial(_deliver_here, study_dir, name, uri),
                alone=False,
            )
            continue
        if (old := moved_from(study_dir, name, uri)) is not None:
            yield Finding(
                f"MLflow looks for its artifacts in {old}: the root has been moved",
                "have MLflow look for them where they are",
                partial(relocate, study_dir, name, uri),
            )
        position = cursor.load(study_dir, uri)
        if log.flaw is None and position.run is not None and not sqlite_store.holds(uri, position.run):
            yield Finding(
                f"its run is not in {uri}: it was deleted for good, or another store stands there now",
                "deliver it anew",
                partial(_deliver_anew, study_dir, uri),
                alone=False,
            )
        elif position.offset > log.end and log.flaw is None:
            yield Finding(
                f"more was delivered to {uri} than the log holds ({position.offset:,} of {log.end:,} bytes)",
                "look up again what is there, and deliver the rest",
                partial(_deliver_anew, study_dir, uri),
                alone=False,
            )
        elif log.flaw is not None or cursor.is_pending(study_dir, uri):
            delivery = report(study_dir, uri)
            if is_delivering(study_dir):
                done = progress_text(position) or f"{delivery.ticks:,} lines of its log are still to come"
                yield Finding(
                    f"it is being delivered to {uri}: {done}, under way", "wait, and look again", None, wrong=False
                )
                continue
            message = delivery.message or f"MLflow at {uri} has not got the last state"
            yield Finding(
                message, "deliver it, as `hpsearch sync` does", partial(_deliver, study_dir, uri), alone=False
            )


def _deliver_here(study_dir: Path, name: str, gone: str) -> None:
    cursor.forget(study_dir, gone)
    relocate(study_dir, name, resolve(study_dir.absolute().parents[1]))
    _deliver(study_dir, None)


def _deliver_anew(study_dir: Path, uri: str) -> None:
    cursor.forget(study_dir, uri)
    _deliver(study_dir, uri)


def _deliver(study_dir: Path, uri: str | None) -> None:
    (outcome,) = sync([study_dir], uri)
    if outcome.message:
        raise UserError(outcome.message)
