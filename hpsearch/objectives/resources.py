"""What an epoch of a scikit-learn model is: decided for each trial, from the parameters that it has.

Some settings forbid training by epochs (``early_stopping=True`` and ``class_weight="balanced"`` refuse ``partial_fit``,
``solver="lbfgs"`` has none). A trial with one of them is fitted whole, its own stopping honoured, and reports once, at
the end: at the study's last epoch, so that no pruner holds another trial's first epoch against a finished model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpsearch.objectives.chosen import Model
from hpsearch.study.samples import Samples

Array = NDArray[Any]
Resource = Literal["epochs", "iterations", "samples", "fit"]

STEPS = 10
"""Parts in which a ``warm_start`` model grows where a study does not say how many epochs there are."""

LARGE = 10_000
"""Training samples above which scikit-learn's histogram boosting stops by itself where it is left to choose."""


class Growth(NamedTuple):
    """The size of a ``warm_start`` model at an epoch.

    Attributes:
        size: How many trees it has.
        grown: Whether these are more than at the epoch before.
    """

    size: int
    grown: bool


@dataclass(frozen=True)
class Plan:
    """How a study's trials are trained.

    Attributes:
        resource: What the study declares.
        epochs: Most epochs of a trial.
        declared: Whether the study declares the epochs itself; False where they come from the model's ``max_iter``.
        of_samples: Whether a model that cannot train by epochs is fitted to growing parts of the samples.
    """

    resource: str | Samples
    epochs: int
    declared: bool
    of_samples: bool = False

    def decide(self, estimator: Any, n: int) -> Resource:
        """Return what an epoch of an estimator with all its parameters set is.

        Args:
            estimator: The last step of a trial's model.
            n: Training samples.
        """
        if isinstance(self.resource, Samples) or self.resource == "samples":
            return "samples"
        if self.resource in ("auto", "epochs") and takes_epochs(estimator) and self._counts_epochs(estimator):
            return "epochs"
        grows = self.resource == "iterations" or (self.resource == "auto" and getattr(estimator, "warm_start", False))
        if grows and grown_by(estimator, n) is not None:
            return "iterations"
        return "samples" if self.of_samples else "fit"

    def _counts_epochs(self, estimator: Any) -> bool:
        """Return whether an estimator's epochs are counted anywhere: otherwise one pass over the data is all it has."""
        return self.declared or self.epochs == 1 or counting(estimator) is not None

    def epochs_of(self, estimator: Any, resource: Resource, params: Mapping[str, Any]) -> int:
        """Return how many epochs a trial has: the study's, unless its own parameters set fewer.

        Args:
            estimator: The last step of its model.
            resource: What an epoch of it is.
            params: What the study asked for.
        """
        if resource != "epochs":
            return self.epochs
        declared = {} if self.declared else estimator.get_params(deep=False)
        return min(self.epochs, own_epochs(params, own_epochs(declared, self.epochs)))

    def growth(self, epoch: int, size: int) -> Growth:
        """Return how large a ``warm_start`` model is at an epoch.

        Its last epoch is the study's last, so that half a forest is not held against other trials' whole training.

        Args:
            epoch: Epochs done, this one included.
            size: How many trees it has in the end.
        """
        steps = min(size, self.epochs if self.declared else min(self.epochs, STEPS))
        steps_done = epoch * steps // self.epochs
        steps_before = (epoch - 1) * steps // self.epochs
        return Growth(max(1, round(size * steps_done / steps)), steps_done > steps_before)


WHOLE: dict[str, tuple[Any, ...]] = {
    "early_stopping": (True, "patience", "growing"),
    "class_weight": ("balanced",),
    "lr_schedule": ("plateau",),  # reads a validation set, which partial_fit has not
    "solver": ("lbfgs",),
}
"""Settings, by parameter, with which an estimator can only be fitted whole."""


def takes_epochs(estimator: Any) -> bool:
    """Return whether an estimator, as its parameters are set, can be trained an epoch at a time."""
    if not hasattr(estimator, "partial_fit"):
        return False
    params = estimator.get_params(deep=False)
    return not any(
        isinstance(params.get(name), str | bool) and params[name] in settings for name, settings in WHOLE.items()
    )


def grown_by(estimator: Any, n: int) -> str | None:
    """Return the parameter by which a ``warm_start`` model grows from its last fit to a larger one; None if it cannot.

    Forests, bagging and gradient boosting keep the trees that they have and add those that are missing, so that the
    last of several fits is the whole fit. One that stops by a rule of its own has to be fitted whole.

    Args:
        estimator: With its parameters set.
        n: Training samples.
    """
    params = estimator.get_params(deep=False)
    if "warm_start" not in params or not _warms_up(estimator):
        return None
    early = params.get("early_stopping")
    if params.get("n_iter_no_change") is not None and "early_stopping" not in params:
        return None
    if early is True or (early == "auto" and n > LARGE):
        return None
    return "n_estimators" if "n_estimators" in params else "max_iter"


def _warms_up(estimator: Any) -> bool:
    """Return whether a model's trees stay where it is fitted again with more of them."""
    if "n_estimators" in estimator.get_params(deep=False):
        return True
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    return isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor)


def counting(estimator: Any) -> str | None:
    """Return the parameter by which an estimator counts its epochs, or None where it has none."""
    params = estimator.get_params(deep=False)
    return next((name for name in ("max_epochs", "max_iter") if name in params), None)


def own_epochs(params: Mapping[str, Any], epochs: int) -> int:
    """Return how many epochs parameters ask for by their own ``max_iter`` or ``max_epochs``."""
    counts = (value for name, value in params.items() if name.rpartition("__")[2] in ("max_iter", "max_epochs"))
    return int(next((value for value in counts if value is not None and value > 0), epochs))


def may_take_epochs(estimator: Any, searched: Mapping[str, Sequence[Any] | None]) -> bool:
    """Return whether an estimator can be trained an epoch at a time at some point of a space.

    Args:
        estimator: As the study declares it.
        searched: The values that its parameters may have, None for a range.
    """
    if not hasattr(type(estimator), "partial_fit"):
        return False
    params = estimator.get_params(deep=False)
    for name, settings in WHOLE.items():
        values = searched.get(name, [params.get(name)])
        if values is not None and all(isinstance(value, str | bool) and value in settings for value in values):
            return False
    return True


def stratified_order(y: Array | None, n: int, rng: np.random.Generator) -> Array:
    """Return an order of n samples whose every beginning holds each class in its share, and at least one of each.

    Args:
        y: Class labels, shape (n,), or None where there are no classes.
        n: Number of samples.
        rng: Shuffles the samples of each class.

    Returns:
        A permutation, shape (n,).
    """
    order = rng.permutation(n)
    if y is None:
        return order
    _, codes, counts = np.unique(y[order], return_inverse=True, return_counts=True)
    position = np.empty(n)
    for code, count in enumerate(counts):
        # The i-th sample of a class stands where that share of the class has passed, the first before all.
        position[codes == code] = np.concatenate([[-1.0], (np.arange(1, count) + 0.5) / count])
    return order[np.argsort(position, kind="stable")]


def rescale(estimator: Any, samples: Samples, model: Model, share: float, apart: bool) -> None:
    """Rescale the penalties of an estimator, so that they regularise a part of the samples as they would all of them.

    Args:
        estimator: With a trial's parameters, which are changed.
        samples: Names the parameters that are rescaled.
        model: The model that it is, or whose last step it is.
        share: The part of the samples, from 0 to 1.
        apart: Whether it is the last step alone.
    """
    current = estimator.get_params(deep=True)
    prefix = model.parts.prefix if apart else ""
    full_names = {
        name: name.removeprefix(prefix) if apart else next(iter(model.behind.named({name: 0})))
        for name in samples.names
    }
    params = {name: current[full_names[name]] for name in samples.names if full_names[name] in current}
    estimator.set_params(**{full_names[name]: value for name, value in samples.rescaled(params, share).items()})
