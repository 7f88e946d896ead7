"""Overfitting: 1,000 training images, 400 epochs, and what weight decay does about it.

With so few images the network learns them by heart: training cost falls for ever, training accuracy reaches 100 %,
while the accuracy on the test images stops rising early and the cost on them even grows. Weight decay with λ = 0.1
keeps the weights small, and a network with small weights cannot bend itself around the peculiarities of a thousand
images.

Set up as in the book: 30 hidden neurons, cross-entropy, η = 0.5, mini-batches of 10, weights drawn from N(0, 1).
"""

from hpsearch import Comparison, Curves, MLPClassifier, Published, Study
from hpsearch.models.datasets import load, subset


def study(data: str = "digits") -> Study:
    images, epochs = (1000, 400) if data == "mnist" else (100, 200)
    return Study(
        name="overfitting",
        model=MLPClassifier(hidden_layer_sizes=(30,), weight_init="gaussian", learning_rate=0.5, max_epochs=epochs),
        space=[{"l2": [0.0, 0.1]}],
        data=subset(load(data), seed=0, train=images),
        repeats=5,
        measure_test=True,
        comparison=Comparison(
            ["test_accuracy", "train_accuracy"],
            at="last",
            published=[
                Published(82.27, {"l2": 0.0}, "the book", within=0.5),
                Published(87.1, {"l2": 0.1}, "the book", within=0.5),
            ],
            plots=[Curves(["train_accuracy", "test_accuracy"], first=5), Curves(["train_cost", "test_cost"], log=True)],
        ),
    )
