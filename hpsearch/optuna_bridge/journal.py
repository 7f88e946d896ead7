"""A study as an Optuna journal: what ``optuna.load_study`` and optuna-dashboard open."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.errors import UserError
from hpsearch.log.history import History, Trial
from hpsearch.space import distributions
from hpsearch.space.dimensions import Choice, Dimension, Float

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

STATES = {"RUNNING": "RUNNING", "PAUSED": "RUNNING", "COMPLETE": "COMPLETE", "PRUNED": "PRUNED", "FAILED": "FAIL"}


MARK = "hpsearch"
"""The user attribute of an Optuna study that was written here: what its trials' own attributes mean."""

OWN = frozenset({"point", "repeat", "stage", "lane"})
"""User attributes that every trial of the study itself has in its journal."""

OBSERVED = "hpsearch.observed"
"""The user attribute of a trial in a journal that the study only observed, with what was said of its source."""


def is_observation(attributes: Mapping[str, Any]) -> bool:
    """Return whether a trial of a journal that was written here was tried elsewhere, by its user attributes."""
    return OBSERVED in attributes and not attributes.keys() >= OWN


def write_journal(history: History, path: Path) -> list[str]:
    """Write a study as an Optuna journal; a file that stands there is replaced.

    A trial's value is its best (or its last, where that counts), its intermediate values are the goal's metric at every
    epoch, and how it ended stands in its user attributes, beside what it said of itself and its other metrics at the
    epoch that counts. Of several metrics a trial has a value each. Where the space is a function its ranges are
    unknown: those of the values tried stand in. What the study observed of other searches comes after its own trials,
    which so keep their numbers; :func:`is_observation` tells them apart.

    Returns:
        What Optuna has no place for, in lines for people.

    Raises:
        UserError: The file cannot be written.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from hpsearch.optuna_bridge.fold import quiet

    distributions = _distributions(history)
    trials = [_frozen_of(trial, history, distributions) for trial in history.trials]
    n_observations = len(history.brought.observations)
    trials += [_frozen_observation(index, history, distributions) for index in range(n_observations)]
    name = history.header.name if history.header else "study"
    try:
        # A journal is only ever added to, so a new one is made beside the old and takes its place when it is whole.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".journal-") as folder, quiet():
            file = Path(folder) / path.name
            storage = JournalStorage(JournalFileBackend(str(file)))
            study = optuna.create_study(storage=storage, study_name=name, directions=list(history.goal.directions))
            study.set_metric_names(list(history.goal.metrics))
            study.set_user_attr(MARK, {"full_stage": history.full_stage, "version": history.version})
            study.add_trials(trials)
            os.replace(file, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    return _left_out(history)


def _left_out(history: History) -> list[str]:
    goal = history.goal
    lines = []
    others = {name for trial in history.trials for row in trial.rows for name in row.metrics} - {goal.metric}
    if others:
        lines.append(
            f"Optuna holds one curve a trial, that of {goal.metric}; of {', '.join(sorted(others))} it has the values "
            "at the epoch that counts (user attribute metrics): `hpsearch export --curves` has all"
        )
    if count := len(history.brought.observations):
        lines.append(
            f"the last {count} trials there were tried elsewhere and only observed by this study "
            f"(user attribute {OBSERVED})"
        )
    return lines


def _frozen_of(trial: Trial, history: History, distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    metric = history.goal.metric
    return _frozen_trial(
        trial.number,
        trial.state,
        trial.params,
        trial.values,
        {row.epoch: row.metrics[metric] for row in trial.rows if metric in row.metrics},
        (trial.asked_at, trial.ended_at),
        _attributes(trial),
        distributions,
    )


def _frozen_observation(index: int, history: History, distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    """Return a point that was tried elsewhere as a trial.

    Optuna wants two times of every trial that has ended: where the source had one of them it stands for both, and where
    it had none, the time at which the study was begun.
    """
    observation = history.brought.observations[index]
    sources = history.brought.said
    moments = [moment for moment in (observation.began, observation.ended) if moment is not None]
    moments = moments or [history.header.time if history.header else 0.0]
    return _frozen_trial(
        len(history.trials) + index,
        observation.state,
        observation.params,
        observation.values,
        dict(observation.curve),
        (moments[0], moments[-1]),
        {OBSERVED: sources[observation.source] if observation.source < len(sources) else ""},
        distributions,
    )


def _frozen_trial(
    number: int,
    state: str,
    params: Mapping[str, Any],
    values: Sequence[float],
    curve: dict[int, float],
    times: tuple[float, float | None],
    attributes: dict[str, Any],
    distributions: Mapping[str, BaseDistribution],
) -> FrozenTrial:
    from optuna.trial import FrozenTrial, TrialState

    optuna_state = TrialState[STATES[state]]
    began, ended = (None if seconds is None else datetime.fromtimestamp(seconds) for seconds in times)
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=optuna_state,
        value=None,
        values=list(values) or None if optuna_state in (TrialState.COMPLETE, TrialState.PRUNED) else None,
        datetime_start=began,
        datetime_complete=ended,
        params={name: _value(value) for name, value in params.items()},
        distributions={name: distributions[name] for name in params},
        user_attrs=attributes,
        system_attrs={},
        intermediate_values=curve,
    )


def _attributes(trial: Trial) -> dict[str, Any]:
    """Return all of a trial that Optuna has no field for; what the trial said of itself gives way to our names."""
    ask = trial.ask
    attributes: dict[str, Any] = {"point": ask.point, "repeat": ask.repeat, "stage": ask.stage, "lane": ask.lane}
    if trial.version > 1:
        attributes["version"] = trial.version
    if ask.enqueued:
        attributes["enqueued"] = True
    if ask.reuses is not None:
        attributes["reuses"] = ask.reuses
    if ask.rejected:
        attributes["rejected"] = ask.rejected
    if trial.best_epoch is not None:
        attributes["best_epoch"] = trial.best_epoch
        measured = trial.rows[trial.best_epoch - 1].metrics
        attributes["metrics"] = {name: _finite_or_text(value) for name, value in measured.items()}
    if trial.state == "FAILED" and trial.values:
        attributes["values"] = [_finite_or_text(value) for value in trial.values]
    if trial.decision is not None:
        attributes |= {"rule": trial.decision.rule, "reason": trial.decision.reason}
    users = {
        name if name not in attributes else f"attributes.{name}": value for name, value in trial.attributes.items()
    }
    return users | attributes


def _finite_or_text(value: float) -> float | str:
    """Return a number as JSON can hold it: one that is not finite as text."""
    return value if math.isfinite(value) else str(value)


def _value(value: Any) -> Any:
    """Return a parameter as Optuna holds it: lists as text, as in hpsearch's samplers."""
    return repr(value) if isinstance(value, list) else value


def _distributions(history: History) -> dict[str, BaseDistribution]:
    dims = history.declaration.dimensions
    points = [trial.params for trial in history.trials]
    points += [observation.params for observation in history.brought.observations]
    names = dict.fromkeys(name for point in points for name in point)
    tried = {name: [point[name] for point in points if name in point] for name in names}
    return {
        name: _declared_range(dims[name])
        if name in dims and all(map(dims[name].contains, values))
        else _range_of_values(values)
        for name, values in tried.items()
    }


def _declared_range(dim: Dimension) -> BaseDistribution:
    from optuna.distributions import FloatDistribution

    size = None if isinstance(dim, Choice) else dim.count()
    if isinstance(dim, Float) and size is not None:
        # Samplers get a stepped range as its numbers; for people it is what was declared.
        return FloatDistribution(dim.low, dim.at(size - 1), step=dim.step)
    return distributions.distribution(dim)


def _range_of_values(values: Sequence[Any]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    types = {type(value) for value in values}
    if types == {int}:
        return IntDistribution(min(values), max(values))
    if types <= {int, float}:
        return FloatDistribution(min(values), max(values))
    return CategoricalDistribution(list(dict.fromkeys(_value(value) for value in values)))
