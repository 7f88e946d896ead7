"""Early stopping: how many epochs to train is the one hyper-parameter that sets itself.

`patience` stops when the best validation accuracy is 10 epochs old, and goes back to the weights of that epoch: the
chapter's "no improvement in ten". `growing` is its variant that becomes more patient: 10 epochs, later 20, 50, …, for
networks that sit on a plateau for long and then improve once more. Both against the full length: what do the saved
epochs cost in accuracy?
"""

from hpsearch import Comparison, Curves, MLPClassifier, Study


def study(data: str = "digits") -> Study:
    return Study(
        name="early_stopping",
        model=MLPClassifier(
            hidden_layer_sizes=(30,), learning_rate=0.5, l2=5.0 if data == "mnist" else 0.1, max_epochs=60
        ),
        space=[{"early_stopping": ["none", "patience", "growing"]}],
        data=data,
        repeats=5,
        measure_test=True,
        comparison=Comparison(["test_error", "val_accuracy"], plots=[Curves("val_accuracy", first=3)]),
    )
