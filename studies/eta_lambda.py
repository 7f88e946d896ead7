"""The chapter's first search: learning rate η and regularization parameter λ of a network with 30 hidden neurons.

Run it with `hpsearch run studies/eta_lambda.py`; on the real thing with `--data mnist`.
"""

from hpsearch import Float, MLPClassifier, Study

study = Study(
    name="eta_lambda",
    model=MLPClassifier(hidden_layer_sizes=(30,), max_epochs=30),
    space={"learning_rate": Float(0.01, 10, log=True), "l2": Float(0.01, 100, log=True)},
    data="digits",
    sampler="tpe",
    pruner="asha",
    n_trials=64,
    seed=0,
)
