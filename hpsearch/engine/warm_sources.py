"""Reading what other searches found: studies of any root, csv files of points and values, Optuna's studies."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.errors import UserError, did_you_mean
from hpsearch.log import catalogue
from hpsearch.log.brought import Ended
from hpsearch.log.history import Trial
from hpsearch.study.goal import Goal
from hpsearch.study.warm_start import WarmStart

if TYPE_CHECKING:
    import optuna

SQLITE = b"SQLite format 3\x00"
_STATES: Mapping[str, Ended | None] = {
    "COMPLETE": "COMPLETE",
    "PRUNED": "PRUNED",
    "FAILED": "FAILED",
    "FAIL": "FAILED",
    "RUNNING": None,
    "PAUSED": None,
    "WAITING": None,
}


@dataclass(frozen=True)
class SourcePoint:
    """A point as its source tells it.

    Attributes:
        params: Its parameters; of a csv file texts, which are yet to be read.
        values: The goal's metrics, or nothing.
        state: How it ended.
        epoch: The last epoch that it trained, or 0.
        texts: Whether the parameters are texts.
        curve: The first metric by epoch, where the source has it.
        began: When it began, in seconds since 1970, where the source has it, to the microsecond.
        ended: When it ended, likewise.
    """

    params: dict[str, Any]
    values: tuple[float, ...]
    state: Ended
    epoch: int = 0
    texts: bool = False
    curve: tuple[tuple[int, float], ...] = ()
    began: float | None = None
    ended: float | None = None


@dataclass(frozen=True)
class Source:
    """All that a source tells.

    Attributes:
        points: What was tried and has ended.
        open: How many of its trials have not ended.
        unsearched: Values of parameters that it did not search.
        observed: How many points it holds that it observed itself, which are no trials of its own.
    """

    points: list[SourcePoint]
    open: int = 0
    unsearched: dict[str, Any] = field(default_factory=dict)
    observed: int = 0


def read(warm_start: WarmStart, root: Path, goal: Goal) -> Source:
    """Return what a source tells of the goal's metrics.

    Args:
        warm_start: Which source.
        root: Where a study that goes by its name is.
        goal: What decides in the study that is told.

    Raises:
        UserError: There is no such source, it cannot be read, or it knows nothing of the goal.
    """
    source = warm_start.source
    if not isinstance(source, str):
        return _of_optuna(source, warm_start.name, goal)
    if "://" in source:
        return _of_storage(source, warm_start.name, goal)
    path = Path(source)
    if path.name == catalogue.LOG and path.is_file():
        path = path.parent
    if (path / catalogue.LOG).is_file():
        return _of_study(path, goal)
    if path.is_file():
        return _of_file(path, goal)
    return _of_study(catalogue.find(root, source), goal)


def _of_study(folder: Path, goal: Goal) -> Source:
    """Return the trials of an hpsearch study on its full problem: an entry a point, with the mean of its repeats."""
    history = catalogue.load_version(folder, goal=goal)
    groups: dict[int, list[Trial]] = {}
    for trial in history.trials:
        if trial.ask.stage == history.full_stage:
            groups.setdefault(trial.ask.point, []).append(trial)
    ended = [group for group in groups.values() if not any(trial.decision is None for trial in group)]
    unsearched = {**history.declaration.model_params, **(history.declaration.fixed or {})}
    points = [_point(group, goal) for group in ended]
    return Source(points, len(groups) - len(ended), unsearched, len(history.brought.observations))


def _point(group: Sequence[Trial], goal: Goal) -> SourcePoint:
    """Return the trials of a point as samplers see it: as :class:`hpsearch.optuna_bridge.fold.OptunaFold` does."""
    last = {trial.ask.repeat: trial for trial in group}  # one that failed and was tried again counts no more
    successful = [trial for trial in last.values() if trial.state != "FAILED"]
    values = _mean([trial.values for trial in successful if trial.values])
    epoch = max((trial.epoch for trial in successful), default=0)
    curves = [
        {row.epoch: row.metrics[goal.metric] for row in trial.rows if goal.metric in row.metrics}
        for trial in successful or last.values()
    ]
    ends = [trial.ended_at for trial in group if trial.ended_at is not None]
    return SourcePoint(
        dict(group[0].params),
        values,
        _state([trial.state for trial in successful]),
        epoch,
        curve=_mean_curve(curves),
        began=_moment(min(trial.asked_at for trial in group)),
        ended=_moment(max(ends)) if ends else None,
    )


def _state(states: Sequence[str]) -> Ended:
    """Return how a point ended whose trials that did not fail ended so."""
    if not states:
        return "FAILED"
    return "PRUNED" if "PRUNED" in states else "COMPLETE"


def _mean_curve(curves: Sequence[Mapping[int, float]]) -> tuple[tuple[int, float], ...]:
    """Return the mean of curves at each epoch that any of them has, over those that are finite there."""
    if len(curves) == 1:
        return tuple(sorted(curves[0].items()))
    means = []
    for epoch in sorted({epoch for curve in curves for epoch in curve}):
        finite = [curve[epoch] for curve in curves if math.isfinite(curve.get(epoch, math.nan))]
        means.append((epoch, math.fsum(finite) / len(finite) if finite else math.nan))
    return tuple(means)


def _moment(seconds: float) -> float:
    """Return a time as Optuna holds it, to the microsecond, so that it is the same from a log and from a storage."""
    return round(seconds, 6)


def _of_file(path: Path, goal: Goal) -> Source:
    with path.open("rb") as file:
        head = file.read(len(SQLITE))
    if head == SQLITE:
        return _of_storage(f"sqlite:///{path}", str(path), goal)
    if head.startswith(b'{"op_code"'):
        return _of_storage(str(path), str(path), goal)
    return _of_table(path, goal)


def _of_table(path: Path, goal: Goal) -> Source:
    """Return the rows of a csv file: a column a parameter and a metric, as ``hpsearch export`` writes them, or Optuna.

    Columns are called ``NAME`` or ``params.NAME``, ``METRIC`` or ``values.METRIC`` (a single one also ``value``); a
    column ``state`` says how each ended, ``epochs`` how long it trained. What is empty is not there.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = [name for name in reader.fieldnames or () if name]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"warm_start: {path} cannot be read as a csv file ({reason})") from error
    metrics = []
    for number, metric in enumerate(goal.metrics):
        names = [metric, f"values.{metric}", f"values_{number}", *([] if goal.others else ["value"])]
        column = next((name for name in names if name in columns), None)
        if column is None:
            raise UserError(f"warm_start: {path} has no column {metric!r}{did_you_mean(metric, columns)}")
        metrics.append(column)
    points = []
    waiting = 0
    for line, row in enumerate(rows, start=2):
        place = f"warm_start: {path}, line {line}"
        cells = {name: (row.get(name) or "").strip() for name in columns}
        if (word := cells.get("state") or "COMPLETE").upper() not in _STATES:
            raise UserError(f"{place}: state {word!r} is none of {', '.join(_STATES)}")
        state = _STATES[word.upper()]
        if state is None:
            waiting += 1
            continue
        values = tuple(_number(cells[name], f"{place}, column {name!r}") for name in metrics)
        epoch = _number(cells.get("epochs", ""), f"{place}, column 'epochs'")
        params = {name: cell for name, cell in cells.items() if cell and name not in (*metrics, "state", "epochs")}
        points.append(
            SourcePoint(
                {name.removeprefix("params.").removeprefix("params_"): cell for name, cell in params.items()},
                values if all(map(math.isfinite, values)) else (),
                state,
                int(epoch) if math.isfinite(epoch) and state != "FAILED" else 0,
                texts=True,
            )
        )
    return Source(points, waiting)


def _number(cell: str, place: str) -> float:
    try:
        return float(cell) if cell else math.nan
    except ValueError as error:
        raise UserError(f"{place}: {cell!r} is no number") from error


def _of_storage(address: str, shown: str, goal: Goal) -> Source:
    from sqlalchemy.exc import SQLAlchemyError

    from hpsearch.optuna_bridge.fold import quiet
    from hpsearch.optuna_bridge.stored import load

    url, _, name = address.partition("#")
    try:
        with quiet():
            return _of_optuna(load(url, name or None, shown), shown, goal)
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise UserError(f"warm_start: {shown} cannot be opened as an Optuna storage ({reason})") from error


def _of_optuna(study: optuna.Study, shown: str, goal: Goal) -> Source:
    """Return an Optuna study's trials; of one that hpsearch wrote an entry a point, as its own log would tell it."""
    from hpsearch.optuna_bridge.fold import quiet
    from hpsearch.optuna_bridge.journal import MARK, OWN, is_observation
    from hpsearch.optuna_bridge.stored import curve_of, places, values_of

    with quiet():
        places_of = places(study, goal, shown)
        trials = study.get_trials(deepcopy=False)
    mark = study.user_attrs.get(MARK)
    groups: dict[tuple[str, int], list[optuna.trial.FrozenTrial]] = {}
    observed = 0
    for trial in trials:
        attributes = trial.user_attrs
        if mark is not None and is_observation(attributes):
            observed += 1
        elif mark is None or not attributes.keys() >= OWN:  # asked for by Optuna, also where it went on from a journal
            groups["trial", trial.number] = [trial]
        elif (attributes["stage"], attributes.get("version", 1)) == (mark["full_stage"], mark["version"]):
            groups.setdefault(("point", attributes["point"]), []).append(trial)
    points = []
    waiting = 0
    for (kind, _), group in groups.items():
        if any(not trial.state.is_finished() for trial in group):
            waiting += 1
            continue
        successful = [trial for trial in group if trial.state.name != "FAIL"]
        if not successful and kind == "trial":
            continue  # Optuna's own samplers do not look at them: anything may have happened
        values = _mean([values for values in (values_of(trial, places_of, goal) for trial in successful) if values])
        last = {trial.user_attrs.get("repeat", 0): trial for trial in group}
        begins = [trial.datetime_start for trial in group if trial.datetime_start is not None]
        ends = [trial.datetime_complete for trial in group if trial.datetime_complete is not None]
        points.append(
            SourcePoint(
                dict(group[0].params),
                values if all(map(math.isfinite, values)) else (),
                _state([trial.state.name for trial in successful]),
                max((trial.last_step or 0 for trial in successful), default=0),
                curve=_mean_curve([curve_of(trial, places_of) for trial in successful or last.values()]),
                began=_moment(min(begins).timestamp()) if begins else None,
                ended=_moment(max(ends).timestamp()) if ends else None,
            )
        )
    return Source(points, waiting, observed=observed)


def _mean(measured: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return the mean of each metric over trials."""
    return tuple(math.fsum(column) / len(column) for column in zip(*measured, strict=True))
