"""Each rule against a slow, obvious reference, and against Optuna's own where both are defined alike."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from examples import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from searching import METRIC, Search, arrive, make_study

from hpsearch.errors import UserError
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Row, Tick
from hpsearch.optuna_bridge.fold import quiet
from hpsearch.pruners import ASHA, FirstEpoch, Hyperband, Median, Patient, build
from hpsearch.pruners.asha import is_rung
from hpsearch.samplers import build as build_sampler
from hpsearch.space import Float

SPACE = {"a": Float(0, 1)}


def learning(seed: int, ties: bool = False) -> Any:
    """Learning curves that rise to different heights at different speeds, with noise."""

    @cache
    def value(trial: int, epoch: int) -> float:
        rng = np.random.default_rng((seed, trial))
        height = rng.random()
        speed = rng.uniform(0.5, 8.0)
        noise = float(np.random.default_rng((seed, trial, epoch)).normal(0, 0.03))
        value = float(height * (1 - math.exp(-epoch / speed))) + noise
        return round(value, 1) if ties else value

    return lambda trial, params, epoch: value(trial, epoch)


def search(pruner: Any, seed: int, direction: Any = "maximize", **settings: Any) -> Search:
    sampler = build_sampler(make_study(SPACE, sampler="random"))
    goal = Goal(METRIC, direction)
    never = {"fails": lambda trial, epoch: False}
    return Search(sampler, pruner, goal, **{"total": 40, "epochs": 10, "curve": learning(seed), **never, **settings})


def losses(history: History, epoch: int, numbers: Sequence[int]) -> list[tuple[float, int]]:
    """What had been reached by an epoch, counted from the rows themselves; best first."""
    decisions = []
    for number in numbers:
        rows = history.trials[number].rows
        if len(rows) >= epoch:
            values = [row.metrics[METRIC] for row in rows[:epoch] if math.isfinite(row.metrics[METRIC])]
            decisions.append((min(map(history.goal.loss, values), default=math.inf), number))
    return sorted(decisions)


cases = examples(10)
drawn = given(
    seed=st.integers(0, 999),
    lanes=st.integers(1, 8),
    direction=st.sampled_from(["maximize", "minimize"]),
    ties=st.booleans(),
)


@cases
@drawn
def test_asha_keeps_the_best_share_of_all_that_ever_reached_a_rung(
    seed: int, lanes: int, direction: Any, ties: bool
) -> None:
    live = search(ASHA(min_resource=2, reduction=3), seed, direction, lanes=lanes, curve=learning(seed, ties))
    for tick in live.steps():
        _, going, decisions = live.judged[-1]
        expected = []
        for row in going:
            if row.epoch in (2, 6):
                numbers_before = [t.number for t in live.history.trials]
                rung = losses(live.history, row.epoch, numbers_before)
                kept = max(len(rung) // 3, 1)
                if row.trial not in [number for _, number in rung[:kept]]:
                    expected.append(row.trial)
        assert [d.trial for d in decisions] == sorted(expected), tick.tick


@cases
@drawn
def test_first_epoch_keeps_the_best_first_epochs(seed: int, lanes: int, direction: Any, ties: bool) -> None:
    live = search(FirstEpoch(keep=4), seed, direction, lanes=lanes, curve=learning(seed, ties))
    for _ in live.steps():
        _, going, decisions = live.judged[-1]
        best = [number for _, number in losses(live.history, 1, range(len(live.history.trials)))[:4]]
        assert [d.trial for d in decisions] == sorted(row.trial for row in going if row.trial not in best)


def test_first_epoch_lets_the_best_few_and_no_others_train_to_the_end() -> None:
    live = search(FirstEpoch(keep=4), 3, lanes=40).run()
    best = [number for _, number in losses(live.history, 1, range(40))[:4]]
    assert [trial.number for trial in live.history.ended("COMPLETE")] == sorted(best)
    assert all(trial.epoch == 1 for trial in live.history.ended("PRUNED"))


@cases
@drawn
def test_hyperband_is_asha_in_each_bracket(seed: int, lanes: int, direction: Any, ties: bool) -> None:
    pruner = Hyperband(reduction=2, max_resource=10)
    live = search(pruner, seed, direction, lanes=lanes, curve=learning(seed, ties))
    for _ in live.steps():
        _, going, decisions = live.judged[-1]
        expected = []
        for row in going:
            bracket = pruner.bracket(row.trial)
            if is_rung(row.epoch, 2**bracket, 2):
                same = [t.number for t in live.history.trials if pruner.bracket(t.number) == bracket]
                rung = losses(live.history, row.epoch, same)
                if row.trial not in [number for _, number in rung[: max(len(rung) // 2, 1)]]:
                    expected.append(row.trial)
        assert [d.trial for d in decisions] == sorted(expected)


def test_hyperband_deals_as_the_paper_s_algorithm_does() -> None:
    """Li et al. (2018), algorithm 1, R = 81 and η = 3; their table 1 rounds (s_max + 1)/(s + 1) down before."""
    pruner = Hyperband(reduction=3, max_resource=81)
    sizes = np.diff([0, *pruner.edges]).tolist()
    assert sizes == [math.ceil(5 / (s + 1) * 3**s) for s in (4, 3, 2, 1, 0)] == [81, 34, 15, 8, 5]
    assert [pruner.bracket(number) for number in (0, 80, 81, 114, 115, 142, 143)] == [0, 0, 1, 1, 2, 4, 0]


@pytest.mark.parametrize(
    ("lowest", "reduction", "rungs"),
    [(1, 4, [1, 4, 16]), (1, 3, [1, 3, 9, 27]), (2, 3, [2, 6, 18]), (5, 2, [5, 10, 20]), (4, 2, [4, 8, 16])],
)
def test_rungs(lowest: int, reduction: int, rungs: list[int]) -> None:
    assert [epoch for epoch in range(1, 31) if is_rung(epoch, lowest, reduction)] == rungs


# Against Optuna's own, on curves that only get better: there a trial's value is its best so far to both.


def improving(seed: int, direction: str) -> Any:
    curve = learning(seed)
    best = max if direction == "maximize" else min
    return lambda trial, params, epoch: best(curve(trial, params, e) * e for e in range(1, epoch + 1))


@cases
@given(seed=st.integers(0, 999), direction=st.sampled_from(["maximize", "minimize"]), lanes=st.integers(1, 6))
def test_median_decides_as_optuna_s(seed: int, direction: Any, lanes: int) -> None:
    curve = improving(seed, direction)
    ours = search(Median(n_startup=3, n_warmup=2), seed, direction, lanes=lanes, curve=curve).run()
    theirs = search(
        build(make_study(SPACE, pruner=optuna.pruners.MedianPruner(3, 3), direction=direction), 10),
        seed,
        direction,
        lanes=lanes,
        curve=curve,
    ).run()
    assert stopped(ours) == stopped(theirs)
    assert stopped(ours)


@cases
@given(seed=st.integers(0, 999), direction=st.sampled_from(["maximize", "minimize"]))
def test_asha_decides_as_optuna_s_successive_halving_where_no_values_are_equal(seed: int, direction: Any) -> None:
    # One lane: Optuna's lets a trial that shares a tick with others see only those before it.
    curve = improving(seed, direction)
    ours = search(ASHA(reduction=3), seed, direction, lanes=1, curve=curve).run()
    with quiet():
        halving = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    theirs = search(
        build(make_study(SPACE, pruner=halving, direction=direction), 10), seed, direction, lanes=1, curve=curve
    ).run()
    assert stopped(ours) == stopped(theirs)
    assert stopped(ours)


@cases
@given(seed=st.integers(0, 999), direction=st.sampled_from(["maximize", "minimize"]), patience=st.integers(2, 4))
def test_patient_decides_as_optuna_s_where_no_values_are_equal(seed: int, direction: Any, patience: int) -> None:
    ours = search(Patient(patience=patience), seed, direction).run()
    for trial in ours.history.trials:
        # Optuna's judges a trial by itself: replay each curve as reported. It counts the epoch of the last
        # improvement among those without one, so that its patience is one less.
        with quiet():
            pruner = optuna.pruners.PatientPruner(None, patience=patience - 1)
        study = optuna.create_study(direction=direction, pruner=pruner)
        asked = study.ask()
        verdicts = []
        for row in trial.rows:
            asked.report(row.metrics[METRIC], row.epoch)
            verdicts.append(asked.should_prune())
        ended = trial.state == "PRUNED"
        assert verdicts == [False] * (len(verdicts) - 1) + [ended] or trial.epoch == 10
    assume(any(trial.state == "PRUNED" for trial in ours.history.trials))  # one that stops nobody shows little


RECORDED = json.loads(Path(__file__).with_name("digits_curves.json").read_text())
"""Validation cost and accuracy of 40 random points of studies/eta_lambda.py on digits, 12 epochs each, all trained."""


def recorded(metric: str, direction: str) -> Any:
    """The best so far of a recorded curve: what a trial's value is to us, and what Optuna's are told."""
    best = max if direction == "maximize" else min
    return lambda trial, params, epoch: best(RECORDED[trial][metric][:epoch])


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize(("metric", "direction"), [("val_accuracy", "maximize"), ("val_cost", "minimize")])
def test_on_recorded_curves_median_decides_as_optuna_s(metric: str, direction: Any, lanes: int) -> None:
    settings: dict[str, Any] = {"curve": recorded(metric, direction), "lanes": lanes, "epochs": 12}
    ours = search(Median(n_startup=5), 0, direction, **settings).run()
    study = make_study(SPACE, pruner=optuna.pruners.MedianPruner(5), direction=direction)
    theirs = search(build(study, 12), 0, direction, **settings).run()
    assert stopped(ours) == stopped(theirs)
    assert len(stopped(ours)) > 8


@pytest.mark.parametrize("reduction", [2, 3, 4])
def test_on_recorded_curves_asha_decides_as_optuna_s_successive_halving(reduction: int) -> None:
    # Costs are all different; accuracies on 360 images are not, and equal ones rank by number only with us.
    settings: dict[str, Any] = {"curve": recorded("val_cost", "minimize"), "lanes": 1, "epochs": 12}
    ours = search(ASHA(reduction=reduction), 0, "minimize", **settings).run()
    with quiet():
        halving = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=reduction)
    theirs = search(build(make_study(SPACE, pruner=halving, direction="minimize"), 12), 0, "minimize", **settings).run()
    assert stopped(ours) == stopped(theirs)
    assert len(stopped(ours)) > 15


def stopped(live: Search) -> list[tuple[int, int]]:
    return [(trial.number, trial.epoch) for trial in live.history.ended("PRUNED")]


# Words.


def judge(pruner: Any, values: list[float], direction: Any = "maximize") -> list[str]:
    history = History(Goal(METRIC, direction))
    rows = tuple(Row(n, n, 1, {METRIC: value}) for n, value in enumerate(values))
    arrive(history, Tick(0, 0.0, tuple(Ask(n, n, {}, n) for n in range(len(values))), rows, ()))
    return [decision.reason for decision in pruner.judge(history, rows)]


@pytest.mark.parametrize(
    ("pruner", "values", "direction", "reasons"),
    [
        (
            ASHA(reduction=3),
            [0.91, 0.93, 0.5],
            "maximize",
            [
                "rank 2 of 3 at epoch 1: val_accuracy 0.91 is below 0.93, the best third",
                "rank 3 of 3 at epoch 1: val_accuracy 0.5 is below 0.93, the best third",
            ],
        ),
        (
            ASHA(),
            [2.0, 1.0],
            "minimize",
            ["rank 2 of 2 at epoch 1: val_accuracy 2 is above 1, the best quarter"],
        ),
        (
            ASHA(reduction=2),
            [0.5, 0.5],
            "maximize",
            ["rank 2 of 2 at epoch 1: val_accuracy 0.5 only equals that of an earlier trial, the best half"],
        ),
        (
            ASHA(reduction=7),
            [0.5, math.nan],
            "maximize",
            ["rank 2 of 2 at epoch 1: no finite val_accuracy yet, the best 1/7"],
        ),
        (
            ASHA(),
            [0.930011, 0.930012],
            "maximize",
            ["rank 2 of 2 at epoch 1: val_accuracy 0.930011 is below 0.930012, the best quarter"],
        ),
        (ASHA(), [math.nan], "maximize", []),
        (
            FirstEpoch(keep=1),
            [0.5, 0.6],
            "maximize",
            ["rank 2 of 2 at epoch 1: val_accuracy 0.5 is below 0.6, the best 1 first epochs"],
        ),
    ],
)
def test_a_reason_can_be_read(pruner: Any, values: list[float], direction: Any, reasons: list[str]) -> None:
    assert judge(pruner, values, direction) == reasons


@pytest.mark.parametrize(
    "make",
    [
        lambda: ASHA(min_resource=0),
        lambda: ASHA(reduction=1),
        lambda: Hyperband(reduction=1),
        lambda: Hyperband(min_resource=5, max_resource=4),
        lambda: Median(n_startup=0),
        lambda: Median(n_warmup=-1),
        lambda: Patient(patience=0),
        lambda: Patient(min_delta=-0.1),
        lambda: Patient(min_delta=math.nan),
        lambda: FirstEpoch(keep=0),
    ],
)
def test_a_wrong_option_is_refused(make: Any) -> None:
    with pytest.raises(UserError, match="at least"):
        make()


def test_hyperband_takes_its_maximum_from_the_study() -> None:
    assert build(make_study(pruner="hyperband"), 27) == Hyperband(max_resource=27)
    assert build(make_study(pruner=Hyperband(max_resource=9)), 27) == Hyperband(max_resource=9)


def test_ten_thousand_trials_are_judged_in_far_less_than_a_millisecond_each() -> None:
    rng = np.random.default_rng(0)
    pruner = ASHA()
    history = History(Goal(METRIC, "maximize"))
    spent = 0.0
    for tick in range(1250):
        asks = tuple(Ask(8 * tick + lane, lane, {}, 8 * tick + lane) for lane in range(8))
        rows = tuple(Row(ask.trial, ask.lane, 1, {METRIC: float(rng.random())}) for ask in asks)
        record = Tick(tick, 0.0, asks, rows, ())
        arrive(history, record)
        begun = time.process_time()
        pruner.judge(history, rows)
        spent += time.process_time() - begun
        history.decide(record)
    assert spent / 10_000 < 0.5e-3
