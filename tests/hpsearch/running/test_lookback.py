"""Studies whose decisions look back: what they go with, that they are the same anywhere, and that they go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpsearch import Choice, Float, MLPClassifier, Study
from hpsearch.engine import intake
from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.log.records import Header
from hpsearch.models import datasets
from hpsearch.models.datasets.subset import subset
from hpsearch.report import export
from hpsearch.running import winner
from hpsearch.running.api import run
from hpsearch.running.in_memory import run_in_memory
from hpsearch.running.options import Opening
from hpsearch.running.plan import settle
from hpsearch.study.declaration import declare, identity

SMALL = subset(datasets.load("digits"), train=200, valid=100, seed=0)


def wide(params: dict[str, Any]) -> float:
    return 1.0 if params["hidden_layer_sizes"] == [5] else 7.5


def study(name: str = "looks", **settings: Any) -> Study:
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
        "lookback": 2.0,
    }
    return Study(name, **{**defaults, **settings})


def exports_of(root: Path, declared: Study, **options: Any) -> tuple[bytes, bytes]:
    result = run(declared, root, quiet=True, tracking=False, **options)
    return export.to_bytes(result.history), export.to_bytes(result.history, curves=True)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_it_is_the_same_on_any_number_of_workers(tmp_path: Path, sampler: str) -> None:
    declared = study(n_trials=10, sampler=sampler)
    alone = exports_of(tmp_path / "one", declared, workers=1)
    for workers in (2, 5):
        assert exports_of(tmp_path / f"{workers}", declared, workers=workers) == alone


def test_the_best_trial_is_trained_again_from_its_record(tmp_path: Path) -> None:
    declared = study(n_trials=8)
    result = run(declared, tmp_path, quiet=True, tracking=False, workers=1)
    trials = result.history.trials
    assert any(trial.ask.key != trial.number for trial in trials), "its number was not known when it began"
    plan = settle(declared, tmp_path, Opening())
    again = winner.fitted(result.history, None, plan.objective)  # compares with the log
    assert (again.predict(SMALL.X_valid) == result.model.predict(SMALL.X_valid)).all()
    assert export.to_bytes(run_in_memory(declared, SMALL), curves=True) == export.to_bytes(result.history, curves=True)


@pytest.mark.parametrize("sampler", ["grid", "qmc"])
def test_every_point_of_a_grid_is_tried_once_and_a_sequence_from_its_start(sampler: str) -> None:
    space = {"hidden_layer_sizes": Choice([(5,), (40,)]), "batch_size": Choice([10, 20, 50, 100])}
    history = run_in_memory(study(space=space, sampler=sampler, n_trials=None if sampler == "grid" else 8), SMALL)
    assert [trial.number for trial in history.trials] == list(range(8))
    points = [trial.ask.point for trial in history.trials]
    assert len(set(points)) == 8
    if sampler == "grid":
        assert len({str(trial.params) for trial in history.trials}) == 8


def test_it_goes_on_with_more_trials_and_in_no_other_way(tmp_path: Path) -> None:
    run(study(), tmp_path, quiet=True, tracking=False, workers=1)
    folder = tmp_path / "studies" / "looks"
    header = catalogue.load_history(folder).header
    assert isinstance(header, Header)
    assert header.declaration["lookback"] == 2.0
    more = run(study(n_trials=9), tmp_path, quiet=True, tracking=False, workers=1)
    assert [trial.number for trial in more.history.trials] == list(range(9))
    assert len({trial.ask.place for trial in more.history.trials}) == 9
    for declared, options in (
        (study(pruner="none"), {"extend": True}),
        (study(pruner="none"), {"new_version": True}),
        (study(), {"fix": {"learning_rate": 0.5}}),
        (study(), {"retry_failed": True}),
    ):
        with pytest.raises(UserError, match="has a lookback, so that it goes on as it began"):
            run(declared, tmp_path, quiet=True, tracking=False, workers=1, **options)
    with pytest.raises(UserError, match="enqueue goes with lookback=0"):
        intake.enqueue(folder, {"learning_rate": 0.5})
    with pytest.raises(UserError, match="has changed since it was begun"):
        run(study(lookback=1.0), tmp_path, quiet=True, tracking=False, workers=1)
    assert identity(declare(study())) != identity(declare(study(lookback=1.0)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lookback": -1}, "lookback must be at least 0"),
        ({"lookback": "2"}, "lookback must be a number"),
        ({"cost": None}, "lookback goes with cost="),
        ({"duplicates": "skip"}, "lookback goes with neither stages, confirmation nor duplicates"),
        ({"confirm": 2}, "lookback goes with neither stages, confirmation nor duplicates"),
    ],
)
def test_a_lookback_that_cannot_be_is_refused_when_it_is_declared(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        study(**settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sampler": "freeze_thaw", "pruner": "none"}, "sampler 'freeze_thaw' goes by the order in which points begin"),
        ({"sampler": optuna.samplers.TPESampler()}, "sampler 'TPESampler' goes by the order"),
        ({"pruner": optuna.pruners.MedianPruner()}, "pruners of Optuna go by the order of all reports"),
    ],
)
def test_what_goes_by_the_order_of_all_that_happened_is_refused_before_a_log_is_begun(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        run(replace(study(), **settings), tmp_path, quiet=True, tracking=False)
    assert not (tmp_path / "studies" / "looks" / "log.jsonl").exists()
