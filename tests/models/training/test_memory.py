"""What a lane of a population costs in memory: arrays are traced, and populations of unlike size compared."""

import tracemalloc

import numpy as np
import pytest

from hpsearch.models.training.population import Member, Population, TrainingData

N_IN = 784
HIDDEN = 100
N_OUT = 10
BATCH = 10
WEIGHTS = 4 * (N_IN * HIDDEN + HIDDEN + HIDDEN * N_OUT + N_OUT)


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    y = np.arange(60) % N_OUT
    return TrainingData.from_arrays(rng.random((60, N_IN)), y, N_OUT, rng.random((20, N_IN)), y[:20])


def peak(params, lanes, samples):
    members = [
        Member({"hidden_layer_sizes": (HIDDEN,), "batch_size": BATCH, "l2": 1.0, "learning_rate": 0.01, **params}, (k,))
        for k in range(lanes)
    ]
    tracemalloc.start()
    population = Population(members, samples)
    population.run_epoch((0,))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize(
    ("params", "slots"),
    [
        ({"optimizer": "sgd"}, 0),
        ({"optimizer": "momentum"}, 1),
        ({"optimizer": "nesterov"}, 1),
        ({"optimizer": "rmsprop"}, 1),
        ({"optimizer": "adam"}, 2),
        ({"optimizer": "sgd", "early_stopping": "patience"}, 1),
        ({"optimizer": "adam", "early_stopping": "patience", "dropout": 0.5, "max_norm": 3.0, "l1": 1.0}, 3),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else str(value),
)
def test_a_lane_holds_its_weights_twice_the_optimizers_state_and_the_best_weights(params, slots, samples):
    peak(params, 2, samples)  # what is cached for good is there
    lane = (peak(params, 8, samples) - peak(params, 4, samples)) / 4
    assert lane > WEIGHTS  # else it measures nothing
    assert lane < WEIGHTS * (2 + slots)
