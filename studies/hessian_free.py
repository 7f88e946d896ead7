"""The Hessian technique: steps that know how the gradient changes, against gradient descent and momentum.

The chapter's Taylor expansion leads to Newton's step Δw = −H⁻¹∇C, and at once to its price: the Hessian H of a network
is too large to be written down. Martens (2010) does not write it down: conjugate gradients need only its products with
vectors, and each costs about as much as a pass of back-propagation. Momentum is the chapter's cheaper remedy.

What to look for: training cost against *epochs*, where hessian_free, with one step of all images an epoch, gets lower
in 40 than gradient descent and momentum with such steps in 400; and against *seconds*, where each of its steps costs
some of theirs, and it is still ahead of them. Mini-batches are ahead of all three, in epochs and in seconds: they make
200 steps an epoch. The technique is for where all samples have to be taken at once.

    hpsearch run studies/hessian_free.py
    hpsearch run studies/hessian_free.py --data mnist      # 2,000 of the images
"""

from hpsearch import Comparison, Curves, MLPClassifier, Study
from hpsearch.models.datasets import load
from hpsearch.models.datasets.subset import subset


def study(data: str = "digits") -> Study:
    """Return the comparison, on a small set whatever the data: all of it is one batch."""
    dataset = load(data)
    return Study(
        name="hessian_free",
        model=MLPClassifier(hidden_layer_sizes=(30,), l2=0.1, exact_train_metrics=True),
        space=[
            {"optimizer": "hessian_free", "batch_size": "all", "learning_rate": 1.0, "max_epochs": 40},
            {"optimizer": "sgd", "batch_size": "all", "learning_rate": 1.0, "max_epochs": 400},
            {"optimizer": "momentum", "batch_size": "all", "learning_rate": 0.2, "max_epochs": 400},
            {"optimizer": "sgd", "batch_size": 10, "learning_rate": 0.5, "max_epochs": 40},
            {"optimizer": "momentum", "batch_size": 10, "learning_rate": 0.05, "max_epochs": 40},
        ],
        data=subset(dataset, 0, train=2000) if len(dataset.y_train) > 2000 else data,
        repeats=5,
        comparison=Comparison(
            metrics=["train_cost", "val_accuracy"],
            at="last",
            plots=[Curves("train_cost", log=True), Curves("train_cost", over="seconds", log=True)],
        ),
    )
