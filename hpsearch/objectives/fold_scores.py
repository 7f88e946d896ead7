"""The metrics of a cross-validated row: means over the folds; of deciding metrics also spread and each fold's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from hpsearch.study.cross_validation import split_name, spread_name


def combined(folds: Sequence[Mapping[str, float]], detailed: Collection[str]) -> dict[str, float]:
    """Return the metrics of a cross-validated epoch.

    Args:
        folds: The metrics of each fold.
        detailed: Metrics of which the spread (the standard deviation, by n) and each fold's own score are reported too.
    """
    shared = [name for name in folds[0] if all(name in fold for fold in folds)]
    metrics: dict[str, float] = {}
    with np.errstate(invalid="ignore"):
        for name in shared:
            scores = np.array([fold[name] for fold in folds])
            metrics[name] = float(scores.mean())
            if name in detailed:
                metrics[spread_name(name)] = float(scores.std())
    for name in shared:
        if name in detailed:
            metrics |= {split_name(fold, name): float(scores[name]) for fold, scores in enumerate(folds)}
    return metrics


def so_far(folds: Sequence[Mapping[str, float]], detailed: Collection[str]) -> dict[str, float]:
    """Return the metrics of a trial that goes fold by fold: means over its folds so far, and the newest fold's own."""
    newest = split_name(len(folds) - 1, "")
    metrics = combined(folds, detailed)
    of_folds = {split_name(fold, name) for fold in range(len(folds)) for name in detailed}
    return {name: value for name, value in metrics.items() if name not in of_folds or name.startswith(newest)}
