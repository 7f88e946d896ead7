"""How often pruning was wrong: what became of trials that were finished though it would have stopped them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hpsearch.log.history import History, Trial

TOP = 0.1
"""Share of the trials that a pruner must not stop: the best tenth, at least one."""

Z = 1.959963984540054
"""Quantile of the normal distribution for an interval of 95 %."""


@dataclass(frozen=True)
class AuditReport:
    """The audit of a study's pruner.

    Attributes:
        finished: Trials that were finished though the pruner would have stopped them.
        waiting: Such trials that still run, or that the end of the study cut short.
        wrong: How many of the finished ones ended among the best tenth of their stage: false prunes.
        beat: How many became better than the incumbent was when they would have been stopped.
        interval: Wilson's 95 % interval of the rate of false prunes.
        pruned: Trials that were stopped.
        saved: Epochs that were not trained because of that.
        spent: Epochs that the audited trials trained after they would have been stopped.
    """

    finished: int
    waiting: int
    wrong: int
    beat: int
    interval: tuple[float, float]
    pruned: int
    saved: int
    spent: int

    @property
    def rate(self) -> float | None:
        """Share of the audited trials that were false prunes; None before one has finished."""
        return self.wrong / self.finished if self.finished else None

    def __str__(self) -> str:
        """Return the report in a line."""
        if self.rate is None:
            return f"audit: none of the {self.waiting} audited trials has finished"
        low, high = self.interval
        return (
            f"audit: {self.wrong} of {self.finished} audited prunes were wrong "
            f"({self.rate:.0%}, 95 % interval {low:.0%} to {high:.0%}: ended among the best tenth), "
            f"{self.beat} beat the incumbent of the time; {self.pruned} prunes saved {self.saved:,} epochs, "
            f"the audit spent {self.spent:,}"
        )


def audit(history: History, epochs: int | None = None) -> AuditReport | None:
    """Return the audit of a study, or None where no trial was audited: a pure function of the history.

    Args:
        history: The study.
        epochs: Most epochs of a trial; by default as many as any trial trained.
    """
    audited = [trial for trial in history.trials if trial.audit is not None]
    if not audited:
        return None
    longest = epochs or max(trial.epoch for trial in history.trials)
    finished = [trial for trial in audited if trial.state in ("COMPLETE", "FAILED")]
    wrong = sum(trial.number in _best(history, trial.ask.stage) for trial in finished)
    pruned = list(history.ended("PRUNED"))
    return AuditReport(
        finished=len(finished),
        waiting=len(audited) - len(finished),
        wrong=wrong,
        beat=sum(_beat(history, trial) for trial in finished),
        interval=wilson(wrong, len(finished)),
        pruned=len(pruned),
        saved=sum(max(longest - trial.epoch, 0) for trial in pruned),
        spent=sum(trial.epoch - _stopped_at(history, trial) for trial in audited),
    )


def wilson(hits: int, n: int, z: float = Z) -> tuple[float, float]:
    """Return Wilson's score interval of a share (Wilson, 1927), which holds for small n and shares near 0 or 1 too.

    Args:
        hits: How many of the cases had the property.
        n: How many cases there were.
        z: Quantile of the normal distribution.
    """
    if n == 0:
        return 0.0, 1.0
    share, z2 = hits / n, z * z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # At the ends the formula gives 0 and 1 but for rounding.
    return 0.0 if hits == 0 else max(centre - half, 0.0), 1.0 if hits == n else min(centre + half, 1.0)


def _best(history: History, stage: int) -> set[int]:
    ranked = history.ranked_at(stage)
    return {trial.number for trial in ranked[: max(math.ceil(TOP * len(ranked)), 1)]}


def _beat(history: History, trial: Trial) -> bool:
    assert trial.audit is not None, "it was audited"
    incumbent = trial.audit.evidence.get("incumbent")
    return (
        trial.state == "COMPLETE"
        and trial.value is not None
        and (incumbent is None or history.goal.better(trial.value, incumbent))
    )


def _stopped_at(history: History, trial: Trial) -> int:
    """Return the epoch at which the pruner would have stopped a trial."""
    assert trial.audit is not None, "it was audited"
    return int(trial.audit.evidence["audited_at"])
