"""Optuna's studies where they are stored: opened by an address, and what their trials are worth to a goal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from hpsearch.errors import UserError, did_you_mean
from hpsearch.study.goal import Goal


def load(address: str, name: str | None, label: str) -> optuna.Study:
    """Return a study of a storage.

    Args:
        address: URL of a relational database, or the path of a journal file.
        name: The study's name; None: the only one.
        label: What the address is called in messages.

    Raises:
        UserError: The storage holds no such study, or several.
    """
    storage: optuna.storages.BaseStorage
    if "://" in address:
        path = address.removeprefix("sqlite:///")
        if path != address and not Path(path).is_file():
            raise UserError(f"warm_start: {path}: no such file")  # SQLite would make it
        try:
            storage = optuna.storages.RDBStorage(address, skip_compatibility_check=False)
        except (RuntimeError, ValueError, ImportError) as error:
            raise UserError(f"warm_start: {label}: {error}".splitlines()[0]) from error
    else:
        storage = optuna.storages.JournalStorage(JournalFileBackend(address))
    names = optuna.get_all_study_names(storage)
    if name is None and len(names) != 1:
        problem = f"holds {', '.join(sorted(names))}; name one: {label}#NAME" if names else "holds no study"
        raise UserError(f"warm_start: {label} {problem}")
    if name is not None and name not in names:
        raise UserError(f"warm_start: {label} holds no study {name!r}{did_you_mean(name, names)}")
    return optuna.load_study(study_name=name or names[0], storage=storage)


_REPORTED = 0
"""Which of a study's values its trials report as they go on: Optuna holds one curve, that of the first."""


def places(study: optuna.Study, goal: Goal, label: str) -> list[int]:
    """Return which of a study's values are a goal's metrics: by their names, else by their places.

    Raises:
        UserError: The study's metrics are others, or it wants them in another direction.
    """
    names = study.metric_names
    if names is not None:
        if unknown := [metric for metric in goal.metrics if metric not in names]:
            raise UserError(f"warm_start: {label} has the metrics {', '.join(names)}, and no {unknown[0]!r}")
        return [names.index(metric) for metric in goal.metrics]
    directions = [direction.name.lower() for direction in study.directions]
    if directions != list(goal.directions):
        wanted = ", ".join(f"{word} {metric}" for word, metric in zip(goal.directions, goal.metrics, strict=True))
        raise UserError(
            f"warm_start: {label} is to {', '.join(directions)} something without a name, this study to {wanted}; "
            "name it there by study.set_metric_names([…])"
        )
    return list(range(len(directions)))


def values_of(trial: FrozenTrial, indices: Sequence[int], goal: Goal) -> list[float]:
    """Return what a trial is worth to a goal, or nothing: its values, or what it had reported when it was pruned.

    Args:
        trial: One that has ended.
        indices: Which of its values are the goal's metrics.
        goal: What decides.
    """
    best: float | None = None
    if trial.state == TrialState.PRUNED and not goal.others and indices[0] == _REPORTED:
        # Optuna itself gives a pruned trial the last of its reports, whichever counts.
        for _, value in sorted(trial.intermediate_values.items()):
            best = float(value) if goal.counts(value, best) else best
    if best is not None:
        return [best]
    return [float(trial.values[index]) for index in indices] if trial.values else []


def curve_of(trial: FrozenTrial, indices: Sequence[int]) -> dict[int, float]:
    """Return what a trial reported by step, or nothing where that is another metric than the goal's first.

    Args:
        trial: Any trial.
        indices: Which of its values are the goal's metrics.
    """
    if indices[0] != _REPORTED:
        return {}
    return {step: float(value) for step, value in trial.intermediate_values.items()}
