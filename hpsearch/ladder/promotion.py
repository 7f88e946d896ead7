"""Who enters the next stage: a stage's best, by count, by fraction, or all that noise cannot tell from the best."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, TypeAlias

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.study.scaling import Scale, confidence
from hpsearch.study.study import Study

Point: TypeAlias = tuple[int, dict[str, Any]]
"""A point's number and its parameters."""


def ranking(history: History, stage: int) -> list[Point]:
    """Return a stage's points as (number, parameters), best mean over their repeats first; failed ones are left out."""
    losses, params = _losses(history, stage)
    return [(point, params[point]) for point in _order(losses)]


def promoted(history: History, stage: int, scale: Scale) -> list[Point]:
    """Return the points of a stage that enter the next one, best first: at least one, where there is one.

    By confidence those are promoted whose mean lies no further behind the best one's than its standard error, times the
    normal quantile, explains: a one-sided test of each. The noise is the repeats', pooled over all points of the stage;
    where there are none, a binomial's: that of an accuracy over so many validation samples.

    Args:
        history: The study.
        stage: The stage, over.
        scale: What it is, settled.
    """
    losses, params = _losses(history, stage)
    order = _order(losses)
    if isinstance(scale.promote, str):
        count = _close(losses, order, confidence(scale.promote), scale.valid)
    elif isinstance(scale.promote, float):
        count = max(1, round(scale.promote * len(order)))
    else:
        count = scale.promote
    return [(point, params[point]) for point in order[:count]]


def check(study: Study, scale: Scale) -> None:
    """Refuse promotion by confidence where nothing says how noisy a value is.

    Raises:
        UserError: The points have no repeats, and the metric is no accuracy.
    """
    if isinstance(scale.promote, str) and study.repeats < 2 and not study.goal.metric.endswith("accuracy"):
        raise UserError(
            f"study {study.name!r}: promote={scale.promote!r} needs repeats=2 or more: "
            f"a single {study.goal.metric} does not say how noisy it is"
        )


def _close(losses: dict[int, list[float]], order: list[int], level: float, valid: int | None) -> int:
    """Return how many of the points, best first, are not significantly worse than the best."""
    if not order:
        return 0
    means = [math.fsum(losses[point]) / len(losses[point]) for point in order]
    freedom = sum(len(values) - 1 for values in losses.values())
    if freedom:
        squares = math.fsum((value - mean) ** 2 for p, mean in zip(order, means, strict=True) for value in losses[p])
        variance = squares / freedom
    else:
        accuracy = min(max(abs(means[0]), 0.0), 1.0)
        variance = accuracy * (1 - accuracy) / (valid or 1)
    z = NormalDist().inv_cdf(level)
    best = len(losses[order[0]])
    near = [
        mean - means[0] <= z * math.sqrt(variance * (1 / best + 1 / len(losses[point])))
        for point, mean in zip(order, means, strict=True)
    ]
    return near.index(False) if False in near else len(near)


def _losses(history: History, stage: int) -> tuple[dict[int, list[float]], dict[int, dict[str, Any]]]:
    losses: dict[int, list[float]] = {}
    params: dict[int, dict[str, Any]] = {}
    for trial in history.ranked_at(stage):
        assert trial.value is not None, "ranked trials have a value"
        losses.setdefault(trial.ask.point, []).append(history.goal.loss(trial.value))
        params[trial.ask.point] = trial.params
    return losses, params


def _order(losses: dict[int, list[float]]) -> list[int]:
    return sorted(losses, key=lambda point: (sum(losses[point]) / len(losses[point]), point))
