"""What an objective may report, and what counts of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpsearch import Float, Pruned, Study
from hpsearch.log.catalogue import load_history
from hpsearch.log.history import History
from hpsearch.log.lines import encode
from hpsearch.log.records import Header
from hpsearch.objectives.function import UserTrial
from hpsearch.pruners import FirstEpoch
from hpsearch.report.export import to_bytes
from hpsearch.running.api import run
from hpsearch.tracking.content import trial_outcome


def go(root: Path, objective: Callable[[Any], Any], **settings: Any) -> History:
    defaults = {"space": {"x": Float(0, 1)}, "metric": "score", "sampler": "random", "pruner": "none", "n_trials": 4}
    return run(Study("s", objective=objective, **{**defaults, **settings}), root, quiet=True, tracking=False).history


def test_a_metric_may_be_measured_every_third_epoch(tmp_path: Path) -> None:
    def objective(trial: UserTrial) -> Iterator[Any]:
        for epoch in range(1, 8):
            yield {"score": epoch} if epoch % 3 == 0 else ({"loss": 1 / epoch} if epoch % 2 else None)

    history = go(tmp_path, objective, epochs=7)
    for trial in history.trials:
        assert (trial.epoch, trial.value, trial.best_epoch, trial.state) == (7, 6.0, 6, "COMPLETE")
        assert [len(row.metrics) for row in trial.rows] == [1, 0, 1, 0, 1, 1, 1]
        assert trial.rows[5].metrics == {"score": 6.0}
    assert load_history(tmp_path / "studies" / "s").trials == history.trials


@pytest.mark.parametrize(
    "pruner", ["asha", "median", "hyperband", "patient", FirstEpoch(keep=2), optuna.pruners.MedianPruner()]
)
@pytest.mark.parametrize("value", ["best", "last"])
def test_no_pruner_judges_who_has_not_reported(tmp_path: Path, pruner: Any, value: str) -> None:
    def objective(trial: UserTrial) -> Iterator[Any]:
        first = 1 + 2 * (trial.number % 3)
        for epoch in range(1, 10):
            yield None if epoch < first else float(trial.number % 5)

    history = go(tmp_path, objective, epochs=9, pruner=pruner, value=value, n_trials=30)
    for trial in history.trials:
        assert trial.decision is not None
        if trial.state == "PRUNED":
            assert trial.epoch >= 1 + 2 * (trial.number % 3)
            assert trial.value is not None
    assert {trial.state for trial in history.trials} >= {"PRUNED", "COMPLETE"}


def test_a_tuple_tells_several_metrics_and_an_epoch_counts_that_tells_all(tmp_path: Path) -> None:
    def objective(trial: UserTrial) -> Iterator[Any]:
        yield 1.0, 5.0
        yield {"score": 9.0}
        yield 2.0, 4.0
        yield 8.0, float("nan")

    metrics = {"metric": ["score", "cost"], "direction": ["maximize", "minimize"]}
    for trial in go(tmp_path, objective, **metrics).trials:
        assert (trial.values, trial.best_epoch, trial.state) == ((2.0, 4.0), 3, "COMPLETE")
        assert trial.decision is not None
        assert trial.decision.reason == "cost is not a finite number at epoch 4; it counts with epoch 3"


def test_where_the_last_epoch_counts_a_trial_that_breaks_fails(tmp_path: Path) -> None:
    def objective(trial: UserTrial) -> Iterator[Any]:
        yield 1.0
        if trial.number == 1:
            raise ValueError("late")
        yield 0.5

    assert [trial.state for trial in go(tmp_path, objective, value="last").trials].count("FAILED") == 1


def test_a_trial_that_broke_late_is_tried_again_where_that_is_asked(tmp_path: Path) -> None:
    broken = [True]

    def objective(trial: UserTrial) -> Iterator[Any]:
        yield 1.0
        if broken[0] and trial.number == 1:
            raise ValueError("late")
        yield 2.0

    first = go(tmp_path, objective)
    assert first.trials[1].value == 1.0
    broken[0] = False
    settings = {"metric": "score", "sampler": "random", "pruner": "none", "n_trials": 4}
    study = Study("s", objective=objective, space={"x": Float(0, 1)}, **settings)
    again = run(study, tmp_path, quiet=True, tracking=False, retry_failed=True).history
    assert [(t.ask.point, t.value) for t in again.trials[4:]] == [(1, 2.0)]


def test_a_refusal_is_a_decision_of_its_own(tmp_path: Path) -> None:
    def objective(trial: UserTrial) -> float:
        if trial.number == 1:
            raise Pruned("x is too small")
        return 1.0

    trial = go(tmp_path, objective).trials[1]
    assert trial.decision is not None
    assert (trial.state, trial.decision.rule, trial.decision.reason) == ("PRUNED", "refused", "x is too small")
    assert trial.epoch == 0


def test_a_study_that_died_of_a_missing_metric_goes_on(tmp_path: Path) -> None:
    def objective(trial: UserTrial) -> dict[str, float]:
        return {"scores": 1.0} if trial.number == 0 else {"score": 1.0}

    history = go(tmp_path, objective)
    log = tmp_path / "studies" / "s" / "log.jsonl"
    assert isinstance(history.header, Header)
    log.write_bytes(encode(history.header))  # all that the version before left when it died of trial 0
    again = go(tmp_path, objective)
    assert to_bytes(again) == to_bytes(history)
    assert [trial.state for trial in again.trials] == ["FAILED", "COMPLETE", "COMPLETE", "COMPLETE"]


def test_reports_by_call_by_yield_and_by_return_are_one_machine(tmp_path: Path) -> None:
    def calls(trial: UserTrial) -> float:
        value = 0.0
        for epoch in range(8):
            value = trial["x"] * (epoch + 1)
            if not trial.report(value, step=epoch):
                break
        return value  # as in Optuna: the last one once more

    def yields(trial: UserTrial) -> Iterator[float]:
        for epoch in range(8):
            yield trial["x"] * (epoch + 1)

    settings = {"epochs": 8, "pruner": "median", "n_trials": 20}
    exports = [to_bytes(go(tmp_path / f.__name__, f, **settings), curves=True) for f in (calls, yields)]
    assert exports[0] == exports[1]


def test_a_pruned_loop_is_told_so_and_cleans_up(tmp_path: Path) -> None:
    ended: list[tuple[int, bool]] = []

    def objective(trial: UserTrial) -> None:
        going = True
        try:
            while going:
                going = trial.report(trial["x"])
        finally:
            ended.append((trial.number, going))

    history = go(tmp_path, objective, epochs=5, pruner="asha", n_trials=12)
    assert sorted(number for number, _ in ended) == list(range(12))
    assert not any(going for _, going in ended)
    assert {trial.state for trial in history.trials} == {"COMPLETE", "PRUNED"}


def test_suggest_reads_the_space_and_says_what_is_missing(tmp_path: Path) -> None:
    def objective(trial: UserTrial) -> float:
        x = trial.suggest_float("x", 0, 1)
        return x if trial.number else trial.suggest_int("layers", 1, 3)

    trials = go(tmp_path, objective).trials
    assert trials[1].value == trials[1].params["x"]
    assert trials[0].decision is not None
    assert "declare space={'layers': Int(1, 3), ...}" in trials[0].decision.reason


def test_what_a_trial_says_of_itself_is_in_the_log(tmp_path: Path) -> None:
    def objective(trial: UserTrial) -> Iterator[float]:
        trial.set(layers=3, name="é", nested={"a": [1, None]})
        yield 1.0
        trial.set(layers=4)

    history = go(tmp_path, objective)
    assert history.trials[0].attributes == {"layers": 4, "name": "é", "nested": {"a": [1, None]}}
    assert load_history(tmp_path / "studies" / "s").trials == history.trials
    assert (
        to_bytes(history)
        .splitlines()[0]
        .endswith(b"params.x,attributes.layers,attributes.name,attributes.nested,reason")
    )
    assert trial_outcome(history.trials[0], "COMPLETE")["hpsearch.attribute.layers"] == "4"
