"""Composes layers into a network, and emits one training step or one forward pass for the lanes of a chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from models.activations import ACTIVATIONS
from models.costs import HEADS, Head
from models.initializers import INITIALIZERS
from models.kernels import Array, Op, run
from models.layers import ActivationLayer, Dense, Gradient, Layer, Workspace
from models.optimizers import Optimizer, Rates


@dataclass(frozen=True)
class Network:
    """A stack of layers under an output layer with its cost.

    Attributes:
        layers: From the input to the weighted inputs z of the output layer.
        head: Output activation and cost.
    """

    layers: tuple[Layer, ...]
    head: Head

    @classmethod
    def build(cls, params: Mapping[str, Any], n_features: int, n_outputs: int) -> Network:
        """Compose the network of resolved hyper-parameters.

        Args:
            params: All hyper-parameters, see `models.parameters.resolve_params`.
            n_features: Width of the input, d.
            n_outputs: Number of output neurons, C.
        """
        sizes = (n_features, *params["hidden_layer_sizes"], n_outputs)
        layers: list[Layer] = []
        activation, initializer = ACTIVATIONS[params["activation"]], INITIALIZERS[params["weight_init"]]
        head = HEADS[params["output"], params["cost"]]
        for i, (n_in, n_out) in enumerate(pairwise(sizes[:-1])):
            layers.append(Dense(i, n_in, n_out, initializer, activation.gain))
            layers.append(ActivationLayer(i, n_out, activation))
        layers.append(Dense(len(sizes) - 2, sizes[-2], n_outputs, initializer, head.output.gain))
        return cls(tuple(layers), head)

    def init(self, rng: np.random.Generator, dtype: np.dtype[Any]) -> dict[str, Array]:
        """Draw the parameters of one network."""
        drawn: dict[str, Array] = {}
        for layer in self.layers:
            drawn.update(layer.init(rng))
        return {name: value.astype(dtype) for name, value in drawn.items()}

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, z: Array | None = None
    ) -> tuple[list[Op], list[tuple[Array, Array]]]:
        """Emit the pass from the inputs to the weighted inputs of the output layer.

        Args:
            workspace: Buffers.
            parameters: Arrays of shape (k, ...) by name.
            x: Inputs, shape (b, d).
            z: Where the logits go, shape (k, b, C); None for a buffer of the workspace.

        Returns:
            The operations, and (inputs, outputs) of each layer; the last outputs are the logits z, shape (k, b, C).
        """
        ops: list[Op] = []
        passed = []
        for layer in self.layers:
            emitted, out = layer.forward(workspace, parameters, x, z if layer is self.layers[-1] else None)
            ops += emitted
            passed.append((x, out))
            x = out
        return ops, passed

    def probabilities(self, parameters: Mapping[str, Array], X: Array, block: int = 512) -> Array:
        """Return class probabilities of one network, float64 of shape (n, C), rows summing to 1.

        Args:
            parameters: Arrays of one network by name, without a leading axis; others (of its state) are not read.
            X: Inputs, shape (n, d), C-contiguous, of the parameters' dtype.
            block: Samples at a time.
        """
        stacked = {name: value[None] for name, value in parameters.items()}
        parts = []
        with np.errstate(all="ignore"):  # saturation is not an error
            for start in range(0, len(X), block):
                x = X[start : start + block]
                ops, passed = self.forward(Workspace(1, len(x), X.dtype), stacked, x)
                run(ops)
                log_odds = self.head.output.log_weights(passed[-1][1][0].astype(np.float64))
                weights = np.exp(log_odds - log_odds.max(-1, keepdims=True))
                parts.append(weights / weights.sum(-1, keepdims=True))
        return np.concatenate(parts)

    def step(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        slots: Mapping[str, Mapping[str, Array]],
        optimizer: Optimizer,
        rates: Sequence[Rates],
        x: Array,
        t: Array,
        z: Array,
        h: Array,
    ) -> list[Op]:
        """Emit one step of gradient descent for all lanes of a chunk.

        Args:
            workspace: Buffers.
            parameters: Arrays of shape (k, ...) by name, updated in place.
            slots: The optimizer's arrays, by slot and parameter name.
            optimizer: Turns gradients into steps.
            rates: Hyper-parameters of each lane.
            x: Inputs of the batch, shape (b, d).
            t: Targets of the batch in the output's terms, shape (b, C).
            z: Receives the logits before the step, shape (k, b, C).
            h: Receives the outputs before the step, of the same shape.
        """
        ops, passed = self.forward(workspace, parameters, x, z)
        width = z.shape[-1]
        delta, scratch = workspace.buffer("delta", width=width), workspace.buffer("scratch", width=width)
        scale = self.head.scale / workspace.batch
        ops += self.head.output.apply(z, h)
        ops += self.head.delta(h, t, delta, scratch)
        for i in reversed(range(len(self.layers))):
            layer, (inputs, out) = self.layers[i], passed[i]
            emitted, delta, gradients = layer.backward(workspace, parameters, inputs, out, delta, scale, first=i == 0)
            ops += emitted  # the error goes down through the old weights, then the weights change
            for gradient in gradients:
                ops += _update(gradient, parameters, slots, optimizer, rates)
        return ops


def _update(
    gradient: Gradient,
    parameters: Mapping[str, Array],
    slots: Mapping[str, Mapping[str, Array]],
    optimizer: Optimizer,
    rates: Sequence[Rates],
) -> list[Op]:
    own = {slot: arrays[gradient.parameter] for slot, arrays in slots.items()}
    return optimizer.update(gradient, parameters[gradient.parameter], own, rates)
