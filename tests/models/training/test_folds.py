"""Networks on data of their own train side by side, and compute bit for bit what each computes alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpsearch.models.training.data import TrainingData
from hpsearch.models.training.folds import FoldPopulation, fold_key
from hpsearch.models.training.population import Member, Population

SIZES = (43, 44, 37, 60, 44)
"""Of batches of 10: four, four, three, six and four whole ones, and last ones of 3, 4, 7, none and 4."""


def fold(n: int, seed: int, *, weighted: bool = False, regression: bool = False) -> TrainingData:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    y_valid = rng.integers(0, 3, 20)
    X = rng.normal(size=(n, 7)) + y[:, None]
    X_valid = rng.normal(size=(20, 7)) + y_valid[:, None]
    weights = rng.random(n) + 0.1 if weighted else None
    if regression:
        return TrainingData.from_targets(X, X[:, :2] ** 2, X_valid, X_valid[:, :2] ** 2, "float32", weights)
    return TrainingData.from_arrays(X, y, 3, X_valid, y_valid, "float32", weights)


@pytest.mark.parametrize(
    ("params", "data"),
    [
        ({"optimizer": "sgd", "l1": 0.1, "l2": 0.3, "max_norm": 1.0}, {}),
        ({"optimizer": "momentum", "dropout": 0.2, "input_dropout": 0.1}, {"weighted": True}),
        ({"optimizer": "adam", "batch_norm": True, "learning_rate": 0.01}, {}),
        ({"optimizer": "nesterov", "activation": "relu", "exact_train_metrics": True}, {}),
        ({"optimizer": "rmsprop", "output": "identity", "cost": "quadratic"}, {"regression": True}),
        ({"optimizer": "sgd", "early_stopping": "patience", "patience": 1, "lr_schedule": "plateau"}, {}),
    ],
)
def test_fused_is_alone_bit_for_bit_whatever_the_sizes_of_the_folds(
    params: dict[str, Any], data: dict[str, Any]
) -> None:
    folds = [fold(n, seed, **data) for seed, n in enumerate(SIZES)]
    members = [
        Member({"learning_rate": 0.03 * (1 + k), "hidden_layer_sizes": (6,), **params}, (1, k % 2)) for k in range(5)
    ]
    assert len({fold_key(member.params, own) for member, own in zip(members, folds, strict=True)}) == 1
    alone = [Population([Member(m.params, m.seed)], own) for m, own in zip(members, folds, strict=True)]
    fused = FoldPopulation(members, folds)
    for epoch in range(3):
        results = fused.run_epoch((0, epoch))
        for result, single in zip(results, alone, strict=True):
            assert result == single.run_epoch((0, epoch))[0]
    for state, single in zip(fused.states(), alone, strict=True):
        for name, array in single.state(0).items():
            np.testing.assert_array_equal(state[name], array)


def test_members_that_cannot_have_data_of_their_own_have_no_key() -> None:
    data = fold(30, 0)
    assert fold_key({"optimizer": "hessian_free"}, data) is None
    assert fold_key({"batch_size": "all"}, data) is None
    assert fold_key({"batch_size": 30}, data) is None
    assert fold_key({"hidden_layer_sizes": (5,)}, data) != fold_key({"hidden_layer_sizes": (6,)}, data)
    with pytest.raises(ValueError, match="on the same data, or alone"):
        FoldPopulation([Member({"batch_size": "all"}, (0,))], [data])
