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
    "COMPLETE": "COMPLETE", "PRUNED": "PRUNED", "FAILED": "FAILED", "FAIL": "FAILED", "RUNNING": None,
    "PAUSED": None, "WAITING": None,
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A point as its source tells it.

    Attributes:
        params: Its parameters; of a csv file texts, which are yet to be read.
        values: The goal's metrics, or nothing.
        state: How it ended.
        epoch: The last epoch that it trained, or 0.
        texts: Whether the parameters are texts.
    """

    params: dict[str, Any]
    values: tuple[float, ...]
    state: Ended
    epoch: int = 0
    texts: bool = False


@dataclass(frozen=True)
class Source:
    """All that a source tells.

    Attributes:
        points: What was tried and has ended.
        open: How many of its trials have not ended.
        had: Values of parameters that it did not search.
    """

    points: list[Told]
    open: int = 0
    had: dict[str, Any] = field(default_factory=dict)


def read(told: WarmStart, root: Path, goal: Goal) -> Source:
    """Return what a source tells of the goal's metrics.

    Args:
        told: Which source.
        root: Where a study that goes by its name is.
        goal: What decides in the study that is told.

    Raises:
        UserError: There is no such source, it cannot be read, or it knows nothing of the goal.
    """
    source = told.source
    if not isinstance(source, str):
        return _of_optuna(source, told.name, goal)
    if "://" in source:
        return _of_storage(source, told.name, goal)
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
    had = {**history.declaration.model_params, **(history.declaration.fixed or {})}
    return Source([_point(group, goal) for group in ended], len(groups) - len(ended), had)


def _point(group: Sequence[Trial], goal: Goal) -> Told:
    """Return the trials of a point as samplers see it: as :class:`hpsearch.optuna_bridge.fold.OptunaFold` does."""
    last = {trial.ask.repeat: trial for trial in group}  # one that failed and was tried again counts no more
    known = [trial for trial in last.values() if trial.state != "FAILED"]
    values = _mean([trial.values for trial in known if trial.values])
    epoch = max((trial.epoch for trial in known), default=0)
    state: Ended = "FAILED" if not known else "COMPLETE"
    if any(trial.state == "PRUNED" for trial in known) and not (goal.others and values):
        state = "PRUNED"
    return Told(dict(group[0].params), values, state, epoch)


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
            rows, columns = list(reader), [name for name in reader.fieldnames or () if name]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"warm_start: {path} cannot be read as a csv file ({reason})") from error
    metrics = []
    for number, metric in enumerate(goal.metrics):
        names = [metric, f"values.{metric}", f"values_{number}", *([] if goal.others else ["value"])]
        found = next((name for name in names if name in columns), None)
        if found is None:
            raise UserError(f"warm_start: {path} has no column {metric!r}{did_you_mean(metric, columns)}")
        metrics.append(found)
    points, waiting = [], 0
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
            Told(
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
    from hpsearch.optuna_bridge.journal import MARK
    from hpsearch.optuna_bridge.stored import places, values_of

    with quiet():
        places_of = places(study, goal, shown)
        trials = study.get_trials(deepcopy=False)
    mark = study.user_attrs.get(MARK)
    groups: dict[int, list[optuna.trial.FrozenTrial]] = {}
    for trial in trials:
        said = trial.user_attrs
        if mark is None:
            groups[trial.number] = [trial]
        elif (said["stage"], said.get("version", 1)) == (mark["full_stage"], mark["version"]):
            groups.setdefault(said["point"], []).append(trial)
    points, waiting = [], 0
    for group in groups.values():
        if any(not trial.state.is_finished() for trial in group):
            waiting += 1
            continue
        known = [trial for trial in group if trial.state.name != "FAIL"]
        if not known and mark is None:
            continue  # Optuna's own samplers do not look at them: anything may have happened
        found = [values_of(trial, places_of, goal) for trial in known]
        values = _mean([each for each in found if each])
        state: Ended = "COMPLETE" if known else "FAILED"
        if any(trial.state.name == "PRUNED" for trial in known) and not (goal.others and values):
            state = "PRUNED"
        epoch = max((trial.last_step or 0 for trial in known), default=0)
        points.append(Told(dict(group[0].params), values, state, epoch))
    return Source(points, waiting)


def _mean(measured: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return the mean of each metric over trials."""
    return tuple(math.fsum(column) / len(column) for column in zip(*measured, strict=True))
