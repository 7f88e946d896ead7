"""What a search that has a log is known by: its seed, its data, and what decides its scores."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.log.lines import read
from hpsearch.log.records import Header
from hpsearch.study.cross_validation import Fits

MOST_SEED = 2**31 - 1


def name_of(root: str | Path | None, name: str | None) -> str:
    """Return a study's name.

    Raises:
        UserError: It is to be kept and has none.
    """
    if root is not None and name is None:
        raise UserError("root= goes with name=, by which the search is found again")
    return name or "search"


def seed_of(random_state: Any, root: str | Path | None, name: str | None) -> int:
    """Return the seed of a search: where none is given, that of the log that goes on, or one that is drawn."""
    from sklearn.utils import check_random_state

    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    if random_state is None and root is not None and name is not None:
        log = Path(root) / "studies" / name / catalogue.LOG
        record, _ = next(read(log), (None, 0)) if log.is_file() else (None, 0)
        if isinstance(record, Header):
            return int(record.declaration["seed"])
    return int(check_random_state(random_state).randint(MOST_SEED))


def data_digest(data: Any) -> str:
    """Return what samples and targets are known by."""
    from joblib import hash as digest

    return str(digest(data))


def fits_digest(scoring: Any, fits: Fits) -> str:
    """Return what else decides the scores of fits."""
    from joblib import hash as digest

    described = _said(scoring), str(fits.error_score), fits.return_train_score
    return str(digest((described, fits.fit_params, fits.score_params)))


def _said(scoring: Any) -> Any:
    """Return what tells one way to score from another: names, and of functions what they are called."""
    if isinstance(scoring, Mapping):
        return {name: _said(scorer) for name, scorer in scoring.items()}
    if isinstance(scoring, list | tuple):
        return [_said(scorer) for scorer in scoring]
    if scoring is None or isinstance(scoring, str):
        return scoring
    return f"{getattr(scoring, '__module__', '')}.{getattr(scoring, '__qualname__', repr(type(scoring)))}"
