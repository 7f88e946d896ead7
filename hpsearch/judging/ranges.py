"""Which ends of a range to move: those that good trials press against are widened, those with only failures cut off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from hpsearch.judging.compared import APART
from hpsearch.judging.diagnosis import Diagnosis, Label
from hpsearch.judging.standing import noise_of
from hpsearch.judging.trend import SURE, trend
from hpsearch.log.history import History, Trial
from hpsearch.space import Choice, Dimension, Float, Int
from hpsearch.space.dimensions import LARGEST

NEAR = 1 / 3
"""Share of a range, of its logarithm where it is sampled so, that lies near an end."""

VAIN = 0.5
"""Share of the trials' epochs that a narrower range must have spared, for it to be proposed."""

RARE = 1 / 6
"""A narrower range is proposed where no greater share of the trials is within noise of the best."""

OFTEN = 0.5
"""Share of trials that must agree."""


class _Fault(NamedTuple):
    """A diagnosis by which a range is narrowed.

    Attributes:
        label: The diagnosis.
        parameter: The parameter that is at fault.
        side: On which side of the good values faulty ones lie: ``above`` or ``below``.
        complaint: The fault in words, as a predicate of "trials".
    """

    label: Label
    parameter: str
    side: str
    complaint: str


_FAULTS: Sequence[_Fault] = (
    _Fault("learning rate too large", "learning_rate", "above", "have too large a one"),
    _Fault("learning rate too small", "learning_rate", "below", "have too small a one"),
    _Fault("lambda dominating", "l2", "above", "are dominated by λ"),
)

_FACTORS: Mapping[str, str] = {"rate": "learning_rate", "decay": "l2"}
"""By the name of a factor in a diagnosis's evidence, how far a parameter is beyond the good ones': the parameter."""

_CALLS: Mapping[tuple[str, str], tuple[tuple[Label, ...], tuple[Label, ...]]] = {
    ("learning_rate", "upper"): (("learning rate too small",), ("learning rate too large", "dead units")),
    ("learning_rate", "lower"): (("learning rate too large", "dead units"), ("learning rate too small",)),
    ("l2", "lower"): (("lambda dominating",), ("overfitting",)),
    ("l2", "upper"): (("overfitting",), ("lambda dominating",)),
}
"""By parameter and end of its range: labels that call for values beyond that end, and those that speak against them."""


@dataclass(frozen=True)
class _End:
    """A reason to move an end of a range, and where to.

    Attributes:
        reason: What was seen, in words.
        expected: What the log says about the gain to be expected.
        wider: Whether the range gets wider.
        low: The new lower end, or None where it stays.
        high: The new upper end, or None where it stays.
    """

    reason: str
    expected: str
    wider: bool
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Move:
    """A range that is to be searched in place of one that was.

    Attributes:
        dimension: The range.
        text: What was seen, and the change, in words.
        expected: What the log says of what that may bring.
    """

    dimension: Float | Int
    text: str
    expected: str


def moved(
    name: str, dim: Dimension, history: History, diagnoses: Mapping[int, Diagnosis], good: Sequence[Trial]
) -> Move | None:
    """Return the range that is to be searched in place of a dimension's; None where it is right, or a Choice.

    Args:
        name: The dimension's name.
        dim: The dimension.
        history: The study, with at least one trial that has a value.
        diagnoses: The diagnosis of each trial, by number.
        good: The trials that a range must keep, the best first.
    """
    ranked = history.ranked()
    if isinstance(dim, Choice) or any(diagnosis.label == "at chance level" for diagnosis in diagnoses.values()):
        return None
    least = history.goal.loss(ranked[0].value or 0.0) + noise_of(history, ranked)
    near_best = [trial for trial in ranked if history.goal.loss(trial.value or 0.0) <= least]
    ends = [*_widen(name, dim, near_best, history, diagnoses), *_narrow(name, dim, history.trials, good, diagnoses)]
    # An end that good trials press against is not cut off for what bad ones say of it.
    low = next((end.low for end in ends if end.low is not None), dim.low)
    high = next((end.high for end in ends if end.high is not None), dim.high)
    new_range = between(dim, low, high)
    if new_range is None or not (any(end.wider for end in ends) or _spares(name, new_range, near_best, ranked)):
        return None
    directions = {end.wider for end in ends}
    change = "move" if len(directions) > 1 else "widen" if True in directions else "narrow"
    reasons, hoped = (", and ".join(texts) for texts in zip(*((end.reason, end.expected) for end in ends), strict=True))
    return Move(new_range, f"{reasons}: {change} {dim!r} to {new_range!r}", hoped)


def _spares(name: str, new_range: Float | Int, near_best: Sequence[Trial], ranked: Sequence[Trial]) -> bool:
    """Return whether a narrower range pays: most epochs were trained outside of it, and trials near the best are rare.

    Otherwise as many epochs again would hardly find better trials in it. What counts are epochs, since trials that a
    pruner stopped at once cost next to nothing.
    """
    with_it = [trial for trial in ranked if name in trial.params]
    spared = sum(trial.epoch for trial in with_it if not new_range.low <= trial.params[name] <= new_range.high)
    return spared >= VAIN * sum(trial.epoch for trial in with_it) and len(near_best) <= RARE * len(ranked)


def _widen(
    name: str, dim: Float | Int, near_best: Sequence[Trial], history: History, diagnoses: Mapping[int, Diagnosis]
) -> list[_End]:
    """Return the ends beyond which values are called for: all trials about as good as the best lie near that end.

    Besides, either values get better towards it more than by chance, or the diagnoses call for values beyond it: some
    trials have too little of the parameter, and none has too much. Trials that another parameter keeps back are left
    out.
    """
    short_name = name.rpartition("__")[2]
    searched = {key.rpartition("__")[2] for key in history.declaration.dimensions}
    best = {trial.number for trial in near_best}
    with_it = [trial for trial in history.ranked() if name in trial.params]
    telling = [
        trial
        for trial in with_it
        if trial.number in best
        or not any(_off(diagnoses[trial.number], parameter) for parameter in searched - {short_name})
    ]
    labels = [_blame(diagnoses[trial.number], short_name) for trial in with_it]
    relevant = {
        label for (parameter, _), sides in _CALLS.items() if parameter == short_name for side in sides for label in side
    }
    judged = not relevant.isdisjoint(labels)
    losses = [history.goal.loss(trial.value or 0.0) for trial in telling]
    ends = []
    for side in ("lower", "upper"):
        wider = _wider(dim, side)
        sign = 1 if side == "upper" else -1
        places = [sign * (_place(dim, trial.params[name]) - 0.5) + 0.5 for trial in telling]
        best_places = [place for place, trial in zip(places, telling, strict=True) if trial.number in best]
        if wider is None or not best_places or min(best_places) < 1 - NEAR or len(best_places) == len(telling):
            continue
        more, less = _CALLS.get((short_name, side), ((), ()))
        count = sum(label in more for label in labels)
        called = count >= 3 and not any(label in less for label in labels)
        if not called and (judged or trend(places, losses) > SURE):
            continue
        others = [trial for trial in telling if trial.number not in best]
        reason = f"all trials within noise of the best ({len(best_places)}) lie near the {side} end of {name}"
        medians = f"{median_value(near_best)} near that end and {median_value(others)} elsewhere"
        hoped = f"the median {history.goal.metric} is {medians}; beyond it nothing was tried"
        ends.append(_End(reason, hoped, True, **{"low": wider.low} if side == "lower" else {"high": wider.high}))
    return ends


def _narrow(
    name: str, dim: Float | Int, trials: Sequence[Trial], good: Sequence[Trial], diagnoses: Mapping[int, Diagnosis]
) -> list[_End]:
    ends = []
    for label, parameter, side, complaint in _FAULTS:
        good_values = [trial.params[name] for trial in good if name in trial.params]
        if name.rpartition("__")[2] != parameter or not good_values:
            continue
        above = side == "above"
        ended = [trial for trial in trials if trial.decision is not None and name in trial.params]
        bad = [trial.params[name] for trial in ended if _blame(diagnoses[trial.number], parameter) == label]
        cut = _cut(dim, max(good_values) if above else min(good_values), bad, above=above)
        cut_off = [t for t in ended if (t.params[name] > cut if above else t.params[name] < cut)]
        count = sum(_blame(diagnoses[trial.number], parameter) == label for trial in cut_off)
        narrower = between(dim, dim.low, cut) if above else between(dim, cut, dim.high)
        if count >= max(3, OFTEN * len(cut_off)) and narrower is not None:
            reason = (
                f"{count} of {len(cut_off)} trials with {name} {side} {cut:g} {complaint}, and no good one lies there"
            )
            cut_epochs, all_epochs = (sum(trial.epoch for trial in group) for group in (cut_off, ended))
            hoped = f"{cut_epochs:,} of {all_epochs:,} epochs were spent there, and would be free for the rest"
            ends.append(_End(reason, hoped, False, **{"high": cut} if above else {"low": cut}))
    return ends


def _blame(diagnosis: Diagnosis, parameter: str) -> Label | None:
    """Return the label of a trial where it says something about a parameter's range, else None.

    A trial that fits the training set at least as well as good trials do is kept back neither by η nor by λ, whatever
    its validation cost; and where both are off, neither can be named as the cause.
    """
    if any(
        _off(diagnosis, factor_parameter) for factor_parameter in _FACTORS.values() if factor_parameter != parameter
    ):
        return None
    return diagnosis.label if diagnosis.label == "overfitting" or diagnosis.evidence.get("fit", math.inf) > 1 else None


def _off(diagnosis: Diagnosis, parameter: str) -> bool:
    """Return whether a trial that fits worse than the good ones has a parameter far beyond theirs."""
    factors = [diagnosis.evidence.get(key, 1.0) for key, name in _FACTORS.items() if name == parameter]
    return diagnosis.evidence.get("fit", 1.0) > 1 and any(not 1 / APART <= factor <= APART for factor in factors)


def _cut(dim: Float | Int, good: float, bad: Sequence[float], *, above: bool) -> float:
    """Return where to cut a range off: midway from the outermost good trial to the nearest bad one beyond it.

    Nothing in between has been tried, so where in it the trouble begins is unknown. At least half as much again as the
    good ones reach is kept.
    """
    beyond = [value for value in bad if (value > good if above else value < good)]
    nearest = (min(beyond) if above else max(beyond)) if beyond else good
    middle = math.sqrt(good * nearest) if dim.log else good / 2 + nearest / 2
    return rounded(max(middle, 1.5 * good) if above else min(middle, good / 1.5))


def median_value(trials: Sequence[Trial]) -> str:
    """Return the median value of trials as text, in three digits; a dash where none has a value."""
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
        return between(dim, low / 3 if side == "lower" else low, 3 * high if side == "upper" else high)
    half = (high - low) / 2
    if side == "lower":
        low = max(low - half, 0.0) if low >= 0 else low - half
    elif low >= 0 and high <= 1:
        high = (1 + high) / 2  # a share such as dropout or momentum
    else:
        high += half
    return between(dim, low, high)


def between(dim: Float | Int, low: float, high: float) -> Float | Int | None:
    """Return the range with other ends, in two digits where they moved; None where it is the same or empty.

    None too where such a range is impossible: its ends would be beyond what floats can be.
    """
    if low < -LARGEST or high > LARGEST or (dim.log and low <= 0):
        return None
    low = dim.low if low == dim.low else rounded(low)
    high = dim.high if high == dim.high else rounded(high)
    if isinstance(dim, Int):
        low, high = max(int(low), 1) if dim.log else int(low), int(high)
        return Int(low, high, dim.log, dim.step) if low < high and (low, high) != (dim.low, dim.high) else None
    if dim.step is not None:
        low = dim.low - math.ceil((dim.low - low) / dim.step) * dim.step
    return Float(low, high, dim.log, dim.step) if low < high and (low, high) != (dim.low, dim.high) else None


def rounded(value: float) -> float:
    """Return a value in two digits."""
    return float(f"{value:.2g}")
