"""How a study is cross-validated: a number of folds, a splitter of scikit-learn, or the rows of each fold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.errors import UserError

Rows = NDArray[np.intp]
Pair = tuple[Rows, Rows]
"""Rows that a fold trains on, and rows that it is measured on."""


@dataclass(frozen=True, eq=False)
class Fits:
    """What scikit-learn's searchers give to each of their fits.

    Attributes:
        scorer: Measures a fitted estimator: a scorer, or scikit-learn's scorer of several metrics.
        fit_params: Arguments of ``fit``, those with a value for each row whole.
        score_params: Arguments of the scorer, likewise.
        error_score: What a fit scores that raises, or ``"raise"``.
        return_train_score: Whether training rows are scored too.
        n_jobs: Processes that fit; it changes no result.
        verbose: How much each fit prints.
        data: The samples and their targets, of whatever kind the estimator takes.
    """

    scorer: Any
    fit_params: dict[str, Any]
    score_params: dict[str, Any]
    error_score: float | str
    return_train_score: bool
    n_jobs: int | None
    verbose: int
    data: tuple[Any, Any]


@dataclass(frozen=True, eq=False)
class Splits:
    """The rows of each fold, counted in the order in which the data are given.

    Attributes:
        pairs: Of each fold the rows that it trains on and those that it is measured on.
        fits: How its models are fitted, where scikit-learn's own way is asked for; None: as a study does.
        decides: What else decides a result of ``fits``, as a digest.
    """

    pairs: tuple[Pair, ...]
    fits: Fits | None = None
    decides: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what decides a result, as JSON values."""
        hasher = hashlib.sha256()
        for train, test in self.pairs:
            for rows in (train, test):
                hasher.update(f"{len(rows)} ".encode() + np.ascontiguousarray(rows, np.int64).tobytes())
        fields = {"folds": len(self.pairs), "rows": hasher.hexdigest()[:16]}
        return fields | ({"fits": self.decides} if self.fits is not None else {})


def split_name(fold: int, metric: str) -> str:
    """Return what a fold's own score is called, as in scikit-learn's ``cv_results_``: split0_val_accuracy."""
    return f"split{fold}_{metric}"


def spread_name(metric: str) -> str:
    """Return what the standard deviation of a metric over the folds is called."""
    return f"{metric}_std"


def checked(cv: Any, groups: Any, model: Any) -> tuple[Any, Any]:
    """Return a study's ``cv`` and ``groups`` as it keeps them.

    Raises:
        UserError: They are invalid.
    """
    if cv is None:
        if groups is not None:
            raise UserError("groups= goes with cv=, such as cv=GroupKFold(5); a Table has groups= of its own")
        return None, None
    if model is None:
        raise UserError("cv= goes with model=; an objective divides its data itself")
    if groups is not None:
        groups = np.asarray(groups)
        if groups.ndim != 1:
            raise UserError(f"groups must have shape (n_samples,), not {groups.shape}")
    if isinstance(cv, Splits):
        return cv, groups
    if isinstance(cv, bool | str):
        raise UserError(f"cv must be a number of folds or a splitter of scikit-learn, not {cv!r}")
    if hasattr(cv, "__index__"):
        if cv.__index__() < 2:
            raise UserError(f"cv must be at least 2 folds, not {cv}")
        return cv.__index__(), groups
    if isinstance(cv, type):
        raise UserError(f"cv must be an instance: write cv={cv.__name__}(…)")
    if hasattr(cv, "split") and hasattr(cv, "get_n_splits"):
        return cv, groups
    if isinstance(cv, Iterable):
        return Splits(_pairs(cv)), groups
    raise UserError(f"cv must be a number of folds, a splitter of scikit-learn or a list of (train, test), not {cv!r}")


def _pairs(folds: Iterable[Any]) -> tuple[Pair, ...]:
    pairs: list[Pair] = []
    for i, fold in enumerate(folds):
        if not isinstance(fold, tuple | list) or len(fold) != 2:
            raise UserError(f"cv[{i}] must be a pair (rows to train on, rows to measure on), not {fold!r}")
        train, test = (np.asarray(rows) for rows in fold)
        for rows in (train, test):
            if rows.ndim != 1 or rows.dtype.kind not in "iub" or not rows.size:
                raise UserError(f"cv[{i}] must hold numbers of rows, at least one on each side")
        pair = tuple(np.flatnonzero(rows) if rows.dtype.kind == "b" else rows.astype(np.intp) for rows in (train, test))
        pairs.append((pair[0], pair[1]))
    if len(pairs) < 2:
        raise UserError(f"cv must be at least 2 folds, not {len(pairs)}")
    return tuple(pairs)


def described(cv: Any, value: Callable[[Any, str], Any]) -> Any:
    """Return a study's ``cv`` as a JSON value.

    Args:
        cv: As :func:`checked` returns it.
        value: Describes a splitter.
    """
    if isinstance(cv, Splits):
        return cv.to_json()
    return cv if isinstance(cv, int) else value(cv, "cv")


def digest(groups: Any) -> str:
    """Return 16 hex digits for the groups of the rows."""
    texts = groups.dtype.kind in "OUT"
    data = "\0".join(map(str, groups)).encode() if texts else np.ascontiguousarray(groups).tobytes()
    return hashlib.sha256(data).hexdigest()[:16]
