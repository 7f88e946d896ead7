from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState
from searching import METRIC, Search, folded, make_study

from hpsearch.errors import UserError
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.optuna_bridge.fold import OptunaFold, suggest
from hpsearch.pruners import ASHA
from hpsearch.samplers import build
from hpsearch.space import Choice, Float, Int

SPACE = {"a": Float(0.01, 10, log=True), "b": Float(0, 1, step=0.1), "c": Choice([(1, 2), "x"]), "d": Int(1, 9)}
GOAL = Goal(METRIC, "maximize")


def story(trials: Sequence[FrozenTrial]) -> list[Any]:
    return [
        (
            trial.number,
            trial.state,
            trial.values,
            trial.params,
            trial.distributions,
            trial.intermediate_values,
            json.dumps([trial.user_attrs, trial.system_attrs]),
        )
        for trial in trials
    ]


@examples(6)
@given(
    sampler=st.sampled_from(["random", "tpe"]),
    reduction=st.integers(2, 4),
    lanes=st.integers(1, 6),
    repeats=st.integers(1, 3),
    seed=st.integers(0, 99),
    merge=st.booleans(),
)
def test_grown_tick_by_tick_or_made_at_once_it_is_the_same_at_every_tick(
    sampler: str, reduction: int, lanes: int, repeats: int, seed: int, merge: bool
) -> None:
    study = make_study(SPACE, sampler=sampler, seed=seed, repeats=repeats)
    search = Search(build(study), ASHA(reduction=reduction), total=21, lanes=lanes, repeats=repeats)
    grown = OptunaFold(SPACE, GOAL, repeats, merge=merge)
    for _ in search.steps():
        grown.sync(search.history)
        made = OptunaFold(SPACE, GOAL, repeats, merge=merge)
        made.sync(folded(search, len(search.ticks)))
        assert story(grown.study.trials) == story(made.study.trials)


def test_it_can_be_made_as_it_was_at_any_earlier_tick() -> None:
    search = Search(build(make_study(SPACE, sampler="random")), ASHA(reduction=2), total=20).run()
    replayed = OptunaFold(SPACE, GOAL)
    for tick in range(len(search.ticks)):
        then = folded(search, tick + 1)
        replayed.sync(search.history, trials=len(then.trials), rows=tick, ends=tick)
        made = OptunaFold(SPACE, GOAL)
        made.sync(then)
        assert story(replayed.study.trials) == story(made.study.trials)


def history_of(curves: list[list[float]], ends: list[str | None], repeats: int = 1) -> History:
    """Trials that run side by side from tick 0, one per lane."""
    history = History(GOAL)
    for tick in range(max(map(len, curves))):
        asks = tuple(Ask(n, n, {"d": 1 + n // repeats}, n // repeats, n % repeats) for n in range(len(curves)))
        rows = tuple(Row(n, n, tick + 1, {METRIC: c[tick]}) for n, c in enumerate(curves) if len(c) > tick)
        over = [n for n, c in enumerate(curves) if len(c) == tick + 1 and ends[n]]
        decisions = tuple(Decision(n, ends[n], "", "") for n in over)  # type: ignore[arg-type]  # narrowed above
        history.apply(Tick(tick, 0.0, asks if tick == 0 else (), rows, decisions))
    return history


@pytest.mark.parametrize(
    ("curves", "ends", "repeats", "state", "value", "reports"),
    [
        ([[0.1, 0.3, 0.2]], ["complete"], 1, TrialState.COMPLETE, 0.3, {1: 0.1, 2: 0.3, 3: 0.3}),
        ([[0.1, 0.3, 0.2]], ["prune"], 1, TrialState.PRUNED, 0.3, {1: 0.1, 2: 0.3, 3: 0.3}),
        ([[0.1, 0.3]], [None], 1, TrialState.RUNNING, None, {1: 0.1, 2: 0.3}),
        ([[0.1, 0.3]], ["fail"], 1, TrialState.FAIL, None, {}),
        ([[float("nan"), 0.3]], ["complete"], 1, TrialState.COMPLETE, 0.3, {2: 0.3}),
        ([[float("nan")]], ["prune"], 1, TrialState.PRUNED, None, {}),
        ([[float("nan")]], ["complete"], 1, TrialState.FAIL, None, {}),
        # the mean of 0.3 and 0.5
        ([[0.1, 0.3], [0.5, 0.4]], ["complete"] * 2, 2, TrialState.COMPLETE, 0.4, {1: 0.3, 2: 0.4}),
        ([[0.1, 0.3], [0.5]], ["complete", "prune"], 2, TrialState.PRUNED, 0.4, {1: 0.3, 2: 0.3}),
        ([[0.1, 0.3], [0.5]], ["complete", "fail"], 2, TrialState.COMPLETE, 0.3, {1: 0.1, 2: 0.3}),
        ([[0.1], [0.5]], ["fail", "fail"], 2, TrialState.FAIL, None, {}),
        ([[0.1, 0.3], [0.5]], [None, "complete"], 2, TrialState.RUNNING, None, {1: 0.3, 2: 0.3}),
        ([[0.1, 0.3]], ["complete"], 2, TrialState.RUNNING, None, {1: 0.1, 2: 0.3}),
    ],
)
def test_the_trials_of_a_point_are_one(
    curves: list[list[float]],
    ends: list[str | None],
    repeats: int,
    state: TrialState,
    value: float | None,
    reports: dict[int, float],
) -> None:
    fold = OptunaFold({"d": Int(1, 9)}, GOAL, repeats)
    fold.sync(history_of(curves, ends, repeats))
    (trial,) = fold.study.trials
    assert trial.state == state
    assert trial.value == (None if value is None else pytest.approx(value))
    assert trial.intermediate_values == pytest.approx(reports)


def test_unmerged_each_trial_reports_what_it_measured() -> None:
    fold = OptunaFold({"d": Int(1, 9)}, GOAL, repeats=2, merge=False)
    fold.sync(history_of([[0.1, 0.3, 0.2], [0.5]], ["complete", None], 2))
    first, second = fold.study.trials
    assert (first.state, first.value, first.intermediate_values) == (TrialState.COMPLETE, 0.3, {1: 0.1, 2: 0.3, 3: 0.2})
    assert (second.state, second.intermediate_values) == (TrialState.RUNNING, {1: 0.5})


def test_a_list_of_trials_that_was_read_does_not_change_when_one_is_written_to() -> None:
    fold = OptunaFold({"d": Int(1, 9)}, GOAL)
    fold.sync(history_of([[0.1]], [None]))
    read = fold.study.get_trials(deepcopy=False)
    fold.storage.set_trial_system_attr(0, "rung", 1)
    assert read[0].system_attrs == {}
    assert fold.study.trials[0].system_attrs == {"rung": 1}


def test_a_failed_point_that_is_tried_again_counts_by_its_second_trial() -> None:
    history = history_of([[0.1]], ["fail"])
    fold = OptunaFold({"d": Int(1, 9)}, GOAL)
    fold.sync(history)
    assert fold.study.trials[0].state == TrialState.FAIL
    history.apply(Tick(1, 0.0, (Ask(1, 0, {"d": 1}, 0),), (Row(1, 0, 1, {METRIC: 0.7}),), ()))
    fold.sync(history)
    assert [trial.state for trial in fold.study.trials] == [TrialState.RUNNING]
    history.apply(Tick(2, 0.0, (), (Row(1, 0, 2, {METRIC: 0.8}),), (Decision(1, "complete", "", ""),)))
    fold.sync(history)
    assert [trial.value for trial in fold.study.trials] == [0.8]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")  # the evaluator's, before Optuna 5
def test_optuna_s_own_tools_read_it() -> None:
    history = Search(build(make_study(SPACE, sampler="random")), total=40, curve=lambda n, p, e: p["a"]).run().history
    fold = OptunaFold(SPACE, GOAL)
    fold.sync(history)
    best = history.best
    assert best is not None
    assert fold.study.best_value == best.value
    importances = optuna.importance.get_param_importances(
        fold.study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
    )
    assert max(importances, key=lambda name: importances[name]) == "a"


def test_it_takes_nothing_but_the_history() -> None:
    fold = OptunaFold(SPACE, GOAL)
    trial = fold.study.ask()
    with pytest.raises(NotImplementedError, match="view of hpsearch's log"):
        trial.report(0.5, 1)
    with pytest.raises(NotImplementedError, match="view of hpsearch's log"):
        fold.study.tell(trial, 0.5)


def test_a_space_function_must_suggest_what_it_returns() -> None:
    fold = OptunaFold(SPACE, GOAL)
    assert suggest(fold.study.ask(), lambda trial: {"d": trial.suggest_int("d", 3, 3)}) == {"d": 3}
    with pytest.raises(UserError, match="under its own name"):
        suggest(fold.study.ask(), lambda trial: {"d": trial.suggest_int("e", 3, 3)})
