from __future__ import annotations

import math

import logs
import pytest

from hpsearch.log.history import Goal, History
from hpsearch.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0.0000"),
        (0.97123, "0.9712"),
        (12.5, "12.5000"),
        (1.5e-7, "1.5e-07"),
        (123456.0, "1.235e+05"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_a_metric_is_written_in_four_digits(value: float | None, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.30000000000000004, "0.3"), (20, "20"), ("adam", "adam"), (True, "true"), (None, "null"), ([30, 10], "[30,10]")],
)
def test_a_parameter_is_written_as_people_write_it(value: object, text: str) -> None:
    assert words.param(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1:00 min"), (185, "3:05 min"), (3599.6, "1:00 h"), (7800, "2:10 h")],
)
def test_a_duration_is_written_in_its_largest_unit(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_counts_say_failures_and_running_trials_only_where_there_are_any() -> None:
    assert str(words.Counts(3, 1, 0, 0)) == "3 complete, 1 pruned"
    assert str(words.Counts(3, 1, 2, 4)) == "3 complete, 1 pruned, 2 failed, 4 running"


def test_pruning_saved_what_the_pruned_trials_did_not_train() -> None:
    history = History.fold(logs.records(), Goal("val_accuracy", "maximize"))
    # Trials 0 to 3 trained 3, 1, 2 and 3 epochs; trial 1 was pruned after 1 of 3, trial 2 failed.
    assert words.saved(history, 3) == (2, 11)
