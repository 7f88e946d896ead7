"""Artificial expansion of the training data: more images out of those that there are.

A little rotated, shifted or skewed, a 7 is still a 7. The chapter shows Simard, Steinkraus and Platt (2003), who
trained a network with 800 hidden neurons on MNIST as it is (98.4 % on the test images), with affine distortions (98.9
%), and with elastic ones, "the random oscillations of hand muscles" (99.3 %). Each epoch here sees every image
distorted anew, so no image is ever seen twice, and the network cannot learn them by heart: look at the accuracy on the
training images. It learns more slowly, too, and so trains for longer.

An elastic distortion displaces each pixel by a random field that a Gaussian of width σ = 4 pixels has smoothed, scaled
by α = 34 (both for 28×28 pixels; smaller images are distorted in proportion).

The three are trained alike, but for the epochs. That is not the best for each: plain images profit from a learning rate
three times as large, with which steps are noisier. That is the second study; its rate was
chosen on the validation images, after the first study's test figures had been seen.

    hpsearch run studies/augmentation.py
    hpsearch run studies/augmentation.py --data mnist      # one seed; some ten minutes on one core
"""

from typing import Any

from hpsearch import Comparison, Curves, MLPClassifier, Published, Study

SIMARD = "Simard 2003"
FIGURES = [
    Published(98.4, {"augmentation": None}, SIMARD, within=0.0),
    Published(98.9, {"augmentation": "affine"}, SIMARD, within=0.0),
    Published(99.3, {"augmentation": "elastic"}, SIMARD, within=0.1),
]


def compared(name: str, data: str, figures: list[Published], points: list[dict[str, Any]], **said: Any) -> Study:
    """Return a comparison of networks with 800 hidden neurons."""
    mnist = data == "mnist"
    return Study(
        name=name,
        model=MLPClassifier(
            hidden_layer_sizes=(800,), activation="relu", output="softmax", cost="log_likelihood", weight_init="he",
            optimizer="nesterov", lr_schedule="cosine", batch_size=100 if mnist else 20, **said,
        ),
        space=points,
        data=data,
        repeats=1 if mnist else 3,
        measure_test=True,
        comparison=Comparison(
            metrics=["test_accuracy", "val_accuracy", "train_accuracy"],
            published=figures,
            plots=[Curves("val_accuracy")],
        ),
    )  # fmt: skip


def studies(data: str = "digits") -> list[Study]:
    """Return the comparison, with the fewest epochs for plain images and the most for elastic ones; and plain again."""
    plain, affine, elastic = (30, 40, 100) if data == "mnist" else (20, 40, 40)
    points = [
        {"augmentation": None, "max_epochs": plain},
        {"augmentation": "affine", "max_epochs": affine},
        {"augmentation": "elastic", "max_epochs": elastic},
    ]
    fast = [{"augmentation": None, "max_epochs": 20}]
    return [
        compared("augmentation", data, FIGURES, points, learning_rate=0.05),
        compared("augmentation_plain", data, FIGURES[:1], fast, learning_rate=0.15, l2=5.0 if data == "mnist" else 0.1),
    ]
