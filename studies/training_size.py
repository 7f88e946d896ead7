"""More training data: accuracy against the number of training images, with and without artificial ones.

The chapter's figure: accuracy still rises where the data end, so that more of them would help, and artificial
expansion is a way to have more. A second lesson of the book hides here: a method that is better on small data need not
be better on large, so that a result without the number of training images says little.

Each size takes the first so many images of one shuffled order, so that the larger sets contain the smaller ones, and a
network with 100 hidden neurons and λ in proportion (λ/n is kept, as in the chapter's comparison) trains for as many
*updates* with every size: fewer images are seen more often.

    hpsearch run studies/training_size.py
    hpsearch run studies/training_size.py --data mnist
"""

from typing import Any

from hpsearch import Against, Comparison, MLPClassifier, Study
from hpsearch.models.datasets.subset import subset

SIZES = {"digits": [50, 100, 200, 400, 1000], "mnist": [500, 1000, 5000, 10_000, 50_000]}


def train(trial: Any) -> dict[str, float]:
    """Return what a network reaches that is trained on so many images."""
    whole, n = trial.data, trial["images"]
    part = subset(whole, trial.repeat, train=n)
    network = MLPClassifier(
        hidden_layer_sizes=(100,),
        augmentation=trial["augmentation"],
        optimizer="momentum",
        learning_rate=0.05,
        lr_schedule="cosine",
        l2=5.0 * n / 50_000,
        max_epochs=max(1, round(trial["updates"] * 10 / n)),
        random_state=trial.repeat,
    )
    network.fit(part.X_train, part.y_train)
    return {
        "val_accuracy": network.score(whole.X_valid, whole.y_valid),
        "test_accuracy": network.score(whole.X_test, whole.y_test),
        "train_accuracy": network.score(part.X_train, part.y_train),
    }


def study(data: str = "digits") -> Study:
    """Return the comparison: sizes that suit the data, and enough updates for the largest."""
    sizes = SIZES.get(data, SIZES["digits"])
    return Study(
        name="training_size",
        objective=train,
        space=[
            {
                "augmentation": [None, "affine"],
                "images": sizes,
                "updates": sizes[-1] if data == "mnist" else 5 * sizes[-1],
            }
        ],
        data=data,
        repeats=3,
        comparison=Comparison(
            metrics=["test_accuracy", "val_accuracy", "train_accuracy"],
            plots=[Against("images", "test_accuracy", log=True)],
        ),
    )
