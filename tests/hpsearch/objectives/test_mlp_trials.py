from __future__ import annotations

import numpy as np
import pytest

from hpsearch.log.records import Ask, Row
from hpsearch.models.datasets import Dataset
from hpsearch.models.estimators.classifier import MLPClassifier
from hpsearch.objectives.base import Start
from hpsearch.objectives.mlp import MLPPopulation

PARAMS = {**MLPClassifier(hidden_layer_sizes=(5,)).get_params(), "max_epochs": 2}


def train(digits: Dataset, points: list[dict[str, object]]) -> list[Row]:
    objective = MLPPopulation(PARAMS, digits, 0, 2)
    for number, point in enumerate(points):
        objective.start(Start(Ask(number, number, point, number)))
    return objective.advance(range(len(points)), 1)


def test_class_weights_count_in_a_study_and_do_not_leak_to_the_trials_beside(digits: Dataset) -> None:
    plain, balanced, again = train(digits, [{}, {"class_weight": "balanced"}, {}])
    assert plain.metrics == train(digits, [{}])[0].metrics
    assert balanced.metrics == train(digits, [{}, {"class_weight": "balanced"}])[1].metrics
    uneven = np.bincount(digits.y_train).std() > 0
    assert uneven
    assert balanced.metrics["train_cost"] != train(digits, [{}, {}])[1].metrics["train_cost"]
    assert again.failure is None


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ({"augmentation": "affine", "image_shape": (7, 7)}, "X has 64 features"),
        ({"augmentation": "nonsense"}, "augmentation='nonsense' is unknown"),
        ({"output": "identity", "cost": "quadratic"}, "output='identity' is for regression"),
    ],
)
def test_what_does_not_suit_the_data_fails_its_trial_alone(
    point: dict[str, object], reason: str, digits: Dataset
) -> None:
    good, bad = train(digits, [{}, point])
    assert good.failure is None
    assert bad.failure is not None
    assert bad.failure.startswith(reason)
