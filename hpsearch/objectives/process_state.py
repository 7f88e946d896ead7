"""State of the process that a trial's code may change: each trial has its own, also between two reports.

The working directory, filters of warnings, standard output and error, signal handlers, the rounding of decimals and the
global random generators belong to the process; several trials share it, and so does the engine.
"""

from __future__ import annotations

import contextvars
import ctypes
import decimal
import os
import random
import signal
import sys
import threading
import warnings
from _signal import getsignal  # type: ignore[import-not-found]  # signal's own, which makes no enum of its answer
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Surroundings:
    """The process state of one trial, made where it trains.

    Kept from one step to the next are its working directory, whether PyTorch tracks gradients (a loop may report from
    within ``torch.no_grad()``) and the states of the global generators (``random``, NumPy's, PyTorch's on the
    processor): a trial that has seeded them draws what it would draw alone, whatever trains in between.
    """

    _current: ClassVar[Surroundings | None] = None
    """The trial whose generator states the process has now."""
    _running: ClassVar[Surroundings | None] = None
    """The trial whose code runs now; that code may run a study, with trials of its own."""

    def __init__(self) -> None:
        self._home = _folder()
        self._main = threading.current_thread() is threading.main_thread()
        self._folder: str | None = None
        self._gradients: bool | None = None
        self._random: dict[str, Any] = {}

    def run(self, step: Callable[[Any], Any], value: Any) -> Any:
        """Let a trial's code run on, and put back afterwards what it changed.

        Args:
            step: Resumes the code; its result is returned.
            value: The argument of ``step``.
        """
        filters = list(warnings.filters)
        out = sys.stdout
        err = sys.stderr
        handlers: list[Any] = [getsignal(signal_number) for signal_number in SIGNALS] if self._main else []
        gradients = _tracks_gradients()
        if self._folder is not None and os.path.isdir(self._folder):
            os.chdir(self._folder)
        if self._gradients is not None:
            _track_gradients(self._gradients)
        outer = Surroundings._running
        self._restore_generators()
        Surroundings._running = self
        try:
            return step(value)
        finally:
            Surroundings._running = outer
            if outer is not None:
                outer._restore_generators()
            folder = _folder()
            self._folder = folder if folder != self._home else None
            if self._folder is not None and self._home is not None:
                os.chdir(self._home)
            if warnings.filters != filters:
                warnings.filters[:] = filters  # type: ignore[index]
                warnings._filters_mutated()  # type: ignore[attr-defined]
            sys.stdout, sys.stderr = out, err
            gradients_now = _tracks_gradients()
            self._gradients = gradients_now if gradients_now != gradients else None
            if gradients_now != gradients:
                _track_gradients(gradients)
            for signal_number, handler in zip(SIGNALS, handlers, strict=False):
                if handler is not None and getsignal(signal_number) is not handler:
                    signal.signal(signal_number, handler)

    def _restore_generators(self) -> None:
        """Set the global generators to the states in which this trial has left them."""
        if (previous := Surroundings._current) is self:
            return
        generators = _generators()
        if previous is not None:
            previous._random = generators
        for name, state in self._random.items():
            if generators.get(name) is not state:
                _SETTERS[name](state)
        Surroundings._current = self


class _Twister(ABC):
    """The state of a Mersenne twister, which takes long to read and is read in full only where it may have changed.

    Its words are read directly from memory. While they are as they were, and it holds no normal number for the next
    call, no number has been drawn.

    Attributes:
        last_state: The state when it was last read or set, or None.
    """

    last_state: Any = None
    _last_numbers: bytes | None = None

    def current_state(self) -> Any:
        """Return its state: the same object as before where it has not changed."""
        numbers = self._numbers()
        if self.last_state is None or numbers is None or numbers != self._last_numbers or self._holds_a_normal_number():
            self.last_state = self._state()
            self._last_numbers = numbers
        return self.last_state

    def set(self, state: Any) -> None:
        """Set its state."""
        self._move(state)
        self.last_state = state
        self._last_numbers = self._numbers()

    @abstractmethod
    def _numbers(self) -> bytes | None:
        """Return its words; None where their address is not known."""

    @abstractmethod
    def _holds_a_normal_number(self) -> bool: ...

    @abstractmethod
    def _state(self) -> Any: ...

    @abstractmethod
    def _move(self, state: Any) -> None: ...


class _OfPython(_Twister):
    """The generator of ``random``. CPython keeps its words behind the object's header, which is verified once."""

    def __init__(self) -> None:
        example = random.Random(0)
        words = ctypes.string_at(id(example) + object.__basicsize__, _NUMBERS)
        index, *state = np.frombuffer(words, np.uint32).tolist()
        self._as_expected = (*state, index) == example.getstate()[1]

    def _numbers(self) -> bytes | None:
        return ctypes.string_at(id(random._inst) + object.__basicsize__, _NUMBERS) if self._as_expected else None

    def _holds_a_normal_number(self) -> bool:
        return self.last_state[2] is not None or random._inst.gauss_next is not None  # type: ignore[attr-defined]

    def _state(self) -> Any:
        return random.getstate()

    def _move(self, state: Any) -> None:
        random.setstate(state)


class _OfNumPy(_Twister):
    """NumPy's global generator, which tells the address of its words (its documented ``ctypes`` interface)."""

    _generator: Any = None
    _address = 0

    def _numbers(self) -> bytes | None:
        generator = np.random.get_bit_generator()  # type: ignore[attr-defined]
        if type(generator) is not np.random.MT19937:
            return None
        if generator is not self._generator:
            self._generator, self._address = generator, generator.ctypes.state_address
        return ctypes.string_at(self._address, _NUMBERS)

    def _holds_a_normal_number(self) -> bool:
        return bool(self.last_state["has_gauss"])

    def _state(self) -> Any:
        # Not in its legacy form, which takes twice as long.
        return np.random.get_state(legacy=False)  # noqa: NPY002 - the user's

    def _move(self, state: Any) -> None:
        np.random.set_state(state)  # noqa: NPY002 - the user's


_NUMBERS = 625 * 4
"""Bytes of the 624 words of a Mersenne twister, and of its position among them."""

_python, _numpy = _OfPython(), _OfNumPy()


def _generators() -> dict[str, Any]:
    """Return the states of the global random generators."""
    states: dict[str, Any] = {"random": _python.current_state(), "numpy": _numpy.current_state()}
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "get_rng_state"):
        states["torch"] = torch.get_rng_state()
    return states


_SETTERS: dict[str, Callable[[Any], None]] = {
    "random": _python.set,
    "numpy": _numpy.set,
    "torch": lambda state: sys.modules["torch"].set_rng_state(state),
}


def of_its_own() -> contextvars.Context:
    """Return a context for a trial's code, in which it may change the rounding of decimals for itself alone."""
    context = contextvars.copy_context()
    context.run(decimal.setcontext, decimal.getcontext().copy())
    return context


def _folder() -> str | None:
    """Return the working directory, or None where it was deleted."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _tracks_gradients() -> bool:
    """Return whether PyTorch tracks gradients in this thread, which is its default."""
    torch: Any = sys.modules.get("torch")
    return bool(torch.is_grad_enabled()) if hasattr(torch, "is_grad_enabled") else True


def _track_gradients(enabled: bool) -> None:
    sys.modules["torch"].set_grad_enabled(enabled)
