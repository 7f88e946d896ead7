"""What is decided about trials that have just done an epoch."""

from __future__ import annotations

from collections.abc import Iterable

from hpsearch.engine import paused, reusing
from hpsearch.engine.arriving import by_trial, most_epochs
from hpsearch.engine.ending import own_end
from hpsearch.engine.stopping import Limits
from hpsearch.ladder.base import Ladder
from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row
from hpsearch.pruners.base import Pruner


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
    open_rows: list[Row] = []
    for row in rows:
        trial = history.trials[row.trial]
        if trial.ask.reuses is not None:
            continue  # it ends as the trial that it follows
        if (ended := own_end(history.goal, trial, row)) is not None:
            decisions.append(ended)
        elif row.finished:
            most = ladder.epochs(trial.ask.stage, most_epochs(trial.params, epochs))
            early = trial.epoch < most
            reason = f"stopped early after epoch {trial.epoch}" if early else f"all {trial.epoch} epochs done"
            decisions.append(Decision(row.trial, "complete", reason, "early_stopping" if early else "epochs"))
        elif limits.trial_timeout is not None and trial.seconds > limits.trial_timeout:
            reason = f"trained for {trial.seconds:.1f} s, longer than trial_timeout={limits.trial_timeout:g} s"
            decisions.append(Decision(row.trial, "fail", reason, "timeout"))
        elif ladder.searches(trial.ask.stage) and row.trial in history.table.get(row.epoch, ()):
            open_rows.append(row)  # who has not reported yet is not judged
    decisions += pruner.judge(history.current, open_rows)
    decisions += paused.at_its_epoch(history, [row.trial for row in open_rows], decisions)
    decisions += reusing.ends(history, [history.trials[row.trial] for row in rows], decisions)
    return list(by_trial(decisions))
