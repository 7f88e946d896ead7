"""A freeze-thaw search over a study's history: which trial begins or goes on in a free lane, and to which epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.log.history import History
from hpsearch.models.threads import limited
from hpsearch.samplers.base import Allotment, Continuation
from hpsearch.samplers.curve_choice import Move
from hpsearch.samplers.curve_history import Curves, search_of
from hpsearch.samplers.curve_search import Settings
from hpsearch.study.study import Study

RULE = "freeze_thaw"

_DIGITS = 6
"""Significant digits of the numbers in the log's evidence."""


class FreezeThawPoints:
    """Begins points and goes on with paused trials.

    Args:
        study: What is searched.
        settings: How.
        epochs: The epochs of a whole training.

    Attributes:
        allotment: How far the point that was last asked for is trained at first, and why it begins.
        rejected: 0: points that violate a constraint are left out among many.
    """

    reads_history = True
    observes = True
    size = None
    rejected = 0

    def __init__(self, study: Study, settings: Settings, epochs: int) -> None:
        self._search = search_of(study, epochs, settings, weighs=True)
        self._goal = study.goal
        self._curves = Curves(self._search, study.goal)
        self.allotment = Allotment()

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number: the one that promises most of those that could begin."""
        move = self._decide(history, begins=True, continues=False)
        assert move is not None, "something begins where nothing goes on"
        assert move.point is not None, "something begins where nothing goes on"
        self.allotment = Allotment(move.until, self._evidence(move))
        return self._search.encoding.decode(move.point.units)

    def resume(self, history: History, *, begins: bool) -> Continuation | None:
        """Return the paused trial that promises most, or None where a new point promises more or nothing does."""
        move = self._decide(history, begins=begins, continues=True)
        if move is None or move.curve is None:
            return None
        evidence = self._evidence(move)
        return Continuation(move.curve.number, move.until, self._reason(move, evidence), RULE, evidence)

    def _decide(self, history: History, *, begins: bool, continues: bool) -> Move | None:
        self._curves.follow(history)
        # What began and what went on so far numbers the decisions, and with them their random draws.
        number = len(history.trials) + sum(len(trial.resumes) for trial in history.trials)
        # The last bits of a matrix product depend on the number of threads.
        with limited():
            return self._search.decide(
                self._curves.all, number, begins=begins, continues=continues, state=self._curves.state
            )

    def _evidence(self, move: Move) -> dict[str, Any]:
        """Return the numbers behind a move as the log has them: losses in the metric's own sense."""
        evidence: dict[str, Any] = {"until": move.until}
        for name, value in move.facts.items():
            if name == "band":
                evidence["band"] = [
                    [epoch, *sorted(_short(self._goal.loss(loss)) for loss in losses)] for epoch, *losses in value
                ]
            elif value is not None:
                evidence[name] = _short(value) if isinstance(value, float) else value
        return evidence

    def _reason(self, move: Move, evidence: Mapping[str, Any]) -> str:
        if evidence["why"] != "improvement":
            return "it is among the better ones of the first points"
        gain = evidence["improvement"]
        epochs = evidence["epochs"]
        return f"{self._goal.metric} is expected to improve by {gain:.2g} for {epochs:g} epochs"


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
