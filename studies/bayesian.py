"""Bayesian search against random search: let the trials so far say where to look next.

Random search learns nothing from what it has seen. TPE (Bergstra et al. 2011) compares how densely good and bad points
lie; a Gaussian process (Snoek, Larochelle and Adams 2012) predicts the accuracy of points not yet tried, with its
uncertainty, and takes the one with the highest expected improvement. Snoek et al. beat a human expert on CIFAR-10 by 3
points that way; on a network as small as these there is less to gain.

Every trial of this study is a search of its own with 40 trials of five hyper-parameters; an epoch of the plot is a
trial of that search. `at_20` is the best of the first half. The same seed gives all three the same networks and
images.

    hpsearch run studies/bayesian.py
    hpsearch run studies/bayesian.py --data mnist      # 2,000 of the images
"""

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from hpsearch import Choice, Comparison, Curves, Float, MLPClassifier, Study
from hpsearch.models.datasets.subset import subset

TRIALS = 40
NOTE = (
    "The intervals overlap: with ten searches each, none of the three can be told from the others by these "
    "means. After 20 trials they are alike; gp has the highest mean after 40, by what it finds later."
)
"""What the table of MNIST shows."""
BOX = {
    "learning_rate": Float(0.001, 10, log=True),
    "l2": Float(0.001, 10, log=True),
    "l1": Float(0.0001, 1, log=True),
    "hidden_layer_sizes": Choice([(20,), (40,), (80,)]),
    "input_dropout": Float(0.0, 0.2),
}


def search(trial: Any) -> Iterator[dict[str, float]]:
    """Run a search with this sampler, and yield the best validation accuracy after each of its trials."""
    data = trial.data
    if len(data.y_train) > 2000:
        data = subset(data, trial.repeat, train=2000, valid=2000)
    inner = Study(
        name=trial["sampler"],
        model=MLPClassifier(max_epochs=10),
        space=BOX,
        data=data,
        sampler=trial["sampler"],
        pruner="none",
        n_trials=TRIALS,
        lanes=4,
        seed=trial.repeat,
    )
    with tempfile.TemporaryDirectory() as root:
        result = inner.run(root, quiet=True, tracking=False)
    if result.interrupted:
        raise KeyboardInterrupt
    best = np.maximum.accumulate([0.0 if each.value is None else each.value for each in result.history.trials])
    for accuracy in best:
        yield {"val_accuracy": accuracy, "at_20_accuracy": best[TRIALS // 2 - 1]}


def study(data: str = "digits") -> Study:
    """Return the comparison; what a search finds varies, and MNIST's figures are to be told apart."""
    return Study(
        name="bayesian",
        objective=search,
        space=[{"sampler": ["random", "tpe", "gp"]}],
        data=data,
        epochs=TRIALS,
        repeats=10 if data == "mnist" else 5,
        lanes=1,
        comparison=Comparison(
            metrics=["val_accuracy", "at_20_accuracy"],
            at="last",
            plots=[Curves("val_accuracy", first=5)],
            note=NOTE if data == "mnist" else "",
        ),
    )
