"""How scikit-learn's networks spell what ours call otherwise: for errors that say what to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

Init = TypeVar("Init", bound=Callable[..., None])

NAMES: Mapping[str, str] = {
    "alpha": "l2: λ = alpha·n_samples/batch_size is the same penalty",
    "solver": "optimizer: 'sgd', 'momentum', 'nesterov', 'adam', 'rmsprop', 'lbfgs' or 'hessian_free'",
    "learning_rate_init": "learning_rate",
    "power_t": "lr_schedule: 'step' or 'cosine'",
    "max_iter": "max_epochs",
    "max_fun": "max_epochs",
    "nesterovs_momentum": "optimizer='nesterov'",
    "n_iter_no_change": "patience, with early_stopping='patience'",
    "tol": "patience, with early_stopping='patience'",
    "beta_1": "momentum",
    "beta_2": "optimizer='adam' has 0.999",
    "epsilon": "optimizer='adam' has 1e-8",
    "shuffle": "every epoch shuffles",
    "loss": "cost",
}
"""A parameter of scikit-learn's MLPClassifier and MLPRegressor, and what it is here."""

VALUES: Mapping[tuple[str, Any], str] = {
    ("activation", "logistic"): "activation='sigmoid'",
    ("activation", "identity"): "hidden_layer_sizes=() for a model without hidden neurons",
    ("learning_rate", "constant"): "a number, or None for the optimizer's own; lr_schedule='constant'",
    ("learning_rate", "adaptive"): "lr_schedule='plateau'",
    ("learning_rate", "invscaling"): "lr_schedule='step' or 'cosine'",
    ("early_stopping", True): "early_stopping='patience'",
    ("early_stopping", False): "early_stopping='none'",
    ("batch_size", "auto"): "a number; scikit-learn's is min(200, n_samples)",
}
"""A value that scikit-learn's networks take, and what it is here."""


def translated(name: str) -> str | None:
    """Return what a parameter of scikit-learn's networks is called here, or None where it is none of theirs."""
    return NAMES.get(name)


def value_hint(name: str, value: Any) -> str:
    """Return `` (scikit-learn's; here …)`` for a value that scikit-learn takes, or nothing."""
    if name == "hidden_layer_sizes" and isinstance(value, int) and not isinstance(value, bool):
        return f" (write hidden_layer_sizes=({value},))"
    our_spelling = VALUES.get((name, value)) if isinstance(value, str | bool) else None
    return "" if our_spelling is None else f" (scikit-learn's spelling; here {our_spelling})"


def translating(init: Init) -> Init:
    """Return an ``__init__`` that says what scikit-learn's parameters are called here; its signature is as it was."""

    @wraps(init)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if (our_name := translated(name)) is not None:
                raise TypeError(
                    f"{type(self).__name__} has no parameter {name!r}, as scikit-learn's; here it is {our_name}"
                )
        init(self, *args, **kwargs)

    return checked  # type: ignore[return-value]
