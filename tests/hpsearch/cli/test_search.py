"""What a person is told about a search that cannot be, and searches with several metrics and constraints, as typed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hpsearch.cli import main

HEAD = """
from hpsearch import Choice, Float, Int, MLPClassifier, Study
from hpsearch.pruners import Hyperband
from sklearn.linear_model import LogisticRegression

def number(trial):
    return float(trial["x"])

def climb(trial):
    for epoch in range(3):
        yield {"score": float(trial["x"]) + epoch, "size": trial["x"] ** 2}

def define(trial):
    trial.suggest_float("x", 0, 1)

def never(params):
    return params["x"] > 9

RIDGE = {"C": Float(0.01, 10, log=True)}
X = {"x": Float(0, 1)}
"""

MADE = 'study = Study(name="made", {}, n_trials=4)'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_search(folder: Path, declaration: str, capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    (folder / "made.py").write_text(HEAD + MADE.format(declaration.rstrip(", ")))
    code = main(["run", "made.py", "--no-tracking", "--quiet", *args])
    return code, capsys.readouterr().err


OBJECTIVE = 'objective=number, space=X, metric="x", '
MODEL = 'model=LogisticRegression(), space=RIDGE, data="digits", '


@pytest.mark.parametrize(
    ("declaration", "args", "message"),
    [
        (OBJECTIVE + 'sampler="tpee"', [], "unknown sampler 'tpee' (did you mean 'tpe'?)"),
        (OBJECTIVE + 'pruner="medain"', [], "unknown pruner 'medain' (did you mean 'median'?)"),
        (OBJECTIVE, ["--sampler", "gird"], "unknown sampler 'gird' (did you mean 'grid'?)"),
        (OBJECTIVE, ["--pruner", "ash"], "unknown pruner 'ash' (did you mean 'asha'?)"),
        (OBJECTIVE + 'sampler="grid"', [], "space['x']: grid over a continuous range Float(0, 1); give step="),
        (
            'objective=number, space={"x": Int(1, 3_000_000)}, metric="x", sampler="grid"',
            [],
            "a grid of 3,000,000 points (more than 1,000,000): use fewer values or sampler 'random', or say --yes",
        ),
        (MODEL + 'pruner="median"', [], "pruner 'median' stops trials between epochs, and these have one; say epochs="),
        (MODEL, ["--pruner", "first_epoch"], "pruner 'first_epoch' stops trials between epochs"),
        (
            'objective=climb, space=X, metric="score", pruner="hyperband"',
            [],
            "pruner 'hyperband' needs to know the most epochs of a trial: say epochs=, or Hyperband(max_resource=…)",
        ),
        ('objective=number, space=define, metric="x", sampler="gp"', [], "sampler 'gp' needs a space of dimensions"),
        (OBJECTIVE + "constraints=[never]", [], "constraint never is never met: none of 10,000 proposals is feasible"),
        (
            'objective=climb, space=X, metric=["score", "size"], direction=["maximize", "minimize"], sampler="gp"',
            [],
            "sampler 'gp' takes one metric, not score and size: take 'tpe', 'random', 'qmc' or 'grid'",
        ),
        (
            'objective=climb, space=X, metric=["score", "size"], direction=["maximize", "minimize"]',
            ["--until", "size=0.1"],
            "--until size: the study goes by 'score'; write --until score=…",
        ),
        (
            'model=MLPClassifier(), space={"learning_rte": Float(0.1, 1)}, data="digits"',
            [],
            "space: MLPClassifier has no parameter 'learning_rte' (did you mean 'learning_rate'?)",
        ),
        (
            OBJECTIVE + 'value="final"',
            [],
            "value must be 'best', 'last' or 'complete', the epoch that counts, not 'final'",
        ),
    ],
)
def test_a_search_that_cannot_be_is_one_line_and_leaves_no_log(
    folder: Path, declaration: str, args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, err = run_search(folder, declaration, capsys, *args)
    assert code == 2
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert message in err
    assert not (folder / "mlruns" / "studies").exists() or not list((folder / "mlruns" / "studies").rglob("*.jsonl"))


def test_a_parameter_of_a_nested_step_is_checked_with_a_suggestion(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declaration = (
        'model=__import__("sklearn.pipeline").pipeline.make_pipeline(MLPClassifier()), data="digits", '
        'space={"mlpclassifier__l3": Float(0, 1)}'
    )
    code, err = run_search(folder, declaration, capsys)
    assert code == 2
    assert "Pipeline has no parameter 'mlpclassifier__l3' (did you mean 'mlpclassifier__l2'?)" in err


def test_a_huge_grid_runs_where_one_says_yes_and_is_resumed_without(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declaration = 'objective=number, space={"x": Int(1, 3_000_000)}, metric="score", sampler="grid"'
    assert run_search(folder, declaration, capsys)[0] == 2
    assert run_search(folder, declaration, capsys, "--yes") == (0, "")
    assert run_search(folder, declaration, capsys, "--trials", "6") == (0, "")
    assert main(["show", "made", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert sorted(trial["params"]["x"] for trial in report["trials"]) == [1, 2, 3, 4, 5, 6]


def test_failed_trials_are_tried_again_by_the_option(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "made.py").write_text(
        HEAD + "import pathlib\ndef flaky(trial):\n    assert trial['x'] != 2 or pathlib.Path('fixed').exists()\n"
        "    return 1.0\n" + MADE.format('objective=flaky, space={"x": Int(1, 4)}, metric="score", sampler="grid"')
    )
    args = ["run", "made.py", "--no-tracking", "--quiet"]
    assert main(args) == 0
    (folder / "fixed").touch()
    assert main([*args, "--retry-failed"]) == 0
    assert main(["show", "made", "--json"]) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert [(t["params"]["x"], t["state"]) for t in trials if t["params"]["x"] == 2] == [(2, "FAILED"), (2, "COMPLETE")]
    assert len(trials) == 5


def test_the_last_epoch_counts_where_one_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fall = HEAD + "def fall(trial):\n    for epoch in range(3):\n        yield {'score': float(trial['x']) - epoch}\n"
    declaration = "objective=fall, space=X, metric='score', sampler='random', pruner='none', epochs=3"
    (folder / "made.py").write_text(fall + MADE.format(declaration))
    args = ["run", "made.py", "--no-tracking", "--quiet"]
    assert main(args) == main([*args, "--set", "value=last"]) == 0
    reports = []
    for name in ("made", "made@value=last"):
        assert main(["best", name, "--json"]) == 0
        reports.append(json.loads(capsys.readouterr().out))
    best, last = reports
    assert (best["epoch"], last["epoch"]) == (1, 3)
    assert last["value"] == best["value"] - 2
    assert main(["show", "made@value=last"]) == 0
    assert "maximize score (a trial's last epoch counts)" in capsys.readouterr().out


SLOW = (
    HEAD
    + """
import time

def slow(trial):
    for epoch in range(3):
        time.sleep(0.05)
        yield {"score": trial["x"] + epoch, "size": trial["x"] ** 2 + trial["k"]}

def odd(params):
    return params["k"] % 2 == 1

study = Study(
    name="made", objective=slow, space={"x": Float(0, 1), "k": Int(1, 9)}, metric=["score", "size"], epochs=3,
    direction=["maximize", "minimize"], constraints=[odd], sampler="tpe", pruner="median", n_trials=16, lanes=2,
)
"""
)


def export(folder: Path, root: str) -> bytes:
    command = [sys.executable, "-m", "hpsearch", "export", "made", "--root", root]
    return subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout


@pytest.mark.slow
def test_several_metrics_and_constraints_interrupted_and_resumed_come_out_the_same(folder: Path) -> None:
    (folder / "made.py").write_text(SLOW)

    def start(root: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hpsearch", "run", "made.py", "--no-tracking", "--root", root]
        pipe: Any = subprocess.PIPE
        return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True)

    uncut, cut = start("whole"), start("part")
    log = folder / "part" / "studies" / "made" / "log.jsonl"
    deadline = time.monotonic() + 60
    while (not log.exists() or log.read_bytes().count(b"\n") < 8) and time.monotonic() < deadline:
        time.sleep(0.02)
    cut.send_signal(signal.SIGINT)
    out, _ = cut.communicate(timeout=60)
    assert cut.returncode == 130
    assert "resume: hpsearch run made.py" in out
    again = start("part")
    out, err = again.communicate(timeout=60)
    assert (again.returncode, err) == (0, "")
    assert "Pareto front of score and size" in out
    uncut.communicate(timeout=60)
    assert export(folder, "part") == export(folder, "whole")
    header, *rows = export(folder, "part").decode().splitlines()
    assert "values.score,values.size,front,rejected" in header
    assert len(rows) == 16
