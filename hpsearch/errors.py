"""What a user sees raised, or raises: a mistake is a single line that names the place and the fix."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake in a study file, a space, data or flags; the command line prints it and exits with 2.

    Examples:
        >>> from hpsearch import Float
        >>> Float(2, 1)
        Traceback (most recent call last):
            ...
        hpsearch.errors.UserError: Float(2, 1): ...
    """


class StudyFailed(Exception):
    """The study ran but cannot give a result (every trial failed); the command line exits with 1.

    Examples:
        >>> from hpsearch import Study
        >>> from hpsearch.errors import StudyFailed
        >>> def objective(trial):
        ...     raise RuntimeError("the database does not answer")
        >>> try:
        ...     Study("fails", objective=objective).run(tracking=False, quiet=True)
        ... except StudyFailed as error:
        ...     print(error)
        study 'fails' failed: all of the first 1 trials, trial 0 because RuntimeError: the database does not answer
    """


class Pruned(Exception):
    """What an objective raises to say that its point is not worth training, with why; no failure of the trial.

    Examples:
        >>> from hpsearch import Float, Pruned, Study
        >>> def objective(trial):
        ...     if trial["x"] > 0.5:
        ...         raise Pruned("x is above 0.5")
        ...     return trial["x"]
        >>> study = Study("below_half", objective=objective, space={"x": Float(0, 1)}, sampler="random", n_trials=4)
        >>> study.run(tracking=False, quiet=True).trials["state"].tolist()
        ['PRUNED', 'COMPLETE', 'COMPLETE', 'PRUNED']
    """


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'l2'?)`` for the closest known name, or the list of known names where none is close.

    Args:
        name: What the user typed.
        known: The names that would have been right.

    Returns:
        A text to append to the message, starting with a blank.
    """
    names = sorted(known)
    # The beginning of several names is most likely the shortest of them, cut by a letter.
    close = sorted((known for known in names if name and known.startswith(name)), key=len)[:1]
    close = close or get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(names)})"
