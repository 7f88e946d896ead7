"""The learning rate: three curves that everybody should have seen once.

Training cost over the epochs for η = 0.025, 0.25 and 2.5, as in the book: the smallest descends smoothly and too
slowly, the middle one fast and then hardly wavers, the largest jumps about from the start, because its steps
overshoot the valley. The book's way to a good value: find the largest η at which the cost falls during the first
epochs, and take about half of that. `hpsearch lr-range` finds it, and a good η below it.
"""

from hpsearch import Comparison, Curves, MLPClassifier, Study


def study(data: str = "digits") -> Study:
    return Study(
        name="learning_rate",
        model=MLPClassifier(hidden_layer_sizes=(30,), l2=5.0 if data == "mnist" else 0.1, max_epochs=30),
        space=[{"learning_rate": [0.025, 0.25, 2.5]}],
        data=data,
        repeats=5,
        measure_test=True,
        comparison=Comparison(["test_error", "train_cost"], at="last", plots=[Curves("train_cost", log=True)]),
    )
