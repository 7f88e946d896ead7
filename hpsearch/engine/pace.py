"""How a study goes forward: tick by tick, or by the virtual time that its declared costs say.

Either way one line of the log holds what is decided at one moment: the lanes whose epochs are due then, and no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from hpsearch.log import virtual
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Row
from hpsearch.objectives.base import Objective
from hpsearch.study.epoch_cost import Cost, epoch_cost


class Due(NamedTuple):
    """Trials whose rows are written together.

    Attributes:
        trials: The trials.
        moment: The virtual time at which they are due; None where a study goes by ticks.
    """

    trials: list[Trial]
    moment: float | None


class Launch(NamedTuple):
    """A trial that may train.

    Attributes:
        trial: Its number.
        begins: What stands for the tick in its next epoch that is not decided yet.
        due: When that is due; those that are due at one moment may train together.
        ahead: How many epochs after that it may train meanwhile.
    """

    trial: int
    begins: int
    due: float
    ahead: int = 1


@runtime_checkable
class Launching(Protocol):
    """An objective that trains trials before their rows are asked for, at most an epoch ahead of what is decided."""

    def launch(self, trials: Sequence[Launch]) -> None:
        """Have these trials train, the first ones first, wherever there is room."""

    def rewind(self, trial: int) -> None:
        """Forget what a trial trained beyond its last row: it is paused."""

    def waits(self, trial: int) -> bool:
        """Return whether a trial trains only when its row is asked for."""

    def turn(self, patience: float) -> None:
        """Give workers that have room the trials that may train, and take in what comes within some seconds."""

    def brought(self, trial: int, tick: int) -> Row | None:
        """Return a trial's next row, of its epoch that begins at a tick; None where it has not come."""

    def logged(self, trial: int, epoch: int) -> None:
        """Take in that the log has a trial's rows up to an epoch: what is saved of it is to go back no further."""


class Pace(Protocol):
    """Says which lanes bring their rows next, and has them trained."""

    def cost(self, params: Mapping[str, Any]) -> float | None:
        """Return the cost that the ask of a trial holds."""

    def due(self, running: Sequence[Trial]) -> Due:
        """Return the trials whose rows come next."""

    def train(self, objective: Objective, trials: Sequence[Trial], running: Sequence[Trial], tick: int) -> list[Row]:
        """Return the next row of each of these trials.

        Args:
            objective: Trains.
            trials: They are due.
            running: All that train, of which those that are due later may train meanwhile.
            tick: The number of the line that is written next.
        """

    def rewind(self, objective: Objective, trial: int) -> None:
        """Have what a paused trial trained ahead forgotten."""


class Ticks:
    """Every lane trains one epoch in each tick."""

    def cost(self, params: Mapping[str, Any]) -> float | None:
        """Return None."""
        return None

    def due(self, running: Sequence[Trial]) -> Due:
        """Return all."""
        return Due(list(running), None)

    def train(self, objective: Objective, trials: Sequence[Trial], running: Sequence[Trial], tick: int) -> list[Row]:
        """Train them at this tick."""
        return objective.advance([trial.number for trial in trials], tick) if trials else []

    def rewind(self, objective: Objective, trial: int) -> None:
        """Do nothing: no lane trains ahead."""


class VirtualTime:
    """Each epoch is due at a virtual time, and decisions see what is due by then: no lane waits for a later one.

    Args:
        cost: The declared cost of an epoch.
    """

    def __init__(self, cost: Cost) -> None:
        self._cost = cost

    def cost(self, params: Mapping[str, Any]) -> float | None:
        """Return the declared cost of a trial's epoch.

        Raises:
            UserError: The declared function raises, or returns something else than a positive number.
        """
        return epoch_cost(self._cost, params)

    def due(self, running: Sequence[Trial]) -> Due:
        """Return those that are due first, all that are due at that moment."""
        if not running:
            return Due([], None)
        moment = min(trial.due for trial in running)
        return Due([trial for trial in running if trial.due == moment], moment)

    def train(self, objective: Objective, trials: Sequence[Trial], running: Sequence[Trial], tick: int) -> list[Row]:
        """Train them, each from the multiple of its cost at which its epoch begins; those of one multiple together."""
        if not trials:
            return []
        if isinstance(objective, Launching):
            waiting = sorted(running, key=lambda trial: (trial.due, trial.lane))
            objective.launch([Launch(t.number, _begins(t), t.due, self._ahead(t)) for t in waiting])
        together: dict[int, list[int]] = {}
        for trial in trials:
            together.setdefault(_begins(trial), []).append(trial.number)
        return [row for begins, numbers in together.items() for row in objective.advance(numbers, begins)]

    def rewind(self, objective: Objective, trial: int) -> None:
        """Have an objective that trains ahead forget it."""
        if isinstance(objective, Launching):
            objective.rewind(trial)

    def _ahead(self, trial: Trial) -> int:
        """Return how many epochs a trial may train ahead of its decision."""
        return 1


class MeasuredTime(VirtualTime):
    """Virtual time whose costs are measured: a trial's first epoch is taken to cost what others do.

    Args:
        history: The fold of the log, which holds what was measured.
    """

    def __init__(self, history: History) -> None:
        super().__init__(lambda params: self._typical)
        self._history = history

    @property
    def _typical(self) -> float:
        return virtual.typical(trial.own_cost for trial in self._history.current.trials if trial.own_cost is not None)

    def _ahead(self, trial: Trial) -> int:
        return 0 if trial.own_cost is None else 1  # when its second epoch begins is not known before


def _begins(trial: Trial) -> int:
    return trial.begins(trial.epoch + 1)
