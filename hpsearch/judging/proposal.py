"""What to search next: which ranges the good trials press against, and which hold nothing but failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from hpsearch.judging.compared import diagnoses as compare
from hpsearch.judging.compared import late_gain
from hpsearch.judging.diagnosis import Diagnosis, Label
from hpsearch.judging.ranges import median_value, moved, rounded
from hpsearch.judging.remedy import unsaturated
from hpsearch.log.history import History, Trial
from hpsearch.space import Dimension, Float

FEWEST = 8
"""Trials with a value below which nothing is proposed."""

BEST = 0.25
"""Share of the trials that count as good: at least 4 of them, at most 12."""

OFTEN = 0.5
"""Share of the good trials that must agree for a proposal."""

RISEN = 0.4
"""Share by which the good trials' validation cost must have risen (the median) for a larger λ to be proposed: each
trial's value is that of its best epoch, and less than that costs it nothing."""

SATURATED: Label = "saturated neurons"

LEAST_DECAY = 1e-5
MOST_DECAY = 1e-2
"""Weight decay is first looked for with λ/n between these: the chapter's λ = 5 on 50,000 images lies between."""


@dataclass(frozen=True)
class Proposal:
    """What to search next.

    Attributes:
        text: The finding and the change in words.
        dimensions: Ranges that are to be searched in place of those that were, by name.
        params: Parameters of the model that are to change.
        epochs: Epochs to train for, or None where they stay.
        expected: What the log says about the gain to be expected, with its numbers.
    """

    text: str
    dimensions: dict[str, Dimension] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    expected: str = ""


def propose(history: History) -> list[str]:
    """Return proposals for the next search, a line each; none where there is too little to go by."""
    return [proposal.text for proposal in proposals(history)]


def proposals(history: History) -> list[Proposal]:
    """Return what to search next, a proposal per dimension and one per fault that the good trials share.

    Args:
        history: The study; with fewer than `FEWEST` trials that have a value nothing is proposed.
    """
    ranked = history.ranked()
    if len(ranked) < FEWEST:
        return []
    good = ranked[: min(max(round(BEST * len(ranked)), 4), 12)]
    all_diagnoses = compare(history)
    diagnoses = {t.number: all_diagnoses[t.number] for t in history.trials if t.decision is not None}
    moves = []
    for name, dim in history.declaration.dimensions.items():
        if (move := moved(name, dim, history, all_diagnoses, good)) is not None:
            moves.append(Proposal(move.text, {name: move.dimension}, expected=move.expected))
    return moves + _training(good, diagnoses, history)


def _training(good: Sequence[Trial], diagnoses: Mapping[int, Diagnosis], history: History) -> list[Proposal]:
    labels = [diagnoses[trial.number].label for trial in good if trial.number in diagnoses]
    often = max(3, OFTEN * len(labels))
    proposed = []
    if (count := labels.count("not converged")) >= often:
        epochs = 2 * max(trial.epoch for trial in good)
        text = f"{count} of {len(labels)} good trials have not converged: train longer, --epochs {epochs}"
        gains = [gain for trial in good if (gain := late_gain(trial, history.goal)) is not None]
        late = f"{median(gains):.2g}" if gains else "an unknown amount"
        hoped = f"in the last quarter of their epochs the good trials still got better by {late} (the median)"
        proposed.append(Proposal(text, epochs=epochs, expected=hoped))
    if (count := labels.count("overfitting")) >= often:
        risen = [
            share
            for trial in good
            if trial.number in diagnoses and (share := diagnoses[trial.number].evidence.get("val_risen")) is not None
        ]
        if risen and median(risen) >= RISEN:
            proposed += _regularise(f"{count} of {len(labels)} good trials overfit", median(risen), history)
    all_labels = [diagnosis.label for diagnosis in diagnoses.values()]
    if (count := all_labels.count(SATURATED)) >= max(3, len(all_labels) / 4) and (change := unsaturated(history)):
        settings = ", ".join(f"{name}={value!r}" for name, value in change.items())
        text = f"{count} of {len(all_labels)} trials have saturated neurons: {settings}"
        saturated = [t for t in history.ranked() if t.number in diagnoses and diagnoses[t.number].label == SATURATED]
        their_median = median_value(saturated)
        other_median = median_value([t for t in history.ranked() if t not in saturated])
        hoped = f"the median {history.goal.metric} of these trials is {their_median}, of all others {other_median}"
        proposed.append(Proposal(text, params=change, expected=hoped))
    return proposed


def _regularise(finding: str, risen: float, history: History) -> list[Proposal]:
    """Return the proposal to search more regularisation: a larger λ where the model has one.

    Where λ is searched already nothing is returned: its range is judged as others are (`hpsearch.judging.ranges`).

    Args:
        finding: What calls for it, in words.
        risen: The share by which the validation cost rose, the median of the good trials.
        history: The study.
    """
    dims = history.declaration.dimensions
    hoped = f"their validation cost rose by {risen:.0%} (the median) from its lowest"
    name = next(
        (key for key in (*dims, *history.declaration.model_params) if key.rpartition("__")[2] == "l2"),
        None,
    )
    if name in dims:
        return []
    n = ((history.header.dataset if history.header else {}).get("sizes") or {}).get("train")
    if name is None or not n:
        return [Proposal(f"{finding}: regularise more, or let them stop early", expected=hoped)]
    larger = Float(rounded(LEAST_DECAY * n), rounded(MOST_DECAY * n), log=True)
    text = f"{finding}: search a larger λ, {name}={larger!r}, or let them stop early"
    return [Proposal(text, {name: larger}, expected=hoped)]
