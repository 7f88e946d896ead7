"""The best multilayer perceptron that a search finds with eight knobs open, confirmed on images that it never saw.

All that the chapter teaches comes together, and nothing is told but ranges: shape and activation, learning rate and
momentum, λ, dropout, and how the images are distorted. The search goes by the chapter's advice: a fifth of the images
first, then all of them for a few epochs, and only the best for as long as it takes, with bad trials stopped early.
Then the winner is trained again with a seed that the search has not used, and once more to look at the test set.

Published for such networks (no convolution, one network): 98.4 % plain and 99.3 % with elastic distortions (Simard
2003, 800 hidden neurons); with dropout and max-norm 98.94 % (three layers of 1,024) and 99.05 % (two of 8,192;
Srivastava 2014); Cireşan et al. (2010) reach 99.65 % with five layers of up to 2,500 neurons, distortions, and days of
a graphics card.

    hpsearch run studies/best_mlp.py
    hpsearch run studies/best_mlp.py --data mnist      # less than an hour of one core
"""

from hpsearch import Choice, Float, MLPClassifier, Scale, Study
from hpsearch.pruners import ASHA


def study(data: str = "digits") -> Study:
    """Return the search; the ladder and the shapes suit the size of the data."""
    mnist = data == "mnist"
    hidden = [(500,), (800,), (1200,), (800, 400)] if mnist else [(50,), (100,), (200,), (100, 100)]
    ladder = [
        Scale(train=10_000, epochs=20, trials=32),
        Scale(epochs=12, trials=8, promote=6, calibration=2),
        Scale(trials=2, promote=2, calibration=0),
    ]
    if not mnist:
        ladder = [Scale(train=400, epochs=20, trials=24), Scale(trials=6, promote=3, calibration=1)]
    return Study(
        name="best_mlp",
        model=MLPClassifier(
            output="softmax",
            cost="log_likelihood",
            optimizer="nesterov",
            weight_init="he",
            lr_schedule="cosine",
            batch_size=100 if mnist else 20,
            max_epochs=100 if mnist else 40,
        ),
        space={
            "hidden_layer_sizes": Choice(hidden),
            "activation": Choice(["relu", "gelu", "tanh"]),
            "learning_rate": Float(0.01, 0.3, log=True),
            "momentum": Float(0.8, 0.95),
            "l2": Float(0.01, 10, log=True),
            "dropout": Float(0.0, 0.5),
            "input_dropout": Float(0.0, 0.3),
            "augmentation": Choice(["affine", "elastic", "affine_elastic"]),
        },
        data=data,
        pruner=ASHA(min_resource=5, reduction=3),
        stages=ladder,
        confirm=1 if mnist else 3,
        confirm_top=1,
    )
