"""The chapter's procedure on planted problems with a known answer, and on digits; the contracts test its promises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from searching import METRIC, Search

from hpsearch import MLPClassifier, samplers
from hpsearch.log.history import History
from hpsearch.log.records import Header, Row
from hpsearch.running.api import run
from hpsearch.samplers.asked_points import AskedPoints
from hpsearch.samplers.chapter import story
from hpsearch.samplers.probes import orders, scan
from hpsearch.space import Choice, Dimension, Float, Int
from hpsearch.study.declaration import declare
from hpsearch.study.registry import RULES
from hpsearch.study.study import Study

MODEL = {
    "learning_rate": 0.5,
    "l2": 0.0,
    "batch_size": 10,
    "momentum": 0.9,
    "optimizer": "sgd",
    "max_epochs": 30,
    "hidden_layer_sizes": (30,),
    "dropout": 0.1,
}


class Network:
    """As much of an estimator as a declaration looks at."""

    def __init__(self, **params: Any) -> None:
        self.params = {**MODEL, **params}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return dict(self.params)

    def set_params(self, **params: Any) -> Network:
        self.params.update(params)
        return self


@dataclass
class Planted(Search):
    """A problem whose best point is η = 0.7, λ = 3, 40 samples a batch; the cost leaps for η above 4."""

    best_l2: float = 3.0

    def _row(self, number: int) -> Row:
        row = super()._row(number)
        params = {**MODEL, **self.history.trials[number].params}
        eta = params["learning_rate"]
        l2 = params["l2"]
        batch = params["batch_size"]
        pace = min(eta, 1.0)
        cost = 0.3 + 3.0 * math.exp(-pace * row.epoch) + (2.0 * (row.epoch % 2) if eta > 4 else 0.0)
        value = 1.0 - 0.05 * abs(math.log10(eta / 0.7)) - 0.03 * abs(math.log10((l2 + 1e-3) / self.best_l2))
        value -= 0.1 * (params["hidden_layer_sizes"] != [100]) * ("hidden_layer_sizes" in self.history.trials[0].params)
        value -= 0.3 if eta > 4 else 0.0
        value *= 1 - 0.5**row.epoch
        seconds = 0.1 + 1.0 / batch + abs(math.log10(batch / 40))
        return replace(row, metrics={METRIC: value, "train_cost": cost}, seconds=seconds)


def search(space: Mapping[str, Dimension], total: int = 60, lanes: int = 8, **settings: Any) -> tuple[Study, Planted]:
    study = Study("made", Network(), space=dict(space), data="digits", sampler="chapter", n_trials=total, **settings)
    planted = Planted(
        samplers.build(study), total=total, lanes=lanes, epochs=8, repeats=study.repeats, fails=lambda t, e: False
    )
    planted.history.apply(Header("made", "u", declare(study), {"rules": dict(RULES)}, {}, 0.0))
    return study, planted


RATE = Float(0.001, 100, log=True)
BOTH: dict[str, Dimension] = {"learning_rate": RATE, "l2": Float(0, 1000)}


@pytest.mark.parametrize("lanes", [1, 4, 8])
def test_it_finds_the_planted_point_whatever_the_number_of_lanes(lanes: int) -> None:
    _, planted = search(BOTH, lanes=lanes)
    best = planted.run().history.best
    assert best is not None
    assert 0.35 < best.params["learning_rate"] < 1.4
    assert 1.5 < best.params["l2"] < 6


def test_the_story_says_what_each_step_tried_saw_and_chose() -> None:
    _, planted = search(BOTH)
    lines = story(planted.run().history)
    assert [line.partition(":")[0] for line in lines] == [
        "step 1, any learning",
        "step 2, order of magnitude of learning_rate with l2 = 0",
        "step 3, learning_rate, finer",
        "step 4, order of magnitude of l2, from 1.0 by factors of ten",
        "step 5, l2, finer",
        "step 6, learning_rate again",
        "then",
    ]
    assert "it learns" in lines[0]
    assert "25 oscillates" in lines[1]
    assert "the largest that falls at once and keeps up is 2.5" in lines[1]
    assert "chose 0.625" in lines[2]
    assert "chose 1" in lines[3]
    assert "chose 4" in lines[4] or "chose 2" in lines[4]
    assert not any("provisional" in line for line in lines)


@dataclass
class Lagging(Planted):
    """The same, but at η = 2.5 the cost falls at once and is left behind, which happens on MNIST."""

    def _row(self, number: int) -> Row:
        row = super()._row(number)
        eta = self.history.trials[number].params["learning_rate"]
        lag = 1.0 if 1 < eta <= 4 else 0.0
        return replace(row, metrics={**row.metrics, "train_cost": row.metrics["train_cost"] + lag})


def lagging(environment: dict[str, Any]) -> History:
    study = Study("made", Network(), space=BOTH, data="digits", sampler="chapter", n_trials=60)
    planted = Lagging(samplers.build(study), total=60, lanes=8, epochs=8, fails=lambda t, e: False)
    planted.history.apply(Header("made", "u", declare(study), environment, {}, 0.0))
    return planted.run().history


def test_a_learning_rate_that_falls_at_once_and_lags_is_not_taken() -> None:
    lines = story(lagging({"rules": dict(RULES)}))[1]
    assert "2.5 lags" in lines
    assert "the smallest that gets as low as any 0.25" in lines or "keeps up is 0.25" in lines


def test_a_study_begun_by_version_0_1_goes_on_under_the_rule_that_it_began_with() -> None:
    assert "the largest that falls at once is 2.5" in story(lagging({"packages": {"hpsearch": "0.1.0"}}))[1]


def test_the_rule_is_noted_in_a_new_log_and_is_no_part_of_the_identity(tmp_path: Path) -> None:
    model = MLPClassifier(hidden_layer_sizes=(5,), max_epochs=1)
    study = Study("noted", model, space={"learning_rate": RATE}, data="digits", sampler="chapter", n_trials=1)
    header = run(study, tmp_path, tracking=False, quiet=True).history.header
    assert header is not None
    assert header.environment["rules"] == dict(RULES)
    assert "rules" not in header.declaration


def test_without_a_cost_the_metric_stands_for_it_whatever_its_sign_and_scale() -> None:
    @dataclass
    class Metric(Planted):
        shift: float = 0.0

        def _row(self, number: int) -> Row:
            row = super()._row(number)
            return replace(row, metrics={METRIC: self.shift - row.metrics["train_cost"]})

    chosen = []
    for shift in (-100.0, 0.0, 100.0):
        study = Study("made", Network(), space={"learning_rate": RATE}, data="digits", sampler="chapter", n_trials=20)
        planted = Metric(samplers.build(study), total=20, lanes=8, epochs=8, fails=lambda t, e: False, shift=shift)
        planted.history.apply(Header("made", "u", declare(study), {"rules": dict(RULES)}, {}, 0.0))
        chosen.append(story(planted.run().history)[1].rpartition("; ")[2])
    assert len(set(chosen)) == 1
    assert "keeps up is 2.5" in chosen[0]


def test_a_story_in_the_middle_of_a_search_says_what_is_still_open() -> None:
    _, planted = search(BOTH)
    planted.tick()
    planted.tick()
    assert "(provisional: " in story(planted.history)[1]


def test_lambda_is_zero_while_eta_is_sought_or_as_low_as_its_range_goes_and_says_so() -> None:
    for dim, value, words in (
        (Float(0, 100), 0.0, "with l2 = 0:"),
        (Float(0.01, 100, log=True), 0.01, "with l2 = 0.01 (its range excludes 0):"),
        (Choice([5.0, 0, 1.0]), 0, "with l2 = 0:"),
    ):
        _, planted = search({"learning_rate": RATE, "l2": dim})
        first_decays = [trial.params["l2"] for trial in planted.run().history.trials[:6]]
        assert first_decays == [value] * 6
        assert words in story(planted.history)[1]


@pytest.mark.parametrize(("best", "reached"), [(300.0, 100.0), (0.004, 0.01)])
def test_lambda_goes_on_by_factors_of_ten_as_long_as_that_is_better(best: float, reached: float) -> None:
    _, planted = search(BOTH)
    planted.best_l2 = best
    tried = {trial.params["l2"] for trial in planted.run().history.trials}
    assert {1.0, 0.1, 10.0, reached} <= tried


def test_other_dimensions_stay_at_the_models_value_until_their_turn() -> None:
    space: dict[str, Dimension] = {
        "dropout": Float(0, 0.5),
        **BOTH,
        "hidden_layer_sizes": Choice([(10,), (30,), (100,)]),
    }
    _, planted = search(space, lanes=1)
    trials = planted.run().history.trials
    turn = next(trial.number for trial in trials if trial.params["hidden_layer_sizes"] != [30])
    assert turn > 12
    assert {trial.params["dropout"] for trial in trials[:12]} == {0.1}
    assert planted.history.best is not None
    assert planted.history.best.params["hidden_layer_sizes"] == [100]


def test_the_mini_batch_is_chosen_by_value_at_equal_elapsed_time_and_nothing_is_scaled_along() -> None:
    space: dict[str, Dimension] = {**BOTH, "batch_size": Choice([1, 10, 40, 1000])}
    _, planted = search(space, lanes=1)
    history = planted.run().history
    line = next(line for line in story(history) if "elapsed time" in line)
    assert "chose 40" in line
    tried = [trial.params for trial in history.trials if trial.params["batch_size"] == 1000]
    assert tried[0]["learning_rate"] in {trial.params["learning_rate"] for trial in history.trials[:20]}


def test_momentum_comes_last_with_eta_as_it_is_and_scaled() -> None:
    space: dict[str, Dimension] = {
        "optimizer": Choice(["sgd", "momentum"]),
        "momentum": Float(0.5, 0.99, when={"optimizer": "momentum"}),
        "learning_rate": RATE,
        "batch_size": Choice([10, 40]),
    }
    _, planted = search(space, lanes=1)
    trials = planted.run().history.trials
    first_momentum = next(trial.number for trial in trials if trial.params["optimizer"] == "momentum")
    assert max(t.number for t in trials[:first_momentum] if t.params["batch_size"] == 40) < first_momentum
    rates = [trial.params["learning_rate"] for trial in trials[first_momentum : first_momentum + 2]]
    assert rates[1] == pytest.approx(rates[0] / 10)
    titles = [line.partition(":")[0] for line in story(planted.history)]
    assert titles[-2].endswith("optimizer, with learning_rate scaled down too")


def test_where_nothing_is_left_to_try_it_still_answers() -> None:
    _, planted = search({"learning_rate": Choice([0.1, 1.0]), "l2": Choice([0, 1])}, total=12)
    assert len(planted.run().history.trials) == 12


def test_no_probe_is_asked_for_twice() -> None:
    _, planted = search(BOTH, lanes=8)
    trials = planted.run().history.trials
    assert len({repr(trial.params) for trial in trials}) == len(trials)


def test_repeats_of_a_point_count_by_their_mean() -> None:
    study, planted = search(BOTH, repeats=2)
    planted.run()
    points = AskedPoints(planted.history.trials, study.goal, 2)
    seen = points[planted.history.trials[0].params]
    assert seen is not None
    assert len(seen.trials) == 2
    assert seen.value == pytest.approx(sum(t.value or 0 for t in planted.history.trials[:2]) / 2)


def test_orders_of_magnitude_are_the_chapters() -> None:
    assert orders(Float(0.01, 100, log=True)) == [0.025, 0.25, 2.5, 25.0]
    assert orders(Choice([3, 1])) == [3, 1]
    assert len(orders(Float(0.5, 0.9))) > 1
    assert orders(Int(1, 300)) == [3, 25, 250]
    assert scan(Int(1, 3)) == [1, 2, 3]


def test_on_digits_it_reaches_what_the_chapter_reaches_and_the_summary_tells_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hpsearch import MLPClassifier

    study = Study(
        "digits_chapter",
        MLPClassifier(max_epochs=12),
        space={"learning_rate": Float(0.001, 100, log=True), "l2": Float(0, 100)},
        data="digits",
        sampler="chapter",
        pruner="none",
        n_trials=24,
    )
    result = run(study, tmp_path, tracking=False)
    assert result.best_trial is not None
    assert result.best_trial.value is not None
    assert result.best_trial.value > 0.95
    assert "step 2, order of magnitude of learning_rate with l2 = 0: in 5 epochs: " in capsys.readouterr().out
