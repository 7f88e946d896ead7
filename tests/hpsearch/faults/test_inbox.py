"""Points that are enqueued while a study runs are each taken once, whoever is killed between which of their steps."""

from __future__ import annotations

import errno
import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest
from logs import records

from hpsearch.engine import intake
from hpsearch.errors import UserError
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Extension

GOAL = Goal("val_accuracy", "maximize")


@pytest.fixture
def history() -> History:
    return History.fold(records(), GOAL)


def put(folder: Path, x: float) -> None:
    intake._put(folder / intake.INBOX, b'{"x": %r}\n' % x)


def take(folder: Path, history: History) -> list[float]:
    """Take what is there as a run does: into the log, which is the history here."""
    made = intake.take(folder, history)
    for extension in made:
        history.apply(extension)
    if made:
        intake.taken(folder)
    return [point["x"] for extension in made for point in extension.points]


def test_points_are_taken_once_and_in_order(tmp_path: Path, history: History) -> None:
    assert take(tmp_path, history) == []
    put(tmp_path, 1.0)
    put(tmp_path, 2.0)
    assert take(tmp_path, history) == [1.0, 2.0]
    put(tmp_path, 3.0)
    assert take(tmp_path, history) == [3.0]
    assert take(tmp_path, history) == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_killed_before_it_has_written_them_takes_them_again(tmp_path: Path, history: History) -> None:
    put(tmp_path, 1.0)
    assert len(intake.take(tmp_path, history)) == 1
    put(tmp_path, 2.0)  # for the next look
    assert take(tmp_path, history) == [1.0]
    assert take(tmp_path, history) == [2.0]


def test_a_run_killed_behind_writing_them_does_not_take_them_twice(tmp_path: Path, history: History) -> None:
    put(tmp_path, 1.0)
    (extension,) = intake.take(tmp_path, history)
    history.apply(extension)  # and killed
    put(tmp_path, 2.0)
    assert take(tmp_path, history) == [2.0]
    assert take(tmp_path, history) == []
    assert list(tmp_path.iterdir()) == []


def test_half_a_line_never_happened_and_the_next_is_whole(tmp_path: Path, history: History) -> None:
    (tmp_path / intake.INBOX).write_bytes(b'{"x": 1.0}\n{"x": 9')
    put(tmp_path, 2.0)
    assert take(tmp_path, history) == [1.0, 2.0]
    (tmp_path / intake.INBOX).write_bytes(b'{"x": 9')
    assert take(tmp_path, history) == []
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_inbox_as_it_was(
    tmp_path: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, 1.0)

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            put(tmp_path, 2.0)
    assert take(tmp_path, history) == [1.0]


def test_who_puts_a_point_in_while_the_inbox_is_taken_puts_it_into_the_next(
    tmp_path: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inbox is taken between its opening and its lock: what is written then must not go into the old one."""
    put(tmp_path, 1.0)
    plain = intake.fcntl.flock
    calls, seen = itertools.count(), []

    def flock(file: object, how: int) -> None:
        if next(calls) == 0:
            seen.extend(take(tmp_path, history))
        plain(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(intake.fcntl, "flock", flock)
    put(tmp_path, 2.0)
    assert seen == [1.0]
    assert take(tmp_path, history) == [2.0]


def test_what_is_no_point_is_named(tmp_path: Path, history: History) -> None:
    (tmp_path / intake.INBOX).write_bytes(b"no point\n")
    with pytest.raises(UserError, match=r"inbox\.taken-0: no points, one a line"):
        intake.take(tmp_path, history)


def test_the_history_counts_all_that_was_ever_enqueued(history: History) -> None:
    assert history.header is not None
    extension = Extension(history.header.declaration, 1.0, points=[{"x": 1.0}])
    for version in (replace(extension), replace(extension, change="new_version")):
        before = len(history.queue)
        history.apply(version)
        assert len(history.queue) == before + 1
