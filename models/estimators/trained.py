"""Inspecting a trained network: its weights, its outputs, and the activations of its layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted, validate_data

from ..kernels import Array
from ..network import Network
from ..parameters import resolve_params
from ..reading import check_finite
from ..threads import limited


class Trained(ABC):
    """Reads a fitted estimator's network: the part of an estimator that needs no training."""

    @abstractmethod
    def _network_params(self) -> dict[str, Any]:
        """Return the parameters that the training core knows, by name."""

    @property
    def coefs_(self) -> list[Array]:
        """Weights of each dense layer, shape (n_in, n_out)."""
        return [w.T for w in self._layers("W")]

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of each dense layer, shape (n_out,)."""
        return [b[0] for b in self._layers("b")]

    def _predict(self, X: Any, method: str, n_outputs: int) -> Any:
        """Return what the network makes of X, shape (n, n_outputs), float64; of "hidden" one array per layer.

        Args:
            X: As users give it.
            method: "probabilities", "activations", "raw_outputs" or "hidden", see `hpsearch.models.network.Network`.
            n_outputs: Number of output neurons.
        """
        check_is_fitted(self)
        params = resolve_params(self._network_params())
        X = dense(validate_data(self, X, accept_sparse="csr", dtype=params["dtype"], order="C", reset=False))
        network = Network.build(params, X.shape[1], n_outputs)
        with limited(), np.errstate(all="ignore"):
            outputs = getattr(network, method)(self._judged(), X)
        check_finite(outputs, params["dtype"])
        return outputs

    def layer_activations(self, X: Any) -> list[Array]:
        """Return the activations of the neurons of each layer, the output last: arrays of shape (n, neurons), float64.

        Args:
            X: Inputs, shape (n_samples, n_features).

        Raises:
            ValueError: For unfit data, or where they overflow.
        """
        return [*self._seen(X, "hidden"), self._seen(X, "activations")]

    def layer_weighted_inputs(self, X: Any) -> list[Array]:
        """Return the weighted inputs z of the neurons of each layer, the output last: arrays (n, neurons), float64.

        Args:
            X: Inputs, shape (n_samples, n_features).

        Raises:
            ValueError: For unfit data, or where they overflow.
        """
        return list(self._seen(X, "weighted_inputs"))

    def gradients(self, X: Any, y: Any) -> tuple[list[Array], list[Array]]:
        """Return the gradient of the regularised cost over some samples: of `coefs_`, and of `intercepts_`.

        There is no dropout, batch norm normalises by these samples, and n in the regularisation term is their number.

        Args:
            X: Inputs, shape (n_samples, n_features).
            y: Targets.

        Raises:
            ValueError: For unfit data.
        """
        from .gradients import gradients_of

        check_is_fitted(self)
        return gradients_of(self, X, y)

    def raw_outputs(self, X: Any) -> Array:
        """Return the weighted inputs z of the output neurons, before their activation, float64 of shape (n, C).

        Args:
            X: Inputs, shape (n_samples, n_features).

        Raises:
            ValueError: For unfit data, or where they overflow.
        """
        return np.asarray(self._seen(X, "raw_outputs"))

    def _seen(self, X: Any, method: str) -> Any:
        check_is_fitted(self)
        return self._predict(X, method, self._layers("W")[-1].shape[0])

    def _weights(self) -> dict[str, Array]:
        state: dict[str, Array] | None = getattr(self, "_state", None)
        if state is None:
            raise AttributeError(f"{type(self).__name__} has no weights before fit")
        return state

    def _judged(self) -> dict[str, Array]:
        """Return the weights that predict: where they were averaged over the steps, the average."""
        state = self._weights()
        return {**state, **{n.removeprefix("average."): a for n, a in state.items() if n.startswith("average.")}}

    def _layers(self, prefix: str) -> list[Array]:
        weights = self._judged()
        arrays: list[Array] = []
        while (name := f"{prefix}{len(arrays)}") in weights:
            arrays.append(weights[name])
        return arrays


def dense(array: Any) -> Array:
    """Return an array or a sparse matrix as an array."""
    return np.asarray(array.toarray() if issparse(array) else array)
