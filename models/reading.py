"""Reading a trained network: its outputs for samples, and the activations of each of its layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np

from .costs import Head
from .kernels import Array, Op, run
from .layers import ActivationLayer, FiltersLayer, Layer, Parameter, Workspace
from .layers.pooling import PoolLayer
from .layers.shapes import Image, untiled

Passed = list[tuple[Array, Array]]
"""(inputs, outputs) of each layer in a forward pass."""

BLOCK = 500
"""Most samples that are measured at once."""


def check_finite(outputs: Array | list[Array], dtype: object) -> None:
    """Refuse outputs that overflow.

    Args:
        outputs: What a network made of samples; an array, or one per layer.
        dtype: What it calculates with.

    Raises:
        ValueError: A number is not finite.
    """
    if not all(np.isfinite(array).all() for array in (outputs if isinstance(outputs, list) else [outputs])):
        raise ValueError(f"Input X contains a value too large for this network: its outputs overflow {dtype}")


class Readable(ABC):
    """The part of a network that predicts and inspects, without training."""

    layers: tuple[Layer, ...]
    head: Head

    @property
    @abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """All arrays that the layers own."""

    @property
    @abstractmethod
    def block(self) -> int:
        """How many samples are measured at once."""

    @abstractmethod
    def stemmed(self, workspace: Workspace, x: Array) -> tuple[list[Op], Array]:
        """Emit what the stem makes of samples."""

    @abstractmethod
    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, z: Array | None = None
    ) -> tuple[list[Op], Passed]:
        """Emit the pass from the inputs to the weighted inputs of the output layer."""

    def probabilities(self, parameters: Mapping[str, Array], X: Array) -> Array:
        """Return class probabilities of one network, float64 of shape (n, C), rows summing to 1.

        Args:
            parameters: Arrays of one network by name, without a leading axis; others (of its state) are not read.
            X: Inputs, shape (n, d), C-contiguous, of the parameters' dtype.

        Raises:
            ValueError: For an output that knows no classes.
        """
        if self.head.output.log_weights is None:
            raise ValueError(f"output={self.head.output.name!r} has no class probabilities")
        blocks = []
        for u in self._logits(parameters, X):
            log_odds = self.head.output.log_weights(u)
            weights = np.exp(log_odds - log_odds.max(-1, keepdims=True))
            blocks.append(weights / weights.sum(-1, keepdims=True))
        return np.concatenate(blocks)

    def activations(self, parameters: Mapping[str, Array], X: Array) -> Array:
        """Return the activations a of the output neurons of one network, float64 of shape (n, C).

        Args:
            parameters: See `probabilities`.
            X: See `probabilities`.
        """
        return np.concatenate([self.head.output.response(u) for u in self._logits(parameters, X)])

    def weighted_inputs(self, parameters: Mapping[str, Array], X: Array) -> list[Array]:
        """Return the weighted inputs z of each layer with an activation, the output last, float64 (n, neurons).

        Args:
            parameters: See `probabilities`.
            X: See `probabilities`.
        """
        blocks: list[list[Array]] = []
        stacked = {p.name: parameters[p.name][None] for p in self.parameters}
        for start in range(0, len(X), self.block):
            x = X[start : start + self.block]
            workspace = Workspace(1, len(x), X.dtype)
            layer_inputs = []
            with np.errstate(all="ignore"):
                stem, x = self.stemmed(workspace, x)
                run(stem)
                for layer, tile in self._tiles():
                    if isinstance(layer, ActivationLayer):  # it overwrites what comes in
                        gain = 1.0 if layer.scales else layer.activation.gain
                        layer_inputs.append(
                            untiled(np.broadcast_to(x, (1, *x.shape[-2:]))[0].astype(np.float64) / gain, tile)
                        )
                    ops, x = layer.forward(workspace, stacked, x)
                    run(ops)
            blocks.append([*layer_inputs, x[0].astype(np.float64) / self.head.output.gain])
        return [np.concatenate(layer) for layer in zip(*blocks, strict=True)]

    def _tiles(self) -> Iterator[tuple[Layer, Image | None]]:
        """Yield each layer with the image that comes in, where its places are stored by tiles."""
        tile: Image | None = None
        for layer in self.layers:
            yield layer, tile
            if isinstance(layer, FiltersLayer):
                tile = layer.out if layer.out.tile != (1, 1) else None
            elif isinstance(layer, PoolLayer):
                tile = None

    def raw_outputs(self, parameters: Mapping[str, Array], X: Array) -> Array:
        """Return the weighted inputs z of the output neurons of one network, float64 of shape (n, C).

        Args:
            parameters: See `probabilities`.
            X: See `probabilities`.
        """
        return np.concatenate(list(self._logits(parameters, X))) / self.head.output.gain

    def hidden(self, parameters: Mapping[str, Array], X: Array) -> list[Array]:
        """Return the activations of each hidden layer of one network, float64 of shape (n, neurons), input first.

        Args:
            parameters: See `probabilities`.
            X: See `probabilities`.
        """
        activations = [(i, tile) for i, (layer, tile) in enumerate(self._tiles()) if isinstance(layer, ActivationLayer)]
        blocks = [
            [untiled(passed[i][1][0].astype(np.float64), tile) for i, tile in activations]
            for passed in self._passes(parameters, X)
        ]
        return [np.concatenate(layer) for layer in zip(*blocks, strict=True)]

    def _logits(self, parameters: Mapping[str, Array], X: Array) -> Iterator[Array]:
        for passed in self._passes(parameters, X):
            yield passed[-1][1][0].astype(np.float64)

    def _passes(self, parameters: Mapping[str, Array], X: Array) -> Iterator[Passed]:
        stacked = {p.name: parameters[p.name][None] for p in self.parameters}
        block = 512 if self.block == BLOCK else self.block
        for start in range(0, len(X), block):
            x = X[start : start + block]
            with np.errstate(all="ignore"):  # saturation is not an error
                workspace = Workspace(1, len(x), X.dtype)
                stem, x = self.stemmed(workspace, x)
                ops, passed = self.forward(workspace, stacked, x)
                run([*stem, *ops])
            yield passed
