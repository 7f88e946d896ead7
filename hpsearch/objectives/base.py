"""What a lane runs: the interface between the engine and everything that can be trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hpsearch.log.records import Ask, Row

WEIGHTS = "weights"
"""The metric of our networks that counts the numbers that are trained, biases included; measured where asked for."""

LaneState = dict[str, NDArray[Any]]
"""All that a trial's training depends on between two epochs, as plain arrays: it can be moved, saved and restored."""


@dataclass(frozen=True)
class Start:
    """A trial to begin or to take up again.

    Attributes:
        ask: Its number, lane, parameters, repeat and stage.
        epoch: Epochs it has done.
        state: Its state after them, or None where it begins.
    """

    ask: Ask
    epoch: int = 0
    state: LaneState | None = None

    def digest(self) -> str:
        """Return a digest of the trial's number, its epochs and every array of its state."""
        return digest(self.ask.trial, self.epoch, self.state or {})


def digest(trial: int, epoch: int, state: LaneState) -> str:
    """Return a digest of a state: the same for the same trial, epoch and bits, wherever it is computed.

    Args:
        trial: The trial's number.
        epoch: Epochs that it has done.
        state: Its arrays by name.
    """
    hasher = blake2b(f"{trial} {epoch}".encode(), digest_size=16)
    for name in sorted(state):
        array = np.ascontiguousarray(state[name])
        hasher.update(f" {name} {array.dtype.str} {array.shape} ".encode())
        hasher.update(array.reshape(-1).view(np.uint8).data)
    return hasher.hexdigest()


class Objective(Protocol):
    """Trains trials, an epoch at a time, and holds their states in between.

    The rows it brings depend on the study's seed, each trial's parameters and number, and the ticks at which it
    trained: never on its neighbours, on the process it runs in or on the clock on the wall.
    """

    @property
    def epochs(self) -> int:
        """Most epochs that a trial trains: what a pruner that needs a maximum takes."""

    def start(self, trial: Start) -> None:
        """Take a trial in, to be trained from the next advance on."""

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch at this tick; rows come in the order of the argument."""

    def states(self) -> list[Start]:
        """Return the trials as they can be taken up again: copies of their states, some epochs ago at most.

        A trial that is not among them cannot be saved; it re-runs from its start when the study is resumed.
        """

    def stop(self, trial: int) -> None:
        """Forget a trial that ended."""


@runtime_checkable
class Foldered(Protocol):
    """An objective whose trials keep files of their own: checkpoints, output, artifacts."""

    def place(self, folder: Path) -> None:
        """Keep these files in a study's folder from now on."""


@runtime_checkable
class Telling(Protocol):
    """An objective that hands over each row as soon as it is there, not only once all of a call to advance are."""

    def tell(self, arrived: Callable[[Row], None]) -> None:
        """Call a function with each row from now on."""


@runtime_checkable
class Confirming(Protocol):
    """An objective whose trials can share the randomness of a seed."""

    def confirm(self, *, test: bool) -> None:
        """Let a trial's repeat alone own its randomness, and report the test set's metrics where asked."""


class KeptModel(NamedTuple):
    """Which trial's model is kept, as of which epoch.

    Attributes:
        trial: The trial's key.
        epoch: Epochs that it had done.
    """

    trial: int
    epoch: int


@runtime_checkable
class Keeping(Protocol):
    """An objective that can keep one trial's model as it stands, however the trial goes on."""

    def keep(self, trial: int) -> None:
        """Keep a copy of a trial's model as it is after its last epoch; the one kept before is forgotten."""

    def kept(self) -> KeptModel | None:
        """Return whose model is kept, or None."""

    def model(self) -> Any:
        """Return the kept model as a fitted scikit-learn estimator."""


def float_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    """Return metrics as Python floats (NumPy scalars and ints converted)."""
    return {name: float(np.asarray(value)) for name, value in metrics.items()}
