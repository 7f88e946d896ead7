"""What a trial prints is kept with it, bounded, without secrets, and shown where it would have been shown anyway."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpsearch import Float, Study
from hpsearch.cli.app import main
from hpsearch.log.kept import HEAD_BYTES, TAIL_BYTES, OutputFiles
from hpsearch.objectives.output import Output
from hpsearch.running.api import run


def plain(trial: Any) -> float:
    print(f"plain {trial.number}")
    print("to stderr", file=sys.stderr)
    return float(trial["x"])


def generator(trial: Any) -> Iterator[float]:
    for epoch in range(2):
        print(f"generator {trial.number} epoch {epoch}")
        yield float(trial["x"])


def handle(trial: Any) -> None:
    print(f"handle {trial.number}", end="")
    trial.report(trial["x"])
    print(" and on")
    logging.getLogger("mine").warning(f"logged by {trial.number}")


def breaking(trial: Any) -> float:
    print("before it broke")
    raise ValueError("broken")


def forking(trial: Any) -> float:
    print("the parent's, not ended", end="")
    if os.fork() == 0:
        print("a child's")
        os._exit(0)
    os.wait()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(print, ["pooled"])
    return float(trial["x"])


def go(root: Path, objective: Any, **settings: Any) -> Path:
    options = {name: settings.pop(name) for name in ("workers",) if name in settings}
    study = Study(
        "s",
        objective=objective,
        space={"x": Float(0, 1)},
        metric="score",
        sampler="random",
        pruner="none",
        **{"n_trials": 3, "lanes": 3, **settings},
    )
    run(study, root, quiet=True, tracking=False, **options)
    return root / "studies" / "s"


def output_of(folder: Path, trial: int) -> str:
    return OutputFiles(folder, trial).text()


@pytest.mark.parametrize(
    ("objective", "output"),
    [
        (plain, "plain 1\nto stderr\n"),
        (generator, "generator 1 epoch 0\ngenerator 1 epoch 1\n"),
        (handle, "handle 1 and on\nlogged by 1\n"),
    ],
)
def test_what_a_trial_prints_is_kept_with_it_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], objective: Any, output: str
) -> None:
    handler = logging.StreamHandler()  # as logging.basicConfig makes one, before any trial runs
    logging.root.addHandler(handler)
    folder = go(tmp_path, objective)
    logging.root.removeHandler(handler)
    assert handler.stream is sys.stderr
    assert output_of(folder, 1) == output
    printed = capsys.readouterr()
    assert all(word in printed.out + printed.err for word in output.split())


def test_a_trial_that_breaks_keeps_what_it_printed_and_show_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken_or_not(trial: Any) -> float:
        return breaking(trial) if trial.number == 1 else 0.5

    go(tmp_path, broken_or_not)
    capsys.readouterr()
    assert main(["show", "s", "--trial", "1", "--root", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "trial 1: FAILED: ValueError: broken" in output
    assert "before it broke" in output
    assert "Traceback" in output
    assert main(["show", "s", "--trial", "9", "--root", str(tmp_path)]) == 2
    assert "there is no trial 9: the study has trials 0 to 2" in capsys.readouterr().err


def test_children_print_into_the_same_place_once(tmp_path: Path) -> None:
    output = output_of(go(tmp_path, forking, n_trials=1), 0)
    assert sorted(output.split("\n")) == sorted(["a child's", "pooled", "the parent's, not ended"])


@pytest.mark.slow
def test_in_a_process_of_its_own_it_is_kept_too(tmp_path: Path) -> None:
    assert output_of(go(tmp_path, plain, trial_timeout=300, n_trials=1), 0) == "plain 0\nto stderr\n"


@pytest.mark.slow
def test_on_workers_it_is_kept_too(tmp_path: Path) -> None:
    folder = go(tmp_path, generator, workers=2)
    assert [output_of(folder, trial) for trial in range(3)] == [
        f"generator {trial} epoch 0\ngenerator {trial} epoch 1\n" for trial in range(3)
    ]


def test_a_long_output_is_kept_in_bounds_with_its_beginning_and_its_end(tmp_path: Path) -> None:
    output = Output(tmp_path, 0, 0)
    with output.capture():
        sys.stdout.stream = None  # type: ignore[attr-defined]  # two megabytes are nothing for a terminal
        for number in range(40_000):
            print(f"line {number:012d} of many")
    output.close()
    kept = output_of(tmp_path, 0)
    assert kept.startswith("line 000000000000 of many\n")
    assert kept.endswith("line 000000039999 of many\n")
    assert "\n… output left out …\n" in kept
    assert HEAD_BYTES + TAIL_BYTES <= len(kept.encode()) <= HEAD_BYTES + 2 * TAIL_BYTES + 100
    short = Output(tmp_path, 1, 0)
    for number in range(HEAD_BYTES // 26 + 100):
        short.write(f"line {number:012d} of many\n")
    short.close()
    assert output_of(tmp_path, 1).count("\n") == HEAD_BYTES // 26 + 100  # nothing is lost where little more comes


def test_secrets_are_not_kept(tmp_path: Path) -> None:
    output = Output(tmp_path, 0, 0)
    for piece in ("pass", "word=swordfish\n", "-----BEGIN PRIVATE KEY-----\nMIIE", "vQ\n-----END PRIVATE KEY-----\n"):
        output.write(piece)
    output.close()
    kept = output_of(tmp_path, 0)
    assert "swordfish" not in kept
    assert "MIIE" not in kept
    assert "vQ" not in kept


def test_scrub_takes_a_secret_out_of_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = go(tmp_path, plain)
    monkeypatch.setenv("MINE", "to stderr")
    assert main(["scrub", "s", "--value-of", "MINE", "--no-tracking", "--root", str(tmp_path)]) == 0
    assert output_of(folder, 1) == "plain 1\n[redacted]\n"


def test_a_trial_taken_up_again_goes_on_in_its_output_and_one_begun_anew_does_not(tmp_path: Path) -> None:
    for epoch, printed in ((0, "first\n"), (3, "then\n")):
        output = Output(tmp_path, 0, epoch)
        output.write(printed)
        output.close()
    assert output_of(tmp_path, 0) == "first\n… taken up again after epoch 3 …\nthen\n"
    output = Output(tmp_path, 0, 0)
    output.write("anew\n")
    output.close()
    assert output_of(tmp_path, 0) == "anew\n"


@pytest.mark.filterwarnings("ignore")
def test_where_it_cannot_be_kept_the_trial_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "output").write_text("a file in the folder's place")
    output = Output(tmp_path, 0, 0)
    with output.capture():
        print("one")
        print("two")
    output.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "is kept no further" in caplog.text


def test_what_trials_print_does_not_break_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.py").write_text(
        "import os\nfrom hpsearch import Float, Study\n"
        "def loud(trial):\n    print('{not json')\n    os.system('echo nor this')\n    return trial['x']\n"
        "study = Study('s', objective=loud, space={'x': Float(0, 1)}, metric='score', sampler='random', n_trials=2)\n"
    )
    assert main(["run", str(tmp_path / "s.py"), "--json", "--no-tracking", "--root", str(tmp_path / "root")]) == 0
    printed = capfd.readouterr()
    assert json.loads(printed.out)["counts"]["complete"] == 2
    assert printed.err.count("nor this") == 2
    assert printed.err.count("{not json") == 2
