"""The diagnosis of a trial by comparison with the good ones of its study: what tables, reports and MLflow show.

A cost that falls slowly may be all that the problem allows, and a network may fit its training set well and still be
far from what a smaller λ reaches. So a trial is held against the good ones of its study: those about as good as the
best. What they had reached at the same age says whether it is merely young; what they fit, and with which η and λ,
says what keeps it back. Where there is nothing to compare with, the rules for a single curve hold
(`hpsearch.judging.diagnosis`). The rules stand in docs/diagnosis.md.
"""

from __future__ import annotations

import math
from statistics import median

from hpsearch.judging.diagnosis import FEWEST, Diagnosis, Label, diagnose, oscillation, overfitting
from hpsearch.judging.standing import Standing, saturated, standing_of
from hpsearch.log.history import Goal, History, Trial

APART = 2.5
"""A learning rate or λ is another than the good ones' where it lies by this factor beyond all of theirs."""

MILD = 0.04
"""Share of a weight that decay takes in an epoch and that does no harm, where the good trials have none at all."""

LONGER = 1.3
"""A trial is young where good ones had this many times its epochs …"""

GROWTH = 0.3
"""… and at its age were no further than it is, within this share of what they gained since."""

UNDERFIT = 1.25
"""A training cost this many times the good ones' is an underfit …"""

SHORT = 0.1
"""… and so is one that lacks this share of their way from the first epoch's cost: where noise is most of the cost, no
fit is many times another."""

DEAD = 0.6
"""Share of inactive rectified neurons from which on they explain a bad fit."""

MORE = 0.15
"""Saturated neurons explain a bad fit where their share is this much above the good ones'."""

LARGE_FEATURES = 4.0
SMALL_FEATURES = 0.005
"""Features whose root mean square lies beyond these are not scaled; [0, 1] and standardised ones lie within."""

LEARNT = 0.995
"""A training accuracy at which features of any size have done no harm."""


def diagnoses(history: History) -> dict[int, Diagnosis]:
    """Return the diagnosis of each trial, by number: a function of the whole log."""
    model = history.declaration.model_params
    by_number: dict[int, Diagnosis] = {}
    for stage in sorted({trial.ask.stage for trial in history.trials}):
        standing = standing_of(history, stage)
        for trial in history.trials:
            if trial.ask.stage == stage:
                compared = None if standing is None else _compare(trial, standing)
                by_number[trial.number] = compared or diagnose(trial, model)
    return by_number


def _compare(trial: Trial, standing: Standing) -> Diagnosis | None:
    """Return the diagnosis of a trial beside the good ones; None where its own curve has to tell."""
    if trial.state == "FAILED" or trial.value is None or not trial.curve("train_cost"):
        return None
    accuracy = trial.curve("train_accuracy")
    size = standing.feature_size
    if size is not None and not SMALL_FEATURES <= size <= LARGE_FEATURES and (accuracy or [0.0])[-1] < LEARNT:
        reason = f"the features' root mean square is {size:.3g}: bring them to about [0, 1], or standardise them"
        return Diagnosis("data not scaled", reason, {"feature_size": size})
    best = standing.good[0]
    assert best.value is not None, "good trials have a value"
    if standing.chance is not None and best.value <= standing.chance:
        guess = "always to guess one class" if standing.goal.metric == "val_accuracy" else "always to guess the mean"
        reason = f"the best of its study has {best.value:.3g}, and {guess} gives up to {standing.chance:.3g}"
        return Diagnosis("at chance level", reason, {"value": trial.value, "chance": standing.chance})
    behind = standing.goal.loss(trial.value) - standing.goal.loss(best.value)
    if behind <= standing.noise:
        return _unharmed(trial, behind, standing)
    return _young(trial, standing) or _kept_back(trial, behind, standing)


def _unharmed(trial: Trial, behind: float, standing: Standing) -> Diagnosis:
    cost, val = trial.curve("train_cost"), trial.curve("val_cost")
    if (diagnosis := overfitting(cost, val)) is not None:
        return diagnosis
    evidence = {"behind": behind, "noise": standing.noise}
    numbers = {"train_cost": cost[-1], **evidence}
    if len(cost) < FEWEST or (late := late_gain(trial, standing.goal)) is None or late <= 2 * standing.noise:
        praise = "the best of its study" if trial is standing.good[0] else "as good as the best of its study"
        return Diagnosis("good", f"{praise}, within {standing.noise:.2g}", numbers)
    metric = standing.goal.metric
    reason = f"as good as the best of its study, and {metric} still got better by {late:.2g} in the last quarter"
    return Diagnosis("not converged", reason, {**numbers, "late": late})


def late_gain(trial: Trial, goal: Goal) -> float | None:
    """Return by how much the metric got better in the last quarter of the epochs; None where there are too few."""
    losses = [goal.loss(value) for value in trial.curve(goal.metric) if math.isfinite(value)]
    cut = len(losses) - max(len(losses) // 4, 1)
    return min(losses[:cut]) - min(losses) if 0 < cut < len(losses) else None


def _young(trial: Trial, standing: Standing) -> Diagnosis | None:
    """Return ``not converged`` where a trial lacks nothing but epochs: the good ones were no further at its age."""
    older = [good for good in standing.good if good.epoch > LONGER * trial.epoch]
    if not older or trial.value is None:
        return None
    typical = median([_best_by(good, trial.epoch, standing) for good in older])
    growth = typical - standing.goal.loss(standing.good[0].value or 0.0)
    fit, seen = _fit(trial, standing)
    reached = -typical if standing.goal.direction == "maximize" else typical
    reason = f"after {trial.epoch} epochs it has {trial.value:.3g}, where trials that are good now had {reached:.3g}"
    if standing.goal.loss(trial.value) > typical + max(standing.noise, GROWTH * growth):
        if not 1 / UNDERFIT <= fit <= UNDERFIT or _beyond(trial, standing, "learning_rate") > APART:
            return None  # a larger η than theirs gets no better by more epochs
        reason = f"after {trial.epoch} epochs: {seen}, at the same age"
    return Diagnosis("not converged", reason, {"epochs": trial.epoch, "theirs": float(older[0].epoch)})


def _best_by(trial: Trial, epoch: int, standing: Standing) -> float:
    values = trial.rows.curve(standing.goal.metric, until=epoch)
    return min((standing.goal.loss(value) for value in values if math.isfinite(value)), default=math.inf)


def _kept_back(trial: Trial, behind: float, standing: Standing) -> Diagnosis:
    """Return what keeps a trial back that is worse than the good ones and has trained for long enough."""
    cost, val = trial.curve("train_cost"), trial.curve("val_cost")
    fit, seen = _fit(trial, standing)
    rate = _beyond(trial, standing, "learning_rate")
    decay = max(_beyond(trial, standing, "l2"), _beyond(trial, standing, "l1"))
    saturation = saturated(trial)
    good_saturation = standing.saturated
    rectified = standing.of(trial, "activation") in ("relu", "leaky_relu", "elu", "gelu")
    gap = f"{standing.goal.metric} is {behind:.2g} behind the best, {seen}"
    numbers = {"behind": behind, "fit": fit, "rate": rate, "decay": decay}

    def because(label: Label, cause: str, **more: float) -> Diagnosis:
        return Diagnosis(label, f"{gap}; {cause}" if cause else gap, {**numbers, **more})

    underfit = fit > UNDERFIT or _lacks(trial, standing)
    more_saturated = saturation is not None and saturation > good_saturation + MORE
    if underfit and rectified and more_saturated and saturation is not None and saturation >= DEAD:
        return because("dead units", f"{saturation:.0%} of its rectified neurons are inactive", dead=saturation)
    if rate > APART and rate >= decay:
        return because("learning rate too large", f"its η is {rate:.3g} times the largest of theirs")
    if decay > APART and underfit:
        return because("lambda dominating", f"its λ is {decay:.3g} times the largest of theirs")
    if fit < 1 and (diagnosis := overfitting(cost, val)) is not None:
        return diagnosis
    if rate >= 1 / APART and len(cost) >= FEWEST and (leaps := oscillation(cost, val)) is not None:
        return leaps
    if more_saturated and saturation is not None and not rectified:
        return because(
            "saturated neurons",
            f"{saturation:.0%} of its neurons are saturated, {good_saturation:.0%} of theirs",
            dull=saturation,
        )
    if rate < 1 / APART and underfit:
        return because("learning rate too small", f"its η is {rate:.3g} times the smallest of theirs")
    if decay > 1 and underfit:
        return because("lambda dominating", f"its λ is {decay:.3g} times the largest of theirs")
    if fit < 1:
        return because("overfitting", "it fits its training set better and is worse for it")
    own_diagnosis = diagnose(trial, standing.model)
    if own_diagnosis.label in ("saturated neurons", "not converged"):
        return own_diagnosis
    if (late := late_gain(trial, standing.goal)) is not None and late > standing.noise:
        return because(
            "not converged", f"in the last quarter of its epochs it still got better by {late:.2g}", late=late
        )
    return because("unclear", "")


def _fit(trial: Trial, standing: Standing) -> tuple[float, str]:
    """Return the ratio of a trial's training cost to the good ones' at the same age, and both in words.

    Different cost functions cannot be compared: there the ratio is that of the errors on the training set.
    """
    cost_and_output = standing.of(trial, "cost"), standing.of(trial, "output")
    comparable = [
        good for good in standing.good if (standing.of(good, "cost"), standing.of(good, "output")) == cost_and_output
    ]
    if comparable or not trial.curve("train_accuracy"):
        of_trial = median(trial.curve("train_cost")[-3:])
        of_good_trials = median(
            [median(good.curve("train_cost")[: trial.epoch][-3:]) for good in comparable or standing.good]
        )
        reason = f"training cost {of_trial:.3g} against {of_good_trials:.3g} of the good trials"
    else:
        of_trial = 1.005 - median(trial.curve("train_accuracy")[-3:])
        of_good_trials = 1.005 - median(
            [median(good.curve("train_accuracy")[: trial.epoch][-3:]) for good in standing.good]
        )
        reason = f"training error {of_trial - 0.005:.2%} against {of_good_trials - 0.005:.2%} of the good trials"
    return (of_trial / of_good_trials if of_good_trials > 0 else math.inf), reason


def _lacks(trial: Trial, standing: Standing) -> bool:
    """Return whether the training cost lacks more than SHORT of the way that the good ones' has fallen at its age."""
    cost_and_output = standing.of(trial, "cost"), standing.of(trial, "output")
    comparable = [
        good.curve("train_cost")
        for good in standing.good
        if (standing.of(good, "cost"), standing.of(good, "output")) == cost_and_output
    ]
    if not comparable:
        return False
    curve, good_end = trial.curve("train_cost"), median([median(cost[: trial.epoch][-3:]) for cost in comparable])
    start = max(curve[0], *(cost[0] for cost in comparable))
    return median(curve[-3:]) - good_end > SHORT * (start - good_end)


def _beyond(trial: Trial, standing: Standing, name: str) -> float:
    """Return by which factor a parameter lies beyond the good trials' range: above 1 over it, below 1 under it, else 1.

    Trials with another optimizer have another scale of η and do not count. Where the good ones have no λ at all, there
    is no factor: then it is how many times MILD the decay of an epoch is, ηλ/B with B the mini-batch size and the
    smaller η.
    """
    optimizer = standing.of(trial, "optimizer")
    same_optimizer = [good for good in standing.good if standing.of(good, "optimizer") == optimizer]
    good_values = [value for good in same_optimizer if (value := standing.value(good, name)) is not None]
    trial_value = standing.value(trial, name)
    if trial_value is None or not good_values or min(good_values) <= trial_value <= max(good_values):
        return 1.0
    if trial_value < min(good_values):
        return trial_value / min(good_values)
    if max(good_values) > 0:
        return trial_value / max(good_values)
    rates = [rate for near in (trial, *standing.good) if (rate := standing.value(near, "learning_rate")) is not None]
    batch = standing.value(trial, "batch_size")
    return min(rates) * trial_value / batch / MILD if rates and batch else 1.0
