"""The good trials of a study, with which all others are compared: those about as good as the best.

Two values are about as good where they differ by no more than noise: for an accuracy or an R² that follows from the
standard errors over the validation samples, for other metrics it is a share of the range that the study has seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median
from typing import Any

from hpsearch.judging.diagnosis import POOR, parameter, reported_saturation
from hpsearch.log.history import Goal, History, Trial

MOST = 12
"""Most trials that count as good: large studies have thousands of equals."""

OTHERS = 4
"""Fewest trials with a value and a training cost for a comparison."""

NOISE = 0.005
"""Least difference of two values, as a share of the range from the worst to the best, that is a difference."""

FAR_OFF = 10.0
"""The worst counts for that range with at most so many times the distance from the best to the median: an R² or a cost
has no bound, and one trial that exploded must not make all others equal."""

ERRORS = 1.5
"""Accuracies, and R², differ where they are so many standard errors of a difference apart, for that many validation
samples."""


@dataclass(frozen=True)
class Standing:
    """The good trials of a study, and which differences are more than noise.

    Attributes:
        goal: The metric and direction by which trials are ranked.
        good: The trials about as good as the best, the best first.
        noise: Least difference of two values that is more than noise.
        chance: Value of guessing the most frequent class, or None where that is not known.
        feature_size: Root mean square of the features that the network is given, or None.
        model: The model's parameters; those that a trial searches come first.
    """

    goal: Goal
    good: tuple[Trial, ...]
    noise: float
    chance: float | None
    feature_size: float | None
    model: Mapping[str, Any]

    @cached_property
    def saturated(self) -> float:
        """Mean share of neurons that are saturated in the good trials."""
        return fmean([saturated(good) or 0.0 for good in self.good])

    def of(self, trial: Trial, name: str) -> Any:
        """Return a trial's parameter by its own name, without a pipeline's prefix."""
        return parameter({**self.model, **trial.params}, name)

    def value(self, trial: Trial, name: str) -> float | None:
        """Return a trial's parameter as a number, the learning rate as it began; None where it is no number."""
        if name == "learning_rate" and (rates := trial.curve("learning_rate")):
            return rates[0]
        value = self.of(trial, name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def standing_of(history: History, stage: int) -> Standing | None:
    """Return the good trials of a stage; None where there are too few to compare with."""
    model = history.declaration.model_params
    ranked = [trial for trial in history.ranked_at(stage) if trial.curve("train_cost")]
    if len(ranked) < OTHERS:
        return None
    dataset = history.header.dataset if history.header else {}
    best = ranked[0].value or 0.0
    noise = noise_of(history, ranked)
    n = (dataset.get("sizes") or {}).get("valid")
    metric = history.goal.metric
    good = tuple(t for t in ranked[:MOST] if history.goal.loss(t.value or 0.0) <= history.goal.loss(best) + noise)
    chance = _chance(metric, dataset.get("majority"), n)
    is_bare_network = str((history.declaration.model or {}).get("class", "")).rpartition(".")[2].startswith("MLP")
    return Standing(history.goal, good, noise, chance, dataset.get("feature_size") if is_bare_network else None, model)


def noise_of(history: History, ranked: Sequence[Trial]) -> float:
    """Return the least difference of two values that is more than noise.

    Args:
        history: The study.
        ranked: Trials of it that have a value, at least one, the best first.
    """
    dataset = history.header.dataset if history.header else {}
    values = sorted((trial.value for trial in ranked if trial.value is not None), key=history.goal.loss)
    best, worst = values[0], values[-1]
    noise = NOISE * min(abs(best - worst), FAR_OFF * abs(best - median(values)) or math.inf)
    n = (dataset.get("sizes") or {}).get("valid")
    if n and (variance := _variance(history.goal.metric, best)) is not None:
        noise = max(noise, ERRORS * math.sqrt(2 * max(variance, 1 / n) / n))
    return noise


def _variance(metric: str, value: float) -> float | None:
    """Return the variance of a value that is measured on n samples, times n; None where that is not known.

    Of R² it is 4R²(1 − R²)² (Olkin and Finn, 1995, Psychological Bulletin 118:155).
    """
    if metric == "val_accuracy":
        return value * (1 - value)
    return 4 * max(value, 0.0) * (1 - value) ** 2 if metric == "val_r2" else None


def _chance(metric: str, majority: float | None, n: int | None) -> float | None:
    """Return the value up to which a result may be guessing, within two standard errors; None where not known."""
    if metric == "val_accuracy" and majority is not None:
        return majority + 2 * math.sqrt(majority * (1 - majority) / (n or 1))
    # R² = 2·√(4R²/n), its standard error where it is small: 16/n.
    return min(16 / n, 0.5) if metric == "val_r2" and n else None


def saturated(trial: Trial) -> float | None:
    """Return the share of neurons that are saturated at the first epoch or, in a bad fit, at the last; None if unknown.

    Neurons that were saturated from the start have cost epochs even where they no longer are; those that become
    saturated once everything is learnt do no harm.
    """
    shares, accuracy = reported_saturation(trial), trial.curve("train_accuracy")
    if not shares:
        return None
    return shares[0] if accuracy and accuracy[-1] >= POOR else max(shares[0], shares[-1])
