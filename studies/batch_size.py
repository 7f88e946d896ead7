"""The size of mini-batches: look at the clock, not at the epochs.

A small batch updates the weights often and uses the hardware badly, a large one the other way round; somewhere
between lies the fastest way. The chapter's advice is to plot the validation accuracy against elapsed time, each size
with a learning rate that suits it (a mean over more samples is less noisy and allows larger steps), and to take the
size that rises the fastest. It hardly depends on the other hyper-parameters, so this needs to be done once.
"""

from hpsearch import Comparison, Curves, MLPClassifier, Study


def study(data: str = "digits") -> Study:
    rates = {1: 0.05, 10: 0.5, 100: 2.0} | ({1000: 5.0} if data == "mnist" else {})
    return Study(
        name="batch_size",
        model=MLPClassifier(hidden_layer_sizes=(30,), l2=5.0 if data == "mnist" else 0.1, max_epochs=20),
        space=[{"batch_size": size, "learning_rate": rate} for size, rate in rates.items()],
        data=data,
        repeats=5,
        lanes=1,  # alone, so that the time of each is its own
        measure_test=True,
        comparison=Comparison(["test_error", "val_accuracy"], plots=[Curves("val_accuracy", over="seconds")]),
    )
