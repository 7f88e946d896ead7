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
        train: Likewise of training scores; empty where none are returned.
        space: The space that parameters come from.
        epochs: The estimator's parameter for its number of epochs, which gets a trial's best epoch; or None.
        error_score: The score of a fold that failed.
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
        params: Its parameters, with the number of epochs after which it was best.
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


def candidates(history: History, reading: Reading) -> list[Candidate]:
    """Return a study's trials, by number."""
    return [_candidate(trial, reading) for trial in history.trials]


def _candidate(trial: Trial, reading: Reading) -> Candidate:
    rows = list(trial.rows)
    params = restore(reading.space, trial.params)
    if reading.listed:
        params = {name: value for name, value in params.items() if name in reading.listed[trial.ask.point]}
    if reading.epochs is not None and trial.best_epoch is not None:
        params[reading.epochs] = trial.best_epoch
    fit_times, score_times = np.full(reading.splits, np.nan), np.full(reading.splits, np.nan)
    if reading.by_fold:
        for row in rows:
            fit_times[row.epoch - 1] = row.seconds - row.score_seconds
            score_times[row.epoch - 1] = row.score_seconds
    elif rows:  # the folds of an epoch train as one program
        fit_times[:], score_times[:] = trial.seconds / reading.splits, 0.0
    metrics = _metrics(trial, reading)
    failed = trial.state == "FAILED"
    errors = [error for name, error in trial.attributes.items() if name.startswith("split") and name.endswith("_error")]
    scores: dict[str, Array] = {}
    for part, names in (("test", reading.names), ("train", reading.train)):
        for name, metric in names.items():
            of_folds = np.array([metrics.get(split_name(fold, metric), math.nan) for fold in range(reading.splits)])
            scores[f"{part}_{name}"] = (
                np.where(np.isnan(of_folds), reading.error_score, of_folds) if failed or errors else of_folds
            )
    if failed and not reading.by_fold and trial.decision is not None:
        errors = [trial.decision.reason]
    state = "STOPPED" if trial.decision is None else trial.state
    return Candidate(trial.number, params, state, trial.epoch, scores, fit_times, score_times, errors)


def _metrics(trial: Trial, reading: Reading) -> dict[str, float]:
    """Return the metrics of all folds; of a trial that trains by epochs those at its best epoch, the same for all."""
    if reading.by_fold:
        return {name: value for row in trial.rows for name, value in row.metrics.items()}
    return {} if trial.best_epoch is None else dict(trial.rows[trial.best_epoch - 1].metrics)


def cv_results(ranked: Sequence[Candidate], reading: Reading) -> dict[str, Any]:
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
    for score_name in [*(f"test_{name}" for name in reading.names), *(f"train_{name}" for name in reading.train)]:
        table = np.array([c.scores[score_name] for c in ranked])
        for fold in range(reading.splits):
            results[split_name(fold, score_name)] = table[:, fold]
        mean, std = _means(table, ranked)
        results[f"mean_{score_name}"], results[f"std_{score_name}"] = mean, std
        complete = np.array([c.state not in PARTIAL for c in ranked])
        if not np.isfinite(mean[complete]).all():
            part = score_name.partition("_")[0]
            warnings.warn(f"One or more of the {part} scores are non-finite: {mean}", UserWarning, stacklevel=4)
        if score_name.startswith("test_"):
            results[f"rank_{score_name}"] = ranks(ranked, mean)
    return results


def _means(table: Array, ranked: Sequence[Candidate]) -> tuple[Array, Array]:
    """Return means and deviations over all folds; of candidates that were ended early, over the folds they had."""
    partial = np.array([c.state in PARTIAL for c in ranked])
    mean, std = _moments(table)
    with np.errstate(invalid="ignore"):
        return np.where(partial, mean, table.mean(1)), np.where(partial, std, table.std(1))


def _moments(table: Array) -> tuple[Array, Array]:
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of a candidate without any fold is NaN
        return np.nanmean(table, axis=1), np.nanstd(table, axis=1)


def ranks(ranked: Sequence[Candidate], mean: Array) -> Array:
    """Return ranks from 1, shape (n_candidates,), int32, equal for equals.

    Candidates that were ended early rank behind the complete ones, those of more resources first; candidates that
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
    rank_of: dict[tuple[float, ...], int] = {}
    for rank, key in enumerate(sorted(keys), start=1):
        rank_of.setdefault(key, rank)
    return np.array([rank_of[key] for key in keys], np.int32)


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
