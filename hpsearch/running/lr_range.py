"""The η test: the training cost over the first epochs for learning rates over four orders of magnitude.

The chapter's way to the order of magnitude of η. It is a test of the study's own training set, with the model as it is
declared but for what regularises it: ``l1``, ``l2``, ``max_norm``, dropout and augmentation are left out, as the
chapter begins with λ = 0. All learning rates start from the same initial weights and see the same mini-batches. What
the costs mean is judged in `hpsearch.judging.lr_range`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from hpsearch.errors import UserError
from hpsearch.judging.lr_range import LrRange, judged
from hpsearch.models.datasets import Dataset
from hpsearch.models.kernels import Array
from hpsearch.models.optimizers import OPTIMIZERS
from hpsearch.models.parameters import batch_rows, resolve_params, validate_params
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
"""Costs per epoch: an epoch is trained in this many stretches, each of other samples …"""

FEWEST_SAMPLES = 100
"""… or in fewer, where a stretch would be of fewer samples than this: its cost would be noise."""

FEWEST_EPOCHS = 3
FEWEST_STEPS = 300
MOST_EPOCHS = 100
"""Epochs that are trained by default: at least three, and on small data as many as make 300 steps, up to 100."""

UNREGULARISED: Mapping[str, Any] = {
    "l1": 0.0,
    "l2": 0.0,
    "max_norm": None,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "augmentation": None,
}
"""What is left out of the model for the test."""

UNTRAINED = 1e-30
"""Learning rate of the network that shows the cost before training."""

_NETWORK, _DATA = 1, 2


class _Problem(NamedTuple):
    """The training problem of the test.

    Attributes:
        params: The network's parameters without what regularises it.
        data: Its training set.
        default_rate: The usual learning rate of its optimizer.
    """

    params: dict[str, Any]
    data: TrainingData
    default_rate: float


def lr_range(study: Study, dataset: Dataset, epochs: int | None = None) -> LrRange:
    """Run the test on a study's model.

    Args:
        study: Its model counts, not its space.
        dataset: Its data; the training part alone is used.
        epochs: Epochs to train for each learning rate; None for three, and more where three are fewer than 300 steps.

    Raises:
        UserError: The model is neither an MLPClassifier nor an MLPRegressor, nor a pipeline that ends in one.
    """
    params, data, default_rate = _problem(study, dataset)
    if epochs is None:
        steps = math.ceil(len(data.X_train) / batch_rows(params, len(data.X_train)))
        epochs = min(max(FEWEST_EPOCHS, math.ceil(FEWEST_STEPS / steps)), MOST_EPOCHS)
    guessing = guessing_cost(params, data)
    lowest = default_rate / BELOW
    rates = [float(f"{lowest * 10 ** (DECADES * i / (N_RATES - 1)):.2g}") for i in range(N_RATES)]
    with surroundings(study.threads):
        (start, *_), *costs = _train(params, data, [UNTRAINED, *rates], epochs, study.seed)
    per_epoch = max(len(cost) for cost in costs) // epochs
    result = judged({rate: [start, *cost] for rate, cost in zip(rates, costs, strict=True)}, guessing, per_epoch)
    return LrRange(result.traces, epochs, guessing, result.threshold, result.suggestion)


def guessing_cost(params: Mapping[str, Any], data: TrainingData) -> float:
    """Return the cost of a network whose outputs are the classes' shares, or the targets' means, whatever it sees."""
    params = resolve_params(params)  # which cost "auto" is
    if params["output"] == "identity":
        return float(data.T_train.var(axis=0, dtype=np.float64).sum() / 2)
    p = data.T_train.mean(axis=0, dtype=np.float64)
    if params["cost"] == "hinge":
        return _hinge_of_shares(p)
    p = p[(p > 0) & (p < 1)]
    if params["cost"] == "log_likelihood":
        return float(-(p * np.log(p)).sum())
    if params["cost"] == "cross_entropy":
        return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).sum())
    return float((p * (1 - p)).sum() / 2 * (4 if params["output"] == "tanh" else 1))  # targets of tanh are ±1


def _hinge_of_shares(p: Array) -> float:
    """Return the least hinge cost of scores that are the same for all samples, of classes with shares p.

    The best scores are whole numbers that fall with the share, by 0 or 1 from class to class (the cost is linear
    between such scores). Within a stretch [a, b) of equal scores class i costs its share for each class behind it; a
    step behind the first c classes costs all later classes 1 more for each of the c.
    """
    p = np.sort(p)[::-1]
    share_before, ranked_share_before = (
        np.concatenate([[0.0], np.cumsum(values)]) for values in (p, p * np.arange(len(p)))
    )
    best = np.zeros(len(p) + 1)
    for b in range(1, len(p) + 1):
        a = np.arange(b)
        equal = (b - 1) * (share_before[b] - share_before[a]) - (ranked_share_before[b] - ranked_share_before[a])
        best[b] = (best[:b] + equal).min() + b * (share_before[-1] - share_before[b])
    return float(best[-1] + (p * np.arange(len(p))).sum())  # a class costs at least 1 for each class before it


def to_json(result: LrRange) -> dict[str, Any]:
    """Return the result as JSON values; a cost that is not finite is None."""
    return {
        "epochs": result.epochs,
        "guessing": result.guessing,
        "threshold": result.threshold,
        "suggestion": result.suggestion,
        "rates": [
            {
                "learning_rate": trace.learning_rate,
                "verdict": trace.verdict,
                "cost": [value if math.isfinite(value) else None for value in trace.cost],
            }
            for trace in result.traces
        ],
    }


def _problem(study: Study, dataset: Dataset) -> _Problem:
    """Return the training problem of the test, from a study's model and data."""
    from hpsearch.models.estimators.base import Perceptron  # imports scikit-learn
    from hpsearch.models.estimators.of_numbers import LEARNING_RATES, NetworkOfNumbers

    parts = behind(study.model, dataset).parts
    if not isinstance(parts.last, Perceptron):
        name = "an objective" if study.model is None else type(parts.last).__name__
        raise UserError(f"study {study.name!r}: the η test needs an MLPClassifier or an MLPRegressor, not {name}")
    regression = isinstance(parts.last, NetworkOfNumbers)
    if not regression and dataset.classes is None:
        raise UserError(f"study {study.name!r}: the model is a classifier, but data {dataset.name!r} has no classes")
    fixed = {"output": "identity", "cost": "quadratic"} if regression else {}
    params = {
        **parts.last.get_params(deep=False),
        **fixed,
        **UNREGULARISED,
        "early_stopping": "none",
        "lr_schedule": "constant",
        "exact_train_metrics": False,
    }
    try:
        validate_params(params)
    except ValueError as error:
        raise UserError(f"study {study.name!r}: model: {error}") from error
    if parts.before is not None:
        with surroundings(study.threads):
            X, X_valid = Transformers(parts.before, dataset, study.seed).transform({})
        dataset = replace(dataset, X_train=X, X_valid=X_valid)
    default = OPTIMIZERS[params["optimizer"]].learning_rate
    if regression:
        targets = np.asarray(dataset.y_train, np.float64).reshape(len(dataset.y_train), -1)
        data = TrainingData.from_targets(dataset.X_train, targets, dtype=params["dtype"])
        return _Problem(params, data, LEARNING_RATES.get(params["optimizer"], default))
    return _Problem(params, training_data(dataset, params["dtype"], class_weight=params["class_weight"]), default)


def _train(
    params: Mapping[str, Any], data: TrainingData, rates: Sequence[float], epochs: int, seed: int
) -> list[list[float]]:
    """Return each learning rate's cost over each stretch; one that diverged ends with a value that is not finite."""
    n = len(data.X_train)
    batch = batch_rows(params, n)
    size = math.ceil(max(n / PARTS, min(FEWEST_SAMPLES, n)) / batch) * batch
    members = [Member({**params, "learning_rate": rate, "max_epochs": 2**31}, (seed, _NETWORK, 0)) for rate in rates]
    costs: list[list[float]] = [[] for _ in rates]
    for epoch in range(epochs):
        order = np.random.default_rng((seed, _DATA, 0, 0, epoch)).permutation(n)
        for stretch_index, start in enumerate(range(0, n, size)):
            going = [k for k, cost in enumerate(costs) if not cost or math.isfinite(cost[-1])]
            rows = np.sort(order[start : start + size])
            labels, weights = (None if a is None else a[rows] for a in (data.y_train, data.weights))
            stretch = TrainingData(data.X_train[rows], data.T_train[rows], labels, weights=weights)
            for k in going:  # the last stretch may be shorter than a batch
                members[k].params = {**members[k].params, "batch_size": min(batch, len(rows))}
            population = Population([members[k] for k in going], stretch)
            results = population.run_epoch((seed, _DATA, 0, 0, epoch, stretch_index))
            for k, result, state in zip(going, results, population.states(), strict=True):
                members[k].state = state
                costs[k].append(math.inf if result.failure else result.metrics["train_cost"])
    return costs
