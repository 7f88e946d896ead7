"""What every pruner promises, over the table of all of them."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from searching import METRIC, Search, arrive, folded, make_study

from hpsearch import pruners, samplers
from hpsearch.log.history import Goal
from hpsearch.log.record_json import from_json, to_json
from hpsearch.log.records import Ask, Row, Tick
from hpsearch.optuna_bridge.fold import quiet
from hpsearch.pruners.base import Pruner
from hpsearch.space import Float
from hpsearch.study.registry import PRUNERS, resolve

OPTUNA = {
    "optuna.MedianPruner": lambda: optuna.pruners.MedianPruner(n_startup_trials=3),
    "optuna.SuccessiveHalvingPruner": lambda: optuna.pruners.SuccessiveHalvingPruner(
        min_resource=1, reduction_factor=2
    ),
    "optuna.HyperbandPruner": lambda: optuna.pruners.HyperbandPruner(
        min_resource=1, max_resource=8, reduction_factor=2
    ),
    "optuna.NopPruner": optuna.pruners.NopPruner,
    "optuna.PatientPruner": lambda: optuna.pruners.PatientPruner(None, patience=2),
}
KEEN: dict[str, Any] = {
    "first_epoch": pruners.FirstEpoch(keep=3),
    "median": pruners.Median(n_startup=2),
    "patient": pruners.Patient(patience=2),
    "hyperband": pruners.Hyperband(reduction=2),
    "asha": pruners.ASHA(reduction=2),
}
"""Options with which a pruner has something to do in a small search."""

ALL = [*PRUNERS, *OPTUNA]
EPOCHS = 9
SPACE = {"a": Float(-1, 1)}


def pruner_of(name: str) -> Pruner:
    with quiet():
        part = OPTUNA[name]() if name in OPTUNA else KEEN.get(name, name)
    return pruners.build(make_study(SPACE, pruner=part), EPOCHS)


def wiggly(trial: int, params: Mapping[str, Any], epoch: int) -> float:
    if trial % 9 == 8 and epoch < 3:
        return math.nan
    return float(params["a"]) * epoch - 0.3 * math.sin(trial * epoch) - 1.0 / epoch


def search_of(name: str, **settings: Any) -> Search:
    sampler = samplers.build(make_study(SPACE, sampler="random"))
    return Search(sampler, pruner_of(name), **{"epochs": EPOCHS, "total": 40, "curve": wiggly, **settings})


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize("name", ALL)
def test_it_stops_some_trials_that_arrived_and_says_why(name: str, direction: Any) -> None:
    search = search_of(name, goal=Goal(METRIC, direction)).run()
    stopped = 0
    for _, going, decisions in search.judged:
        assert [d.trial for d in decisions] == sorted({d.trial for d in decisions})
        assert {d.trial for d in decisions} <= {row.trial for row in going}
        for decision in decisions:
            stopped += 1
            assert decision.action == "prune"
            assert decision.rule
            assert "\n" not in decision.reason
            assert "epoch" in decision.reason
    if name in ("none", "optuna.NopPruner"):
        assert stopped == 0
    else:
        assert 0 < stopped < 40
    assert search.pruner.reads_history or not stopped


@pytest.mark.parametrize("name", ALL)
def test_decisions_are_a_function_of_the_history(name: str) -> None:
    """At every tick of a live search, a new pruner over a new fold of the log, as on resume, decides the same."""
    search = search_of(name).run()
    for number, (tick, going, decisions) in enumerate(search.judged):
        history = folded(search, number)
        arrive(history, tick)
        fresh = pruner_of(name)
        assert fresh.judge(history, going) == decisions
        if name in PRUNERS:
            assert fresh.judge(history, going) == decisions, "asked twice"


@pytest.mark.parametrize("name", ALL)
def test_decisions_survive_the_log(name: str) -> None:
    for tick in search_of(name).run().ticks:
        back = from_json(json.loads(json.dumps(to_json(tick), allow_nan=False)))
        assert isinstance(back, Tick)
        assert back.decisions == tick.decisions


@pytest.mark.parametrize("name", PRUNERS)
def test_the_order_of_the_lanes_changes_nothing(name: str) -> None:
    search = search_of(name)
    for tick in search.steps():
        before, going, decisions = search.judged[-1]
        history = folded(search, tick.tick)
        arrive(history, before)
        assert pruner_of(name).judge(history, going[::-1]) == decisions


@pytest.mark.parametrize("name", PRUNERS)
def test_trials_of_another_stage_are_no_rivals(name: str) -> None:
    """A stage of good trials beside one of bad ones: the bad ones are judged as if they were alone."""

    def judged(stages: tuple[int, ...]) -> list[int]:
        pruner = pruner_of(name)
        search = search_of(name, lanes=1)
        history = search.history
        decided: list[int] = []
        for epoch in range(1, 5):
            numbers = range(8 * len(stages))
            asks = tuple(Ask(n, n, {}, n, stage=stages[n // 8]) for n in numbers) if epoch == 1 else ()
            rows = [Row(n, n, epoch, {METRIC: n % 8 + 100.0 * stages[n // 8]}) for n in numbers]
            tick = Tick(epoch - 1, 0.0, asks, tuple(rows), ())
            arrive(history, tick)
            decided += [d.trial for d in pruner.judge(history, rows) if d.trial < 8]
            history.decide(tick)
        return decided

    alone = judged((0,))
    if name != "hyperband":  # whose brackets go by trial number
        assert bool(alone) or name not in ("asha", "first_epoch", "patient")
        assert not alone or name not in ("median", "none")  # nobody has completed yet
    assert judged((0, 1)) == alone


@pytest.mark.parametrize("name", PRUNERS)
def test_every_name_has_a_declaration_that_pruners_exports(name: str) -> None:
    declared = resolve(PRUNERS[name])
    assert getattr(pruners, declared.__name__) is declared
    assert declared() == declared()
    assert hash(declared()) == hash(declared())


@pytest.mark.parametrize("name", PRUNERS)
def test_a_used_pruner_can_be_pickled(name: str) -> None:
    search = search_of(name).run()
    tick, going, decisions = search.judged[-2]
    again = pickle.loads(pickle.dumps(search.pruner))
    assert again == search.pruner
    history = folded(search, tick.tick)
    arrive(history, tick)
    assert again.judge(history, going) == decisions


@pytest.mark.parametrize("name", ["asha", "hyperband", "first_epoch", "median"])
def test_the_evidence_says_what_was_compared(name: str) -> None:
    search = search_of(name).run()
    decided = [(tick, d) for tick, _, decisions in search.judged for d in decisions]
    for tick, decision in decided:
        evidence = decision.evidence
        assert set(evidence) == {"rung", "value", "threshold", "rank", "rivals"}
        assert 1 <= evidence["rank"] <= evidence["rivals"]
        assert f"rank {evidence['rank']} of {evidence['rivals']} at epoch {evidence['rung']}" in decision.reason
        if evidence["value"] is not None and evidence["threshold"] is not None:
            assert evidence["value"] <= evidence["threshold"]
            assert evidence["value"] == search.history.table[evidence["rung"]][decision.trial]
        assert tick.tick >= evidence["rung"] - 1
