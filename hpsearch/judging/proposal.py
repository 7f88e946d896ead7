"""What to search next: which ranges the good trials press against, and which hold nothing but failures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from hpsearch.judging.compared import diagnoses as compare
from hpsearch.judging.compared import late_gain
from hpsearch.judging.diagnosis import Diagnosis, Label
from hpsearch.judging.remedy import UNSATURATED
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
    ("learning rate too large", "learning_rate", "above", "have too large a one"),
    ("learning rate too small", "learning_rate", "below", "have too small a one"),
    ("lambda dominating", "l2", "above", "are dominated by λ"),
)

SATURATED: Label = "saturated neurons"

LEAST_DECAY, MOST_DECAY = 1e-5, 1e-2
"""λ/n between these is where weight decay is first looked for: the chapter's λ = 5 on 50,000 images lies between."""


@dataclass(frozen=True)
class Proposal:
    """What to search next.

    Attributes:
        text: The finding and the change in words.
        dimensions: Ranges that are to be searched in place of those that were, by name.
        params: Parameters of the model that are to change.
        epochs: Epochs to train for, or None where they stay.
        expected: What the log says of what that may bring, with its numbers.
    """

    text: str
    dimensions: dict[str, Dimension] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    expected: str = ""


def propose(history: History) -> list[str]:
    """Return proposals for the next search, a line each; none where there is too little to go by."""
    return [each.text for each in proposals(history)]


def proposals(history: History) -> list[Proposal]:
    """Return what to search next, a proposal per dimension and one per fault that the good trials share.

    Args:
        history: The study; with fewer than `FEWEST` trials that have a value nothing is proposed.
    """
    ranked = history.ranked()
    if len(ranked) < FEWEST:
        return []
    good = ranked[: min(max(round(BEST * len(ranked)), 4), 12)]
    said_of = compare(history)
    diagnoses = {t.number: said_of[t.number] for t in history.trials if t.decision is not None}
    found = []
    for name, dim in history.declaration.dimensions.items():
        if not isinstance(dim, Choice):
            ends = [*_widen(name, dim, good, history), *_narrow(name, dim, history.trials, good, diagnoses)]
            found += _joined(name, dim, ends)
    return found + _training(good, diagnoses, history)


@dataclass(frozen=True)
class _End:
    """A reason to move an end of a range, and where to."""

    reason: str
    expected: str
    wider: bool
    low: float | None = None
    high: float | None = None


def _joined(name: str, dim: Float | Int, ends: Sequence[_End]) -> list[Proposal]:
    """Return one proposal for a dimension: its range with all the ends that are to be moved."""
    # An end that good trials press against is not cut off for what bad ones say of it.
    low = next((end.low for end in ends if end.low is not None), dim.low)
    high = next((end.high for end in ends if end.high is not None), dim.high)
    other = _between(dim, low, high)
    if not ends or other is None:
        return []
    ways = {end.wider for end in ends}
    change = "move" if len(ways) > 1 else "widen" if True in ways else "narrow"
    reasons, hoped = (", and ".join(texts) for texts in zip(*((end.reason, end.expected) for end in ends), strict=True))
    return [Proposal(f"{reasons}: {change} {dim!r} to {other!r}", {name: other}, expected=hoped)]


def _widen(name: str, dim: Float | Int, good: Sequence[Trial], history: History) -> list[_End]:
    places = [_place(dim, trial.params[name]) for trial in good if name in trial.params]
    ranked = [trial for trial in history.ranked() if name in trial.params]
    everywhere = [_place(dim, trial.params[name]) for trial in ranked]
    ends = []
    for side in ("lower", "upper"):
        count = sum(place <= EDGE if side == "lower" else place >= 1 - EDGE for place in places)
        wider = _wider(dim, side)
        if count >= max(3, OFTEN * len(places)) and wider is not None:
            reason = f"{count} of {len(places)} good trials lie at the {side} edge of {name}"
            at = [place <= EDGE if side == "lower" else place >= 1 - EDGE for place in everywhere]
            here, there = (
                _median([t for t, on in zip(ranked, at, strict=True) if on == edge]) for edge in (True, False)
            )
            metric = history.goal.metric
            hoped = f"the median {metric} is {here} at that edge and {there} elsewhere; beyond it nothing was tried"
            ends.append(_End(reason, hoped, True, **{"low": wider.low} if side == "lower" else {"high": wider.high}))
    return ends


def _narrow(
    name: str, dim: Float | Int, trials: Sequence[Trial], good: Sequence[Trial], diagnoses: Mapping[int, Diagnosis]
) -> list[_End]:
    ends = []
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
            reason = f"{count} of {len(there)} trials with {name} {side} {cut:g} {what}, and no good one lies there"
            hoped = f"{len(there)} of {len(ended)} trials were spent there, and would be free for the rest"
            ends.append(_End(reason, hoped, False, **{"high": cut} if above else {"low": cut}))
    return ends


def _training(good: Sequence[Trial], diagnoses: Mapping[int, Diagnosis], history: History) -> list[Proposal]:
    labels = [diagnoses[trial.number].label for trial in good if trial.number in diagnoses]
    often = max(3, OFTEN * len(labels))
    found = []
    if (count := labels.count("not converged")) >= often:
        epochs = 2 * max(trial.epoch for trial in good)
        text = f"{count} of {len(labels)} good trials have not converged: train longer, --epochs {epochs}"
        gains = [gain for trial in good if (gain := late_gain(trial, history.goal)) is not None]
        late = f"{median(gains):.2g}" if gains else "an unknown amount"
        hoped = f"in the last quarter of their epochs the good trials still got better by {late} (the median)"
        found.append(Proposal(text, epochs=epochs, expected=hoped))
    if (count := labels.count("overfitting")) >= often:
        risen = [
            share
            for trial in good
            if trial.number in diagnoses and (share := diagnoses[trial.number].evidence.get("val_risen")) is not None
        ]
        hoped = f"their validation cost rose by {median(risen):.0%} (the median) from its lowest" if risen else ""
        found.append(_regularise(f"{count} of {len(labels)} good trials overfit", hoped, history))
    every = [diagnosis.label for diagnosis in diagnoses.values()]
    if (count := every.count(SATURATED)) >= max(3, len(every) / 4):
        text = (
            f"{count} of {len(every)} trials have saturated neurons: weight_init='scaled', cost='cross_entropy' or a "
            "smaller learning_rate"
        )
        dull = [t for t in history.ranked() if t.number in diagnoses and diagnoses[t.number].label == SATURATED]
        here, there = _median(dull), _median([t for t in history.ranked() if t not in dull])
        hoped = f"the median {history.goal.metric} of these trials is {here}, of all others {there}"
        found.append(Proposal(text, params=dict(UNSATURATED), expected=hoped))
    return found


def _regularise(seen: str, hoped: str, history: History) -> Proposal:
    """Return that more regularisation is to be searched: a larger λ where the model has one."""
    dims = history.declaration.dimensions
    name = next((each for each in (*dims, *history.declaration.model_params) if each.rpartition("__")[2] == "l2"), None)
    dim, sizes = dims.get(name or ""), ((history.header.dataset if history.header else {}).get("sizes") or {})
    larger: Dimension | None = None
    if isinstance(dim, Float):
        larger = _between(dim, dim.low, 10 * dim.high)
    elif name is not None and name not in dims and (n := sizes.get("train")):
        larger = Float(_round(LEAST_DECAY * n), _round(MOST_DECAY * n), log=True)
    if name is None or larger is None:
        return Proposal(f"{seen}: regularise more, or let them stop early", expected=hoped)
    text = f"{seen}: search a larger λ, {name}={larger!r}, or let them stop early"
    return Proposal(text, {name: larger}, expected=hoped)


def _median(trials: Sequence[Trial]) -> str:
    """Return the median value of trials in three digits; a dash where there is none."""
    values = [trial.value for trial in trials if trial.value is not None]
    return f"{median(values):.3g}" if values else "-"


def _place(dim: Float | Int, value: float) -> float:
    """Return where a value lies in its range, from 0 to 1."""
    if dim.log:
        return (math.log(value) - math.log(dim.low)) / (math.log(dim.high) - math.log(dim.low))
    return (value / 2 - dim.low / 2) / (dim.high / 2 - dim.low / 2)  # the width of a range need not be a float


def _wider(dim: Float | Int, side: str) -> Float | Int | None:
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


def _between(dim: Float | Int, low: float, high: float) -> Float | Int | None:
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
