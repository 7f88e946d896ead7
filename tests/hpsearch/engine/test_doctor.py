from __future__ import annotations

import io
from pathlib import Path

import logs
import numpy as np
import pytest

from hpsearch.cli import main
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.doctor import examine
from hpsearch.log import catalogue
from hpsearch.log.lines import encode
from hpsearch.log.lock import Lock
from hpsearch.log.records import Ask
from hpsearch.objectives.base import Start


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return logs.write(tmp_path, logs.records())


def save(folder: Path, tick: int) -> Path:
    Checkpoints(folder / "checkpoints", "c0ffee").save(tick, [Start(Ask(0, 0, {}, 0), tick, {"w": np.ones(4)})])
    return folder / "checkpoints" / f"tick-{tick:09d}.npz"


def test_a_study_that_is_well_has_no_findings_and_is_left_as_it_is(folder: Path) -> None:
    save(folder, 1)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert examine(folder) == []
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_torn_last_line_is_no_finding(folder: Path) -> None:
    with (folder / "log.jsonl").open("ab") as log:
        log.write(encode(logs.ticks()[0])[:50])
    assert examine(folder) == []


@pytest.mark.parametrize("line", [1, 2, 3])
@pytest.mark.parametrize("damage", ["flipped", "missing", "twice"])
def test_a_damaged_log_is_cut_at_the_damage_after_a_copy_was_saved(folder: Path, line: int, damage: str) -> None:
    path = folder / "log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    if damage == "flipped":
        lines[line] = lines[line].replace(b"rows", b"r\x00ws")
    elif damage == "missing":
        del lines[line]
    else:
        lines.insert(line, lines[line])
    bad = b"".join(lines)
    path.write_bytes(bad)
    whole = damage == "missing" and line == 3  # then it is only shorter
    good = line if damage != "twice" else line + 1
    findings = examine(folder)
    assert len(findings) == (not whole)
    for finding in findings:
        assert f"line {good + 1} of {len(lines)} is damaged" in finding.problem
        assert finding.mend is not None
        finding.mend()
        assert (folder / "log.jsonl.damaged-1").read_bytes() == bad
    assert path.read_bytes() == b"".join(logs_lines()[:good])
    assert examine(folder) == []
    assert catalogue.load_history(folder).tick == good - 2


def logs_lines() -> list[bytes]:
    return [encode(record) for record in logs.records()]


def test_each_damage_is_copied_beside_the_others(folder: Path) -> None:
    path = folder / "log.jsonl"
    for number in (1, 2):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([*lines[:-1], b"?\n"]))
        (finding,) = examine(folder)
        assert finding.mend is not None
        finding.mend()
        assert (folder / f"log.jsonl.damaged-{number}").exists()


def test_a_log_that_never_began_or_is_of_another_schema_can_only_be_removed(folder: Path) -> None:
    path = folder / "log.jsonl"
    path.write_bytes(b"nothing\n" + path.read_bytes())
    (finding,) = examine(folder)
    assert finding.mend is None
    assert "hpsearch rm" in finding.remedy


@pytest.mark.parametrize("what", ["damaged", "ahead", "foreign"])
def test_checkpoints_that_cannot_be_used_are_deleted(folder: Path, what: str) -> None:
    good, bad = save(folder, 1), save(folder, 9 if what == "ahead" else 2)
    if what == "damaged":
        bad.write_bytes(bad.read_bytes()[:100])
    elif what == "foreign":
        Checkpoints(folder / "checkpoints", "another").save(2, [])
    (finding,) = examine(folder)
    assert str(bad) in finding.problem
    assert finding.mend is not None
    finding.mend()
    assert [path.name for path in (folder / "checkpoints").iterdir()] == [good.name]


def test_the_lock_of_a_killed_run_is_emptied(folder: Path) -> None:
    (folder / "lock").write_text("process 99999 on here\n")
    (finding,) = examine(folder)
    assert "the last run was killed (process 99999 on here)" in finding.problem
    assert finding.mend is not None
    finding.mend()
    assert examine(folder) == []


def test_the_command_says_what_is_wrong_and_mends_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(folder.parents[1])]
    assert main(["doctor", *root]) == 0
    assert capsys.readouterr().out == "eta_lambda: all is well\n"
    save(folder, 1).write_bytes(b"")
    assert main(["doctor", *root]) == 1
    assert "--fix would: delete it" in capsys.readouterr().out
    assert main(["doctor", "eta_lambda", "--fix", *root]) == 0
    assert "mended: delete it" in capsys.readouterr().out
    assert main(["doctor", *root]) == 0


def test_the_command_leaves_a_running_study_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Lock(folder):
        assert main(["doctor", "--fix", "--root", str(folder.parents[1])]) == 0
    assert "it is being run" in capsys.readouterr().out


def test_gc_keeps_the_newest_checkpoint_of_an_unfinished_study_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    going = logs.write(tmp_path, logs.records("going")[:3])
    done = logs.write(tmp_path, logs.records("done"))
    for folder in (going, done):
        for tick in (0, 1):
            save(folder, tick)
        (folder / "checkpoints" / "tick-000000002.partial").write_bytes(b"half")
    assert main(["gc", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("freed 0.0 MB")
    assert [path.name for path in (going / "checkpoints").iterdir()] == ["tick-000000001.npz"]
    assert list((done / "checkpoints").iterdir()) == []


def test_rm_asks_first_and_removes_the_folder(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())  # no terminal, no answer
    root = ["--root", str(folder.parents[1])]
    assert main(["rm", "eta_lambda", *root]) == 130
    assert folder.exists()
    assert main(["rm", "eta_lambda", "--yes", *root]) == 0
    assert not folder.exists()
    assert capsys.readouterr().out.endswith("removed eta_lambda\n")


def test_rm_refuses_a_study_that_is_being_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Lock(folder):
        assert main(["rm", "eta_lambda", "--yes", "--root", str(folder.parents[1])]) == 2
    assert "is being run by process" in capsys.readouterr().err
    assert (folder / "log.jsonl").exists()
