"""Taking trials up again: their states come from a checkpoint, or they are trained again.

Training again follows the ticks in the log, and what it brings is compared with what the log says: a machine that does
not reproduce the log says so instead of carrying on with another curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hpsearch.engine import reusing
from hpsearch.engine.checkpoints import Checkpoints, Saved, SavedState
from hpsearch.errors import UserError
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Row
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.folder import kept_epoch

OLD_NORMS = 1e-3
"""How far the norm of a gradient that version 0.1 logged may be from the same one now, as a share of it."""


def catch_up(objective: Objective, trials: Iterable[tuple[Start, Sequence[int]]]) -> Iterator[tuple[int, Row]]:
    """Give an objective trials and train each through the ticks that its state lacks, those of one tick together.

    Args:
        objective: Does not have these trials yet.
        trials: Each trial as it was saved, and the ticks at which it trained since.

    Yields:
        The tick and what a trial brought, in the order of the ticks and, within one, of the lanes.
    """
    behind: dict[int, list[Start]] = {}
    for start, ticks in trials:
        objective.start(start)
        for tick in ticks:
            behind.setdefault(tick, []).append(start)
    for tick in sorted(behind):
        lanes = sorted(behind[tick], key=lambda start: start.ask.lane)
        for row in objective.advance([start.ask.trial for start in lanes], tick):
            yield tick, row


def restore(history: History, objective: Objective, checkpoints: Checkpoints, notice: Callable[[str], None]) -> None:
    """Give the objective the running trials of a history, as they stood after its last tick.

    Those that are paused are taken up when they are resumed (:mod:`hpsearch.engine.paused`).

    Args:
        history: The fold of the log.
        objective: Has no trial yet.
        checkpoints: Where states may be found.
        notice: Called with a line about each checkpoint that cannot be used.

    Raises:
        UserError: Training again did not bring what the log says.
    """
    take_up(history, history.running(), objective, checkpoints, notice)


def take_up(
    history: History,
    wanted: Iterable[Trial],
    objective: Objective,
    checkpoints: Checkpoints,
    notice: Callable[[str], None],
) -> int:
    """Give the objective trials as they stand in the history: by their newest states, and trained again from there.

    Args:
        history: The fold of the log.
        wanted: The trials.
        objective: Has none of them.
        checkpoints: Where states may be found.
        notice: Called with a line about each checkpoint that cannot be used.

    Returns:
        How many epochs were trained again.

    Raises:
        UserError: Training again did not bring what the log says.
    """
    running = reusing.trained(wanted)
    if not running:
        return 0
    newest = _newest(history, checkpoints, notice)
    trials = []
    for trial in running:
        saved = _saved(trial, newest, checkpoints, notice)
        if saved is None:
            epoch = kept_epoch(checkpoints.folder / "trials", trial.ask.key, len(trial.ticks))
            state = None
        else:
            epoch = saved.epoch
            state = saved.state
        ticks = trial.starts[epoch:]
        early = history.waiting.get(trial.number)
        if early is not None:  # its next epoch is in the log already, and its end is not trained again
            upcoming = history.tick + 1 if trial.ask.cost is None else trial.begins(trial.epoch + 1)
            ticks = [] if early.ended else [*ticks, upcoming]
        trials.append((Start(trial.ask.trained, epoch, state), ticks))
    by_key = {trial.ask.key: trial for trial in running}
    logged_rows = {(key, tick): row for key, t in by_key.items() for tick, row in zip(t.starts, t.rows, strict=False)}
    deviating: set[int] = set()
    for tick, row in catch_up(objective, trials):
        trial = by_key[row.trial]
        logged = logged_rows.get((row.trial, tick)) or history.waiting[trial.number]
        problem = difference(logged, row, history.header.environment if history.header else {})
        if problem is None:
            continue
        place = f"trial {logged.trial}, epoch {logged.epoch}: {problem}"
        if history.declaration.objective is None:
            raise UserError(f"{place}; resume on the CPU type and library versions of the log ({_where(history)})")
        if row.trial not in deviating:  # a user's own loop need not repeat itself: what the log says stays said
            notice(f"{place}; it goes on from there")
        deviating.add(row.trial)
    return sum(len(ticks) for _, ticks in trials)


def _newest(history: History, checkpoints: Checkpoints, notice: Callable[[str], None]) -> Saved:
    for saved in checkpoints.newest(history.tick):
        if not isinstance(saved, str):
            return saved
        notice(saved)
    return {}


def _saved(trial: Trial, newest: Saved, checkpoints: Checkpoints, notice: Callable[[str], None]) -> SavedState | None:
    """Return the newest state of a trial that is not ahead of the log, or None."""
    states = [newest[trial.ask.key]] if trial.ask.key in newest else []
    if trial.pauses:
        paused = checkpoints.paused(trial.number)
        if isinstance(paused, str):
            notice(paused)
        else:
            states += paused.values()
    usable = [saved for saved in states if saved.epoch <= len(trial.ticks)]
    return max(usable, key=lambda saved: saved.epoch, default=None)


def same_value(name: str, logged: float, trained: float, environment: Mapping[str, Any] | None = None) -> bool:
    """Return whether training again brought the value of a metric that a log holds.

    Args:
        name: The metric.
        logged: Its value in the log, or in MLflow.
        trained: Its value now.
        environment: That of the log's header, or None where both are of one version. Version 0.1, which noted no number
            of threads there, computed a part of the norms of gradients with as many threads as the machine had: there
            their last digits may differ.
    """
    if trained == logged or (math.isnan(trained) and math.isnan(logged)):
        return True
    if environment is None or "threads" in environment or not name.startswith("gradient_norm_"):
        return False
    return math.isclose(trained, logged, rel_tol=OLD_NORMS, abs_tol=OLD_NORMS**2)


def difference(logged: Row, trained: Row, environment: Mapping[str, Any] | None = None) -> str | None:
    """Return how a row that was trained again differs from the one that was logged, or None; seconds may differ.

    Args:
        logged: As it was.
        trained: As it is now.
        environment: See :func:`same_value`.
    """
    if trained.epoch != logged.epoch:
        return f"training again gave epoch {trained.epoch}"
    for name in [*logged.metrics, *(name for name in trained.metrics if name not in logged.metrics)]:
        logged_value = logged.metrics.get(name)
        trained_value = trained.metrics.get(name)
        if (
            logged_value is None
            or trained_value is None
            or not same_value(name, logged_value, trained_value, environment)
        ):
            return f"training again gave {name} = {trained_value}, the log says {logged_value}"
    return None


def _where(history: History) -> str:
    environment = history.header.environment if history.header else {}
    return f"{environment.get('cpu', '?')}, numpy {environment.get('packages', {}).get('numpy', '?')}"
