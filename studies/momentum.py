"""Momentum: a ball that rolls down the cost, not a walker who forgets every step.

v ← μv − η∇C, w ← w + v: where gradients agree from step to step the velocity builds up to 1/(1 − μ) times a step,
where they alternate it cancels. μ = 0 is gradient descent, 1 − μ is the friction. All rows have the same η, so that
what they differ by is the speed that builds up; with μ = 0.99 the ball has so little friction that it overshoots and
comes back. Nesterov's variant looks at the slope where the velocity is about to take it, and so brakes in time.
"""

from hpsearch import Comparison, Curves, MLPClassifier, Study


def study(data: str = "digits") -> Study:
    return Study(
        name="momentum",
        model=MLPClassifier(
            hidden_layer_sizes=(30,),
            batch_size=100 if data == "mnist" else 20,
            learning_rate=0.1,
            l2=5.0 if data == "mnist" else 0.1,
            max_epochs=20,
        ),
        space=[
            {"optimizer": "sgd"},
            {"optimizer": "momentum", "momentum": [0.5, 0.9, 0.99]},
            {"optimizer": "nesterov", "momentum": [0.9, 0.99]},
        ],
        data=data,
        repeats=5,
        measure_test=True,
        comparison=Comparison(["test_error", "train_cost"], plots=[Curves("train_cost", log=True)]),
    )
