"""Stopping bad trials early: what the pruners save, and what they lose.

The chapter watches the validation accuracy and stops a run that no longer improves. A search can do better: it has
other trials to compare with. The median rule stops whoever is worse than half of the trials before; successive halving
(ASHA, Li et al. 2020) lets the best quarter of each rung go on; Hyperband (Li et al. 2018, "over an order of
magnitude" faster than its rivals) hedges between several such ladders; `first_epoch` trains all for one epoch and the
best eight to their end, a rule that no other should lose to.

Every trial of this study is a search of its own: 48 random points of learning rate, λ and dropped inputs, the same for
all pruners with the same seed. `spent_epochs` is what it trained in all. Pruning pays where it spends fewer epochs at
an equal final accuracy, of the best trial; test_accuracy is that trial's.

    hpsearch run studies/pruning.py
    hpsearch run studies/pruning.py --data mnist      # 2,000 of the images
"""

import tempfile
from typing import Any

from hpsearch import Comparison, Float, MLPClassifier, Study
from hpsearch.models.datasets.subset import subset

BOX = {
    "learning_rate": Float(0.01, 10, log=True),
    "l2": Float(0.001, 10, log=True),
    "input_dropout": Float(0.0, 0.3),
}
NOTE = (
    "The intervals of the accuracies overlap. The cheapest, asha, spends a tenth of the epochs of none and has "
    "the lowest means; the others spend a quarter to a good third, and theirs are within 0.2 points of none's."
)
"""What the table of MNIST shows."""


def search(trial: Any) -> dict[str, float]:
    """Run a search with this pruner, and return what it found and what it cost."""
    data = trial.data
    if len(data.y_train) > 2000:
        data = subset(data, trial.repeat, train=2000, valid=2000)
    inner = Study(
        name=trial["pruner"],
        model=MLPClassifier(max_epochs=30),
        space=BOX,
        data=data,
        sampler="random",
        pruner=trial["pruner"],
        n_trials=48,
        seed=trial.repeat,
        measure_test=True,
    )
    with tempfile.TemporaryDirectory() as root:
        result = inner.run(root, quiet=True, tracking=False)
    if result.interrupted:
        raise KeyboardInterrupt
    trials, best = result.history.trials, result.best_trial
    if best is None or best.best_epoch is None:
        raise ValueError("no trial has a value")
    row = best.rows[best.best_epoch - 1]
    spent = sum(each.epoch for each in trials)
    return {
        "val_accuracy": row.metrics["val_accuracy"],
        "test_accuracy": row.metrics["test_accuracy"],
        "spent_epochs": spent,
        "saved": 1 - spent / (48 * 30),
    }


def study(data: str = "digits") -> Study:
    """Return the comparison; what it says of MNIST it says of MNIST alone."""
    return Study(
        name="pruning",
        objective=search,
        space=[{"pruner": ["none", "median", "asha", "hyperband", "first_epoch"]}],
        data=data,
        repeats=5,
        lanes=1,
        comparison=Comparison(
            metrics=["val_accuracy", "test_accuracy", "spent_epochs", "saved"], note=NOTE if data == "mnist" else ""
        ),
    )
