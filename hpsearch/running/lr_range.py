"""The η test: the training cost over the first epochs for learning rates over four orders of magnitude.

The chapter's way to the order of magnitude of η: the largest one at which the cost falls at once, instead of
oscillating or rising, is the threshold; half of it is a good choice. Without regularisation (λ = 0), as the chapter
begins, and from the same initial weights for every η.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.judging.diagnosis import setback
from hpsearch.judging.lr_range import LrRange, Trace, Verdict
from hpsearch.models.datasets import Dataset
from hpsearch.models.optimizers import OPTIMIZERS
from hpsearch.models.parameters import batch_rows, validate_params
from hpsearch.models.training.population import Member, Population, TrainingData
from hpsearch.objectives.outputs import training_data
from hpsearch.objectives.surroundings import surroundings
from hpsearch.objectives.transformers import Transformers, behind
from hpsearch.study.study import Study

N_RATES = 13
DECADES = 4.0
BELOW = 200.0
"""The grid's lowest learning rate lies this much below the optimizer's default: 0.0025 … 25 for sgd's 0.5."""

PARTS = 10
"""Costs per epoch: an epoch is trained in this many stretches, each of other samples."""

HARDLY = 0.1
"""A cost that at the end of the test is not this share below that of guessing hardly falls."""

SETBACK = 0.2
"""A cost that ever rises by this share of all that it falls below that of guessing oscillates."""

NOISE = 0.1
"""Stretches differ by this share of their cost: they are of other samples."""

UNTRAINED = 1e-30
"""Learning rate of the network that shows the cost before training."""

_NETWORK, _DATA = 1, 2


def lr_range(study: Study, dataset: Dataset, epochs: int = 3) -> LrRange:
    """Run the test on a study's model.

    Args:
        study: Its model counts, not its space.
        dataset: Its data; the training part alone is used.
        epochs: Epochs to train for each learning rate.

    Raises:
        UserError: The model is no MLPClassifier and no pipeline that ends in one.
    """
    params, data = _problem(study, dataset)
    guessing = guessing_cost(params, data)
    lowest = OPTIMIZERS[params["optimizer"]].learning_rate / BELOW
    rates = [float(f"{lowest * 10 ** (DECADES * i / (N_RATES - 1)):.2g}") for i in range(N_RATES)]
    with surroundings(study.threads):
        costs = _train(params, data, [UNTRAINED, *rates], epochs, study.seed)
    start = costs[0][0]
    traces = tuple(
        Trace(rate, (start, *cost), judge([start, *cost], guessing))
        for rate, cost in zip(rates, costs[1:], strict=True)
    )
    return LrRange(traces, epochs, guessing, threshold(traces))


def judge(cost: Sequence[float], guessing: float) -> Verdict:
    """Return what a training cost does.

    Initial weights may cost far more than guessing, and the biases alone bring the cost down to that of guessing: only
    what it falls below counts as learning.

    Args:
        cost: From before training on.
        guessing: Cost of a network that gives the classes' shares whatever it sees.
    """
    if any(not math.isfinite(value) for value in cost):
        return "diverges"
    if min(cost[-3:]) > max(cost[0], guessing):
        return "rises"
    learnt = max(guessing - min(cost), HARDLY * guessing)
    if max(cost) > (1 + SETBACK) * max(cost[0], guessing) or setback(cost, NOISE) > SETBACK * learnt:
        return "oscillates"
    return "hardly falls" if cost[-1] > (1 - HARDLY) * guessing else "falls at once"


def guessing_cost(params: Mapping[str, Any], data: TrainingData) -> float:
    """Return the cost of a network whose outputs are the classes' shares, whatever it sees."""
    p = data.T_train.mean(axis=0, dtype=np.float64)
    p = p[(p > 0) & (p < 1)]
    if params["cost"] == "log_likelihood":
        return float(-(p * np.log(p)).sum())
    if params["cost"] == "cross_entropy":
        return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).sum())
    return float((p * (1 - p)).sum() / 2 * (4 if params["output"] == "tanh" else 1))  # targets of tanh are ±1


def threshold(traces: Sequence[Trace]) -> float | None:
    """Return the largest learning rate of the first run of those at which the cost falls at once."""
    found = None
    for trace in traces:
        if trace.verdict == "falls at once":
            found = trace.learning_rate
        elif found is not None:
            break
    return found


def to_json(found: LrRange) -> dict[str, Any]:
    """Return the result as JSON values; a cost that is not finite is None."""
    return {
        "epochs": found.epochs,
        "guessing": found.guessing,
        "threshold": found.threshold,
        "suggestion": found.suggestion,
        "rates": [
            {
                "learning_rate": trace.learning_rate,
                "verdict": trace.verdict,
                "cost": [value if math.isfinite(value) else None for value in trace.cost],
            }
            for trace in found.traces
        ],
    }


def _problem(study: Study, dataset: Dataset) -> tuple[dict[str, Any], TrainingData]:
    from hpsearch.models.estimators.classifier import MLPClassifier  # imports scikit-learn

    parts = behind(study.model, dataset).parts
    if not isinstance(parts.last, MLPClassifier):
        name = "an objective" if study.model is None else type(parts.last).__name__
        raise UserError(f"study {study.name!r}: the η test needs an MLPClassifier, not {name}")
    if dataset.classes is None:
        raise UserError(f"study {study.name!r}: the model is a classifier, but data {dataset.name!r} has no classes")
    params = {**parts.last.get_params(), "l2": 0.0, "early_stopping": "none", "lr_schedule": "constant"}
    try:
        validate_params(params)
    except ValueError as error:
        raise UserError(f"study {study.name!r}: model: {error}") from error
    if parts.before is not None:
        with surroundings(study.threads):
            X, X_valid = Transformers(parts.before, dataset, study.seed).transform({})
        dataset = replace(dataset, X_train=X, X_valid=X_valid)
    return params, training_data(dataset, params["dtype"], class_weight=params["class_weight"])


def _train(
    params: Mapping[str, Any], data: TrainingData, rates: Sequence[float], epochs: int, seed: int
) -> list[list[float]]:
    """Return each learning rate's cost over each stretch; one that diverged ends with a value that is not finite."""
    n = len(data.X_train)
    batch = batch_rows(params, n)
    size = max(math.ceil(n / PARTS / batch), 1) * batch
    members = [Member({**params, "learning_rate": rate, "max_epochs": 2**31}, (seed, _NETWORK, 0)) for rate in rates]
    costs: list[list[float]] = [[] for _ in rates]
    for epoch in range(epochs):
        order = np.random.default_rng((seed, _DATA, 0, 0, epoch)).permutation(n)
        for part, first in enumerate(range(0, n, size)):
            going = [k for k, cost in enumerate(costs) if not cost or math.isfinite(cost[-1])]
            rows = np.sort(order[first : first + size])
            labels, weights = (None if a is None else a[rows] for a in (data.y_train, data.weights))
            stretch = TrainingData(data.X_train[rows], data.T_train[rows], labels, weights=weights)
            for k in going:  # the last stretch may be shorter than a batch
                members[k].params = {**members[k].params, "batch_size": min(batch, len(rows))}
            population = Population([members[k] for k in going], stretch)
            results = population.run_epoch((seed, _DATA, 0, 0, epoch, part))
            for k, result, state in zip(going, results, population.states(), strict=True):
                members[k].state = state
                costs[k].append(math.inf if result.failure else result.metrics["train_cost"])
    return costs
