from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpsearch.cli import main

STUDY = """
from hpsearch import Float, Study

study = Study(
    name="climb", objective=lambda trial: trial["x"], space={"x": Float(0.0, 9.0)}, metric="score",
    sampler="random", pruner="none", n_trials=40, lanes=2,
)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "climb.py").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> int:
    return main(["run", "climb.py", "--no-tracking", "--quiet", *args])


def ls(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    capsys.readouterr()
    assert main(["ls", "--json"]) == 0
    return {study["study"]: study["counts"]["complete"] for study in json.loads(capsys.readouterr().out)}


def test_limits_stop_a_study_and_are_no_variant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--until", "score=8.5") == 0
    (count,) = ls(capsys).values()
    assert 0 < count < 40
    assert run("--no-improvement", "3") == 0
    assert list(ls(capsys)) == ["climb"]
    assert run("--timeout", "1h", "--trial-timeout", "10m") == 0
    assert ls(capsys) == {"climb": 40}


def test_from_opens_a_variant_that_is_named_after_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert run("--from", "climb", "--first", "2", "--trials", "3") == 0
    assert run("--from", "climb", "--first", "2", "--seed", "3", "--trials", "3") == 0
    assert run("--from", "climb", "--first", "2", "--trials", "4") == 0
    assert ls(capsys) == {"climb": 40, "climb@from=climb": 4, "climb@seed=3,from=climb": 3}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--timeout", "soon"], "expected a time such as 90s, 10m or 1h30m, not 'soon'"),
        (["--timeout", "0"], "timeout must be more than 0 seconds"),
        (["--until", "much"], "expected METRIC=VALUE, such as val_accuracy=0.98"),
        (["--until", "val_accuracy=0.9"], "the study goes by 'score'; write --until score="),
        (["--workers", "0"], "expected a number from 1, or auto, not '0'"),
        (["--workers", "2", "--scheduler", "tcp://x:1"], "--workers and --scheduler exclude each other"),
        (["--from", "nothing"], "no such directory"),
        (["--first", "2"], "--first N goes with --from"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_limit_that_cannot_be_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], args: list[str], words: str
) -> None:
    assert run(*args) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("0.5h", 1800), ("2d", 172800)]
)
def test_times_are_read_as_people_write_them(text: str, seconds: float) -> None:
    import click

    from hpsearch.cli.options import duration

    command = click.Command("run")
    assert duration(click.Context(command), click.Option(["--timeout"]), text) == seconds
