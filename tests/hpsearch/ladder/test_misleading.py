"""Problems whose small stage is planted to mislead: it is named, and what follows is what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from planted import planted_study, search
from toys import story

from hpsearch.judging.calibration import compare
from hpsearch.log.history import History
from hpsearch.log.records import Ask
from hpsearch.study.scaling import Scale

LITTLE = {"train": 100, "trials": 20, "promote": 3, "calibration": 6, "margin": 0.02}


def backwards(ask: Ask) -> float:
    """The small stage ranks in just the wrong order; the full problem has its peak at a = 0.9."""
    a = float(ask.params["a"])
    return abs(a - 0.9) if ask.stage == 0 else 1 - abs(a - 0.9)


def alike(ask: Ask) -> float:
    """Both stages rank alike."""
    return 1 - abs(float(ask.params["a"]) - 0.9)


def climb(tmp_path: Path, worth: Any = backwards, **settings: Any) -> History:
    stages = [Scale(**{**LITTLE, **settings}), Scale(trials=21)]
    return search(planted_study(stages=stages, sampler=settings.pop("sampler", "random")), worth, tmp_path)


def own_values(history: History) -> list[float]:
    """Values of a that the sampler drew at the full problem."""
    return [trial.params["a"] for trial in history.trials if trial.ask.stage == 1][9:]


def test_the_planted_stage_surely_misleads(tmp_path: Path) -> None:
    comparison = compare(climb(tmp_path), 0)
    assert comparison is not None
    assert comparison.rho < -0.9
    assert comparison.surely_misleads


def test_kept_it_searches_where_the_small_problem_pointed(tmp_path: Path) -> None:
    history = climb(tmp_path, if_misleading="keep")
    promoted = [trial.params["a"] for trial in history.trials if trial.ask.stage == 1][:3]
    assert all(min(promoted) - 0.02 <= a <= max(promoted) + 0.02 for a in own_values(history))
    assert max(own_values(history)) < 0.5
    assert history.notes == []


def test_widened_it_searches_around_what_the_full_problem_finds_best(tmp_path: Path) -> None:
    history = climb(tmp_path)
    trained = sorted((t for t in history.trials if t.ask.stage == 1), key=lambda t: t.number)[:9]
    best = sorted(trained, key=lambda t: -float(t.value or 0.0))[:3]
    low, high = (pick(trial.params["a"] for trial in best) for pick in (min, max))
    assert all(low - 0.3 <= a <= high + 0.3 for a in own_values(history))
    assert max(own_values(history)) > max(t.params["a"] for t in trained[:3])
    assert history.best is not None
    assert abs(history.best.params["a"] - 0.9) < 0.1


def test_skipped_it_searches_the_whole_space(tmp_path: Path) -> None:
    drawn = own_values(climb(tmp_path, if_misleading="skip"))
    assert min(drawn) < 0.25
    assert max(drawn) > 0.75


@pytest.mark.parametrize(("choice", "word"), [("widen", "in a wider space"), ("skip", "as if it had been left out")])
def test_the_log_says_so_once_with_the_first_point_of_the_new_space(tmp_path: Path, choice: str, word: str) -> None:
    history = climb(tmp_path, if_misleading=choice)
    (note,) = history.notes
    assert note.startswith("stage 0 misleads here (ρ = ")
    assert word in note
    assert (tmp_path / "log.jsonl").read_text().count('"notes"') == 1


@pytest.mark.parametrize("choice", ["widen", "skip"])
def test_a_stage_that_predicts_well_is_left_alone(tmp_path: Path, choice: str) -> None:
    changed = climb(tmp_path / "a", alike, if_misleading=choice)
    kept = climb(tmp_path / "b", alike, if_misleading="keep")
    assert changed.notes == []
    assert [trial.ask for trial in changed.trials] == [trial.ask for trial in kept.trials]


@pytest.mark.parametrize("choice", ["widen", "skip"])
@pytest.mark.parametrize("sampler", ["tpe", "qmc"])
def test_resumed_after_any_tick_it_tells_the_same_story(tmp_path: Path, choice: str, sampler: str) -> None:
    stages = [Scale(**{**LITTLE, "if_misleading": choice}), Scale(trials=14)]
    study = planted_study(stages=stages, sampler=sampler)
    uninterrupted = search(study, backwards, tmp_path / "whole")
    assert len(uninterrupted.notes) == 1
    for stop in range(18, uninterrupted.tick + 1, 3):
        folder = tmp_path / f"{stop}"
        search(study, backwards, folder, stop=stop)
        search(study, backwards, folder)
        assert story(folder / "log.jsonl") == story(tmp_path / "whole" / "log.jsonl")
