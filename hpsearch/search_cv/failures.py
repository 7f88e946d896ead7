"""Warnings and errors about fits that raised, and about searches without any candidate that was trained to the end."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from sklearn.exceptions import FitFailedWarning

from hpsearch.search_cv.results import PARTIAL, Candidate


def tell(candidates: Sequence[Candidate], splits: int, error_score: Any) -> None:
    """Warn of fits that raised, and where no candidate was trained to the end.

    Args:
        candidates: All candidates.
        splits: Number of folds.
        error_score: The score of a fit that raised.

    Raises:
        ValueError: All fits raised, or there was no time for any.
    """
    if not candidates:
        raise ValueError("No fits were performed. Were there no candidates, or no time for one?")
    if all(candidate.state in PARTIAL for candidate in candidates):
        warnings.warn(
            "the time was over before any candidate was trained to its end: the best is one of those that came "
            "furthest; give the search a longer timeout",
            UserWarning,
            stacklevel=3,
        )
    errors = [error for candidate in candidates for error in candidate.errors]
    if not errors:
        return
    first_error = f"The first error was:\n{errors[0]}"
    debug = "by setting error_score='raise'.\n\n"
    n_fits = sum(min(candidate.resources, splits) for candidate in candidates)
    if all(len(c.errors) >= c.resources or c.state == "FAILED" for c in candidates):
        raise ValueError(
            f"\nAll the {n_fits} fits failed.\nIt is very likely that your model is misconfigured.\n"
            f"You can try to debug the error {debug}{first_error}"
        )
    warnings.warn(
        f"\n{len(errors)} fits failed out of a total of {n_fits}.\nThe score on these train-test partitions for these "
        f"parameters will be set to {error_score}.\nIf these failures are not expected, you can try to debug them "
        f"{debug}{first_error}",
        FitFailedWarning,
        stacklevel=3,
    )
