"""Lines that come fast share a sync; those that come rarely have their own, at once."""

import errno
import os
import threading
from pathlib import Path

import pytest

from hpsearch.errors import UserError
from hpsearch.log import syncing
from hpsearch.log.records import Begin
from hpsearch.log.syncing import Syncing
from hpsearch.log.writer import Log


class Disk:
    """Counts syncs, each of which says what stood in the file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.full = False
        monkeypatch.setattr(os, "fsync", self._sync)

    def _sync(self, descriptor: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.sizes.append(os.fstat(descriptor).st_size)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_a_line_after_a_while_is_synced_at_once_and_no_thread_is_left(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(syncing, "TOGETHER_SECONDS", 0.0)
    threads = threading.active_count()
    with (tmp_path / "log").open("wb", buffering=0) as file:
        sync = Syncing(file.fileno())
        for line in range(1, 4):
            file.write(b"line\n")
            sync.soon()
            assert disk.sizes[-1] == 5 * line
            assert threading.active_count() == threads


def test_lines_that_come_fast_share_a_sync_and_all_are_on_the_disk_in_the_end(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(syncing, "TOGETHER_SECONDS", 0.2)
    threads = threading.active_count()
    with (tmp_path / "log").open("wb", buffering=0) as file:
        sync = Syncing(file.fileno())
        sync._last_sync = syncing.time.monotonic()
        for _ in range(50):
            file.write(b"line\n")
            sync.soon()
        assert len(disk.sizes) < 50
        sync.finish()
    assert disk.sizes[-1] == 250
    assert len(disk.sizes) < 50
    assert threading.active_count() == threads


def test_a_line_that_comes_while_others_are_synced_is_synced_too(tmp_path, monkeypatch):
    monkeypatch.setattr(syncing, "TOGETHER_SECONDS", 0.001)
    begun, go_on, sizes = threading.Event(), threading.Event(), []

    def slow(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)
        begun.set()
        assert go_on.wait(20)

    monkeypatch.setattr(os, "fsync", slow)
    with (tmp_path / "log").open("wb", buffering=0) as file:
        sync = Syncing(file.fileno())
        sync._last_sync = syncing.time.monotonic() + 1
        file.write(b"1")
        sync.soon()
        assert begun.wait(20)
        file.write(b"2")
        sync.soon()
        go_on.set()
        sync.finish()
    assert sizes == [1, 2]


def test_a_disk_that_is_full_is_told_of_by_the_next_line_or_at_the_end(tmp_path: Path, disk, monkeypatch):
    monkeypatch.setattr(syncing, "TOGETHER_SECONDS", 0.001)
    with Log(tmp_path / "study" / "log.jsonl") as log:
        log.append(Begin(0, 0.0, ()))
        log._syncing._last_sync += 1
        disk.full = True
        log.append(Begin(1, 0.0, ()))
        with pytest.raises(UserError, match="cannot write the log"):
            log.sync()
        disk.full = False
