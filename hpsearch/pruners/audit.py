"""The audit of a pruner: a random share of the trials that it would stop are finished instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row
from hpsearch.pruners.base import Pruner

_STREAM = 0x41554454
"""Keeps the audit's draws apart from every other stream of the study."""


@dataclass(frozen=True)
class Audited:
    """Any pruner, some of whose decisions are withheld; what is withheld is a decision ``audit`` in the log.

    Which trials are audited is a function of the seed and the trial's number alone (its place, where it begins before
    its number is known). An audited trial is never stopped; it is a rival like any other on the rungs that it reaches,
    and the sampler sees its results.

    Attributes:
        pruner: The pruner.
        share: Share of the trials that are audited, if ever the pruner would stop them.
        seed: The study's seed.

    Examples:
        >>> from hpsearch.pruners import ASHA, Audited
        >>> audited = Audited(ASHA(), share=0.25, seed=0)
        >>> [number for number in range(12) if audited.chosen(number)]  # these are trained to their end
        [0, 2, 3, 11]
    """

    pruner: Pruner
    share: float
    seed: int

    @property
    def reads_history(self) -> bool:
        """Whether the pruner's decisions depend on the history."""
        return self.pruner.reads_history

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return the pruner's decisions; those about audited trials as ``audit``, once for each trial."""
        decisions = []
        for decision in self.pruner.judge(history, arrivals):
            if decision.action != "prune" or not self.chosen(history.trials[decision.trial].ask.key):
                decisions.append(decision)
            elif history.trials[decision.trial].audit is None:
                decisions.append(_withheld(history, decision))
        return decisions

    def chosen(self, trial: int) -> bool:
        """Return whether the trial with this number, or at this place, is audited."""
        return bool(np.random.default_rng((self.seed, _STREAM, trial)).random() < self.share)


def _withheld(history: History, decision: Decision) -> Decision:
    trial = history.trials[decision.trial]
    rivals = history.ranked_at(trial.ask.stage)
    incumbent = rivals[0].value if rivals else None
    evidence = {**decision.evidence, "audited_at": trial.epoch, "incumbent": incumbent}
    return replace(decision, action="audit", reason=f"audited instead of pruned: {decision.reason}", evidence=evidence)
