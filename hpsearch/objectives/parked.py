"""One trial's code, parked between two reports: a generator at its ``yield``, a function inside ``trial.report``.

The code runs in a greenlet of the thread that trains, not in a thread of its own: there signal handlers could not be
set, NumPy's error state would be another, and a fork beside a parked thread can deadlock.
"""

from __future__ import annotations

import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import greenlet

from hpsearch.objectives import user_trial
from hpsearch.objectives.broken import reason
from hpsearch.objectives.process_state import Surroundings, of_its_own

_OWN = (__file__, user_trial.__file__)

PATIENCE = 3
"""How often a stopped trial's code is asked to end, before it is left where it is."""

_LEFT: list[greenlet.greenlet] = []
"""Code of trials that did not end; it is kept, as collecting a greenlet would resume it once more."""


@dataclass(frozen=True)
class StepResult:
    """A report of a trial's code, or its end.

    Attributes:
        value: What the code reported or returned.
        ended: Whether it has returned.
    """

    value: Any
    ended: bool = False


class Parked:
    """Runs a trial's code from report to report.

    Args:
        function: Takes a trial; returns a result or an iterator of reports, or calls ``report``.
        around: Makes the context manager in which the code runs, entered for each step.
    """

    def __init__(
        self, function: Callable[[Any], Any], around: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self._function = function
        self._around = around
        self._greenlet: greenlet.greenlet | None = None
        self._surroundings = Surroundings()
        self._pid = os.getpid()
        self.stopped = False
        self.reported = False
        self._generator: Any = None

    def step(self, trial: Any) -> StepResult:
        """Run on to the next report or the end.

        Args:
            trial: What the function is given, at the first step.

        Raises:
            BaseException: Whatever the code raises.
        """
        if self._greenlet is None:
            self._greenlet = greenlet.greenlet(self._run)
            self._greenlet.gr_context = of_its_own()
            return self._switch(trial)
        return self._switch(True)

    def location(self) -> str | None:
        """Return where the code is, as a line of a traceback: at its ``yield``, its report, or where it begins."""
        frame: FrameType | None = getattr(self._generator, "gi_frame", None)
        if frame is None and self._greenlet is not None:
            frame = self._greenlet.gr_frame  # in our own report, until the user's code that called it
            while frame is not None and frame.f_code.co_filename in _OWN:
                frame = frame.f_back
        if frame is not None:
            return _line(frame.f_code, frame.f_lineno)
        code = getattr(inspect.unwrap(self._function), "__code__", None)
        return None if code is None else _line(code, code.co_firstlineno)

    def stop(self) -> None:
        """Make the code clean up and end: ``report`` returns False, a generator is closed."""
        self.stopped = True
        parked, self._greenlet = self._greenlet, None
        if parked is None or parked.dead:
            return
        self._greenlet = parked
        try:
            for attempt in range(PATIENCE):
                ended = self._switch(False) if attempt == 0 else self._throw()
                if ended is None or ended.ended:
                    return
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            if not isinstance(error, greenlet.GreenletExit):
                logging.getLogger("hpsearch").warning("a stopped trial's code raised %s", reason(error))
            return
        finally:
            self._greenlet = None
        logging.getLogger("hpsearch").warning("a stopped trial's code does not end; it is left where it stands")
        _LEFT.append(parked)

    def report(self, metrics: Any) -> bool:
        """Park until the trial's next epoch is due; called by the code, returns whether to go on."""
        if os.getpid() != self._pid or greenlet.getcurrent() is not self._greenlet:
            raise RuntimeError("trial.report is called by the code that the study runs, not by its children or threads")
        if self.stopped:
            raise greenlet.GreenletExit  # it was told to end, and went on
        self.reported = True
        return bool(self._greenlet.parent.switch(StepResult(metrics)))

    def _run(self, trial: Any) -> StepResult:
        result = self._function(trial)
        if inspect.isasyncgen(result):
            raise TypeError("the objective is an async function; write it with def, and asyncio.run inside")
        if isinstance(result, Iterator):
            return self._iterate(result)
        return StepResult(result, ended=True)

    def _iterate(self, reports: Iterator[Any]) -> StepResult:
        self._generator = reports
        try:
            for metrics in reports:
                if not self.report(metrics):
                    break
        finally:
            if hasattr(reports, "close"):
                reports.close()
        return StepResult(None, ended=True)

    def _switch(self, value: Any) -> StepResult:
        assert self._greenlet is not None
        self._greenlet.parent = greenlet.getcurrent()
        return self._entered(self._greenlet.switch, value)

    def _throw(self) -> StepResult:
        assert self._greenlet is not None
        return self._entered(self._greenlet.throw, greenlet.GreenletExit)

    def _entered(self, resume: Callable[[Any], Any], value: Any) -> StepResult:
        try:
            with self._around():
                result = self._surroundings.run(resume, value)
        finally:
            if os.getpid() != self._pid:
                _end_child()
        return result if isinstance(result, StepResult) else StepResult(None, ended=True)


def _line(code: CodeType, line: int) -> str:
    return f'  File "{code.co_filename}", line {line}, in {code.co_name}'


def _end_child() -> None:
    """End a process that the trial's code forked and that returned from that code: it must not go on with the study."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    os._exit(0 if sys.exc_info()[0] is None else 1)


def same(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    """Return whether two reports say the same; NaN equals NaN."""
    return a.keys() == b.keys() and all(a[name] == b[name] or (a[name] != a[name] and b[name] != b[name]) for name in a)
