"""How a study's trials are shared out among the stages of its ladder."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpsearch.errors import UserError
from hpsearch.study.scaling import Scale


def split(
    stages: Sequence[Scale], n_trials: int | None, first_n_trials: int | None, default: int, n: int | None = None
) -> list[int]:
    """Return how many trials each stage has, repeats counted.

    Stages that do not say it share what is left by 1/√cost, where an epoch costs n'/n: the allocation that learns most
    for a given cost where all are as noisy (Neyman, 1934). Each has at least one.

    Args:
        stages: The stages.
        n_trials: Trials of the search in all, as they are wanted now.
        first_n_trials: Trials in all when the study was begun: what was added since goes to the last stage.
        default: Trials in all where nothing says how many.
        n: Training samples of the full problem; None: all stages cost the same.

    Raises:
        UserError: There are not enough for one a stage.
    """
    trials_of = [scale.trials for scale in stages]
    declared_total = None if any(count is None for count in trials_of) else sum(count or 0 for count in trials_of)
    totals = (first_n_trials, n_trials, declared_total)
    initial = next((total for total in totals if total is not None), default)
    remaining = initial - sum(count or 0 for count in trials_of)
    weights = [
        0.0 if scale.trials is not None else math.sqrt(n / scale.train) if n and scale.train else 1.0
        for scale in stages
    ]
    counts = [count or 0 for count in trials_of]
    for i, weight in enumerate(weights):
        if weight:
            counts[i] = max(round(remaining * weight / sum(weights[i:])), 1)
            remaining -= counts[i]
    if remaining or min(counts) < 1:
        counts_text = ", ".join("?" if count is None else f"{count}" for count in trials_of)
        raise UserError(f"n_trials={initial} cannot be shared out among {len(stages)} stages (trials: {counts_text})")
    counts[-1] += max((n_trials if n_trials is not None else initial) - initial, 0)
    return counts
