"""Studies side by side: the best of each, the mean of its best, and whether a difference is more than chance."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.judging.student import paired_test
from hpsearch.log.history import History, Trial
from hpsearch.report import words
from hpsearch.report.sparkline import sparkline
from hpsearch.report.terminal import Block, Column, Grid

TOP = 5
"""Trials whose mean is compared where no point was repeated."""

LEAST_PAIRS = 3
"""Pairs from which on there is a test."""

LEAST_FOR_WILCOXON = 6
"""Pairs from which on the test is Wilcoxon's.

Below six pairs Wilcoxon's smallest possible p is above 0.05, so the t test takes its place, which assumes more.
"""

CURVE_WIDTH = 24
"""Characters of a curve."""


@dataclass(frozen=True)
class StudySummary:
    """One study of a comparison, with the names that ``hpsearch compare --json`` prints.

    Attributes:
        study: Its name.
        trials: Trials that have ended.
        epochs: Epochs trained.
        best: Value of the best trial, or None.
        mean: Mean over ``of``.
        std: Standard deviation over ``of`` (of the sample, n - 1), or None for fewer than two.
        of: What the mean is over, such as ``5 repeats of the best point``.
        curve: Learning curve of the best trial.
    """

    study: str
    trials: int
    epochs: int
    best: float | None
    mean: float | None
    std: float | None
    of: str
    curve: list[float]


@dataclass(frozen=True)
class PairedTest:
    """Two studies, compared on the points that both have.

    Attributes:
        a: A study.
        b: Another.
        paired_on: What makes a pair.
        n: How many pairs there are.
        difference: Mean of a - b over the pairs, or None without any.
        test: ``wilcoxon``, ``t`` or None where there is no test.
        statistic: The test's statistic, or None.
        p: Probability of a difference at least as large by chance alone, two-sided, or None.
        p_holm: The same, corrected for the number of pairs of studies (Holm 1979), or None.
        note: Why there is no test, or None.
    """

    a: str
    b: str
    paired_on: str
    n: int
    difference: float | None = None
    test: str | None = None
    statistic: float | None = None
    p: float | None = None
    p_holm: float | None = None
    note: str | None = None


@dataclass(frozen=True)
class StudyComparison:
    """Several studies side by side, in the order in which they were named."""

    metric: str
    direction: str
    studies: list[StudySummary]
    pairs: list[PairedTest]


def compare(studies: Mapping[str, History]) -> StudyComparison:
    """Return studies of the same metric side by side, and a paired test for every two of them.

    Raises:
        UserError: The studies have different metrics.
    """
    goals = {name: history.goal for name, history in studies.items()}
    if len(set(goals.values())) > 1:
        listed = "; ".join(f"{name}: {goal}" for name, goal in goals.items())
        raise UserError(f"these studies are after different metrics ({listed}); compare those that are after one")
    goal = next(iter(goals.values()))
    summaries = [_summary(name, history) for name, history in studies.items()]
    pairs = [_paired(a, studies[a], b, studies[b]) for a, b in combinations(studies, 2)]
    return StudyComparison(goal.metric, goal.direction, summaries, _corrected(pairs))


def _summary(name: str, history: History) -> StudySummary:
    trials, basis = _sample(history)
    values = [trial.value for trial in trials if trial.value is not None]
    best = history.best
    point = history.best_point
    return StudySummary(
        study=name,
        trials=words.counts(history).ended,
        epochs=sum(trial.epoch for trial in history.trials),
        best=None if point is None else point.mean,
        mean=statistics.fmean(values) if values else None,
        std=statistics.stdev(values) if len(values) > 1 else None,
        of=basis,
        curve=[] if best is None else best.curve(history.goal.metric),
    )


def _sample(history: History) -> tuple[list[Trial], str]:
    """Return the trials whose mean stands for a study: the repeats of its best point, else its best trials."""
    best_point = next(iter(history.points()), None)
    if best_point is not None and best_point.is_repeated:
        return list(best_point.trials), f"{len(best_point.trials)} repeats of the best point"
    points: dict[int, list[Trial]] = {}
    for trial in history.ended("COMPLETE"):
        if trial.value is not None:
            points.setdefault(trial.ask.point, []).append(trial)
    repeats = max((len(trials) for trials in points.values()), default=0)
    if repeats > 1:
        complete = [trials for trials in points.values() if len(trials) == repeats]
        best = min(complete, key=lambda trials: statistics.fmean(history.goal.loss(t.value or 0.0) for t in trials))
        return best, f"{repeats} repeats of the best point"
    top = history.ranked()[:TOP]
    return top, f"the best {words.many(len(top), 'trial')}" if len(top) != 1 else "the best trial"


def _paired(a: str, history_a: History, b: str, history_b: History) -> PairedTest:
    """Compare two studies on the points and repeats that both trained to the end."""
    values_a, values_b = _complete(history_a), _complete(history_b)
    common = [key for key in values_a if key in values_b]
    on = "the same points and repeats" if any(repeat for _, repeat in common) else "the same points"
    if not common:
        return PairedTest(a, b, on, 0, note="no point was trained to the end in both")
    differences = np.array([values_a[key] - values_b[key] for key in common])
    pair = PairedTest(a, b, on, len(common), float(differences.mean()))
    if len(common) < LEAST_PAIRS:
        return replace(pair, note=f"a test needs {LEAST_PAIRS} pairs")
    if not differences.any():
        return replace(pair, note="all pairs are equal")
    if len(common) >= LEAST_FOR_WILCOXON:
        from scipy import stats  # slow to import

        result = stats.wilcoxon(differences)
        return replace(pair, test="wilcoxon", statistic=float(result.statistic), p=float(result.pvalue))
    if np.ptp(differences) == 0:
        return replace(pair, note="all pairs differ by the same amount, which a t test cannot judge")
    t, p = paired_test(differences.tolist())
    return replace(pair, test="t", statistic=t, p=p)


def _complete(history: History) -> dict[tuple[str, int], float]:
    """Return the value of each point and repeat that was trained to the end; the first one of a point tried twice."""
    values: dict[tuple[str, int], float] = {}
    for trial in history.ended("COMPLETE"):
        if trial.value is not None:
            values.setdefault((json.dumps(trial.params, sort_keys=True), trial.ask.repeat), trial.value)
    return values


def _corrected(pairs: Sequence[PairedTest]) -> list[PairedTest]:
    """Return the pairs with Holm's correction: the smallest p is multiplied by the number of tests, and so on."""
    order = sorted((i for i, pair in enumerate(pairs) if pair.p is not None), key=lambda i: pairs[i].p or 0.0)
    corrected = list(pairs)
    least = 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * (pairs[i].p or 0.0)))
        corrected[i] = replace(pairs[i], p_holm=least)
    return corrected


def to_json(comparison: StudyComparison) -> dict[str, Any]:
    """Return what ``hpsearch compare --json`` prints."""
    from hpsearch.report.export import plain

    value = asdict(comparison)
    for study in value["studies"]:
        study["curve"] = [plain(number) for number in study["curve"]]
    return value


def blocks(comparison: StudyComparison, *, ascii_only: bool = False) -> list[Block]:
    """Return what ``hpsearch compare`` shows: a row per study, then a row per pair.

    Args:
        comparison: The studies.
        ascii_only: Draw curves for a terminal that cannot show block characters.
    """
    columns = [
        Column("study", fold=True),
        Column("best", right=True),
        Column("mean (standard deviation)", right=True),
        Column("over"),
        Column("trials", right=True),
        Column("epochs", right=True),
        Column("curve of the best"),
    ]
    rows = [
        [
            study.study,
            words.number(study.best),
            _spread(study),
            study.of,
            f"{study.trials:,}",
            f"{study.epochs:,}",
            sparkline(study.curve, CURVE_WIDTH, ascii_only=ascii_only),
        ]
        for study in comparison.studies
    ]
    layouts = (range(7), range(6), (0, 1, 2, 3), (0, 1, 2))
    grids = [Grid([columns[i] for i in kept], [[row[i] for i in kept] for row in rows]) for kept in layouts]
    head = f"{comparison.direction} {comparison.metric}"
    return [head, "", grids, "", *(_sentence(pair) for pair in comparison.pairs)]


def _spread(study: StudySummary) -> str:
    return words.number(study.mean) + ("" if study.std is None else f" ({words.number(study.std)})")


def _sentence(pair: PairedTest) -> str:
    head = f"{pair.a} − {pair.b}"
    if pair.difference is None:
        return f"{head}: no paired test, {pair.note}"
    text = f"{head}: {pair.difference:+.4g} on average over {words.many(pair.n, 'pair')} ({pair.paired_on})"
    if pair.p is None or pair.p_holm is None:
        return f"{text}; no test, {pair.note}"
    name = "Wilcoxon signed-rank" if pair.test == "wilcoxon" else "paired t"
    corrected = "" if pair.p_holm == pair.p else f", {pair.p_holm:.3g} after Holm's correction"
    return f"{text}; {name} test: p = {pair.p:.3g}{corrected}"
