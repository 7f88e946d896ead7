"""The facts about a study as JSON values, for scripts: the same in every command that prints JSON."""

from __future__ import annotations

import math
from typing import Any

from hpsearch.judging import confirm
from hpsearch.log.history import History, Trial
from hpsearch.report import pareto, words


def study_facts(name: str, history: History) -> dict[str, Any]:
    """Return what is known of a study, as JSON values."""
    count = words.counts(history)
    best = confirm.winner(history)
    search_best = history.best
    declaration = history.declaration
    return {
        "study": name,
        "metric": history.goal.metric,
        "direction": history.goal.direction,
        "data": (history.header.dataset if history.header else {}).get("name"),
        **{key: getattr(declaration, key) for key in ("sampler", "pruner", "seed", "lanes", "n_trials")},
        "counts": {
            "complete": count.complete,
            "pruned": count.pruned,
            "failed": count.failed,
            "running": count.running,
        },
        "epochs": sum(trial.epoch for trial in history.trials),
        **({"brought": list(history.brought.said)} if history.brought.said else {}),
        "stop": history.stop,
        "best": _best_facts(best),
        **({"search_best": _best_facts(search_best)} if search_best is not best else {}),
        **({"best_point": point_facts(history)} if declaration.repeats > 1 else {}),
        **(pareto.to_json(history) if history.goal.others else {}),
    }


def point_facts(history: History) -> dict[str, Any] | None:
    """Return what is known of the best point of a study that repeats its points, as JSON values."""
    point = history.best_point
    if point is None:
        return None
    mean = point.mean
    half = point.spread.half
    return {
        "point": point.best.ask.point,
        "mean": mean,
        "interval": None if math.isnan(half) else [mean - half, mean + half],
        "repeats": len(point.trials),
        "values": list(point.spread.values),
        "params": point.best.params,
    }


def _best_facts(trial: Trial | None) -> dict[str, Any] | None:
    if trial is None:
        return None
    return {
        "trial": trial.number,
        "value": trial.value,
        "epoch": trial.best_epoch,
        "epochs": trial.epoch,
        "params": trial.params,
    }
