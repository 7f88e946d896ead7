"""The gradient of an estimator's cost, and how well it agrees with centred differences of the cost itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..kernels import Array, run
from ..layers import Workspace
from ..network import Network
from ..parameters import resolve_params
from ..regularizers import penalty
from ..threads import limited
from ..training.data import TrainingData
from ..training.stacks import Stacks
from ..training.step import Rates, emit

ROUNDINGS = 8
"""How many units in its last place a cost may be off: it is a sum over samples and layers."""


@dataclass(frozen=True)
class GradientCheck:
    """What a comparison of a gradient with centred differences came to.

    Attributes:
        worst: The largest relative error, |analytic − numerical|/max(|analytic| + |numerical|, 1e-6), of all that were
            looked at, beyond what the rounding of the costs explains; below 1e-4 is good, though where z crosses the
            kink of a relu there is no derivative to agree on.
        by_parameter: The largest relative error of each array, by its name in the network's state (W0, b0, …).
    """

    worst: float
    by_parameter: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the errors, the largest first."""
        rows = sorted(self.by_parameter.items(), key=lambda item: -item[1])
        return f"largest relative error {self.worst:.1e}: " + ", ".join(f"{name} {error:.1e}" for name, error in rows)


class Cost:
    """The regularised cost of one network over some samples as a function of its weights, and its gradient.

    There is no dropout, and batch norm normalises by these samples.

    Args:
        network: The network.
        data: The samples.
        params: Resolved hyper-parameters.
        weights: Its parameters by name; they are copied, in the dtype of the samples.
    """

    def __init__(
        self, network: Network, data: TrainingData, params: Mapping[str, Any], weights: Mapping[str, Array]
    ) -> None:
        dtype = data.X_train.dtype
        n = len(data.X_train)
        self._params = params
        self._n = n
        self.stacks = Stacks.allocate(network.parameters, (), {}, 1, dtype)
        for name, view in self.stacks.weights.items():
            view[0] = weights[name]
        space = Workspace(1, n, dtype, "batch")
        shape = (1, n, data.T_train.shape[1])
        stem, x = network.stemmed(space, data.X_train)
        rates = Rates(1.0, 0.0, 0.0, 0.0, None, 0.0, 0.0, n)
        targets = network.head.output.targets(data.T_train)
        u = np.empty(shape, dtype)
        h = np.empty(shape, dtype)
        self._step = emit(network, space, self.stacks, [rates], x, targets, data.weights, u, h)
        self._stem = stem

    @property
    def _decaying(self) -> Array:
        return self.stacks.flat[0, : self.stacks.layout.decaying]

    def value(self) -> float:
        """Return C = C₀ + (λ₁/n)·Σ|w| + (λ₂/2n)·Σw²."""
        step = self._step
        run([*self._stem, *step.forward])
        return step.cost(step.u, step.h) + penalty(self._decaying, self._params["l1"], self._params["l2"], self._n)

    def gradient(self) -> dict[str, Array]:
        """Return ∂C/∂P of each trained parameter by name."""
        step = self._step
        layout = self.stacks.layout
        flat = np.zeros_like(self.stacks.flat)
        views = layout.views(flat)
        run([*self._stem, *step.forward, *step.error, *step.backward])
        run([g.accumulate(0, 1.0, 0.0, views[g.parameter][0]) for g in step.gradients])
        l1 = self._params["l1"]
        l2 = self._params["l2"]
        weights = self._decaying
        flat[0, : layout.decaying] += (l2 * weights + l1 * np.sign(weights)) / self._n
        return {name: view[0] for name, view in views.items()}


def check_gradients(
    model: Any, X: Any, y: Any, *, sampled: int = 20, step: float = 1e-5, seed: int = 0
) -> GradientCheck:
    """Compare the gradient of a network's regularised cost with centred differences, in float64.

    Args:
        model: MLPClassifier, MLPRegressor, NetworkClassifier or NetworkRegressor; fitted, its weights are looked at, or
            else those that a fit would start from. It is left as it is.
        X: Samples, shape (n_samples, n_features); some ten are enough.
        y: Targets.
        sampled: Most numbers of each array that are looked at, drawn at random.
        step: How far a number is moved, to either side.
        seed: Draws them.

    Returns:
        The largest relative errors.

    Raises:
        ValueError: For a parameter out of range, or unfit data.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import MLPClassifier, check_gradients
        >>> X, y = np.random.default_rng(0).random((10, 4)), np.arange(10) % 2
        >>> check_gradients(MLPClassifier((5,), random_state=0), X, y).worst < 1e-4
        True
    """
    cost = _cost_of(model, X, y, "float64")
    rng = np.random.default_rng(seed)
    worst: dict[str, float] = {}
    with limited(), np.errstate(all="ignore"):
        for name, gradient in cost.gradient().items():
            weights = cost.stacks.weights[name][0]
            positions = rng.choice(weights.size, min(sampled, weights.size), replace=False)
            worst[name] = max(_error(cost.value, weights, position, gradient, step) for position in positions)
    return GradientCheck(max(worst.values(), default=0.0), worst)


def _error(cost: Callable[[], float], weights: Array, position: int, gradient: Array, step: float) -> float:
    index = np.unravel_index(position, weights.shape)
    kept = weights[index]
    sides = []
    for move in (step, -step):
        weights[index] = kept + move
        sides.append(cost())
    weights[index] = kept
    numerical = (sides[0] - sides[1]) / (2 * step)
    analytic = float(gradient[index])
    # costs are rounded: where a gradient is 0, as that of a bias below a batch norm, the differences are not
    rounding = ROUNDINGS * np.finfo(np.float64).eps * abs(sides[0]) / step
    return max(abs(analytic - numerical) - rounding, 0.0) / max(abs(analytic) + abs(numerical), 1e-6)


def gradients_of(model: Any, X: Any, y: Any) -> tuple[list[Array], list[Array]]:
    """Return the gradients of a fitted network's weights and biases; see `Trained.gradients`."""
    with limited(), np.errstate(all="ignore"):
        gradients = _cost_of(model, X, y, None).gradient()
    layers = range(sum(name[0] == "W" for name in gradients))
    return [gradients[f"W{i}"].T for i in layers], [gradients[f"b{i}"][0] for i in layers if f"b{i}" in gradients]


def _cost_of(model: Any, X: Any, y: Any, dtype: str | None) -> Cost:
    from sklearn.base import clone

    fitted = model.__sklearn_is_fitted__()
    copy = clone(model)
    copy.set_params(dtype=dtype or model.dtype)
    params = resolve_params(copy._network_params())
    samples = copy._check(X, y, None, params, reset=True)
    copy._learn_targets(samples.y, fresh=True, classes=getattr(model, "classes_", None) if fitted else None)
    data = copy._data(samples, None, params["dtype"])
    network = Network.build(params, data.X_train.shape[1], data.T_train.shape[1])
    if fitted:
        weights = model._judged()
    else:
        from ..training.population import Member, Population

        rate = {**params, "early_stopping": "none", "lr_schedule": "constant"}
        seed = copy.random_state if isinstance(copy.random_state, int) else 0
        weights = Population([Member(rate, (seed, 1))], data).states()[0]
    return Cost(network, data, params, weights)
