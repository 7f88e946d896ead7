"""What is decided about trials that have just done an epoch.

Each trial is held to ``RULES`` first, in their order; the first that returns a decision decides. What no rule ends is
the pruner's to judge, and may be paused. A trial that has another's result ends as that one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from hpsearch.engine import paused, reusing
from hpsearch.engine.arriving import by_trial, most_epochs
from hpsearch.engine.ending import own_end
from hpsearch.engine.stopping import Limits
from hpsearch.ladder.base import Ladder
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Decision, Row
from hpsearch.pruners.base import Pruner


class Arrival(NamedTuple):
    """A trial that has just done an epoch, with what the rules go by.

    Attributes:
        history: What the decisions see, the row taken in.
        trial: The trial.
        row: What its epoch brought.
        ladder: Says how long each stage trains.
        limits: Those of the run.
        epochs: Most epochs of a trial on the full problem.
    """

    history: History
    trial: Trial
    row: Row
    ladder: Ladder
    limits: Limits
    epochs: int


def ended_by_itself(arrival: Arrival) -> Decision | None:
    """End a trial that failed, that refuses its point, or that ended without the study's metric."""
    return own_end(arrival.history.goal, arrival.trial, arrival.row)


def finished(arrival: Arrival) -> Decision | None:
    """Complete a trial that says that it is done: after its last epoch, or by early stopping."""
    trial = arrival.trial
    if not arrival.row.finished:
        return None
    if trial.epoch < arrival.ladder.epochs(trial.ask.stage, most_epochs(trial.params, arrival.epochs)):
        return Decision(arrival.row.trial, "complete", f"stopped early after epoch {trial.epoch}", "early_stopping")
    return Decision(arrival.row.trial, "complete", f"all {trial.epoch} epochs done", "epochs")


def over_time(arrival: Arrival) -> Decision | None:
    """Fail a trial that has trained for longer than ``trial_timeout``."""
    seconds = arrival.trial.seconds
    limit = arrival.limits.trial_timeout
    if limit is None or seconds <= limit:
        return None
    reason = f"trained for {seconds:.1f} s, longer than trial_timeout={limit:g} s"
    return Decision(arrival.row.trial, "fail", reason, "timeout")


RULES: tuple[Callable[[Arrival], Decision | None], ...] = (ended_by_itself, finished, over_time)
"""How a trial ends whatever others do, in the order in which it is asked: a failure counts before a last epoch, and a
last epoch before the time that it took."""


def verdicts(
    history: History, rows: Iterable[Row], ladder: Ladder, pruner: Pruner, limits: Limits, epochs: int
) -> list[Decision]:
    """Return what is decided about the trials that arrived, in trial order; the others go on.

    Args:
        history: What the decisions see, the rows taken in.
        rows: What the trials have just brought.
        ladder: Says how long each stage trains, and which are a search.
        pruner: Stops trials.
        limits: Those of the run.
        epochs: Most epochs of a trial on the full problem.
    """
    rows = list(rows)
    decisions: list[Decision] = []
    going: list[Row] = []
    for row in rows:
        trial = history.trials[row.trial]
        if trial.ask.reuses is not None:
            continue  # it ends as the trial that it follows
        decision = _first_of(Arrival(history, trial, row, ladder, limits, epochs))
        if decision is not None:
            decisions.append(decision)
        elif ladder.searches(trial.ask.stage) and row.trial in history.table.get(row.epoch, ()):
            going.append(row)  # a trial that has not reported yet is not judged
    decisions += pruner.judge(history.current, going)
    decisions += paused.at_its_epoch(history, [row.trial for row in going], decisions)
    decisions += reusing.ends(history, [history.trials[row.trial] for row in rows], decisions)
    return list(by_trial(decisions))


def _first_of(arrival: Arrival) -> Decision | None:
    """Return the decision of the first rule that has one."""
    for rule in RULES:
        if (decision := rule(arrival)) is not None:
            return decision
    return None
