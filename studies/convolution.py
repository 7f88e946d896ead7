"""Convolutional networks: filters that all places of an image share.

A dense layer does not know that pixels have neighbours. Filters that all places share do: each looks at a few pixels
by a few, the largest answer of every two by two places is handed on, and a dense layer follows as before. A second
layer of filters sees what the first has found. The last network has what the chapter recommends against overfitting,
images shifted and turned anew in every epoch and dropout of half of its dense neurons.

The book's chapter 6 has the figures beside which those on MNIST stand; its last one is a vote of five networks.

    hpsearch run studies/convolution.py
    hpsearch run studies/convolution.py --data mnist      # one seed; some hours on one core
"""

from typing import Any

from hpsearch import Choice, Comparison, Conv2D, Curves, Dense, Dropout, MaxPool2D, NetworkClassifier, Published, Study

CHAPTER_6 = "Nielsen, chapter 6"


def networks(mnist: bool) -> dict[str, list[Any]]:
    """Return the layers of the networks, by name: for digits of 8×8 pixels smaller filters and fewer neurons."""
    one = [Conv2D(20, 5), MaxPool2D(2)] if mnist else [Conv2D(8, 3, padding="same"), MaxPool2D(2)]
    two = [Conv2D(40, 5), MaxPool2D(2)] if mnist else [Conv2D(16, 3, padding="same"), MaxPool2D(2)]
    few, many = (100, 300) if mnist else (30, 60)
    return {
        "dense": [Dense(few)],
        "filters": [*one, Dense(few)],
        "filters twice": [*one, *two, Dense(few)],
        "all": [*one, *two, Dense(many), Dropout(0.5), Dense(many), Dropout(0.5)],
    }


def study(data: str = "digits") -> Study:
    """Return the comparison; the last network, whose images are distorted, trains for the most epochs."""
    mnist = data == "mnist"
    made = networks(mnist)
    last = {"all": made.pop("all")}
    return Study(
        name="convolution",
        model=NetworkClassifier(
            made["dense"],
            optimizer="nesterov",
            lr_schedule="cosine",
            l2=5.0 if mnist else 0.2,
            batch_size=32 if mnist else 20,
        ),
        space=[
            {"layers": Choice(made), "augmentation": None, "learning_rate": 0.02, "max_epochs": 20},
            {"layers": Choice(last), "augmentation": "affine", "learning_rate": 0.01, "max_epochs": 40},
        ],
        data=data,
        repeats=1 if mnist else 3,
        measure_test=True,
        comparison=Comparison(
            metrics=["test_accuracy", "val_accuracy", "train_accuracy"],
            published=[
                Published(98.78, {"layers": "filters"}, CHAPTER_6, within=0.1),
                Published(99.23, {"layers": "filters twice"}, CHAPTER_6, within=0.1),
                Published(99.60, {"layers": "all"}, f"{CHAPTER_6}, a vote of five", within=0.3),
            ],
            plots=[Curves("val_accuracy")],
        ),
    )
