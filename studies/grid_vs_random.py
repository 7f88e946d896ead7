"""Grid against random search: with many knobs, points on a grid are wasted on those that do not matter.

Bergstra and Bengio (2012): where few of the hyper-parameters decide, and nobody knows in advance which, a grid tries
the same few values of them again and again, while every random trial tries new ones. With seven hyper-parameters of a
network on variants of MNIST, eight random trials were as good as grids of some hundred.

Here are six: learning rate, λ of L2 and of L1, hidden neurons, dropped inputs and the bound on the weights. The grid
has 3·2⁵ = 96 points, evenly spaced over each range and placed anew for each seed, as nobody knows where the best
values lie; the random trials come from the same ranges. As in the paper, a search is judged by the test accuracy of
the point that its validation accuracy chose: the best validation accuracy itself flatters whoever tried more. An epoch
of the plot is a trial of the search; the grid's are shuffled, as no order of it is the right one. `random_at_24` is
where a quarter of the grid's trials gets.

    hpsearch run studies/grid_vs_random.py
    hpsearch run studies/grid_vs_random.py --data mnist      # 2,000 of the images
"""

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from hpsearch import Choice, Comparison, Curves, Float, MLPClassifier, Study
from hpsearch.models.datasets.subset import subset

TRIALS = 96
BOX: dict[str, Any] = {
    "learning_rate": Float(0.001, 10, log=True),
    "l2": Float(0.001, 10, log=True),
    "l1": Float(0.0001, 1, log=True),
    "hidden_layer_sizes": Choice([(neurons,) for neurons in range(20, 101)]),
    "input_dropout": Float(0.0, 0.2),
    "max_norm": Float(2.0, 10.0),
}
VALUES = {"learning_rate": 3}


def placed(rng: np.random.Generator) -> dict[str, Choice]:
    """Return a grid with 3 learning rates and 2 values of each other knob, in as many equal parts of its range."""
    return {
        name: Choice([dim.from_unit((part + place) / parts) for part in range(parts)])
        for name, dim in BOX.items()
        for parts, place in [(VALUES.get(name, 2), rng.uniform(0.1, 0.9))]
    }


def search(data: Any, space: Any, sampler: str, seed: int) -> tuple[list[float], list[float]]:
    """Return the validation and the test accuracy of each trial."""
    study = Study(
        name=sampler,
        model=MLPClassifier(max_epochs=10),
        space=space,
        data=data,
        sampler=sampler,
        pruner="none",
        n_trials=TRIALS,
        seed=seed,
        measure_test=True,
    )
    with tempfile.TemporaryDirectory() as root:
        result = study.run(root, quiet=True, tracking=False)
    if result.interrupted:
        raise KeyboardInterrupt
    best = [trial.rows[(trial.best_epoch or 1) - 1].metrics for trial in result.history.trials]
    return [row.get("val_accuracy", 0.0) for row in best], [row.get("test_accuracy", 0.0) for row in best]


def race(trial: Any) -> Iterator[dict[str, float]]:
    """Run both searches, and yield after every trial what the point that each has chosen by then reaches."""
    data, rng = trial.data, np.random.default_rng(trial.repeat)
    if len(data.y_train) > 2000:
        part = subset(data, trial.repeat, train=2000, valid=1000)
        parts = (part.X_train, part.y_train), (part.X_valid, part.y_valid), (part.X_test, part.y_test)
        data = tuple((X[:2000], y[:2000]) for X, y in parts)
    spaces = {"grid": placed(rng), "random": BOX}
    tried = {name: search(data, space, name, trial.repeat) for name, space in spaces.items()}
    order = {"grid": rng.permutation(TRIALS), "random": np.arange(TRIALS)}
    reached: dict[str, list[float]] = {}
    for name, (valid, test) in tried.items():
        so_far = [order[name][:k] for k in range(1, TRIALS + 1)]
        chosen = [trials[np.argmax(np.array(valid)[trials])] for trials in so_far]
        reached[f"{name}_accuracy"] = [test[number] for number in chosen]
        reached[f"{name}_val_accuracy"] = [valid[number] for number in chosen]
    for k in range(TRIALS):
        now = {name: values[k] for name, values in reached.items()}
        yield {
            **now,
            "random_at_24_accuracy": reached["random_accuracy"][TRIALS // 4 - 1],
            "random_at_8_accuracy": reached["random_accuracy"][7],
        }


def study(data: str = "digits") -> Study:
    """Return the comparison; what a search finds varies, and MNIST's figures are to be told apart."""
    return Study(
        name="grid_vs_random",
        objective=race,
        data=data,
        metric="grid_val_accuracy",
        sampler="random",
        pruner="none",
        epochs=TRIALS,
        repeats=10 if data == "mnist" else 5,
        lanes=1,
        comparison=Comparison(
            metrics=[
                "grid_accuracy",
                "random_at_8_accuracy",
                "random_at_24_accuracy",
                "random_accuracy",
                "grid_val_accuracy",
                "random_val_accuracy",
            ],
            at="last",
            plots=[Curves(["grid_accuracy", "random_accuracy"], first=4)],
            note="Published: 8 random trials match grids of some 100 with seven knobs (Bergstra and Bengio 2012).",
        ),
    )
