"""One-hot targets that are read by number give the bits of those that are rows of zeros and a one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpsearch.models import kernels
from hpsearch.models.training import outputs
from hpsearch.models.training.data import TrainingData
from hpsearch.models.training.population import Member, Population

CLASSES = 24

ZEROS = [np.zeros((7, 9)), np.zeros((9, CLASSES))], [np.zeros(9), np.zeros(CLASSES)]
"""Weights and biases for which all classes tie."""


def trained(params: dict[str, Any], lanes: int = 1, weighted: bool = False) -> tuple[Any, ...]:
    """Return the results of two epochs and the states."""
    rng = np.random.default_rng(0)
    X = rng.random((110, 7))
    y = rng.integers(CLASSES, size=110)
    weights = rng.random(110) + 0.5 if weighted else None
    data = TrainingData.from_arrays(X, y, CLASSES, X[:50], y[:50], params.get("dtype", "float32"), weights)
    plain = {"hidden_layer_sizes": (9,), "activation": "relu", "output": "softmax", "batch_size": 32, "l2": 0.1}
    population = Population([Member({**plain, **params}, (k,)) for k in range(lanes)], data)
    return [population.run_epoch((epoch,)) for epoch in range(2)], population.states()


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Return whether two trainings agree in all bits."""
    states = zip(one[1], other[1], strict=True)
    return repr(one[0]) == repr(other[0]) and all(
        np.array_equal(a[name], b[name], equal_nan=True) for a, b in states for name in a
    )


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": "adam"},
        {"optimizer": "sgd", "dropout": 0.3},
        {"optimizer": "momentum", "dtype": "float64"},
        {"optimizer": "adamw", "clip_norm": 0.1, "ema": 0.9},
        {"optimizer": "rmsprop", "monitor_every": 40},
        {"optimizer": "sgd", "learning_rate": 1e9},
        {"optimizer": "sgd", "weight_init": ZEROS},
    ],
    ids=lambda params: params["optimizer"],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_classes_read_by_number_change_no_bit(
    params: dict[str, Any], weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_rows = trained(params, 3, weighted)
    monkeypatch.setattr(outputs, "WIDE", 1)
    by_number = trained(params, 3, weighted)
    assert same(by_number, by_rows)
    assert same(trained(params, 1, weighted), ([rows[:1] for rows in by_rows[0]], by_rows[1][:1]))


@pytest.mark.parametrize(
    "params",
    [
        {"label_smoothing": 0.1},
        {"cost": "quadratic"},
        {"output": "sigmoid"},
        {"optimizer": "hessian_free"},
        {"optimizer": "lbfgs", "batch_size": "all"},
    ],
    ids=str,
)
def test_what_needs_rows_of_targets_has_them(params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    by_rows = trained(params)
    monkeypatch.setattr(outputs, "WIDE", 1)
    assert same(trained(params), by_rows)


def test_classes_are_read_by_number_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    begin = outputs.ClassOutputs.__init__

    def spy(self: outputs.ClassOutputs, *arguments: Any) -> None:
        made.append(1)
        begin(self, *arguments)

    monkeypatch.setattr(outputs.ClassOutputs, "__init__", spy)
    trained({})
    assert not made
    monkeypatch.setattr(outputs, "WIDE", 32 * CLASSES)
    trained({})
    assert len(made) == 1  # the batches of 32; the last one, of 14, is small


def test_sums_of_rows_have_the_bits_of_the_product_with_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "MANY", 1)
    rng = np.random.default_rng(1)
    for dtype in (np.dtype("float32"), np.dtype("float64")):
        for b, n in ((1, 4), (7, 30), (32, 100), (100, 300), (700, 40)):
            right = rng.normal(size=(b, n)).astype(dtype)
            product = np.empty((1, n), dtype)
            chosen = np.empty((1, n), dtype)
            column = np.ones((b, 1), dtype)  # not the column of ones that gives the sum away
            kernels.run([kernels.accumulate_outer(0.7, column, right, 0.0, product)])
            kernels.run([kernels.accumulate_outer(0.7, kernels.ones(b, dtype), right, 0.0, chosen)])
            assert np.array_equal(product, chosen)
