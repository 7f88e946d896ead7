"""The identity of a search that has a log: its name, its seed, and digests of its data and its way of scoring."""

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
        UserError: The search has a ``root``, and no name.
    """
    if root is not None and name is None:
        raise UserError("root= goes with name=, by which the search is found again")
    return name or "search"


def seed_of(random_state: Any, root: str | Path | None, name: str | None) -> int:
    """Return the seed of a search: where none is given, that of the log that is resumed, or one that is drawn."""
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
    """Return a digest of samples and targets."""
    from joblib import hash as digest

    return str(digest(data))


def fits_digest(scoring: Any, fits: Fits) -> str:
    """Return a digest of what decides the scores of fits beside the data and the model."""
    from joblib import hash as digest

    described = _scoring_names(scoring), str(fits.error_score), fits.return_train_score
    return str(digest((described, fits.fit_params, fits.score_params)))


def _scoring_names(scoring: Any) -> Any:
    """Return the scoring with names in the place of functions, by which one scoring is told from another."""
    if isinstance(scoring, Mapping):
        return {name: _scoring_names(scorer) for name, scorer in scoring.items()}
    if isinstance(scoring, list | tuple):
        return [_scoring_names(scorer) for scorer in scoring]
    if scoring is None or isinstance(scoring, str):
        return scoring
    return f"{getattr(scoring, '__module__', '')}.{getattr(scoring, '__qualname__', repr(type(scoring)))}"
