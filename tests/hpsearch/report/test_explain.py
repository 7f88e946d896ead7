"""Studies in plain sentences: each stands on numbers of the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpsearch import Float, Study
from hpsearch.cli import main
from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.report import explain
from hpsearch.report.html import page
from hpsearch.running.api import run


def curve(trial):  # type: ignore[no-untyped-def]  # a user's own generator, with no model of ours
    for epoch in range(6):
        yield trial.params["x"] * (1 - 0.5 ** (epoch + 1))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explained")


@pytest.fixture(scope="module")
def history(root: Path) -> History:
    study = Study(
        "own", objective=curve, space={"x": Float(0, 1), "idle": Float(0, 1)}, metric="value", direction="maximize",
        sampler="random", pruner="median", n_trials=24, epochs=6, audit=0.3, seed=1,
    )  # fmt: skip
    return run(study, root, tracking=False, quiet=True).history


def test_a_study_of_a_users_own_function_is_told_with_its_numbers(history: History) -> None:
    told = dict(explain.study_sections(history))
    assert "24 trials" in told["What was searched"][0]
    assert "x in Float(0, 1)" in told["What was searched"][0]
    assert told["What mattered"][0].startswith("x explains ")
    assert "between" in told["What mattered"][0]
    stopped = sum(1 for _ in history.ended("PRUNED"))
    assert stopped
    assert told["What was stopped"][0].startswith(f"{stopped} of 24 trials")
    assert "audited prunes were wrong" in told["What was stopped"][1]
    assert told["What the winner's curve says"]
    assert told["What to try next"]
    assert all(sentence.endswith(".") for sentences in told.values() for sentence in sentences)


def test_a_stopped_trial_says_by_what_and_beside_whom(history: History) -> None:
    trial = next(history.ended("PRUNED"))
    told = dict(explain.trial_sections(history, trial.number))
    assert f"Trial {trial.number} with x=" in told["What it was"][0]
    assert trial.decision is not None
    assert trial.decision.reason in told["How it ended"][0]
    assert "were ahead of it at its age" in told["How it ended"][1]
    assert "that were audited" in told["How it ended"][2]


def test_a_trial_that_is_not_there_is_named(history: History) -> None:
    with pytest.raises(UserError, match="no trial 99: the study has trials 0 to 23"):
        explain.trial_sections(history, 99)


def test_the_report_has_the_same_sentences(history: History) -> None:
    assert "What was stopped" in page(history)


def test_the_command_tells_a_study_and_a_trial(
    history: History, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "own", "--root", str(root)]) == 0
    assert "What was searched\n  24 trials" in capsys.readouterr().out
    assert main(["explain", "own", "3", "--json", "--root", str(root)]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["study"], value["trial"]) == ("own", 3)
    assert value["sections"][0]["title"] == "What it was"
    assert main(["explain", "own", "99", "--root", str(root)]) == 2
    assert "there is no trial 99" in capsys.readouterr().err
