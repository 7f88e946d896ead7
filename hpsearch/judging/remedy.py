"""What to change of a trial that is kept back, by its diagnosis and by what the good trials of its study have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from hpsearch.judging.diagnosis import Diagnosis, parameter
from hpsearch.judging.standing import Standing, standing_of
from hpsearch.log.history import History, Trial

STEP = 10.0
"""Factor on η or λ where no good trial shows a better one."""

UNSATURATED: Mapping[str, Any] = {"weight_init": "scaled", "cost": "cross_entropy"}
"""What keeps neurons from being saturated at the start, and from learning slowly where they are."""


@dataclass(frozen=True)
class Remedy:
    """A change that a diagnosis calls for.

    Attributes:
        params: The parameters that change, by the names that the model gives them.
        text: The change in words.
        expected: What the good trials that have it reached, or None where none is known.
    """

    params: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    expected: float | None = None


def remedy(history: History, trial: Trial, diagnosis: Diagnosis) -> Remedy | None:
    """Return what to change, or None where nothing needs a change, or no change is known to help.

    Args:
        history: The study.
        trial: One of its trials.
        diagnosis: Its diagnosis, see `hpsearch.judging.compared`.
    """
    change = _called_for(history, trial, diagnosis)
    params = {**history.declaration.model_params, **trial.params, "max_epochs": trial.epoch}
    idle = change is not None and change.params and all(parameter(params, k) == v for k, v in change.params.items())
    return None if idle else change


def _called_for(history: History, trial: Trial, diagnosis: Diagnosis) -> Remedy | None:
    """Return what a diagnosis calls for, whether the trial has it already or not."""
    if diagnosis.label == "data not scaled":
        return Remedy(text="bring the features to about [0, 1], or put a StandardScaler before the network")
    at = standing_of(history, trial.ask.stage)
    if diagnosis.label == "at chance level":
        return Remedy(text="look at the labels and the features: nothing that was tried learns more than guessing")
    if diagnosis.label in ("learning rate too large", "dead units"):
        return _as_good_trials_have(trial, at, "learning_rate", 1 / STEP)
    if diagnosis.label == "learning rate too small":
        return _as_good_trials_have(trial, at, "learning_rate", STEP)
    if diagnosis.label == "lambda dominating":
        return _as_good_trials_have(trial, at, "l2", 1 / STEP)
    if diagnosis.label == "not converged":
        most = max((good.epoch for good in at.good), default=0) if at is not None else 0
        epochs = max(most, 2 * trial.epoch)
        return Remedy({"max_epochs": epochs}, f"train longer, {epochs} epochs", _best(at))
    if diagnosis.label == "saturated neurons":
        if change := unsaturated(history, trial):
            return Remedy(change, " and ".join(f"{name}={value!r}" for name, value in change.items()), _best(at))
        return _as_good_trials_have(trial, at, "learning_rate", 1 / STEP)
    if diagnosis.label == "overfitting" and at is not None and trial not in at.good:
        own_l2 = at.of(trial, "l2") or 0.0
        larger = [value for good in at.good if (value := at.of(good, "l2")) is not None and value > own_l2]
        if larger:
            return _changed(trial, at, "l2", median(larger))
    return None


def unsaturated(history: History, trial: Trial | None = None) -> dict[str, Any]:
    """Return the settings against saturated neurons of which a trial, or a study's model, has another value."""
    params = {**history.declaration.model_params, **({} if trial is None else trial.params)}
    return {name: value for name, value in UNSATURATED.items() if parameter(params, name) not in (None, value)}


def _as_good_trials_have(trial: Trial, at: Standing | None, name: str, otherwise: float) -> Remedy | None:
    """Return a parameter as the good trials with the same optimizer have it, else moved by a factor."""
    if at is not None and trial not in at.good:
        same_optimizer = [good for good in at.good if at.of(good, "optimizer") == at.of(trial, "optimizer")]
        good_values = [value for good in same_optimizer if (value := at.value(good, name)) is not None]
        if good_values:
            changed = _changed(trial, at, name, median(good_values))
            shape = at.of(at.good[0], "activation")
            if name == "learning_rate" and at.of(trial, "activation") not in {
                at.of(good, "activation") for good in same_optimizer
            }:
                # Their η was tried with their activation alone.
                return Remedy(
                    {**changed.params, "activation": shape}, f"{changed.text}, activation={shape!r}", changed.expected
                )
            return changed
    rates = trial.curve(name)
    current = rates[0] if rates else (trial.params.get(name) if at is None else at.value(trial, name))
    return None if not current else _changed(trial, None, name, float(f"{current * otherwise:.3g}"))


def _changed(trial: Trial, at: Standing | None, name: str, value: float) -> Remedy:
    key = next((key_of_trial for key_of_trial in trial.params if key_of_trial.rpartition("__")[2] == name), name)
    value = float(f"{value:.3g}")
    return Remedy({key: value}, f"{key}={value:g}", _best(at))


def _best(at: Standing | None) -> float | None:
    return at.good[0].value if at is not None and at.good else None
