import inspect
import re

import numpy as np
import pytest

from hpsearch.models import MLPClassifier
from hpsearch.models.costs import OUTPUTS
from hpsearch.models.parameters import DEFAULTS, resolve_params, validate_params

BAD = [
    ({"lerning_rate": 1}, r"unknown parameter 'lerning_rate' \(did you mean 'learning_rate'\?\)"),
    ({"activation": "sigmod"}, r"activation='sigmod' is unknown \(did you mean 'sigmoid'\?\)"),
    (
        {"optimizer": "zzz"},
        r"optimizer='zzz' is unknown \(known: adam, adamw, hessian_free, lbfgs, momentum, nesterov, rmsprop, sgd\)",
    ),
    ({"cost": None}, "cost=None is unknown"),
    ({"learning_rate": 0}, "learning_rate=0 must be a positive number"),
    ({"learning_rate": float("nan")}, "learning_rate=nan must be a positive number"),
    ({"learning_rate": float("inf")}, "learning_rate=inf must be a positive number"),
    ({"learning_rate": "0.1"}, "learning_rate='0.1' must be a positive number"),
    ({"l2": -1.0}, "l2=-1.0 must be a number ≥ 0"),
    ({"batch_size": 0}, "batch_size=0 must be a positive integer, or 'all'"),
    ({"batch_size": 2.5}, "batch_size=2.5 must be a positive integer"),
    ({"batch_size": "al"}, "batch_size='al' must be a positive integer, or 'all'"),
    ({"l1": -0.1}, "l1=-0.1 must be a number ≥ 0"),
    ({"dropout": 1}, r"dropout=1 must be a number in \[0, 1\)"),
    ({"input_dropout": -0.1}, r"input_dropout=-0.1 must be a number in \[0, 1\)"),
    ({"max_norm": 0.0}, "max_norm=0.0 must be a positive number"),
    ({"batch_norm": "yes"}, "batch_norm='yes' must be True or False"),
    ({"batch_norm": True, "batch_size": 1}, "batch_norm=True needs batches of two samples or more"),
    (
        {"output": "identity", "cost": "cross_entropy"},
        "output='identity' does not go with cost='cross_entropy': use cost='quadratic'",
    ),
    ({"optimizer": "adm"}, r"optimizer='adm' is unknown \(did you mean 'adam'\?\)"),
    ({"batch_size": True}, "batch_size=True must be a positive integer"),
    ({"max_epochs": 0}, "max_epochs=0 must be a positive integer"),
    ({"optimizer": "momentum", "momentum": 1.0}, r"momentum=1.0 must be a number in \[0, 1\)"),
    ({"momentum": 0.9}, "momentum=0.9 has no effect with optimizer='sgd': use optimizer='momentum'"),
    ({"lr_factor": 1.0}, "lr_factor=1.0 must be a number between 0 and 1"),
    ({"patience": 0}, "patience=0 must be a positive integer"),
    ({"validation_fraction": 1.0}, "validation_fraction=1.0 must be"),
    ({"hidden_layer_sizes": 30}, "hidden_layer_sizes=30 must be a tuple of positive integers"),
    ({"hidden_layer_sizes": (30, 0)}, "must be a tuple of positive integers"),
    (
        {"output": "softmax", "cost": "cross_entropy"},
        "output='softmax' does not go with cost='cross_entropy': use cost='log_likelihood'",
    ),
    ({"cost": "log_likelihood"}, "cost='log_likelihood' does not go with output='sigmoid': use output='softmax'"),
    ({"cost": "hinge"}, "cost='hinge' does not go with output='sigmoid': use output='linear'"),
    ({"output": "linear", "cost": "quadratic"}, "output='linear' does not go with cost='quadratic': use cost='hinge'"),
    ({"output": "linear", "optimizer": "hessian_free"}, "needs a cost with curvature, and the hinge cost is piecewise"),
    ({"output": "linear", "label_smoothing": 0.1}, "label_smoothing has no meaning with output='linear'"),
    ({"random_state": -1}, "random_state=-1 must be an integer ≥ 0"),
    ({"random_state": "0"}, "random_state='0' must be"),
    ({"dtype": "float16"}, "dtype='float16' is unknown"),
]


@pytest.mark.parametrize(("params", "message"), BAD, ids=[str(params) for params, _ in BAD])
def test_a_bad_parameter_is_named_with_what_is_expected(params, message):
    with pytest.raises(ValueError, match=message):
        validate_params(params)


def test_defaults_are_those_of_the_estimator_and_valid():
    signature = inspect.signature(MLPClassifier).parameters
    assert {"layers": None} | {name: p.default for name, p in signature.items()} == DEFAULTS
    validate_params(DEFAULTS)
    validate_params({})


def test_numpy_numbers_are_numbers():
    validate_params({"learning_rate": np.float32(0.1), "batch_size": np.int64(5), "hidden_layer_sizes": [np.int32(3)]})


@pytest.mark.parametrize(
    ("optimizer", "rate", "friction"),
    [("sgd", 0.5, 0.0), ("momentum", 0.1, 0.9), ("nesterov", 0.1, 0.9), ("adam", 0.001, 0.9), ("rmsprop", 0.001, 0.0)],
)
def test_none_becomes_the_value_of_the_optimizer(optimizer, rate, friction):
    params = resolve_params({"optimizer": optimizer})
    assert (params["learning_rate"], params["momentum"]) == (rate, friction)


def test_the_cost_follows_the_output():
    costs = {output: resolve_params({"output": output})["cost"] for output in OUTPUTS}
    assert costs == {
        "sigmoid": "cross_entropy",
        "softmax": "log_likelihood",
        "tanh": "cross_entropy",
        "linear": "hinge",
        "identity": "quadratic",
    }


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"lr_metric": "val_costs"}, "did you mean 'val_cost'"),
        ({"early_stopping_metric": "val_r2"}, "is not measured with output='sigmoid'"),
        ({"lr_metric": "val_accuracy", "output": "identity"}, "is not measured with output='identity'"),
    ],
)
def test_a_rule_looks_at_what_is_measured(params, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        validate_params(params)
