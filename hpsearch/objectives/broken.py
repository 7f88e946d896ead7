"""Exceptions of a user's code as texts that a log can hold, whatever they are."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hpsearch.errors import Pruned

LONGEST_REASON = 500
LONGEST_TRACEBACK = 20_000
"""Characters kept; of a longer text its beginning and its end."""

_raises: ContextVar[bool] = ContextVar("raises", default=False)


@contextmanager
def raised() -> Iterator[None]:
    """For a block, raise what a trial's code raises to the caller, instead of failing the trial; for debugging."""
    token = _raises.set(True)
    try:
        yield
    finally:
        _raises.reset(token)


def reason(error: BaseException) -> str:
    """Return an exception as one line: its type, and the first line of its text that says anything."""
    lines = [line for line in _message(error).splitlines() if line.strip()]
    return shortened(f"{type(error).__name__}: {lines[0] if lines else ''}", LONGEST_REASON)


def refusal(error: BaseException) -> str | None:
    """Return why a trial refuses its point, or None where the exception is another one than Pruned or TrialPruned."""
    if not (isinstance(error, Pruned) or _is_optunas(type(error))):
        return None
    lines = [line.strip() for line in _message(error).splitlines() if line.strip()]
    return shortened(lines[0] if lines else "the trial refuses its point", LONGEST_REASON)


def traceback_of(error: BaseException) -> str:
    """Return an exception with its traceback; within :func:`raised` raise it."""
    if _raises.get():
        raise error
    try:
        lines = traceback.format_exception(error)
    except Exception as another:  # an exception of the user's may break what formats it
        lines = [f"{type(error).__name__}; its traceback cannot be written ({type(another).__name__})\n"]
    return shortened("".join(lines), LONGEST_TRACEBACK)


def shortened(text: str, longest: int) -> str:
    """Return a text that UTF-8 can encode, of at most so many characters: the middle of a longer one is left out."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) <= longest:
        return text
    half = (longest - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def _message(error: BaseException) -> str:
    try:
        return f"{error}"
    except Exception as another:  # its __str__ raises
        return f"its text cannot be read ({type(another).__name__})"


def _is_optunas(error_type: type[BaseException]) -> bool:
    """Return whether this is Optuna's TrialPruned, without importing Optuna."""
    return any(c.__name__ == "TrialPruned" and c.__module__.partition(".")[0] == "optuna" for c in error_type.__mro__)
