"""Random streams: the numbers behind every result that was ever logged."""

from __future__ import annotations

from dataclasses import replace

from hpsearch.log.records import Ask
from hpsearch.objectives import streams

ASK = Ask(trial=7, lane=1, params={}, point=5, repeat=2, stage=1)


def test_the_entropies_are_those_of_all_logs_before() -> None:
    assert streams.of_trial(9, ASK) == (9, 1, 7)
    assert streams.of_trial(9, ASK, by_seed=True) == (9, 3, 1, 2)
    assert streams.of_order(9, ASK, 40, 3) == (9, 2, 1, 2, 40)
    assert streams.of_order(9, ASK, 40, 3, by_seed=True) == (9, 3, 1, 2, 3)
    assert streams.of_parts(9, 1, 2) == (9, 2, 1, 2)
    assert streams.of_transformers(9) == (9, 3)
    assert streams.of_function(9, ASK) == (9, 7)


def test_a_trial_that_begins_before_its_number_is_known_has_that_of_its_place() -> None:
    early = replace(ASK, place=41)
    assert streams.of_trial(9, early) == (9, 1, 41) == streams.of_trial(9, early.trained)
    assert streams.of_function(9, early) == (9, 41) == streams.of_function(9, early.trained)


def test_where_points_are_confirmed_only_the_seed_counts() -> None:
    other = Ask(trial=8, lane=0, params={}, point=6, repeat=2, stage=1)
    assert streams.of_trial(9, ASK, by_seed=True) == streams.of_trial(9, other, by_seed=True)
    assert streams.of_order(9, ASK, 40, 3, by_seed=True) == streams.of_order(9, other, 41, 3, by_seed=True)
