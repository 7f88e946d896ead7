"""From a search to a study: its model, data, folds and scores, as a study declares them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv

from hpsearch import samplers
from hpsearch.models.datasets import Dataset
from hpsearch.objectives.build import Prepared
from hpsearch.objectives.staged import prepare
from hpsearch.objectives.transformers import split
from hpsearch.pruners import ASHA
from hpsearch.running.study import Study
from hpsearch.search_cv.identity import data_digest, fits_digest, name_of
from hpsearch.search_cv.route import EpochRoute, as_dataset
from hpsearch.study.cross_validation import Fits, Pair, Splits
from hpsearch.study.grids import points_of


@dataclass(frozen=True)
class DeclaredSearch:
    """A search as a study.

    Attributes:
        study: The study.
        names: The metric that each score has in the log, by the score's name.
        dataset: Its data.
        listed: The parameters that each point of a list of grids has, by the point's number; empty for another space.
    """

    study: Study
    names: dict[str, str]
    dataset: Dataset
    listed: tuple[frozenset[str], ...] = ()


def folds_of(search: Any, X: Any, y: Any, split_params: Mapping[str, Any]) -> tuple[Pair, ...]:
    """Return the rows of each fold.

    Args:
        search: The searcher, for its ``cv`` and its estimator.
        X: Samples.
        y: Targets, or None.
        split_params: Arguments of the splitter.

    Raises:
        ValueError: There are no folds, or another number than the splitter says.
    """
    splitter = check_cv(search.cv, y, classifier=is_classifier(search.estimator))
    expected = splitter.get_n_splits(X, y, **split_params)
    folds = tuple((np.asarray(train), np.asarray(test)) for train, test in splitter.split(X, y, **split_params))
    if len(folds) != expected:
        raise ValueError(
            f"cv.split and cv.get_n_splits return inconsistent results. Expected {expected} splits, got {len(folds)}"
        )
    if not folds:
        raise ValueError("No fits were performed. Was the CV iterator empty? Were there no candidates?")
    return folds


def declare_search(
    search: Any, seed: int, pairs: Sequence[Pair], route: EpochRoute | None, fits: Fits, decides: Any
) -> DeclaredSearch:
    """Return the study of a search, and warn where it tries only a part of a grid.

    Args:
        search: The searcher, for its parameters.
        seed: Its seed.
        pairs: The rows of each fold.
        route: How its trials train epoch by epoch; None where each fit is a whole one.
        fits: How its models are fitted and scored.
        decides: The name of the score that decides, where there are several.

    Raises:
        UserError: The study is invalid.
    """
    scorers = getattr(fits.scorer, "_scorers", None)
    by_name = {"score": fits.scorer} if scorers is None else scorers
    names = {name: f"val_{name}" for name in by_name}
    metric = names.get(decides, next(iter(names.values())))
    if callable(search.scoring) and isinstance(search.refit, str):
        metric = f"val_{search.refit}"
    settles = isinstance(search.pruner, str) and search.pruner == "auto"
    shared: dict[str, Any] = {
        "name": name_of(search.root, search.name),
        "space": search.space,
        "sampler": search.sampler,
        "pruner": None if settles else search.pruner,
        "n_trials": search.n_trials,
        "lanes": search.lanes,
        "seed": seed,
        "timeout": search.timeout,
    }
    if isinstance(search.space, list | tuple) and search.sampler == "tpe":
        shared["sampler"] = "listed"
    if shared["sampler"] != "listed":
        shared["duplicates"] = "skip"
    model = search.estimator
    keeps_log = search.root is not None
    digest = data_digest(fits.data) if keeps_log else ""
    if route is None:
        splits = Splits(tuple(pairs), fits, fits_digest(search.scoring, fits) if keeps_log else "")
        dataset = as_dataset(*fits.data, digest)
        declared = DeclaredSearch(Study(model=model, data=dataset, cv=splits, metric=metric, **shared), names, dataset)
    else:
        dataset = replace(route.dataset, digest=digest)
        scoring: Any = by_name
        if route.metric is not None:
            names = {"score": route.metric}
            metric = route.metric
            scoring = None
        if search.return_train_score:
            exact_metrics = f"{split(model).prefix}exact_train_metrics"
            model = clone(model).set_params(**{exact_metrics: True})
        study = Study(
            model=model,
            data=dataset,
            cv=Splits(tuple(pairs)),
            metric=metric,
            scoring=scoring,
            epochs=search.epochs,
            resource=search.resource,
            value=route.value,
            **shared,
        )
        declared = DeclaredSearch(study, names, dataset)
    if settles and declared.study.pruner != "none":
        declared = replace(
            declared, study=replace(declared.study, pruner=default_pruner(prepare(declared.study, dataset)))
        )
    _warn_of_short(declared.study)
    return replace(declared, listed=_listed(search.space, search.estimator))


def _listed(space: Any, estimator: Any) -> tuple[frozenset[str], ...]:
    """Return the parameters of each point of a list of grids; empty for another space."""
    if not isinstance(space, list | tuple):
        return ()
    defaults = estimator.get_params(deep=True)
    return tuple(frozenset(grid) for grid in space for _ in points_of([grid], defaults)[0])


def default_pruner(prepared: Prepared) -> ASHA | Literal["none"]:
    """Return the pruner of a search that names none; docs/search-cv.md says how it was chosen.

    The first rung is where curves have begun to tell candidates apart: early enough to save most of the time, late
    enough that few of the best are lost and that several candidates are trained to the end.

    Args:
        prepared: What trains the candidates: how many epochs they have, or folds.
    """
    if prepared.epochs == 1:
        return "none"
    share = 2 / 5 if prepared.by_fold else 1 / 4
    return ASHA(min_resource=max(1, round(share * prepared.epochs)), reduction=2)


def _warn_of_short(study: Study) -> None:
    """Warn where a grid has more points than are tried."""
    if study.sampler == "grid" and study.n_trials is not None:
        size = samplers.build(study).size
        if size is not None and size > study.n_trials:
            warnings.warn(
                f"the grid has {size} points, of which n_trials={study.n_trials} are tried; n_trials=None tries all",
                stacklevel=4,
            )
