"""Studies with a declared cost: they go by virtual time, and find the same on any number of workers."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpsearch import Choice, Float, MLPClassifier, Study
from hpsearch.engine import local_crew
from hpsearch.errors import UserError
from hpsearch.log.records import Header, Tick
from hpsearch.log.virtual import measured
from hpsearch.models import datasets
from hpsearch.models.datasets.subset import subset
from hpsearch.objectives.costs import estimated
from hpsearch.report import export
from hpsearch.running.api import run
from hpsearch.running.in_memory import run_in_memory

DIGITS = datasets.load("digits")
SMALL = subset(DIGITS, train=200, valid=100, seed=0)


def wide(params: dict[str, Any]) -> float:
    return 1.0 if params["hidden_layer_sizes"] == [5] else 7.5


def study(name: str = "costs", **settings: Any) -> Study:
    defaults: dict[str, Any] = {
        "model": MLPClassifier(hidden_layer_sizes=(5,)),
        "space": {"hidden_layer_sizes": Choice([(5,), (40,)]), "learning_rate": Float(0.1, 3.0, log=True)},
        "data": SMALL,
        "epochs": 4,
        "n_trials": 6,
        "lanes": 3,
        "sampler": "random",
        "pruner": "asha",
        "cost": wide,
    }
    return Study(name, **{**defaults, **settings})


def exports_of(root: Path, declared: Study, **options: Any) -> tuple[bytes, bytes]:
    result = run(declared, root, quiet=True, tracking=False, **options)
    return export.to_bytes(result.history), export.to_bytes(result.history, curves=True)


@pytest.mark.slow
def test_networks_of_two_sizes_are_the_same_on_two_workers(tmp_path: Path) -> None:
    assert exports_of(tmp_path / "one", study(), workers=1) == exports_of(tmp_path / "two", study(), workers=2)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_it_is_the_same_on_any_number_of_workers(tmp_path: Path, sampler: str) -> None:
    declared = study(cost="estimated", n_trials=10, sampler=sampler)
    alone = exports_of(tmp_path / "one", declared, workers=1)
    for workers in (2, 5):
        assert exports_of(tmp_path / f"{workers}", declared, workers=workers) == alone


def test_where_all_costs_are_one_the_curves_are_those_of_the_tick(tmp_path: Path) -> None:

    ticks = run_in_memory(study(cost=None), SMALL)
    virtual = run_in_memory(study(cost=lambda params: 1), SMALL)
    assert [trial.rows for trial in ticks.trials] != []
    for one, other in zip(ticks.trials, virtual.trials, strict=True):
        assert one.curve("val_accuracy") == other.curve("val_accuracy")
        assert one.ticks == other.ticks == other.starts
        assert (one.params, one.decision) == (other.params, other.decision)


def test_trials_of_less_cost_go_through_more_epochs_meanwhile() -> None:
    """By the moment at which an epoch of the large network is due, a small one has trained seven."""
    history = run_in_memory(
        study(pruner="none", epochs=7, sampler="grid", space={"hidden_layer_sizes": Choice([(5,), (40,)])}),
        SMALL,
    )
    small, large = history.trials
    assert (small.ask.cost, large.ask.cost) == (1.0, 7.5)
    assert small.ticks[-1] < large.ticks[0]


def test_the_log_names_its_clock_and_another_one_makes_another_version(tmp_path: Path) -> None:
    run(study(), tmp_path, quiet=True, tracking=False, workers=1)
    from hpsearch.log.lines import read

    records = [record for record, _ in read(tmp_path / "studies" / "costs" / "log.jsonl")]
    assert isinstance(records[0], Header)
    assert records[0].declaration["clock"] == "virtual"
    assert all(tick.due is not None for tick in records if isinstance(tick, Tick))
    with pytest.raises(UserError, match=r"has changed since it was begun .*--new-version"):
        run(study(cost=None), tmp_path, quiet=True, tracking=False, workers=1)
    with pytest.raises(UserError, match="has changed since it was begun"):
        run(study(cost=None), tmp_path, quiet=True, tracking=False, workers=1, same=True)
    second = run(study(cost=None), tmp_path, quiet=True, tracking=False, workers=1, new_version=True)
    assert [trial.ask.cost for trial in second.history.current.trials] == [None] * 6


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cost": "guessed"}, "cost must be a function of a trial's parameters, 'estimated' or 'measured'"),
        ({"cost": "measured", "lookback": 1}, "lookback goes with a cost that is known beforehand"),
        ({"cost": 3.0}, "cost must be a function"),
        ({"model": None, "data": None}, "cost goes with a model or an objective"),
        ({"model": None, "data": None, "objective": lambda trial: 1.0, "cost": "estimated"}, "goes with a model"),
    ],
)
def test_a_cost_that_cannot_be_is_refused_when_it_is_declared(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        study(**{"space": {"l2": Float(0, 1)}, **settings})


def test_an_estimate_knows_steps_and_operations_and_no_machine() -> None:
    declared = study(cost="estimated", space={"batch_size": Choice([1, 10]), "l2": Float(0, 1)})
    ten = estimated(declared, DIGITS, {"batch_size": 10})
    assert estimated(declared, DIGITS, {"batch_size": 1}) > 5 * ten, "operations alone would say the same"
    assert estimated(declared, DIGITS, {"hidden_layer_sizes": [1000], "batch_size": 10}) > 3 * ten
    assert estimated(declared, DIGITS, {"l2": 1.0}) == estimated(declared, DIGITS, {})
    assert estimated(declared, DIGITS, {"batch_size": "all"}) < ten
    assert estimated(declared, DIGITS, {"batch_size": 0}) == estimated(declared, DIGITS, {}), "it fails when it trains"
    from sklearn.tree import DecisionTreeClassifier

    assert estimated(replace(declared, model=DecisionTreeClassifier(), space={}, cost=None), DIGITS, {}) == 1.0


def test_measured_costs_are_those_of_first_epochs_in_powers_of_two(tmp_path: Path) -> None:
    result = run(study(cost="measured"), tmp_path, quiet=True, tracking=False, workers=1)
    for trial in result.history.trials:
        assert trial.own_cost == measured(trial.rows[0].seconds)
        assert len(trial.phases) == 2
    assert [trial.ask.cost for trial in result.history.trials[:3]] == [1.0] * 3, "nothing was known yet"
    later = result.history.trials[3]
    earlier_costs = [
        t.own_cost for t in result.history.trials if t.ticks[0] < later.ticks[0] and t.own_cost is not None
    ]
    assert later.ask.cost in earlier_costs


def doze(trial: Any) -> Iterator[dict[str, float]]:
    for _ in range(3):
        begun = time.time()
        time.sleep(0.15 * trial["x"])
        yield {"score": trial["x"], "process": float(os.getpid()), "begun": begun, "ended": time.time()}


@pytest.mark.slow
def test_functions_have_more_processes_than_train_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function goes on only where it began, and its process waits for its decision: meanwhile another one trains."""
    monkeypatch.setattr(local_crew, "SPARE_SECONDS", 0.0)
    declared = Study(
        "dozing",
        objective=doze,
        space={"x": Float(0.2, 3.0)},
        metric="score",
        epochs=3,
        n_trials=24,
        lanes=4,
        sampler="random",
        pruner="none",
        cost=lambda params: params["x"],
    )
    history = run(declared, tmp_path, quiet=True, tracking=False, workers=2).history
    epochs = [row.metrics for trial in history.trials for row in trial.rows]
    assert {len({row.metrics["process"] for row in trial.rows}) for trial in history.trials} == {1}
    assert 2 < len({epoch["process"] for epoch in epochs}) <= 4
    moments = sorted([(epoch["begun"], 1) for epoch in epochs] + [(epoch["ended"], -1) for epoch in epochs])
    at_a_time = list(itertools.accumulate(change for _, change in moments))
    assert max(at_a_time) == 2
