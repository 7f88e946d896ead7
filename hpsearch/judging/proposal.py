"""What to search next: which ranges the good trials press against, and which hold nothing but failures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hpsearch.judging.diagnosis import Diagnosis, Label, diagnose
from hpsearch.log.history import History, Trial
from hpsearch.space import Choice, Dimension, Float, Int
from hpsearch.space.dimensions import LARGEST

FEWEST = 8
"""Trials with a value below which nothing is proposed."""

BEST = 0.25
"""Share of the trials that count as good: at least 4 of them, at most 12."""

EDGE = 0.1
"""Share of a range, of its logarithm where it is sampled so, that is its edge."""

OFTEN = 0.5
"""Share of the good trials that must agree for a proposal."""

_NARROW: Sequence[tuple[Label, str, str, str]] = (
    ("learning rate too large", "learning_rate", "above", "diverge or oscillate"),
    ("learning rate too small", "learning_rate", "below", "hardly move"),
    ("lambda dominating", "l2", "above", "are dominated by λ"),
)


def propose(history: History) -> list[str]:
    """Return proposals for the next search, a line each; none where there is too little to go by."""
    ranked = history.ranked()
    if len(ranked) < FEWEST:
        return []
    model = history.declaration.model_params
    good = ranked[: min(max(round(BEST * len(ranked)), 4), 12)]
    diagnoses = {trial.number: diagnose(trial, model) for trial in history.trials if trial.decision is not None}
    lines = []
    for name, dim in history.declaration.dimensions.items():
        if not isinstance(dim, Choice):
            lines += _widen(name, dim, good)
            lines += _narrow(name, dim, history.trials, good, diagnoses)
    return lines + _training(good, diagnoses, history)


def _widen(name: str, dim: Float | Int, good: Sequence[Trial]) -> list[str]:
    places = [_place(dim, trial.params[name]) for trial in good if name in trial.params]
    lines = []
    for side in ("lower", "upper"):
        count = sum(place <= EDGE if side == "lower" else place >= 1 - EDGE for place in places)
        wider = _wider(dim, side)
        if count >= max(3, OFTEN * len(places)) and wider is not None:
            lines.append(
                f"{count} of {len(places)} good trials lie at the {side} edge of {name}: widen {dim!r} to {wider!r}"
            )
    return lines


def _narrow(
    name: str, dim: Float | Int, trials: Sequence[Trial], good: Sequence[Trial], diagnoses: Mapping[int, Diagnosis]
) -> list[str]:
    lines = []
    for label, parameter, side, what in _NARROW:
        known = [trial.params[name] for trial in good if name in trial.params]
        if name.rpartition("__")[2] != parameter or not known:
            continue
        above = side == "above"
        cut = _round(1.5 * max(known)) if above else _round(min(known) / 1.5)
        ended = [trial for trial in trials if trial.number in diagnoses and name in trial.params]
        there = [t for t in ended if (t.params[name] > cut if above else t.params[name] < cut)]
        count = sum(diagnoses[trial.number].label == label for trial in there)
        narrower = _between(dim, dim.low, cut) if above else _between(dim, cut, dim.high)
        if count >= max(3, OFTEN * len(there)) and narrower is not None:
            lines.append(
                f"{count} of {len(there)} trials with {name} {side} {cut:g} {what}, and no good one lies there: "
                f"narrow {dim!r} to {narrower!r}"
            )
    return lines


def _training(good: Sequence[Trial], diagnoses: Mapping[int, Diagnosis], history: History) -> list[str]:
    labels = [diagnoses[trial.number].label for trial in good if trial.number in diagnoses]
    often = max(3, OFTEN * len(labels))
    lines = []
    if (count := labels.count("not converged")) >= often:
        epochs = max(trial.epoch for trial in good)
        lines.append(f"{count} of {len(labels)} good trials have not converged: train longer, --epochs {2 * epochs}")
    if (count := labels.count("overfitting")) >= often:
        lines.append(f"{count} of {len(labels)} good trials overfit: search a larger l2, or let them stop early")
    every = [found.label for found in diagnoses.values()]
    if (count := every.count("saturated neurons")) >= max(3, len(every) / 4):
        lines.append(
            f"{count} of {len(every)} trials have saturated neurons: weight_init='scaled', cost='cross_entropy' or a "
            "smaller learning_rate"
        )
    return lines


def _place(dim: Float | Int, value: float) -> float:
    """Return where a value lies in its range, from 0 to 1."""
    if dim.log:
        return (math.log(value) - math.log(dim.low)) / (math.log(dim.high) - math.log(dim.low))
    return (value / 2 - dim.low / 2) / (dim.high / 2 - dim.low / 2)  # the width of a range need not be a float


def _wider(dim: Float | Int, side: str) -> Dimension | None:
    """Return the range widened on a side: threefold where its logarithm is sampled, else by half; None if it cannot."""
    low, high = float(dim.low), float(dim.high)
    if dim.log:
        return _between(dim, low / 3 if side == "lower" else low, 3 * high if side == "upper" else high)
    half = (high - low) / 2
    if side == "lower":
        low = max(low - half, 0.0) if low >= 0 else low - half
    elif low >= 0 and high <= 1:
        high = (1 + high) / 2  # a share such as dropout or momentum
    else:
        high += half
    return _between(dim, low, high)


def _between(dim: Float | Int, low: float, high: float) -> Dimension | None:
    """Return the range with other ends, in two digits where they moved; None where it is the same or empty.

    None too where such a range cannot be: its ends are no numbers any more.
    """
    if low < -LARGEST or high > LARGEST or (dim.log and low <= 0):
        return None
    low = dim.low if low == dim.low else _round(low)
    high = dim.high if high == dim.high else _round(high)
    if isinstance(dim, Int):
        low, high = max(int(low), 1) if dim.log else int(low), int(high)
        return Int(low, high, dim.log, dim.step) if low < high and (low, high) != (dim.low, dim.high) else None
    if dim.step is not None:
        low = dim.low - math.ceil((dim.low - low) / dim.step) * dim.step
    return Float(low, high, dim.log, dim.step) if low < high and (low, high) != (dim.low, dim.high) else None


def _round(value: float) -> float:
    return float(f"{value:.2g}")
