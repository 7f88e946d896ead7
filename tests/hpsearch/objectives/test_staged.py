from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys import story

from hpsearch import Choice, Float, MLPClassifier, Scale, Study
from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.log.records import Ask, Row
from hpsearch.models.datasets import Dataset, load
from hpsearch.models.training.data import TrainingData
from hpsearch.models.training.population import Member, Population
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.staged import prepare
from hpsearch.report.ladder import stage_lines
from hpsearch.samplers.chapter import story as chapter_story
from hpsearch.study.scaling import reduced, settle

STAGES = (
    Scale(classes=(0, 1), hidden_layer_sizes=(), train=100, valid=40, trials=5, promote=2, calibration=1),
    Scale(train=200, epochs=2, image_size=4, trials=5, promote=2, calibration=1),
    Scale(trials=5),
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


@pytest.fixture
def study(digits: Dataset) -> Study:
    return Study(
        name="small",
        model=MLPClassifier(max_epochs=4),
        space={
            "learning_rate": Float(0.1, 10, log=True),
            "l2": Float(0.01, 10, log=True),
            "hidden_layer_sizes": Choice([(8,), (12,)]),
        },
        data="digits",
        stages=settle(STAGES, digits, 2),
        confirm=2,
        confirm_top=2,
        lanes=3,
        seed=2,
    )


def run(study: Study, root: Path, **options: int) -> History:
    return study.run(root, quiet=True, tracking=False, **options).history


def log_of(root: Path, study: Study) -> Path:
    return root / "studies" / study.name / "log.jsonl"


def ask_of(trial: int, stage: int, repeat: int = 0) -> Ask:
    return Ask(trial, 0, {"learning_rate": 0.5, "l2": 1.0, "hidden_layer_sizes": [8]}, 0, repeat, stage)


def train(objective: Objective, trial: int, ticks: range) -> list[dict[str, float]]:
    rows: list[Row] = [row for tick in ticks for row in objective.advance([trial], tick)]
    return [row.metrics for row in rows]


def test_each_stage_trains_its_own_problem(study: Study, digits: Dataset) -> None:
    objective = prepare(study, digits).make(digits)
    shapes = {}
    for stage in range(3):
        objective.start(Start(ask_of(stage, stage)))
        train(objective, stage, range(1))
    for start in objective.states():
        assert start.state is not None
        shapes[start.ask.stage] = [start.state[name].shape for name in sorted(start.state) if name in ("W0", "W1")]
    assert shapes == {0: [(2, 64)], 1: [(8, 16), (10, 8)], 2: [(8, 64), (10, 8)]}


LEVERS: dict[str, tuple[Scale, tuple[int, int, int, int, int, int]]] = {
    "nothing": (Scale(train=1078), (1078, 360, 64, 8, 10, 4)),
    "classes": (Scale(classes=(0, 1)), (216, 72, 64, 8, 2, 4)),
    "hidden_layer_sizes": (Scale(hidden_layer_sizes=(5,)), (1078, 360, 64, 5, 10, 4)),
    "train": (Scale(train=50), (50, 360, 64, 8, 10, 4)),
    "valid": (Scale(valid=40), (1078, 40, 64, 8, 10, 4)),
    "epochs": (Scale(epochs=2), (1078, 360, 64, 8, 10, 2)),
    "image_size": (Scale(image_size=4), (1078, 360, 16, 8, 10, 4)),
}
"""Each lever alone: training and validation samples, inputs, hidden neurons, outputs, epochs."""


@pytest.mark.parametrize("lever", LEVERS)
def test_each_lever_alone_makes_the_problem_smaller(lever: str, study: Study, digits: Dataset) -> None:
    scale, expected = LEVERS[lever]
    small = replace(study, stages=settle([scale, Scale()], digits, study.seed), confirm=0)
    objective = prepare(small, digits).make(digits)
    objective.start(Start(ask_of(0, 0)))
    epochs = 0
    while not (row := objective.advance([0], epochs)[0]).finished:
        epochs += 1
    (start,) = objective.states()
    assert start.state is not None
    data = reduced(small.stages[0], digits, study.seed)  # type: ignore[index, arg-type]
    hidden, inputs = start.state["W0"].shape
    sizes = (len(data.y_train), len(data.y_valid), inputs, hidden, len(start.state["W1"]), epochs + 1)
    assert sizes == expected
    # What it reports was measured on so many samples.
    assert (row.metrics["val_accuracy"] * expected[1]) == pytest.approx(
        round(row.metrics["val_accuracy"] * expected[1])
    )


def test_the_chapters_procedure_begins_on_the_smallest_stage_and_tells_of_it(study: Study, tmp_path: Path) -> None:
    small = Scale(train=200, trials=14, promote=2, calibration=2)
    history = run(
        replace(study, sampler="chapter", pruner="none", stages=(small, Scale(trials=7)), confirm=0), tmp_path
    )
    lines = chapter_story(history)
    assert lines[0] == "the chapter's procedure on stage 0, the smallest problem:"
    assert lines[1].startswith("step 1, any learning:")
    assert any("order of magnitude of learning_rate" in line for line in lines)
    etas = [trial.params["learning_rate"] for trial in history.trials if trial.ask.stage == 0]
    assert {0.25, 2.5} <= set(etas)
    assert sum(trial.ask.stage == 1 for trial in history.trials) == 7


def test_states_carry_the_parameters_that_were_asked(study: Study, digits: Dataset) -> None:
    objective = prepare(study, digits).make(digits)
    objective.start(Start(ask_of(0, 0)))
    train(objective, 0, range(1))
    (start,) = objective.states()
    assert start.ask == ask_of(0, 0)


def test_a_stage_of_the_full_problem_trains_as_a_flat_study_does(study: Study, digits: Dataset) -> None:
    flat = replace(study, stages=None, confirm=0)
    alone, confirmed = (prepare(study, digits).make(digits) for study in (flat, replace(flat, confirm=2)))
    for objective in (alone, confirmed):
        objective.start(Start(ask_of(0, 0)))
    assert train(alone, 0, range(3)) == train(confirmed, 0, range(3))


@pytest.mark.parametrize("stage", [3, 4])
def test_a_seed_alone_decides_how_a_confirming_trial_trains(study: Study, digits: Dataset, stage: int) -> None:
    objective = prepare(study, digits).make(digits)
    for trial, repeat in ((5, 1), (9, 1), (10, 0)):
        objective.start(Start(ask_of(trial, stage, repeat)))
    first = train(objective, 5, range(2))
    later, other = [], []
    for tick in (7, 8):  # in another lane, at another time, beside another trial
        rows = objective.advance([10, 9], tick)
        other.append(rows[0].metrics)
        later.append(rows[1].metrics)
    assert first == later
    assert first != other
    for trial in (11, 12):
        objective.start(Start(ask_of(trial, stage, 1)))
    ahead, behind = train(objective, 11, range(20, 21)), []
    ahead.append(objective.advance([11, 12], 21)[0].metrics)  # side by side, an epoch apart
    objective.stop(12)
    objective.start(Start(ask_of(12, stage, 1)))
    objective.start(Start(ask_of(13, stage, 1)))
    train(objective, 12, range(30, 31))
    behind = [objective.advance([12, 13], tick)[1].metrics for tick in (31, 32)]
    assert ahead == behind == first


def test_a_confirming_trial_taken_up_again_goes_on_as_it_would_have(study: Study, digits: Dataset) -> None:
    in_one_go, interrupted = (prepare(study, digits).make(digits) for _ in range(2))
    for objective in (in_one_go, interrupted):
        objective.start(Start(ask_of(0, 3)))
    expected = train(in_one_go, 0, range(4))
    begun = train(interrupted, 0, range(2))
    (saved,) = interrupted.states()
    again = prepare(study, digits).make(digits)
    again.start(saved)
    assert begun + train(again, 0, range(2, 4)) == expected


def test_the_test_set_is_measured_in_the_last_stage_alone(study: Study, digits: Dataset) -> None:
    objective = prepare(study, digits).make(digits)
    for stage in range(5):
        objective.start(Start(ask_of(stage, stage)))
        (metrics,) = train(objective, stage, range(1))
        assert ("test_accuracy" in metrics) == ("test_cost" in metrics) == (stage == 4)


def test_test_metrics_are_those_of_the_test_samples(digits: Dataset) -> None:
    def metrics_of(valid: slice, test: slice) -> dict[str, float]:
        data = TrainingData.from_arrays(
            digits.X_train, digits.y_train, 10, digits.X_valid[valid], digits.y_valid[valid]
        )
        data = replace(data, X_test=np.ascontiguousarray(digits.X_valid[test]), y_test=digits.y_valid[test])
        (result,) = Population([Member({"max_epochs": 1}, (0,))], data).run_epoch((1,))
        return result.metrics

    one, other = metrics_of(slice(0, 99), slice(99, 300)), metrics_of(slice(99, 300), slice(0, 99))
    assert (one["test_accuracy"], one["test_cost"]) == (other["val_accuracy"], other["val_cost"])
    assert (one["val_accuracy"], one["val_cost"]) == (other["test_accuracy"], other["test_cost"])


def test_a_ladder_runs_from_the_smallest_problem_to_the_test_set(study: Study, tmp_path: Path) -> None:
    history = run(study, tmp_path)
    count = [sum(trial.ask.stage == stage for trial in history.trials) for stage in range(5)]
    assert count == [5, 5, 5, 4, 2]
    assert all(trial.epoch <= 2 for trial in history.trials if trial.ask.stage == 1)
    completed = [
        trial for trial in history.trials if trial.ask.stage == 1 and trial.epoch == 2 and trial.state == "COMPLETE"
    ]
    assert all(trial.decision and trial.decision.rule == "epochs" for trial in completed)
    lines = " ".join(stage_lines(history))
    assert "stage 0: 5 trials" in lines
    assert "the search took" in lines
    assert "confirmed: point" in lines
    assert "test set:  test_accuracy" in lines


@pytest.mark.parametrize("lines_kept", [2, 6, 9, 14, 19, 24])
def test_a_log_cut_anywhere_is_continued_to_the_same_story(study: Study, tmp_path: Path, lines_kept: int) -> None:
    run(study, tmp_path / "whole")
    uncut = log_of(tmp_path / "whole", study)
    lines = uncut.read_bytes().splitlines(keepends=True)
    cut = log_of(tmp_path / "part", study)
    cut.parent.mkdir(parents=True)
    cut.write_bytes(b"".join(lines[: min(lines_kept, len(lines) - 1)]))
    run(study, tmp_path / "part")
    assert story(cut) == story(uncut)


@pytest.mark.slow
def test_two_processes_tell_the_same_story_as_one(study: Study, tmp_path: Path) -> None:
    run(study, tmp_path / "one")
    run(study, tmp_path / "two", workers=2)
    assert story(log_of(tmp_path / "one", study)) == story(log_of(tmp_path / "two", study))


def test_confirming_changes_nothing_about_the_search(study: Study, tmp_path: Path) -> None:
    flat = replace(study, stages=None, confirm=0, n_trials=6)
    alone = run(flat, tmp_path / "alone")
    confirmed = run(replace(flat, confirm=2), tmp_path / "confirmed")
    for trial, other in zip(alone.trials, confirmed.trials, strict=False):
        assert (trial.ask, [row.metrics for row in trial.rows]) == (other.ask, [row.metrics for row in other.rows])
    assert len(confirmed.trials) == 6 + 2 * 2 + 2


def test_a_finished_study_can_be_confirmed_afterwards(study: Study, tmp_path: Path) -> None:
    flat = replace(study, stages=None, confirm=0, n_trials=6)
    run(flat, tmp_path / "later")
    later = run(replace(flat, confirm=2), tmp_path / "later")
    at_once = run(replace(flat, confirm=2), tmp_path / "at_once")
    assert [(t.ask, t.value) for t in later.trials] == [(t.ask, t.value) for t in at_once.trials]
    assert len(run(flat, tmp_path / "later").trials) == len(later.trials)  # and stays so when it is run without


def test_what_a_stage_cannot_have_names_study_and_stage(study: Study, tmp_path: Path) -> None:
    wrong = replace(study, stages=[Scale(train=5_000), Scale()])
    with pytest.raises(UserError, match=r"study 'small': stages\[0\]: train=5,000 is more than"):
        run(wrong, tmp_path)
    assert not log_of(tmp_path, study).exists()


def test_auto_makes_a_ladder_of_the_data(study: Study, tmp_path: Path) -> None:
    history = run(replace(study, stages="auto", n_trials=8, confirm=0), tmp_path)
    assert history.declaration.to_json()["stages"] == [{"train": 269, "valid": 269, "lambda_rule": False}, {}]
    assert [sum(trial.ask.stage == stage for trial in history.trials) for stage in (0, 1)] == [5, 3]
