"""What a trial's code may change around itself: it has that to itself, between two reports too.

The working directory, filters of warnings, where ``print`` goes, who answers signals, how decimals are rounded and the
global random generators belong to the process; several trials share it, and so does the engine.
"""

from __future__ import annotations

import decimal
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Surroundings:
    """Those of one trial.

    Its own working directory is kept from one step to the next, and so are whether PyTorch tracks gradients (a loop may
    report from within ``torch.no_grad()``) and where the global generators stand (``random``, NumPy's, PyTorch's on the
    processor): a trial that has seeded them draws what it would draw alone, whoever trains in between.
    """

    _last: ClassVar[Surroundings | None] = None
    """The trial whose generators stand in the process."""
    _inside: ClassVar[Surroundings | None] = None
    """The trial whose code runs: it may run a study itself."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._gradients: bool | None = None
        self._random: dict[str, Any] = {}

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let a trial's code run, and put back afterwards what it changed."""
        before, decimals, gradients = _folder(), decimal.getcontext().copy(), _tracks_gradients()
        filters, streams = list(warnings.filters), (sys.stdout, sys.stderr)
        main = threading.current_thread() is threading.main_thread()
        handlers: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS} if main else {}
        if self._folder is not None and os.path.isdir(self._folder):
            os.chdir(self._folder)
        if self._gradients is not None:
            _track_gradients(self._gradients)
        outer = Surroundings._inside
        self._draw()
        Surroundings._inside = self
        try:
            yield
        finally:
            Surroundings._inside = outer
            if outer is not None:
                outer._draw()
            here = _folder()
            self._folder = here if here != before else None
            if here != before and before is not None:
                os.chdir(before)
            if list(warnings.filters) != filters:
                warnings.filters[:] = filters  # type: ignore[index]
                warnings._filters_mutated()  # type: ignore[attr-defined]
            sys.stdout, sys.stderr = streams
            decimal.setcontext(decimals)
            here_too = _tracks_gradients()
            self._gradients = here_too if here_too != gradients else None
            if here_too != gradients:
                _track_gradients(gradients)
            for number, handler in handlers.items():
                if signal.getsignal(number) is not handler and handler is not None:
                    signal.signal(number, handler)

    def _draw(self) -> None:
        """Have the global generators stand where this trial has left them."""
        if (last := Surroundings._last) is self:
            return
        here = _generators()
        if last is not None:
            last._random = here
        for name, state in self._random.items():
            if not _is_same(here.get(name), state):  # setting costs more than looking, and few use them all
                _SETTERS[name](state)
        Surroundings._last = self


def _generators() -> dict[str, Any]:
    """Return where the global random generators stand."""
    found: dict[str, Any] = {"random": random.getstate()}
    # Without its legacy form: it takes as long again to make.
    found["numpy"] = np.random.get_state(legacy=False)  # noqa: NPY002 - the user's
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "get_rng_state"):
        found["torch"] = torch.get_rng_state()
    return found


def _is_same(here: Any, state: Any) -> bool:
    """Return whether a generator stands at a state."""
    if isinstance(state, dict):  # NumPy's
        inner = here["state"]
        return bool(
            inner["pos"] == state["state"]["pos"]
            and (here["has_gauss"], here["gauss"]) == (state["has_gauss"], state["gauss"])
            and np.array_equal(inner["key"], state["state"]["key"])
        )
    if hasattr(state, "equal"):  # PyTorch's
        return here is not None and bool(state.equal(here))
    return bool(here == state)


_SETTERS: dict[str, Callable[[Any], None]] = {
    "random": random.setstate,
    "numpy": np.random.set_state,
    "torch": lambda state: sys.modules["torch"].set_rng_state(state),
}


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
