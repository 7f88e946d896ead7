"""Histograms: how widely weighted inputs spread at first, and how weights do in the end.

The chapter's neuron has 1,000 inputs, half of them 1 and half 0. With weights and bias from N(0, 1) its weighted input
z is a sum of 501 such numbers, with a standard deviation of √501 = 22.4: |z| is seldom small, and σ(z) is nearly 0 or
1. With weights from N(0, 1/1000) it is √(3/2) = 1.22, and the neuron can learn. The first study draws the two; the
second is their histogram, a trial a bar, in densities that can be held against one another.

The third trains a network without regularization, with L2 and with L1, and counts the weights by their size: tiny
(below 0.01), small (to 0.1), middle (to 1) and large ones. L2 takes the same share off every weight and thins out the
large ones; L1 takes the same amount off every weight and brings many of them to nearly 0, and few that matter stay.
"""

from typing import Any

import numpy as np

from hpsearch import Against, Comparison, Curves, MLPClassifier, Published, Study

INPUTS, DRAWS = 1000, 20_000
WIDTH = 4
"""Of a bar."""


def weighted_inputs(trial: Any) -> Any:
    """Return z of many neurons whose weights are drawn anew, shape (DRAWS,)."""
    rng = np.random.default_rng(trial.repeat)
    spread = 1.0 if trial["weight_init"] == "gaussian" else INPUTS**-0.5
    # the sum of as many weights as there are inputs of 1 is a normal number too
    return spread * (INPUTS / 2) ** 0.5 * rng.normal(size=DRAWS) + rng.normal(size=DRAWS)


def deviation(trial: Any) -> dict[str, float]:
    """Return the standard deviation of z, and the share of neurons with σ'(z) below a tenth of its largest value."""
    z = weighted_inputs(trial)
    a = (1 + np.tanh(z / 2)) / 2
    return {"deviation": float(z.std()), "saturated": float((a * (1 - a) < 0.025).mean())}


def bar(trial: Any) -> dict[str, float]:
    """Return the share of neurons whose z is within the bar around trial["z"], by unit of z."""
    return {"density": float((abs(weighted_inputs(trial) - trial["z"]) < WIDTH / 2).mean() / WIDTH)}


def studies(data: str = "digits") -> list[Study]:
    kinds = ["gaussian", "scaled"]
    scale = 1.0 if data == "mnist" else 0.1

    def sizes(trial: Any) -> Any:
        """Train by epochs, and yield how the sizes of the first layer's weights are distributed after each."""
        seen = trial.data
        penalty = {"l1": trial["l1"], "l2": trial["l2"]}
        model = MLPClassifier((30,), learning_rate=0.5, random_state=trial.repeat, **penalty)
        while True:
            model.partial_fit(seen.X_train, seen.y_train, classes=np.unique(seen.y_train))
            size = abs(model.coefs_[0])
            yield {
                "tiny": float((size < 0.01).mean()),
                "small": float(((size >= 0.01) & (size < 0.1)).mean()),
                "middle": float(((size >= 0.1) & (size < 1)).mean()),
                "large": float((size >= 1).mean()),
                "val_accuracy": float(model.score(seen.X_valid, seen.y_valid)),
            }

    deviations = Study(
        name="histograms",
        objective=deviation,
        space=[{"weight_init": kinds}],
        metric="deviation",
        direction="minimize",
        comparison=Comparison(
            ["deviation", "saturated"],
            published=[
                Published(22.4, {"weight_init": "gaussian"}, "the book", within=0.3, data=""),
                Published(1.22, {"weight_init": "scaled"}, "the book", within=0.02, data=""),
            ],
        ),
    )
    bars = Study(
        name="histograms_of_z",
        objective=bar,
        space=[{"weight_init": kinds, "z": [*range(-48, 49, WIDTH)]}],
        metric="density",
        comparison=Comparison(["density"], plots=[Against("z", "density")]),
    )
    weights = Study(
        name="histograms_of_weights",
        objective=sizes,
        space=[{"l1": 0.0, "l2": [0.0, 5.0 * scale]}, {"l1": 5.0 * scale, "l2": 0.0}],
        data=data,
        metric="val_accuracy",
        epochs=30,
        repeats=3,
        comparison=Comparison(
            ["tiny", "small", "middle", "large", "val_accuracy"], at="last", plots=[Curves("tiny"), Curves("large")]
        ),
    )
    return [deviations, bars, weights]
