"""The interface of samplers: a deterministic answer to "which point is number n, given this history?"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.study.study import Study


class Sampler(Protocol):
    """Proposes the hyper-parameters of the next point.

    Examples:
        >>> from hpsearch import Float, Study
        >>> class Halves:
        ...     reads_history, size, rejected = False, None, 0
        ...     def build(self, study):
        ...         return self
        ...     def ask(self, history, point):
        ...         return {"x": 0.5 ** point}
        >>> def objective(trial):
        ...     return trial["x"]
        >>> study = Study("halves", objective=objective, space={"x": Float(0, 1)}, sampler=Halves(), n_trials=3)
        >>> study.run(tracking=False, quiet=True).trials["params.x"].tolist()
        [1.0, 0.5, 0.25]
    """

    @property
    def reads_history(self) -> bool:
        """Whether answers depend on results; where not, lanes need not wait for one another."""

    @property
    def size(self) -> int | None:
        """How many points there are (a grid), or None where there is no end."""

    @property
    def rejected(self) -> int:
        """How many proposals for the point that was last asked for violated a constraint."""

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the parameters of a point, one native Python value per active dimension of the space.

        Asked again with the same history and number, in this process or another, it gives the same answer.

        Args:
            history: The log up to the last tick, and the asks of this tick that came before; running trials included.
            point: Number of the point, from 0.
        """


@dataclass(frozen=True)
class Allotment:
    """How far a new trial is trained before it is paused, and why it begins.

    Attributes:
        until: The epoch at which it is paused, or None where only the pruner pauses it.
        evidence: Numbers behind the choice, for the log.
    """

    until: int | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


UNLIMITED = Allotment()
"""The allotment of a trial that goes on until it ends, or until the pruner pauses it."""


@dataclass(frozen=True)
class Continuation:
    """A paused trial is to go on.

    Attributes:
        trial: The trial's number.
        until: The epoch at which it is paused again, or None where only the pruner pauses it.
        reason: Why, as one line for people.
        rule: The sampler's name.
        evidence: Numbers behind the decision, for the log.
    """

    trial: int
    until: int | None
    reason: str
    rule: str
    evidence: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Pausing(Protocol):
    """A sampler whose trials are paused and go on: at each free lane it begins a new point or continues a paused one.

    A trial is paused at the epoch that its allotment or its last continuation names, or by a decision ``pause`` of the
    pruner (which may be the same object). Trials that are paused when nothing trains or begins any more are pruned.
    """

    @property
    def allotment(self) -> Allotment:
        """How far the point that was last asked for is to be trained at first."""

    def resume(self, history: History, *, begins: bool) -> Continuation | None:
        """Return which paused trial goes on in the next free lane, or None where a new one is to begin.

        Asked again with the same history, in this process or another, it gives the same answer.

        Args:
            history: The log up to the last tick, and what began or was resumed before in this one. Those that are
                paused are ``history.unfinished.paused``.
            begins: Whether a new trial can begin; where not, None leaves the lane empty.
        """


def check_single(study: Study, name: str) -> None:
    """Raise a UserError where a study has several metrics and a sampler takes one."""
    if study.goal.others:
        metrics = " and ".join(study.goal.metrics)
        raise UserError(f"sampler {name!r} takes one metric, not {metrics}: take 'tpe', 'random', 'qmc' or 'grid'")
