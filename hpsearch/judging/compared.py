"""What a trial's curve says beside those of its study: the diagnosis that tables, reports and MLflow show.

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

LONGER, GROWTH = 1.3, 0.3
"""A trial is young where good ones had this many times its epochs, and at its age were no further than it is, within
this share of what they gained since."""

UNDERFIT = 1.25
"""A training cost this many times the good ones' is an underfit …"""

SHORT = 0.1
"""… and so is one that lacks this share of their way from the first epoch's cost: where noise is most of the cost, no
fit is many times another."""

DEAD = 0.6
"""Share of inactive rectified neurons from which on they explain a bad fit."""

MORE = 0.15
"""Saturated neurons explain a bad fit where their share is this much above the good ones'."""

LARGE_FEATURES, SMALL_FEATURES = 4.0, 0.005
"""Features whose root mean square lies beyond these are not scaled; [0, 1] and standardised ones lie within."""

LEARNT = 0.995
"""A training accuracy at which features of any size have done no harm."""


def diagnoses(history: History) -> dict[int, Diagnosis]:
    """Return what is the matter with each trial, by number: a function of the whole log."""
    model = history.declaration.model_params
    by_number: dict[int, Diagnosis] = {}
    for stage in sorted({trial.ask.stage for trial in history.trials}):
        standing = standing_of(history, stage)
        for trial in history.trials:
            if trial.ask.stage == stage:
                compared = None if standing is None else _compare(trial, standing)
                by_number[trial.number] = compared or diagnose(trial, model)
    return by_number


def _compare(trial: Trial, at: Standing) -> Diagnosis | None:
    """Return what the others say of a trial; None where its own curve has to tell."""
    if trial.state == "FAILED" or trial.value is None or not trial.curve("train_cost"):
        return None
    accuracy = trial.curve("train_accuracy")
    size = at.feature_size
    if size is not None and not SMALL_FEATURES <= size <= LARGE_FEATURES and (accuracy or [0.0])[-1] < LEARNT:
        reason = f"the features' root mean square is {size:.3g}: bring them to about [0, 1], or standardise them"
        return Diagnosis("data not scaled", reason, {"feature_size": size})
    best = at.good[0]
    assert best.value is not None, "good trials have a value"
    if at.chance is not None and best.value <= at.chance:
        guess = "always to guess one class" if at.goal.metric == "val_accuracy" else "always to guess the mean"
        reason = f"the best of its study has {best.value:.3g}, and {guess} gives up to {at.chance:.3g}"
        return Diagnosis("at chance level", reason, {"value": trial.value, "chance": at.chance})
    behind = at.goal.loss(trial.value) - at.goal.loss(best.value)
    if behind <= at.noise:
        return _unharmed(trial, behind, at)
    return _young(trial, at) or _kept_back(trial, behind, at)


def _unharmed(trial: Trial, behind: float, at: Standing) -> Diagnosis:
    cost, val = trial.curve("train_cost"), trial.curve("val_cost")
    if (diagnosis := overfitting(cost, val)) is not None:
        return diagnosis
    evidence = {"behind": behind, "noise": at.noise}
    numbers = {"train_cost": cost[-1], **evidence}
    if len(cost) < FEWEST or (late := late_gain(trial, at.goal)) is None or late <= 2 * at.noise:
        what = "the best of its study" if trial is at.good[0] else "as good as the best of its study"
        return Diagnosis("good", f"{what}, within {at.noise:.2g}", numbers)
    reason = (
        f"as good as the best of its study, and {at.goal.metric} still got better by {late:.2g} in the last quarter"
    )
    return Diagnosis("not converged", reason, {**numbers, "late": late})


def late_gain(trial: Trial, goal: Goal) -> float | None:
    """Return by how much the metric got better in the last quarter of the epochs; None where there are too few."""
    losses = [goal.loss(value) for value in trial.curve(goal.metric) if math.isfinite(value)]
    cut = len(losses) - max(len(losses) // 4, 1)
    return min(losses[:cut]) - min(losses) if 0 < cut < len(losses) else None


def _young(trial: Trial, at: Standing) -> Diagnosis | None:
    """Return that a trial is short of epochs alone: the good ones had not got further at its age."""
    older = [good for good in at.good if good.epoch > LONGER * trial.epoch]
    if not older or trial.value is None:
        return None
    then = median([_best_by(good, trial.epoch, at) for good in older])
    grown = then - at.goal.loss(at.good[0].value or 0.0)
    fit, seen = _fit(trial, at)
    reached = -then if at.goal.direction == "maximize" else then
    reason = f"after {trial.epoch} epochs it has {trial.value:.3g}, where trials that are good now had {reached:.3g}"
    if at.goal.loss(trial.value) > then + max(at.noise, GROWTH * grown):
        if not 1 / UNDERFIT <= fit <= UNDERFIT or _beyond(trial, at, "learning_rate") > APART:
            return None  # a larger η than theirs gets no better by more epochs
        reason = f"after {trial.epoch} epochs: {seen}, at the same age"
    return Diagnosis("not converged", reason, {"epochs": trial.epoch, "theirs": float(older[0].epoch)})


def _best_by(trial: Trial, epoch: int, at: Standing) -> float:
    values = trial.rows.curve(at.goal.metric, until=epoch)
    return min((at.goal.loss(value) for value in values if math.isfinite(value)), default=math.inf)


def _kept_back(trial: Trial, behind: float, at: Standing) -> Diagnosis:
    """Return what keeps a trial back that is worse than the good ones and had the time."""
    cost, val = trial.curve("train_cost"), trial.curve("val_cost")
    fit, seen = _fit(trial, at)
    rate, decay = _beyond(trial, at, "learning_rate"), max(_beyond(trial, at, "l2"), _beyond(trial, at, "l1"))
    dull, theirs = saturated(trial), at.saturated
    rectified = at.of(trial, "activation") in ("relu", "leaky_relu", "elu", "gelu")
    far = f"{at.goal.metric} is {behind:.2g} behind the best, {seen}"
    numbers = {"behind": behind, "fit": fit, "rate": rate, "decay": decay}

    def because(label: Label, what: str, **more: float) -> Diagnosis:
        return Diagnosis(label, f"{far}; {what}" if what else far, {**numbers, **more})

    underfit, dulled = fit > UNDERFIT or _lacks(trial, at), dull is not None and dull > theirs + MORE
    if underfit and rectified and dulled and dull is not None and dull >= DEAD:
        return because("dead units", f"{dull:.0%} of its rectified neurons are inactive", dead=dull)
    if rate > APART and rate >= decay:
        return because("learning rate too large", f"its η is {rate:.3g} times the largest of theirs")
    if decay > APART and underfit:
        return because("lambda dominating", f"its λ is {decay:.3g} times the largest of theirs")
    if fit < 1 and (diagnosis := overfitting(cost, val)) is not None:
        return diagnosis
    if rate >= 1 / APART and len(cost) >= FEWEST and (leaps := oscillation(cost, val)) is not None:
        return leaps
    if dulled and dull is not None and not rectified:
        return because(
            "saturated neurons", f"{dull:.0%} of its neurons are saturated, {theirs:.0%} of theirs", dull=dull
        )
    if rate < 1 / APART and underfit:
        return because("learning rate too small", f"its η is {rate:.3g} times the smallest of theirs")
    if decay > 1 and underfit:
        return because("lambda dominating", f"its λ is {decay:.3g} times the largest of theirs")
    if fit < 1:
        return because("overfitting", "it fits its training set better and is worse for it")
    own = diagnose(trial, at.model)
    if own.label in ("saturated neurons", "not converged"):
        return own
    if (late := late_gain(trial, at.goal)) is not None and late > at.noise:
        return because(
            "not converged", f"in the last quarter of its epochs it still got better by {late:.2g}", late=late
        )
    return because("unclear", "")


def _fit(trial: Trial, at: Standing) -> tuple[float, str]:
    """Return how many times the good ones' its training cost is at the same age, and both in words.

    Costs of two kinds cannot be compared: there the errors on the training set are.
    """
    kind = at.of(trial, "cost"), at.of(trial, "output")
    alike = [good for good in at.good if (at.of(good, "cost"), at.of(good, "output")) == kind]
    if alike or not trial.curve("train_accuracy"):
        own = median(trial.curve("train_cost")[-3:])
        theirs = median([median(good.curve("train_cost")[: trial.epoch][-3:]) for good in alike or at.good])
        reason = f"training cost {own:.3g} against {theirs:.3g} of the good trials"
    else:
        own = 1.005 - median(trial.curve("train_accuracy")[-3:])
        theirs = 1.005 - median([median(good.curve("train_accuracy")[: trial.epoch][-3:]) for good in at.good])
        reason = f"training error {own - 0.005:.2%} against {theirs - 0.005:.2%} of the good trials"
    return (own / theirs if theirs > 0 else math.inf), reason


def _lacks(trial: Trial, at: Standing) -> bool:
    """Return whether the training cost lacks a tenth of the way that the good ones' has gone at the same age."""
    kind = at.of(trial, "cost"), at.of(trial, "output")
    alike = [good.curve("train_cost") for good in at.good if (at.of(good, "cost"), at.of(good, "output")) == kind]
    if not alike:
        return False
    own, theirs = trial.curve("train_cost"), median([median(cost[: trial.epoch][-3:]) for cost in alike])
    start = max(own[0], *(cost[0] for cost in alike))
    return median(own[-3:]) - theirs > SHORT * (start - theirs)


def _beyond(trial: Trial, at: Standing, name: str) -> float:
    """Return by which factor a parameter lies beyond the good trials' range: above 1 over it, below 1 under it, else 1.

    Trials with another optimizer have another scale of η and do not count. Where the good ones have no λ at all, there
    is no factor: then it is how many times MILD the decay of an epoch is, ηλ/B with B the mini-batch size and the
    smaller η.
    """
    optimizer = at.of(trial, "optimizer")
    theirs = [at.value(good, name) for good in at.good if at.of(good, "optimizer") == optimizer]
    others = [value for value in theirs if value is not None]
    own = at.value(trial, name)
    if own is None or not others or min(others) <= own <= max(others):
        return 1.0
    if own < min(others):
        return own / min(others)
    if max(others) > 0:
        return own / max(others)
    rates = [rate for other in (trial, *at.good) if (rate := at.value(other, "learning_rate")) is not None]
    batch = at.value(trial, "batch_size")
    return min(rates) * own / batch / MILD if rates and batch else 1.0
