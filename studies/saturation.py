"""Saturation: why a neuron that is badly wrong may learn slowly, and what the cost has to do with it.

The chapter's toy: one sigmoid neuron with one input, x = 1, that is to learn to answer 0. From w = 0.6, b = 0.9 it
begins with the output 0.82, from w = b = 2 with 0.98. With the quadratic cost the gradient is (a − y)·σ'(z)·x, and
σ'(z) is tiny where the neuron saturates: the worse start learns more slowly at first. With the cross-entropy it is (a
− y)·x, and the worse start learns the fastest. (The costs have learning rates of their own, 0.15 and 0.005, so
compare shapes, not speeds.)

This study has no data and no network: what it runs is a generator that yields its metrics once an epoch.
"""

import math

from hpsearch import Comparison, Curves, Published, Study

RATES = {"quadratic": 0.15, "cross_entropy": 0.005}


def neuron(trial):
    """Train the neuron by gradient descent, and yield its output and cost after each step."""
    w, b = trial["start"]
    for _ in range(300):
        a = 1 / (1 + math.exp(-(w + b)))
        delta = a * a * (1 - a) if trial["cost"] == "quadratic" else a
        w -= trial["learning_rate"] * delta
        b -= trial["learning_rate"] * delta
        a = 1 / (1 + math.exp(-(w + b)))
        yield {"output": a, "cost": a * a / 2 if trial["cost"] == "quadratic" else -math.log(1 - a)}


study = Study(
    name="saturation",
    objective=neuron,
    space=[{"cost": cost, "learning_rate": rate, "start": [(0.6, 0.9), (2.0, 2.0)]} for cost, rate in RATES.items()],
    metric="output",
    direction="minimize",
    epochs=300,
    comparison=Comparison(
        ["output", "cost"],
        at="last",
        published=[
            Published(0.09, {"cost": "quadratic", "start": (0.6, 0.9)}, "the book", within=0.005, data=""),
            Published(0.20, {"cost": "quadratic", "start": (2.0, 2.0)}, "the book", within=0.005, data=""),
        ],
        plots=[Curves("output"), Curves("cost")],
    ),
)
