"""Regularization: L2, L1, and none, on all training images.

L2 takes the same share ηλ/n off every weight in each step, L1 the same amount: L2 shrinks large weights the most, L1
brings the unimportant ones to zero. The chapter's λ is divided by n, the size of the training set, so that with more
images it weighs less: what is right for 1,000 images (λ = 0.1) is right for 50,000 as λ = 5.

The first study is the book's step from no regularization to λ = 5, with 30 hidden neurons and weights from N(0, 1).
The book counts 95.49 and 96.49 % of the *test* images, at the best of the epochs that it watches on these same images.
The second is the best network of that part of the book, 100 hidden neurons, small first weights, η = 0.1 and 60 epochs,
and the same with 30. Here the book counts 98.04 % of the *validation* images, and has no figure for 30 neurons.
"""

from hpsearch import Comparison, Curves, MLPClassifier, Published, Study

TEST_NOTE = (
    "The book's figures are the best of all epochs on the test images, that is, of an epoch that the test images "
    "chose; ours are means of five trainings at the epoch that the validation images chose."
)
VALID_NOTE = (
    "The book's figure is the best of all epochs on the validation images, and so is ours. The test accuracy is that "
    "of the same epoch."
)


def studies(data: str = "digits") -> list[Study]:
    scale = 1.0 if data == "mnist" else 0.02
    kinds = Study(
        name="regularization",
        model=MLPClassifier(hidden_layer_sizes=(30,), weight_init="gaussian", learning_rate=0.5, max_epochs=30),
        space=[{"l2": [0.0, 5.0 * scale]}, {"l1": [0.5 * scale, 5.0 * scale]}],
        data=data,
        repeats=5,
        measure_test=True,
        comparison=Comparison(
            ["test_accuracy", "val_accuracy", "train_accuracy"],
            published=[
                Published(95.49, {"l1": 0.0, "l2": 0.0}, "the book", within=0.5),
                Published(96.49, {"l2": 5.0 * scale}, "the book", within=0.19),
            ],
            plots=[Curves("val_accuracy", first=3)],
            note=TEST_NOTE,
        ),
    )
    best = Study(
        name="regularization_best",
        model=MLPClassifier(learning_rate=0.1, l2=5.0 * scale, max_epochs=60 if data == "mnist" else 30),
        space=[{"hidden_layer_sizes": [(30,), (100,)]}],
        data=data,
        repeats=5,
        measure_test=True,
        comparison=Comparison(
            ["val_accuracy", "test_accuracy"],
            published=[Published(98.04, {"hidden_layer_sizes": (100,)}, "the book", within=0.14)],
            plots=[Curves("val_accuracy", first=3)],
            note=VALID_NOTE,
        ),
    )
    return [kinds, best]
