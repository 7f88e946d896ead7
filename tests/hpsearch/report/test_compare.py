from __future__ import annotations

import io
import itertools
import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import logs
import pytest
from rich.console import Console

from hpsearch.errors import UserError
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.report import terminal
from hpsearch.report.compare import blocks, compare, to_json

GOAL = Goal("val_accuracy", "maximize")


def study(values: Sequence[float], repeats: int = 1, pruned: Sequence[int] = (), **params: Any) -> History:
    """A study of one tick: trial i has x = i // repeats, and this value."""
    asks = tuple(Ask(i, i, {"x": i // repeats, **params}, i // repeats, i % repeats) for i in range(len(values)))
    rows = tuple(Row(i, i, 1, {"val_accuracy": value}, finished=True) for i, value in enumerate(values))
    decisions = tuple(
        Decision(i, "prune" if i in pruned else "complete", "because", "rule") for i in range(len(values))
    )
    return History.fold([logs.header(), Tick(0, 1.0, asks, rows, decisions)], GOAL)


def shown(studies: Mapping[str, History], width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    return terminal.render(blocks(compare(studies)), console)


def test_the_mean_is_over_the_repeats_of_the_best_point() -> None:
    (summary, _) = compare({"a": study([0.9, 0.1, 0.6, 0.7], repeats=2), "b": study([0.5])}).studies
    assert summary.of == "2 repeats of the best point"
    assert summary.best == 0.9
    assert summary.mean == pytest.approx(0.65)
    assert summary.std == pytest.approx(statistics.stdev([0.6, 0.7]))


def test_without_repeats_the_mean_is_over_the_best_five() -> None:
    values = [0.1, 0.9, 0.8, 0.7, 0.6, 0.5]
    first = compare({"a": study(values), "b": study([0.5])}).studies[0]
    assert first.of == "the best 5 trials"
    assert first.mean == pytest.approx(0.7)


def wilcoxon_p(differences: Sequence[float]) -> float:
    """The signed-rank test by hand: how many of all sign patterns are at least as far from the middle."""
    order = sorted(range(len(differences)), key=lambda i: abs(differences[i]))
    ranks = {i: rank for rank, i in enumerate(order, start=1)}
    total = sum(ranks.values())
    far = abs(sum(ranks[i] for i, d in enumerate(differences) if d > 0) - total / 2)
    patterns = itertools.product((0, 1), repeat=len(differences))
    sums = [sum(rank for rank, sign in zip(ranks.values(), pattern, strict=True) if sign) for pattern in patterns]
    return sum(abs(value - total / 2) >= far - 1e-12 for value in sums) / len(sums)


def test_six_pairs_or_more_are_tested_by_signed_ranks() -> None:
    a = [0.91, 0.82, 0.73, 0.64, 0.55, 0.46, 0.31]
    b = [0.90, 0.80, 0.70, 0.60, 0.50, 0.40, 0.38]
    (pair,) = compare({"a": study(a), "b": study(b)}).pairs
    assert (pair.test, pair.n, pair.paired_on) == ("wilcoxon", 7, "the same points")
    assert pair.p == pytest.approx(wilcoxon_p([x - y for x, y in zip(a, b, strict=True)]))
    assert pair.difference == pytest.approx(statistics.fmean(a) - statistics.fmean(b))


def test_three_to_five_pairs_are_tested_by_t() -> None:
    (pair,) = compare({"a": study([0.9, 0.8, 0.7]), "b": study([0.8, 0.75, 0.68])}).pairs
    differences = [0.1, 0.05, 0.02]
    t = statistics.fmean(differences) / (statistics.stdev(differences) / 3**0.5)
    assert pair.test == "t"
    assert pair.statistic == pytest.approx(t)


@pytest.mark.parametrize(
    ("b", "n", "note"),
    [
        (study([0.5] * 7, optimizer="adam"), 0, "no point was trained to the end in both"),
        (study([0.5, 0.5]), 2, "a test needs 3 pairs"),
        (study([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]), 7, "all pairs are equal"),
    ],
    ids=["other points", "few points", "the same values"],
)
def test_where_there_is_no_test_it_says_why(b: History, n: int, note: str) -> None:
    (pair,) = compare({"a": study([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]), "b": b}).pairs
    assert (pair.n, pair.p, pair.note) == (n, None, note)


def test_pruned_trials_make_no_pairs() -> None:
    (pair,) = compare({"a": study([0.9] * 4, pruned=[0, 1]), "b": study([0.8] * 4)}).pairs
    assert pair.n == 2


def test_repeats_are_paired_with_repeats() -> None:
    a, b = study([0.9, 0.8, 0.7], repeats=3), study([0.6, 0.55, 0.41], repeats=3)
    (pair,) = compare({"a": a, "b": b}).pairs
    assert (pair.n, pair.paired_on) == (3, "the same points and repeats")


def test_several_tests_are_corrected_for_their_number() -> None:
    base = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    lower = [value - 0.01 - 0.001 * i for i, value in enumerate(base)]
    mixed = [value + (0.01 + 0.001 * i) * (1 if i % 2 else -1) for i, value in enumerate(base)]
    pairs = compare({"a": study(base), "b": study(lower), "c": study(mixed)}).pairs
    raw = sorted(pair.p or 0.0 for pair in pairs)
    holm = sorted(pair.p_holm or 0.0 for pair in pairs)
    assert holm[0] == pytest.approx(3 * raw[0])
    assert all(after >= before for before, after in zip(raw, holm, strict=True))


def test_studies_after_different_metrics_are_not_compared() -> None:
    other = History.fold(logs.records(metric="cost", direction="minimize"), Goal("cost", "minimize"))
    with pytest.raises(UserError, match="different metrics"):
        compare({"a": study([0.9]), "b": other})


def test_the_table_has_a_row_per_study_and_the_pairs_below() -> None:
    text = shown({"sigmoid": study([0.9, 0.8, 0.7]), "tanh": study([0.8, 0.75, 0.68])})
    assert "sigmoid − tanh: +0.05667 on average over 3 pairs (the same points); paired t test: p = " in text
    assert [line.split()[:2] for line in text.splitlines()[3:5]] == [["sigmoid", "0.9000"], ["tanh", "0.8000"]]


def test_a_narrow_terminal_keeps_study_best_and_mean() -> None:
    text = shown({"sigmoid": study([0.9, 0.8, 0.7]), "tanh": study([0.8, 0.75, 0.68])}, width=44)
    assert "mean (standard deviation)" in text
    assert "curve" not in text


def test_json_is_strict_even_with_curves_that_diverged() -> None:
    value = to_json(compare({"a": study([0.9, float("nan")]), "b": study([0.5])}))
    assert json.loads(json.dumps(value, allow_nan=False))["studies"][0]["best"] == 0.9
