"""From a study's history to ``cv_results_``, of the shape that scikit-learn's searchers give."""

from __future__ import annotations

import math
import warnings
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.ma import MaskedArray
from numpy.typing import NDArray

from hpsearch.log.history import History, Trial
from hpsearch.space import Space, restore
from hpsearch.study.cross_validation import split_name

Array = NDArray[Any]


PARTIAL = ("PRUNED", "STOPPED")
"""States of candidates that were not trained to their end."""


@dataclass(frozen=True)
class Reading:
    """How a study's log is read.

    Attributes:
        splits: Number of folds.
        by_fold: Whether the epochs of a trial are its folds.
        names: The name of each score in the results, and its metric in the log.
        train: Likewise of training scores; empty where none are wanted.
        space: Where parameters come from.
        epochs: The estimator's parameter that says for how many epochs it is trained, where a trial's are known.
        error_score: What a fold scores that failed.
        listed: The parameters that each point of a list of grids has, by the point's number; empty for another space.
    """

    splits: int
    by_fold: bool
    names: Mapping[str, str]
    train: Mapping[str, str]
    space: Space
    epochs: str | None
    error_score: float
    listed: Sequence[Container[str]] = ()


@dataclass(frozen=True)
class Candidate:
    """A trial as its row of the results.

    Attributes:
        trial: The trial's number.
        params: Its parameters, with the epochs at which it counts.
        state: COMPLETE, PRUNED, FAILED, or STOPPED where the search ended first.
        resources: Epochs that it was trained for, or folds.
        scores: By ``test_NAME`` and ``train_NAME`` the score of each fold, NaN where there is none.
        fit_times: Seconds of each fold, NaN where it was not fitted.
        score_times: Likewise of scoring it.
        errors: What fits raised.
    """

    trial: int
    params: dict[str, Any]
    state: str
    resources: int
    scores: dict[str, Array]
    fit_times: Array
    score_times: Array
    errors: list[str] = field(default_factory=list)


def candidates(history: History, how: Reading) -> list[Candidate]:
    """Return a study's trials, by number."""
    return [_candidate(trial, how) for trial in history.trials]


def _candidate(trial: Trial, how: Reading) -> Candidate:
    rows = list(trial.rows)
    params = restore(how.space, trial.params)
    if how.listed:
        params = {name: value for name, value in params.items() if name in how.listed[trial.ask.point]}
    if how.epochs is not None and trial.best_epoch is not None:
        params[how.epochs] = trial.best_epoch
    fit_times, score_times = np.full(how.splits, np.nan), np.full(how.splits, np.nan)
    if how.by_fold:
        for row in rows:
            fit_times[row.epoch - 1] = row.seconds - row.score_seconds
            score_times[row.epoch - 1] = row.score_seconds
    elif rows:  # the folds of an epoch train as one program
        fit_times[:], score_times[:] = trial.seconds / how.splits, 0.0
    metrics = _metrics(trial, how)
    failed = trial.state == "FAILED"
    errors = [text for name, text in trial.attributes.items() if name.startswith("split") and name.endswith("_error")]
    scores: dict[str, Array] = {}
    for part, names in (("test", how.names), ("train", how.train)):
        for name, metric in names.items():
            of_folds = np.array([metrics.get(split_name(fold, metric), math.nan) for fold in range(how.splits)])
            scores[f"{part}_{name}"] = (
                np.where(np.isnan(of_folds), how.error_score, of_folds) if failed or errors else of_folds
            )
    if failed and not how.by_fold and trial.decision is not None:
        errors = [trial.decision.reason]
    state = "STOPPED" if trial.decision is None else trial.state
    return Candidate(trial.number, params, state, trial.epoch, scores, fit_times, score_times, errors)


def _metrics(trial: Trial, how: Reading) -> dict[str, float]:
    """Return what each fold scored: of a trial that goes by epochs at the one that counts, the same for all folds."""
    if how.by_fold:
        return {name: value for row in trial.rows for name, value in row.metrics.items()}
    return {} if trial.best_epoch is None else dict(trial.rows[trial.best_epoch - 1].metrics)


def cv_results(ranked: Sequence[Candidate], how: Reading) -> dict[str, Any]:
    """Return the results by name: an array with a value for each candidate, in the order of the trials.

    Beside what scikit-learn's searchers give there are ``n_resources`` and ``state``.
    """
    results: dict[str, Any] = {}
    for name, times in (("fit_time", [c.fit_times for c in ranked]), ("score_time", [c.score_times for c in ranked])):
        table = np.array(times)
        results[f"mean_{name}"], results[f"std_{name}"] = (np.nan_to_num(moment) for moment in _moments(table))
    results |= dict(masked_params([c.params for c in ranked]))
    results["params"] = [c.params for c in ranked]
    results["n_resources"] = np.array([c.resources for c in ranked])
    results["state"] = np.array([c.state for c in ranked], object)
    for part in [*(f"test_{name}" for name in how.names), *(f"train_{name}" for name in how.train)]:
        table = np.array([c.scores[part] for c in ranked])
        for fold in range(how.splits):
            results[split_name(fold, part)] = table[:, fold]
        mean, std = _means(table, ranked)
        results[f"mean_{part}"], results[f"std_{part}"] = mean, std
        whole = np.array([c.state not in PARTIAL for c in ranked])
        if not np.isfinite(mean[whole]).all():
            kind = part.partition("_")[0]
            warnings.warn(f"One or more of the {kind} scores are non-finite: {mean}", UserWarning, stacklevel=4)
        if part.startswith("test_"):
            results[f"rank_{part}"] = ranks(ranked, mean)
    return results


def _means(table: Array, ranked: Sequence[Candidate]) -> tuple[Array, Array]:
    """Return means and deviations over all folds; of candidates that were ended before, over the folds they had."""
    partial = np.array([c.state in PARTIAL for c in ranked])
    mean, std = _moments(table)
    with np.errstate(invalid="ignore"):
        return np.where(partial, mean, table.mean(1)), np.where(partial, std, table.std(1))


def _moments(table: Array) -> tuple[Array, Array]:
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # of a candidate that has no fold nothing is known
        return np.nanmean(table, axis=1), np.nanstd(table, axis=1)


def ranks(ranked: Sequence[Candidate], mean: Array) -> Array:
    """Return ranks from 1, shape (n_candidates,), int32, equal for equals.

    Candidates that were ended before rank behind those that were not, those of more resources first; candidates that
    failed rank last.
    """
    keys: list[tuple[float, ...]] = []
    for candidate, value in zip(ranked, mean, strict=True):
        if math.isnan(value):
            keys.append((2.0,))
        elif candidate.state in PARTIAL:
            keys.append((1.0, -candidate.resources, -value))
        else:
            keys.append((0.0, -value))
    first_places: dict[tuple[float, ...], int] = {}
    for place, key in enumerate(sorted(keys), start=1):
        first_places.setdefault(key, place)
    return np.array([first_places[key] for key in keys], np.int32)


def masked_params(params: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, MaskedArray[Any, Any]]]:
    """Yield for each parameter ``param_NAME`` its values, masked where a candidate does not have it."""
    names = list(dict.fromkeys(name for point in params for name in point))
    for name in names:
        values = {i: point[name] for i, point in enumerate(params) if name in point}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                array = np.array(list(values.values()))
            plain = array.ndim == 1 and array.dtype.kind in "biufc"
        except (ValueError, TypeError):
            plain = False
        column: MaskedArray[Any, Any] = MaskedArray(np.empty(len(params), array.dtype if plain else object), mask=True)
        for i, value in values.items():
            column[i] = value
        yield f"param_{name}", column
