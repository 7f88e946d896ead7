"""The chapter's advice: search small problems first. η and λ of a network with up to 100 hidden neurons.

The stages are two digits without a hidden layer, then a part of the images, then all of them. λ is always said for the
full problem; here each stage takes it as it is (`lambda_rule=False`), for so measured the small problem ranks λ better
than by the rule ηλ/n = η'λ'/n' (docs/scaled-down.md). Each stage also tries some points that the one before did not
choose: by how both rank the same points, ρ, the ladder says whether the shortcut can be trusted. The winner is trained
again with fresh seeds and looked at on the test set.

    hpsearch run studies/scaled_down.py
    hpsearch run studies/scaled_down.py --data mnist

At equal budget, against flat searches: `python tests/benchmarks/scaled_down.py`.
"""

from hpsearch import Choice, Float, MLPClassifier, Scale, Study


def study(data: str = "digits") -> Study:
    """Return the search; the sizes of the stages suit the size of the data."""
    few, many = (1000, 10_000) if data == "mnist" else (100, 200)
    return Study(
        name="scaled_down",
        model=MLPClassifier(max_epochs=30),
        space={
            "learning_rate": Float(0.01, 10, log=True),
            "l2": Float(0.01, 100, log=True),
            "hidden_layer_sizes": Choice([(30,), (100,)]),
        },
        data=data,
        stages=[
            Scale(classes=(0, 1), hidden_layer_sizes=(), train=few, trials=16, lambda_rule=False),
            Scale(train=many, trials=24, promote=4, lambda_rule=False),
            Scale(trials=12),
        ],
        confirm=5,
        seed=0,
    )
