from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted import Planted, planted_study, search
from scipy import stats

from hpsearch.judging.confirm import Spread, candidates, confirmation_lines, expected, most_trials, verdict, winner
from hpsearch.log.history import History
from hpsearch.log.records import Ask, Row
from hpsearch.pruners import FirstEpoch
from hpsearch.report import tables
from hpsearch.study.study import Study

SIZES = {"train": 1000, "test": 100}


def lucky(ask: Ask) -> float:
    """Point 3 is bad and was lucky once, in the search; point 5 is the best; both vary from seed to seed."""
    seed = 0.01 * ask.repeat if ask.stage else 0.0
    if ask.point == 3:
        return 2.0 if ask.stage == 0 else 0.2 + seed
    return {5: 1.5, 6: 1.2}.get(ask.point, 0.1 + 0.01 * ask.point) + seed


@pytest.fixture
def study() -> Study:
    return planted_study(n_trials=10, confirm=4, confirm_top=3)


@pytest.fixture
def confirmed(study: Study, tmp_path: Path) -> History:
    return search(study, lucky, tmp_path, sizes=SIZES, objective=Planted(lucky, test=0.77))


def test_a_lucky_winner_of_the_search_does_not_win_the_confirmation(confirmed: History) -> None:
    outcome = verdict(confirmed)
    assert confirmed.best is not None
    assert outcome is not None
    assert confirmed.best.ask.point == 3
    assert [candidate.point for candidate in outcome.candidates] == [5, 6, 3]


def test_optimism_is_what_the_search_promised_too_much(tmp_path: Path, study: Study) -> None:
    def only_luck(ask: Ask) -> float:
        return 1.0 if ask.stage == 0 and ask.point == 3 else 0.5 + 0.001 * ask.point

    history = search(replace(study, confirm_top=1), only_luck, tmp_path)
    outcome = verdict(history)
    assert outcome is not None
    assert outcome.optimism == pytest.approx(1.0 - 0.503)
    assert outcome.p_value is None
    assert outcome.distinguishable


def test_optimism_has_the_same_sign_where_less_is_better(tmp_path: Path) -> None:
    study = planted_study(n_trials=4, confirm=2, confirm_top=1, direction="minimize")

    def worse_later(ask: Ask) -> float:
        return 5.0 if ask.stage == 0 else 6.0

    outcome = verdict(search(study, worse_later, tmp_path))
    # Planted trials rise towards their worth: the least of the three epochs is the first, two below it.
    assert outcome is not None
    assert (outcome.winner.seen, outcome.winner.confirmed.mean, outcome.optimism) == (3.0, 4.0, 1.0)


def test_every_candidate_has_every_seed_and_nothing_is_pruned(confirmed: History, tmp_path: Path, study: Study) -> None:
    again = search(study, lucky, tmp_path / "pruned", sizes=SIZES, pruner=FirstEpoch(keep=1))
    for history in (confirmed, again):
        stage = [trial for trial in history.trials if trial.ask.stage == 1]
        assert sorted((t.ask.point, t.ask.repeat) for t in stage) == sorted(
            (point, seed) for point in (c.ask.point for c in candidates(history)) for seed in range(4)
        )
        assert all(trial.state == "COMPLETE" and trial.epoch == 3 for trial in stage)
    assert any(trial.state == "PRUNED" for trial in again.trials)


def test_the_test_set_is_measured_for_the_winner_alone_at_its_best_epoch(confirmed: History) -> None:
    tested = [trial for trial in confirmed.trials if trial.ask.stage == 2]
    assert [(trial.ask.point, trial.ask.repeat) for trial in tested] == [(5, seed) for seed in range(4)]
    outcome = verdict(confirmed)
    assert outcome is not None
    assert outcome.test["test_score"].values == (0.77,) * 4  # at other epochs it was -99


def test_without_a_test_set_nothing_is_tested(tmp_path: Path, study: Study) -> None:
    history = search(study, lucky, tmp_path)
    assert max(trial.ask.stage for trial in history.trials) == 1
    outcome = verdict(history)
    assert outcome is not None
    assert outcome.test == {}


def test_points_that_vary_together_are_told_apart_by_pairs(confirmed: History) -> None:
    outcome = verdict(confirmed)
    assert outcome is not None
    assert outcome.difference == pytest.approx(0.3)
    assert outcome.p_value is not None
    assert outcome.p_value < 1e-3
    assert "distinguishable from the runner-up" in " ".join(confirmation_lines(confirmed))


def test_noise_alone_is_not_distinguishable(tmp_path: Path, study: Study) -> None:
    def noise(ask: Ask) -> float:
        return float(np.random.default_rng((ask.stage, ask.point, ask.repeat)).normal())

    history = search(study, noise, tmp_path)
    outcome = verdict(history)
    assert outcome is not None
    assert not outcome.distinguishable
    assert "not distinguishable from the runner-up" in " ".join(confirmation_lines(history))


def test_a_point_that_fails_with_a_seed_ranks_after_those_that_never_do(tmp_path: Path, study: Study) -> None:
    def fragile(ask: Ask) -> float:
        if ask.stage == 1 and ask.point == 5 and ask.repeat == 2:
            return float("nan")
        return lucky(ask)

    outcome = verdict(search(study, fragile, tmp_path))
    assert outcome is not None
    assert [(candidate.point, candidate.failed) for candidate in outcome.candidates] == [(6, 0), (3, 0), (5, 1)]


def test_how_many_trials_there_will_be_is_exact_at_the_end(confirmed: History, tmp_path: Path, study: Study) -> None:
    assert expected(confirmed, most_trials(confirmed.declaration, 10)) == len(confirmed.trials) == 10 + 4 * 4
    few = search(replace(study, n_trials=2), lucky, tmp_path / "few")
    assert expected(few, most_trials(few.declaration, 2)) == len(few.trials) == 2 + 4 * 2


def test_a_study_that_asked_for_nothing_has_no_verdict(tmp_path: Path) -> None:
    history = search(planted_study(n_trials=4), lucky, tmp_path)
    assert verdict(history) is None
    assert confirmation_lines(history) == []
    assert most_trials(history.declaration, 4) == 4


def test_nothing_is_confirmed_where_every_trial_failed(tmp_path: Path, study: Study) -> None:
    history = search(replace(study, n_trials=20), lambda ask: float("nan"), tmp_path)
    assert (history.stop or "").startswith("failed")
    assert {trial.ask.stage for trial in history.trials} == {0}


class Falling(Planted):
    """Trials whose validation value is best after the second of three epochs, where the test set has 0.6."""

    def _advance(self, number: int) -> Row:
        row = super()._advance(number)
        score = {1: 0.5, 2: 1.0, 3: 0.7}[row.epoch] * self._worth(self._starts[number][0].ask)
        test = {1: 0.9, 2: 0.6, 3: 0.8}[row.epoch]
        return replace(row, metrics={**row.metrics, "score": score, "val_accuracy": score, "test_score": test})


def test_test_figures_are_read_at_the_best_validation_epoch_and_not_at_the_last_or_the_luckiest(
    tmp_path: Path, study: Study
) -> None:
    history = search(study, lucky, tmp_path, sizes=SIZES, objective=Falling(lucky, test=0.0))
    outcome = verdict(history)
    assert outcome is not None
    assert outcome.test["test_score"].values == (0.6,) * 4, "0.8 at the last epoch, 0.9 at the luckiest"
    assert outcome.winner.confirmed.mean == pytest.approx(1.515), "and so is what was confirmed"


def test_a_point_is_worth_the_mean_of_its_repeats_in_search_and_confirmation(tmp_path: Path) -> None:
    def worth(ask: Ask) -> float:
        if ask.stage:
            return 0.5
        return (3.0 if ask.repeat == 0 else 0.0) if ask.point == 2 else 1.6 - 0.01 * ask.point

    study = planted_study(n_trials=8, repeats=2, confirm=2, confirm_top=2)
    history = search(study, worth, tmp_path)
    assert history.best is not None
    assert max(history.trials, key=lambda trial: trial.value or 0).ask.point == 2, "a point that was lucky once"
    assert history.best.ask.point == 0
    assert {trial.ask.point for trial in candidates(history)} == {0, 1}
    outcome = verdict(history)
    assert outcome is not None
    assert outcome.winner.seen == pytest.approx(1.6)


def test_points_whose_confirmation_has_begun_stay_candidates(confirmed: History) -> None:
    begun = {trial.ask.point for trial in confirmed.trials if trial.ask.stage == 1}
    for trial in confirmed.trials:
        if trial.ask.stage == 0 and trial.ask.point not in begun and trial.value is not None:
            trial.value += 100.0
    assert {trial.ask.point for trial in candidates(confirmed)} == begun


def test_what_is_called_best_is_the_trial_whose_model_is_handed_over(confirmed: History) -> None:
    best = winner(confirmed)
    assert best is not None
    assert (best.ask.point, best.ask.stage) == (5, 2)
    assert confirmed.best is not None
    assert confirmed.best.ask.point == 3
    facts = tables.best_json("s", confirmed)
    assert facts["trial"] == best.number
    assert facts["search_best"]["trial"] == confirmed.best.number
    line = tables.best_line(confirmed)
    assert line.startswith("best: confirmed point 5, ")
    assert "the search's best was trial 3 of point 3" in line


def test_the_interval_is_student_s_and_no_standard_deviation() -> None:
    spread = Spread((0.1, 0.2, 0.4))
    low, high = stats.t.interval(0.95, 2, loc=spread.mean, scale=stats.sem(spread.values))
    assert spread.half == pytest.approx((high - low) / 2)
    assert np.isnan(Spread((0.1,)).half)
