"""What a user's code raised, as text that a log can hold, whatever it was."""

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
    """Have what a trial's code raises raised to the caller, in the place of a row that says so; for debugging."""
    token = _raises.set(True)
    try:
        yield
    finally:
        _raises.reset(token)


def reason(error: BaseException) -> str:
    """Return an exception as one line: its type, and the first line of its text that says anything."""
    lines = [line for line in _text(error).splitlines() if line.strip()]
    return written(f"{type(error).__name__}: {lines[0] if lines else ''}", LONGEST_REASON)


def refusal(error: BaseException) -> str | None:
    """Return why a trial refuses its point, or None where the exception says no such thing."""
    if not (isinstance(error, Pruned) or _is_optunas(type(error))):
        return None
    lines = [line.strip() for line in _text(error).splitlines() if line.strip()]
    return written(lines[0] if lines else "the trial refuses its point", LONGEST_REASON)


def traceback_of(error: BaseException) -> str:
    """Return an exception with its traceback; within :func:`raised` raise it."""
    if _raises.get():
        raise error
    try:
        lines = traceback.format_exception(error)
    except Exception as another:  # an exception of the user's may break what formats it
        lines = [f"{type(error).__name__}; its traceback cannot be written ({type(another).__name__})\n"]
    return written("".join(lines), LONGEST_TRACEBACK)


def written(text: str, longest: int) -> str:
    """Return a text in UTF-8's characters, and no longer than this: its middle is left out."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) <= longest:
        return text
    half = (longest - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def _text(error: BaseException) -> str:
    try:
        return f"{error}"
    except Exception as another:  # its __str__ raises
        return f"its text cannot be read ({type(another).__name__})"


def _is_optunas(kind: type[BaseException]) -> bool:
    """Return whether this is Optuna's TrialPruned, without importing Optuna."""
    return any(c.__name__ == "TrialPruned" and c.__module__.partition(".")[0] == "optuna" for c in kind.__mro__)
