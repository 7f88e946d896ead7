"""What a trial's code may change around itself: it has that to itself, between two reports too.

The working directory, filters of warnings, where ``print`` goes, who answers signals, how decimals are rounded and the
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
    """Those of one trial, made where it trains.

    Its own working directory is kept from one step to the next, and so are whether PyTorch tracks gradients (a loop may
    report from within ``torch.no_grad()``) and where the global generators stand (``random``, NumPy's, PyTorch's on the
    processor): a trial that has seeded them draws what it would draw alone, whatever trains in between.
    """

    _last: ClassVar[Surroundings | None] = None
    """The trial whose generators stand in the process."""
    _inside: ClassVar[Surroundings | None] = None
    """The trial whose code runs: it may run a study itself."""

    def __init__(self) -> None:
        self._home = _folder()
        self._main = threading.current_thread() is threading.main_thread()
        self._folder: str | None = None
        self._gradients: bool | None = None
        self._random: dict[str, Any] = {}

    def run(self, step: Callable[[Any], Any], value: Any) -> Any:
        """Let a trial's code run on, and put back afterwards what it changed.

        Args:
            step: Runs it on, given ``value``; what it returns is returned.
            value: What it is given.
        """
        filters, out, err = list(warnings.filters), sys.stdout, sys.stderr
        handlers: list[Any] = [getsignal(number) for number in SIGNALS] if self._main else []
        gradients = _tracks_gradients()
        if self._folder is not None and os.path.isdir(self._folder):
            os.chdir(self._folder)
        if self._gradients is not None:
            _track_gradients(self._gradients)
        outer = Surroundings._inside
        self._draw()
        Surroundings._inside = self
        try:
            return step(value)
        finally:
            Surroundings._inside = outer
            if outer is not None:
                outer._draw()
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
            for number, handler in zip(SIGNALS, handlers, strict=False):
                if handler is not None and getsignal(number) is not handler:
                    signal.signal(number, handler)

    def _draw(self) -> None:
        """Have the global generators stand where this trial has left them."""
        if (last := Surroundings._last) is self:
            return
        generators = _generators()
        if last is not None:
            last._random = generators
        for name, state in self._random.items():
            if generators.get(name) is not state:
                _SETTERS[name](state)
        Surroundings._last = self


class _Twister(ABC):
    """Where a Mersenne twister stands, asked for in full only where it may have moved: that takes long.

    Its numbers are looked at where they lie. While they are as they were, and it holds no normal number for the next
    call, no number has been drawn.

    Attributes:
        last_state: The state at which it was last seen or set, or None.
    """

    last_state: Any = None
    _last_numbers: bytes | None = None

    def now(self) -> Any:
        """Return where it stands: the very object that is known where it has not moved."""
        numbers = self._numbers()
        if self.last_state is None or numbers is None or numbers != self._last_numbers or self._holds_a_normal_number():
            self.last_state, self._last_numbers = self._state(), numbers
        return self.last_state

    def set(self, state: Any) -> None:
        """Have it stand elsewhere."""
        self._move(state)
        self.last_state, self._last_numbers = state, self._numbers()

    @abstractmethod
    def _numbers(self) -> bytes | None:
        """Return its numbers; None where it is not known where they lie."""

    @abstractmethod
    def _holds_a_normal_number(self) -> bool: ...

    @abstractmethod
    def _state(self) -> Any: ...

    @abstractmethod
    def _move(self, state: Any) -> None: ...


class _OfPython(_Twister):
    """That of the module ``random``. CPython keeps its numbers behind an object's head, which is looked at once."""

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
    """NumPy's global one, whose numbers lie where it says (its documented ``ctypes`` interface)."""

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
        # Without its legacy form: it takes as long again to make.
        return np.random.get_state(legacy=False)  # noqa: NPY002 - the user's

    def _move(self, state: Any) -> None:
        np.random.set_state(state)  # noqa: NPY002 - the user's


_NUMBERS = 625 * 4
"""Bytes of the 624 words of a Mersenne twister, and of its place among them."""

_python, _numpy = _OfPython(), _OfNumPy()


def _generators() -> dict[str, Any]:
    """Return where the global random generators stand."""
    states: dict[str, Any] = {"random": _python.now(), "numpy": _numpy.now()}
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
    """Return a context for a trial's code: how decimals are rounded there is not how they are elsewhere."""
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
    """Return whether PyTorch tracks gradients in this thread, as it does from the beginning on."""
    torch: Any = sys.modules.get("torch")
    return bool(torch.is_grad_enabled()) if hasattr(torch, "is_grad_enabled") else True


def _track_gradients(wanted: bool) -> None:
    sys.modules["torch"].set_grad_enabled(wanted)
