"""What a study's ``scoring`` measures, and which of several scores decides: as scikit-learn's, a name or more."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from hpsearch.errors import UserError
from hpsearch.study.goal import DEFAULT_METRIC

ALONE = "score"
"""The metric of a scorer that has no name."""

OF_REGRESSOR = "val_r2"
"""The default metric of a regressor, which has no accuracy."""


def predicts_numbers(model: Any) -> bool:
    """Return whether a model is a scikit-learn regressor, or a pipeline that ends in one."""
    base = sys.modules.get("sklearn.base")  # where it was not imported, no model is one of its estimators
    return base is not None and hasattr(model, "__sklearn_tags__") and bool(base.is_regressor(model))


def named(scoring: Any) -> dict[str, Any]:
    """Return a study's scorers by the metrics that they give.

    Args:
        scoring: A name of scikit-learn's, a function, a list of names, or a dict of names and functions by name.

    Raises:
        UserError: It is none of these.
    """
    if isinstance(scoring, Mapping):
        scorers = {f"val_{name}": scorer for name, scorer in scoring.items()}
        if not all(isinstance(name, str) and name for name in scoring):
            raise UserError(f"scoring must have a name for each of its scorers, not {scoring!r}")
    elif isinstance(scoring, list | tuple | set | frozenset):
        if isinstance(scoring, set | frozenset):
            raise UserError(f"scoring: a set has no order; write [{', '.join(sorted(map(repr, scoring)))}]")
        if not all(isinstance(scorer, str) for scorer in scoring):
            raise UserError(f"scoring: a list holds names; give functions in a dict by name, not {scoring!r}")
        if len(set(scoring)) < len(scoring):
            raise UserError(f"scoring names one twice: {', '.join(scoring)}")
        scorers = {f"val_{name}": name for name in scoring}
    else:
        scorers = {f"val_{scoring}" if isinstance(scoring, str) else ALONE: scoring}
    if not scorers:
        raise UserError("scoring is empty; leave it out, or name what to measure")
    if not all(isinstance(scorer, str) or callable(scorer) for scorer in scorers.values()):
        raise UserError(f"scoring must be a name such as 'f1_macro', a function, a list or a dict, not {scoring!r}")
    return scorers


def settled_scoring(scoring: Any, metric: Any) -> dict[str, Any]:
    """Return what a study's scoring settles: a single score decides, where ``metric`` does not say otherwise.

    Args:
        scoring: See :func:`named`.
        metric: What decides, as far as it is declared.

    Raises:
        UserError: It has several scores and none was named, or it is no scoring.
    """
    scorers = named(scoring)
    settled = {"scoring": list(scoring)} if isinstance(scoring, tuple) else {}
    if metric is not None:
        return settled
    if DEFAULT_METRIC in scorers:
        return {**settled, "metric": DEFAULT_METRIC}
    if len(scorers) > 1:
        raise UserError(
            f"scoring has {len(scorers)} scores: say which one decides, such as metric={next(iter(scorers))!r} (there "
            f"are {', '.join(scorers)}; 'accuracy' in scoring makes it {DEFAULT_METRIC!r})"
        )
    return {**settled, "metric": next(iter(scorers))}
