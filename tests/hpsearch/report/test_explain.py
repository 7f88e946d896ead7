"""Studies in plain sentences: each stands on numbers of the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sklearn.svm import SVC

from hpsearch import Choice, Float, MLPClassifier, Scale, Study
from hpsearch.cli import main
from hpsearch.cli.look import open_study
from hpsearch.errors import StudyFailed, UserError
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
        "own",
        objective=curve,
        space={"x": Float(0, 1), "idle": Float(0, 1)},
        metric="value",
        direction="maximize",
        sampler="random",
        pruner="median",
        n_trials=24,
        epochs=6,
        audit=0.3,
        seed=1,
    )
    return run(study, root, tracking=False, quiet=True).history


def test_a_study_of_a_users_own_function_is_told_with_its_numbers(history: History) -> None:
    sections = dict(explain.study_sections(history))
    assert "24 trials" in sections["What was searched"][0]
    assert "the function curve searched for the highest value" in sections["What was searched"][0]
    assert sections["What was searched"][1] == "Searched were x from 0 to 1; idle from 0 to 1."
    assert history.best is not None
    assert sections["What was found"][0].startswith(f"The best is trial {history.best.number}: value 0.")
    assert sections["What mattered"][0].startswith("x explains ")
    assert "80 % interval" in sections["What mattered"][0]
    assert "-" not in " ".join(sections["What mattered"]), "a share below nothing is nothing"
    stopped = sum(1 for _ in history.ended("PRUNED"))
    assert stopped
    assert sections["What was stopped"][0].startswith(f"{stopped} of 24 trials")
    assert "ended among the best tenth of all" in sections["What was stopped"][1]
    assert "went from" in sections["What the winner's curve says"][0]
    assert "in 6 epochs" in sections["What the winner's curve says"][0]
    assert sections["What to try next"]
    assert all(line.endswith(".") for lines in sections.values() for line in lines)


def test_a_stopped_trial_says_by_what_and_beside_whom(history: History) -> None:
    trial = next(history.ended("PRUNED"))
    sections = dict(explain.trial_sections(history, trial.number))
    assert f"Trial {trial.number} with x=" in sections["What it was"][0]
    assert trial.decision is not None
    assert trial.decision.reason in sections["How it ended"][0]
    assert "were ahead of it at its age" in sections["How it ended"][1]
    assert "that were audited" in sections["How it ended"][2]


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


def sections_of(study: Study, root: Path) -> dict[str, list[str]]:
    return dict(explain.study_sections(run(study, root, tracking=False, quiet=True).history))


def test_a_study_of_a_scikit_learn_model_that_has_no_curve_says_so(tmp_path: Path) -> None:
    space = {"C": Float(0.1, 10, log=True), "kernel": Choice(["rbf", "linear"])}
    study = Study("svc", SVC(), space=space, data="digits", n_trials=3, sampler="random")
    sections = sections_of(study, tmp_path)
    assert "3 trials (3 complete, 0 pruned) of SVC on digits" in sections["What was searched"][0]
    assert "C from 0.1 to 10 on a logarithmic scale; kernel among rbf, linear" in sections["What was searched"][1]
    assert "there is no curve to judge" in sections["What the winner's curve says"][0]
    assert sections["What was stopped"][0].startswith("No trial was stopped early")
    assert sections["What mattered"] == [
        "There is too little to say what mattered: it takes 12 trials, of which there are 3."
    ]
    assert sections["What to try next"] == ["3 of the 8 trials with a value that a proposal takes: search on."]


def fails(trial):  # type: ignore[no-untyped-def]
    raise ValueError("weights.bin is missing")


def test_a_study_that_failed_says_why_and_what_to_do(tmp_path: Path) -> None:
    study = Study("broken", objective=fails, space={"x": Float(0, 1)}, metric="loss", direction="minimize", n_trials=2)
    with pytest.raises(StudyFailed):
        run(study, tmp_path, tracking=False, quiet=True)
    _, history = open_study(tmp_path, "broken")
    sections = dict(explain.study_sections(history))
    assert "trial 0: ValueError: weights.bin is missing" in sections["What was found"][0]
    assert "What the winner's curve says" not in sections
    assert sections["What mattered"] == ["No trial has a value, so nothing can be said of what mattered."]
    assert "--retry-failed" in sections["What to try next"][0]


def test_a_staged_and_confirmed_search_tells_the_confirmed_point_and_its_stages(tmp_path: Path) -> None:
    study = Study(
        "staged",
        MLPClassifier((5,), max_epochs=2),
        space={"learning_rate": Float(0.1, 5, log=True)},
        data="digits",
        stages=[Scale(train=100, trials=4, promote=2, calibration=0), Scale(trials=2)],
        confirm=2,
        confirm_top=2,
        pruner="none",
    )
    sections = sections_of(study, tmp_path)
    assert any(line.startswith("Stage 0: 4 trials") for line in sections["What was searched"])
    assert "confirmed with fresh seeds" in sections["What was found"][0]
    assert sections["What was found"][1].startswith("The search's own best was trial ")
    assert sections["What confirmation says"][0].startswith("Confirmed: point ")
    assert not any("  " in line for lines in sections.values() for line in lines)
    few = "There is too little to say what mattered: it takes 12 trials on the full problem, of which there are 2."
    assert sections["What mattered"] == [few], "those of smaller stages do not count"
    assert not any("onfirmed: point" in line for line in sections["What was searched"])


def test_a_proposal_says_what_is_to_be_expected_by_the_numbers_of_the_log(tmp_path: Path) -> None:
    study = Study(
        "low",
        objective=lambda trial: trial["x"],
        space={"x": Float(0, 2, step=0.05)},
        metric="score",
        direction="maximize",
        sampler="grid",
    )
    sections = sections_of(study, tmp_path)
    assert any(line.endswith("beyond it nothing was tried.") for line in sections["What to try next"]), sections
