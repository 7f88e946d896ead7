"""The log is its own lock: never two writers in one file, whatever is removed, and no line of another study."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import header, ticks
from toys import hold

from hpsearch.cli import main
from hpsearch.errors import UserError
from hpsearch.log import lock
from hpsearch.log.lines import LogDamaged, decode, encode, key_of, read
from hpsearch.log.lock import Lock
from hpsearch.log.records import MINOR, Header
from hpsearch.log.writer import Log

CHAINED = replace(header(), minor=MINOR)


def begin(folder: Path, first: Header = CHAINED) -> Path:
    with Log(folder / "log.jsonl") as log:
        log.append(first)
        for tick in ticks():
            log.append(tick)
    return folder / "log.jsonl"


def test_with_the_lock_s_file_removed_a_second_writer_is_still_refused(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(tmp_path / "log.jsonl", held, release))
    holder.start()
    try:
        assert held.wait(60)
        (tmp_path / "lock").unlink()
        assert lock.is_held(tmp_path)
        with pytest.raises(UserError, match="being run by another process"), Log(tmp_path / "log.jsonl"):
            pass
        with pytest.raises(UserError, match="being run by another process"), Lock(tmp_path):
            pass
    finally:
        release.set()
        holder.join(60)
    assert not lock.is_held(tmp_path)


def test_a_lock_of_version_0_1_is_heeded(tmp_path: Path) -> None:
    import fcntl

    begin(tmp_path)
    with (tmp_path / "lock").open("a") as old:
        fcntl.flock(old, fcntl.LOCK_EX)
        old.write("process 1 on there\n")
        old.flush()
        assert lock.is_held(tmp_path)
        with pytest.raises(UserError, match="being run by process 1 on there"), Log(tmp_path / "log.jsonl"):
            pass


@pytest.mark.parametrize("deed", ["removed", "replaced", "folder removed"])
def test_a_log_that_is_taken_away_ends_its_writer_at_the_next_line(tmp_path: Path, deed: str) -> None:
    folder = tmp_path / "study"
    log = Log(folder / "log.jsonl")
    with pytest.raises(UserError, match="the log was removed or replaced"), log:  # noqa: PT012 - its context raises
        log.append(CHAINED)
        if deed == "folder removed":
            shutil.rmtree(folder)
        elif deed == "replaced":
            shutil.copyfile(folder / "log.jsonl", folder / "other")
            os.replace(folder / "other", folder / "log.jsonl")
        else:
            (folder / "log.jsonl").unlink()
        log.append(ticks()[0])


def test_a_log_that_is_taken_away_behind_the_last_line_is_told_of_at_the_end(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl")
    with pytest.raises(UserError, match="the log was removed or replaced"), log:  # noqa: PT012 - its end raises
        log.append(CHAINED)
        (tmp_path / "log.jsonl").unlink()


def test_who_opens_a_log_while_it_is_replaced_writes_to_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = begin(tmp_path)
    content = path.read_bytes()
    plain, seen = Lock.take, []

    def take(self: Lock, file: object) -> None:
        if not seen:
            seen.append(1)
            path.unlink()
            path.write_bytes(content)
        plain(self, file)  # type: ignore[arg-type]

    monkeypatch.setattr(Lock, "take", take)
    with Log(path) as log:
        assert len(log.records) == 4
    assert path.read_bytes() == content


def test_a_line_of_another_study_is_refused(tmp_path: Path) -> None:
    mine, other = begin(tmp_path / "mine"), begin(tmp_path / "other", replace(CHAINED, uid="decaf"))
    lines = mine.read_bytes().splitlines(keepends=True)
    foreign = other.read_bytes().splitlines(keepends=True)
    mine.write_bytes(b"".join(lines[:2] + foreign[2:]))
    with pytest.raises(LogDamaged, match="line 3"):
        list(read(mine))
    unchained = encode(ticks()[1])
    mine.write_bytes(b"".join(lines[:2]) + unchained + lines[3])
    with pytest.raises(LogDamaged, match="not written by this study"):
        list(read(mine))


def test_doctor_names_the_foreign_line_and_cuts_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "studies" / "eta_lambda"
    path = begin(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + encode(ticks()[2]))
    assert main(["doctor", "--root", str(tmp_path)]) == 1
    assert "line 4 of 4 is damaged: it was not written by this study" in capsys.readouterr().out


def test_an_old_log_goes_on_under_its_own_rule(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    records = [header(), *ticks()]
    path.write_bytes(b"".join(encode(record) for record in records[:2]))
    assert b"minor" not in path.read_bytes()
    with Log(path) as log:
        for record in records[2:]:
            log.append(record)
    assert path.read_bytes() == b"".join(encode(record) for record in records)
    assert [str(record) for record, _ in read(path)] == list(map(str, records))


def test_a_chained_log_is_read_from_any_line_on(tmp_path: Path) -> None:
    path = begin(tmp_path)
    whole = list(read(path))
    for _, offset in whole:
        assert [end for _, end in read(path, offset)] == [end for _, end in whole if end > offset]


@given(st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=20), st.integers(0, 2**32 - 1))
def test_any_text_comes_back_as_it_was_written(text: str, key: int) -> None:
    tick = replace(ticks()[0], stop=text)
    assert decode(encode(tick, key), key) == tick


@pytest.mark.slow
def test_a_run_whose_log_is_removed_ends_with_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\nfrom hpsearch import Float, Study\n"
        "def objective(trial):\n"
        "    for epoch in range(400):\n"
        "        pathlib.Path('begun').touch()\n"
        "        time.sleep(0.02)\n"
        "        yield {'score': float(epoch)}\n"
        "study = Study('slow', objective=objective, space={'x': Float(0, 1)}, metric='score', pruner='none',\n"
        "              n_trials=2, lanes=2)\n"
    )
    command = [sys.executable, "-m", "hpsearch", "run", "slow.py", "--no-tracking", "--quiet"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
        shutil.rmtree(tmp_path / "mlruns")
        _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert said.startswith("error: ")
    assert "the log was removed or replaced" in said
    assert len(said.splitlines()) == 1
    assert key_of(CHAINED) != 0
