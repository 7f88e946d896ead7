"""Activation functions: sigmoid, tanh and rectified linear, and tanh in the output as well.

tanh is a sigmoid that has been stretched to (−1, 1): its outputs are centred, so that the gradients of a neuron's
weights need not all have the same sign. A rectified linear neuron, max(0, z), never saturates for z > 0, but stops
learning altogether where z < 0. Each has an η that suits the size of its slope. With tanh in the output layer the
targets are ±1, and the canonical cost is the cross-entropy of (1 + a)/2: δ is a − y once more.
"""

from hpsearch import Comparison, Curves, MLPClassifier, Study


def study(data: str = "digits") -> Study:
    sizes = [(30,), (100,)] if data == "mnist" else [(30,)]
    return Study(
        name="activations",
        model=MLPClassifier(l2=5.0 if data == "mnist" else 0.1, max_epochs=20),
        space=[
            {"activation": "sigmoid", "learning_rate": 0.5, "hidden_layer_sizes": sizes},
            {"activation": "tanh", "learning_rate": 0.1, "hidden_layer_sizes": sizes},
            {"activation": "relu", "learning_rate": 0.1, "weight_init": "he", "hidden_layer_sizes": sizes},
            {"activation": "tanh", "output": "tanh", "learning_rate": 0.05, "hidden_layer_sizes": sizes},
        ],
        data=data,
        repeats=5,
        measure_test=True,
        comparison=Comparison(["test_error", "val_accuracy"], plots=[Curves("val_accuracy", first=2)]),
    )
