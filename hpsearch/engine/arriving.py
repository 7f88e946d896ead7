"""What arrives in a tick: rows that are their trials' next epochs, in the lanes in which these train."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Decision, Row


def in_its_lane(history: History, row: Row) -> Row:
    """Return a row with its trial's lane: an objective knows the one in which it began."""
    lane = history.trials[row.trial].lane
    return row if row.lane == lane else replace(row, lane=lane)


def check_order(rows: Sequence[Row], lanes: Sequence[Trial]) -> None:
    """Refuse rows that are not the next epochs of the trials that run, before they are written.

    Raises:
        UserError: A row is of another trial, or of another epoch than its trial's next.
    """
    brought = [(row.trial, row.epoch) for row in rows]
    due = [(trial.number, trial.epoch + 1) for trial in lanes]
    if brought != due:
        wrong = next((pair for pair in zip(brought, due, strict=False) if pair[0] != pair[1]), (brought, due))
        raise UserError(
            f"training brought (trial, epoch) {wrong[0]} where {wrong[1]} was due; nothing wrong was written, "
            "run the same command again to go on from the log (and please report this)"
        )


def by_trial(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Return decisions in the order of their trials."""
    return tuple(sorted(decisions, key=lambda decision: decision.trial))


def most_epochs(params: Mapping[str, Any], epochs: int) -> int:
    """Return how many epochs a trial with these parameters may train; in a pipeline the name has a prefix."""
    return next((int(value) for name, value in params.items() if name.rpartition("__")[2] == "max_epochs"), epochs)
