"""Learning rate schedules: large steps while everything is wrong, small ones when little is.

A learning rate that suits the beginning is too large for the end, where the network hovers about the minimum. The
chapter's rule: when the validation accuracy has stopped improving, divide η (by 2 here), and stop once it is 1/1024
of the start: `plateau`. The others need no validation set: `step` divides every so many epochs, `cosine` glides down
to almost nothing.
"""

from hpsearch import Comparison, Curves, MLPClassifier, Study


def study(data: str = "digits") -> Study:
    return Study(
        name="schedule",
        model=MLPClassifier(
            hidden_layer_sizes=(30,), learning_rate=0.5, l2=5.0 if data == "mnist" else 0.1, patience=4, max_epochs=40
        ),
        space=[{"lr_schedule": ["constant", "plateau", "step", "cosine"]}],
        data=data,
        repeats=5,
        measure_test=True,
        comparison=Comparison(["test_error", "val_accuracy"], plots=[Curves("val_accuracy", first=3)]),
    )
