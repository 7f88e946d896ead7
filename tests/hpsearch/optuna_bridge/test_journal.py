from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from hpsearch import space as spaces
from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.optuna_bridge.journal import write_journal
from hpsearch.space import Choice, Float

STATES = {
    "COMPLETE": TrialState.COMPLETE,
    "PRUNED": TrialState.PRUNED,
    "FAILED": TrialState.FAIL,
    "RUNNING": TrialState.RUNNING,
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(verbosity)


@pytest.fixture
def history(searched: Callable[..., History]) -> History:
    return searched(40)


def load(path: Path) -> optuna.Study:
    return optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(path))))


def test_optuna_opens_the_journal_with_all_that_the_log_holds(history: History, tmp_path: Path) -> None:
    write_journal(history, tmp_path / "made.log")
    study = load(tmp_path / "made.log")
    assert study.study_name == "made"
    assert study.direction.name == "MAXIMIZE"
    assert len(study.trials) == 40
    for frozen, trial in zip(study.trials, history.trials, strict=True):
        assert frozen.number == trial.number
        assert frozen.state == STATES[trial.state]
        assert frozen.params == trial.params
        assert frozen.value == (trial.value if trial.state in ("COMPLETE", "PRUNED") else None)
        reported = [row.metrics["val_accuracy"] for row in trial.rows]
        assert list(frozen.intermediate_values) == [row.epoch for row in trial.rows]
        for again, value in zip(frozen.intermediate_values.values(), reported, strict=True):
            assert again == value or (math.isnan(again) and math.isnan(value))
        assert trial.decision is not None
        assert frozen.user_attrs["reason"] == trial.decision.reason
    assert {trial.state for trial in history.trials} == {"COMPLETE", "PRUNED", "FAILED"}
    assert history.best is not None
    assert study.best_trial.value == max(t.value for t in history.ended("COMPLETE") if t.value is not None)


def test_the_distributions_are_those_of_the_space(history: History, tmp_path: Path) -> None:
    write_journal(history, tmp_path / "made.log")
    distributions = load(tmp_path / "made.log").trials[0].distributions
    assert distributions["learning_rate"] == optuna.distributions.FloatDistribution(1e-3, 10, log=True)
    assert distributions["n_hidden"] == optuna.distributions.IntDistribution(10, 200)
    assert distributions["optimizer"] == optuna.distributions.CategoricalDistribution(["sgd", "adam"])


def test_a_sampler_can_go_on_from_the_journal(history: History, tmp_path: Path) -> None:
    write_journal(history, tmp_path / "made.log")
    study = load(tmp_path / "made.log")
    trial = study.ask({"learning_rate": optuna.distributions.FloatDistribution(1e-3, 10, log=True)})
    assert trial.number == 40


def test_trials_that_still_run_are_running_in_the_journal(search: Callable[..., list[object]], tmp_path: Path) -> None:
    from hpsearch.log.history import Goal

    history = History.fold(search(40)[:4], Goal("val_accuracy", "maximize"))  # type: ignore[arg-type]
    write_journal(history, tmp_path / "made.log")
    assert [t.state for t in load(tmp_path / "made.log").trials] == [STATES[t.state] for t in history.trials]


def test_stepped_ranges_and_lists_are_what_people_declared(searched: Callable[..., History], tmp_path: Path) -> None:
    space = {"dropout": Float(0.0, 0.7, step=0.1), "sizes": Choice([(30,), (100, 50)])}
    history = searched(3, space=spaces.to_json(space))
    for trial, dropout in zip(history.trials, (0.0, 0.3, 0.7), strict=True):
        trial.params.clear()
        trial.params.update({"dropout": space["dropout"].snap(dropout), "sizes": [100, 50]})  # type: ignore[union-attr]
    write_journal(history, tmp_path / "made.log")
    study = load(tmp_path / "made.log")
    assert [trial.params["dropout"] for trial in study.trials] == pytest.approx([0.0, 0.3, 0.7])
    assert study.trials[0].params["sizes"] == "[100, 50]"
    assert study.trials[0].distributions["dropout"] == optuna.distributions.FloatDistribution(0.0, 0.7, step=0.1)


def test_a_space_that_is_a_function_gets_the_ranges_that_were_tried(
    searched: Callable[..., History], tmp_path: Path
) -> None:
    history = searched(20, space={"function": "space", "source": "abc"})
    write_journal(history, tmp_path / "made.log")
    tried = [trial.params["learning_rate"] for trial in history.trials]
    distribution = load(tmp_path / "made.log").trials[0].distributions["learning_rate"]
    assert distribution == optuna.distributions.FloatDistribution(min(tried), max(tried))


def test_a_journal_that_stands_there_is_replaced(history: History, tmp_path: Path) -> None:
    path = tmp_path / "made.log"
    write_journal(history, path)
    write_journal(history, path)
    assert len(load(path).trials) == 40
    assert [path.name for path in tmp_path.iterdir()] == ["made.log"]


def test_a_journal_that_cannot_be_written_is_a_users_mistake(history: History, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_journal(history, tmp_path / "absent" / "made.log")


def test_what_trials_said_times_and_other_metrics_are_kept_and_what_has_no_place_is_said(
    history: History, tmp_path: Path
) -> None:
    history.trials[0].attributes.update({"seen": [1, 2], "point": "theirs"})
    lines = write_journal(history, tmp_path / "made.log")
    study = load(tmp_path / "made.log")
    others = sorted({name for trial in history.trials for row in trial.rows for name in row.metrics} - {"val_accuracy"})
    assert bool(lines) == bool(others)
    assert study.trials[0].user_attrs["seen"] == [1, 2]
    assert study.trials[0].user_attrs["attributes.point"] == "theirs"
    for frozen, trial in zip(study.trials, history.trials, strict=True):
        assert frozen.datetime_start is not None
        assert frozen.datetime_start.timestamp() == pytest.approx(trial.asked_at)
        assert (frozen.user_attrs["point"], frozen.user_attrs["lane"]) == (trial.ask.point, trial.ask.lane)
        if trial.best_epoch is not None:
            assert frozen.user_attrs["metrics"].keys() == trial.rows[trial.best_epoch - 1].metrics.keys()
