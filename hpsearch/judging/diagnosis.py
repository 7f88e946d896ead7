"""What a learning curve says about its hyper-parameters: a label, with the evidence for it.

The signs are the chapter's. A training cost that leaps instead of falling: η is too large. One that falls steadily and
hardly at all: too small. One that stands still, or stands still before it suddenly falls: saturated neurons. Training
that gets better while validation gets worse: overfitting. The rules and their thresholds stand in docs/diagnosis.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median
from typing import Any, Literal

from hpsearch.log.history import Trial

Label = Literal[
    "learning rate too large",
    "learning rate too small",
    "saturated neurons",
    "dead units",
    "at chance level",
    "data not scaled",
    "overfitting",
    "lambda dominating",
    "not converged",
    "good",
    "unclear",
]

FEWEST = 3
"""Epochs below which a curve that is finite says too little."""

LEAP = 0.05
"""A training cost that rises by this share within an epoch leaps; of a validation cost, four times as much."""

LEAPS = 0.15
"""Share of the epochs that must leap, and at least two of them, for a curve that oscillates."""

FLOOR = 0.05
"""Below this share of the first epoch's cost, leaps are the noise of a network that has learnt everything."""

RISEN = 0.1
"""By this share a cost must stand above its lowest value to have risen."""

STEADY = 0.9
"""Share of the epochs in which the training cost must fall for a steady fall."""

SLOW = 0.03
"""A training cost that falls by less than this share an epoch falls slowly."""

CREEP = 0.0005
"""One that falls by less than this an epoch has settled, unless it never fell much faster."""

EVEN = 3.0
"""Most times by which its first half falls faster than its second, for a cost that never fell much faster."""

HIGH = 0.4
"""A training cost above this share of the first epoch's is still high."""

STILL = 0.03
"""A training cost that fell by less than this share in all stands still."""

SUDDEN = 0.1
"""A fall by this share within an epoch, four times as fast as all before it, ends a plateau."""

SHRINKING = 0.5
"""Share ηλ/B of a weight that decay takes in an epoch, from which on it can dominate (B: the mini-batch size)."""

POOR = 0.9
"""Training accuracy below which a network that no longer learns has not fitted its training set."""

GAP = 0.15
"""Training and validation cost closer than this share are the same."""

SATURATED = 0.5
"""Share of saturated neurons, where the rows report ``saturation``, from which on it explains slow learning."""


@dataclass(frozen=True)
class Diagnosis:
    """What a trial's curve says about its hyper-parameters.

    Attributes:
        label: The diagnosis in a few words.
        reason: The evidence in words, on one line.
        evidence: The numbers behind it.
    """

    label: Label
    reason: str
    evidence: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the label and the reason."""
        return f"{self.label}: {self.reason}"


def diagnose(trial: Trial, model: Mapping[str, Any] | None = None) -> Diagnosis:
    """Return the diagnosis of a trial: a pure function of its curves and parameters.

    Args:
        trial: The trial, running or ended.
        model: The model's parameters; those that the trial searches come first.
    """
    curves = {name: trial.curve(name) for name in ("train_cost", "train_accuracy", "val_cost", "saturation")}
    return diagnose_curves(
        curves | ({} if curves["saturation"] else {"saturation": reported_saturation(trial)}),
        {**(model or {}), **trial.params},
        _failure(trial),
        trial.curve("learning_rate"),
    )


def _failure(trial: Trial) -> str | None:
    badly = trial.state == "FAILED" or trial.ended_badly
    return trial.decision.reason if badly and trial.decision is not None else None


def diagnose_curves(
    curves: Mapping[str, Sequence[float]],
    params: Mapping[str, Any],
    failure: str | None = None,
    rates: Sequence[float] = (),
) -> Diagnosis:
    """Return the diagnosis of learning curves.

    Args:
        curves: train_cost, and where they were measured val_cost, train_accuracy and saturation, a value an epoch.
        params: The hyper-parameters; of a pipeline with their prefix.
        failure: Why the training failed, or None.
        rates: Learning rate in each epoch, where it was reported.
    """
    cost = curves.get("train_cost", ())
    if any(not math.isfinite(value) for value in cost) or "diverged" in (failure or ""):
        return Diagnosis("learning rate too large", failure or "the training cost is not finite")
    if failure is not None:
        return Diagnosis("unclear", f"it failed: {failure}")
    if not cost:
        return Diagnosis("unclear", "no train_cost was reported")
    if len(cost) < FEWEST:
        return Diagnosis("unclear", f"{len(cost)} of at least {FEWEST} epochs")
    accuracy = curves.get("train_accuracy", ())
    val = [value for value in curves.get("val_cost", ()) if math.isfinite(value)]
    val = val if len(val) == len(cost) else []
    return (
        oscillation(cost, val)
        or _lambda(cost, val, accuracy, _shrinking(params, rates))
        or _saturated(cost, accuracy, curves.get("saturation", ()))
        or _too_small(cost)
        or overfitting(cost, val)
        or unconverged(cost, val)
        or Diagnosis("good", f"training cost {_fell(cost)} and has settled", {"train_cost": cost[-1]})
    )


def parameter(params: Mapping[str, Any], name: str) -> Any:
    """Return a parameter by its own name, in a pipeline behind its prefix; None where there is none."""
    return next((value for key, value in params.items() if key.rpartition("__")[2] == name), None)


def setback(cost: Sequence[float], noise: float = 0.0) -> float:
    """Return the most that a cost ever rose above its lowest value until then and its noise, a share of that value."""
    low, worst = cost[0], 0.0
    for value in cost[1:]:
        worst, low = max(worst, value - (1 + noise) * low), min(low, value)
    return worst


def oscillation(cost: Sequence[float], val: Sequence[float]) -> Diagnosis | None:
    """Return a diagnosis where the costs, a value an epoch, rise or leap; None where they do not."""
    low = min(cost)
    end = median(cost[-3:])
    if end > (1 + RISEN) * low and end > FLOOR * cost[0] and cost.index(low) < len(cost) - 3:
        share = end / low - 1
        reason = f"training cost rises: {end:.3g} at the end, {share:.0%} above epoch {cost.index(low) + 1}"
        return Diagnosis("learning rate too large", reason, {"risen": share})
    for name, curve, leap in (("training", cost, LEAP), ("validation", val, 4 * LEAP)):
        leaps = [
            after / before - 1
            for before, after in pairwise(curve)
            if before > 0 and after > (1 + leap) * before and after > FLOOR * cost[0]
        ]
        if len(leaps) >= max(2.0, LEAPS * (len(cost) - 1)):
            reason = f"{name} cost oscillates: {len(leaps)} leaps up in {len(cost)} epochs, by up to {max(leaps):.0%}"
            return Diagnosis("learning rate too large", reason, {"leaps": len(leaps), "largest_leap": max(leaps)})
    return None


def _lambda(
    cost: Sequence[float], val: Sequence[float], accuracy: Sequence[float], shrinking: float | None
) -> Diagnosis | None:
    if shrinking is None or shrinking < SHRINKING or not val:
        return None
    poor = bool(accuracy) and accuracy[-1] < POOR
    level = abs(_fall(cost[len(cost) // 2], median(cost[-3:]))) < STILL
    same = abs(val[-1] - cost[-1]) < GAP * cost[-1]
    if not (poor and level and same):
        return None
    reason = (
        f"training accuracy stays at {accuracy[-1]:.2f}, validation cost ({val[-1]:.3g}) is that of training, and "
        f"decay is strong: ηλ/B = {shrinking:.2g} an epoch"
    )
    return Diagnosis("lambda dominating", reason, {"decay_per_epoch": shrinking, "train_accuracy": accuracy[-1]})


def reported_saturation(trial: Trial) -> list[float]:
    """Return at each epoch the mean share of saturated neurons over the hidden layers."""
    if not trial.rows:
        return []
    layers = [trial.curve(name) for name in trial.rows[-1].metrics if name.startswith("saturated_")]
    if all(len(layer) == len(trial.rows) for layer in layers):
        return [sum(shares) / len(shares) for shares in zip(*layers, strict=True)]
    curve = []
    for row in trial.rows:
        shares = [value for name, value in row.metrics.items() if name.startswith("saturated_")]
        if shares:
            curve.append(sum(shares) / len(shares))
    return curve


def _saturated(cost: Sequence[float], accuracy: Sequence[float], saturation: Sequence[float]) -> Diagnosis | None:
    if accuracy and accuracy[-1] >= POOR:
        return None  # it has learnt by now, however its first epochs looked
    slow = _fall(cost[0], cost[-1]) < 1 - HIGH
    if saturation and saturation[-1] >= SATURATED and slow:
        reason = f"{saturation[-1]:.0%} of the neurons are saturated while training cost {_fell(cost)}"
        return Diagnosis("saturated neurons", reason, {"saturation": saturation[-1]})
    # The first epoch's mean holds the way from the initial weights to the plateau.
    still = abs(_fall(cost[1], cost[-1])) < STILL and not _creeps(cost, accuracy)
    if still and (not accuracy or accuracy[-1] < POOR / 2):
        accuracy_text = f", accuracy at {accuracy[-1]:.2f}" if accuracy else ""
        reason = (
            f"training cost stands still at {cost[-1]:.3g} from epoch 2 on{accuracy_text}: the neurons no longer learn"
        )
        return Diagnosis("saturated neurons", reason, {"plateau": cost[-1], "epochs": len(cost) - 1})
    for i in range(2, len(cost) - 1):
        falls = [_fall(a, b) for a, b in pairwise(cost[1 : i + 1])]
        fall = _fall(cost[i], cost[i + 1])
        if fall > SUDDEN and max(falls) < fall / 4:
            reason = (
                f"learning slowdown: {i + 1} epochs on a plateau near {cost[i]:.3g}, "
                f"then training cost fell by {fall:.0%} within one"
            )
            return Diagnosis("saturated neurons", reason, {"plateau": cost[i], "epochs": i + 1, "fall": fall})
    return None


def _creeps(cost: Sequence[float], accuracy: Sequence[float]) -> bool:
    """Return whether a cost that hardly moves still does so evenly, or brings accuracy: small steps, not none."""
    return _steady(cost[1:]) and (_even(cost) or (bool(accuracy) and accuracy[-1] - accuracy[1] > STILL))


def _even(cost: Sequence[float]) -> bool:
    """Return whether a cost fell hardly faster in its first half than in its second."""
    middle = cost[len(cost) // 2]
    return cost[0] - middle < EVEN * (middle - cost[-1])


def _too_small(cost: Sequence[float]) -> Diagnosis | None:
    half = cost[len(cost) // 2 :]
    pace = fmean(_fall(a, b) for a, b in pairwise(half)) if len(half) > 1 else 0.0
    if cost[-1] < HIGH * cost[0] or not _steady(cost) or pace > SLOW or (pace < CREEP and not _even(cost)):
        return None
    reason = f"training cost falls steadily but slowly, {pace:.1%} an epoch: {_fell(cost)} only"
    return Diagnosis("learning rate too small", reason, {"pace": pace, "left": cost[-1] / cost[0]})


def overfitting(cost: Sequence[float], val: Sequence[float]) -> Diagnosis | None:
    """Return a diagnosis where validation gets worse while training gets better; None where it does not."""
    if not val:
        return None
    best = val.index(min(val))
    risen = median(val[-3:]) / val[best] - 1 if val[best] > 0 else 0.0
    fall = _fall(cost[best], median(cost[-3:]))
    if best >= len(val) - 3 or risen < RISEN or fall < RISEN:
        return None
    reason = (
        f"from epoch {best + 1}: validation cost rose by {risen:.0%} from {val[best]:.3g} "
        f"while training cost fell by {fall:.0%}"
    )
    return Diagnosis("overfitting", reason, {"from_epoch": best + 1, "val_risen": risen, "train_fallen": fall})


def unconverged(cost: Sequence[float], val: Sequence[float]) -> Diagnosis | None:
    """Return a diagnosis where the costs still fall at the end; None where they do not."""
    quarter = max(len(cost) // 4, 1)
    fall = _fall(cost[-1 - quarter], cost[-1])
    val_fall = _fall(val[-1 - quarter], val[-1]) if val else fall
    if fall < RISEN or val_fall < STILL:
        return None
    with_val = f" and validation cost by {val_fall:.0%}" if val else ""
    when = "epoch" if quarter == 1 else f"{quarter} epochs"
    reason = f"training cost still fell by {fall:.0%}{with_val} in the last {when}"
    return Diagnosis("not converged", reason, {"train_fallen": fall, "val_fallen": val_fall, "epochs": quarter})


def _shrinking(params: Mapping[str, Any], rates: Sequence[float]) -> float | None:
    """Return the share of a weight that decay takes in an epoch, or None where λ, η or the batch size is not known."""
    eta = rates[-1] if rates else parameter(params, "learning_rate")
    settings = [eta, parameter(params, "l2"), parameter(params, "batch_size")]
    if not all(isinstance(value, int | float) for value in settings):
        return None
    rate, decay, batch = (float(value) for value in settings)
    return rate * decay / batch


def _steady(cost: Sequence[float]) -> bool:
    steps = len(cost) - 1
    return sum(after < before for before, after in pairwise(cost)) >= STEADY * steps


def _fall(before: float, after: float) -> float:
    """Return by which share of its first value a cost fell; negative where it rose."""
    return (before - after) / before if before > 0 else 0.0


def _fell(cost: Sequence[float]) -> str:
    return f"fell by {_fall(cost[0], cost[-1]):.0%} from {cost[0]:.3g} to {cost[-1]:.3g}"
