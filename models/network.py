"""Composes layers into a network, and emits its passes for the lanes of a chunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np

from . import chain
from .activations import ACTIVATIONS
from .costs import HEADS, Head
from .initializers import initializer_of
from .kernels import Array, Op
from .layers import (
    ActivationLayer,
    BatchNormLayer,
    DenseLayer,
    DropoutLayer,
    FiltersLayer,
    Gradient,
    Layer,
    Parameter,
    PatchesLayer,
    Workspace,
)
from .reading import BLOCK, Passed, Readable

BLOCK_BYTES = 8 * 2**20
"""Most memory of the widest layer of such a block; of networks that see images alone."""


@dataclass(frozen=True)
class Network(Readable):
    """A stack of layers under an output layer with its cost.

    Attributes:
        layers: From the input to the weighted inputs z of the output layer.
        head: Output activation and cost.
        stem: Layers below, without parameters, that all lanes share: what the others take as inputs is what the stem
            makes of the samples.
        decays_biases: Whether regularisation holds for biases, too.
    """

    layers: tuple[Layer, ...]
    head: Head
    stem: tuple[Layer, ...] = ()
    decays_biases: bool = False

    @classmethod
    def build(cls, params: Mapping[str, Any], n_features: int, n_outputs: int) -> Network:
        """Compose the network of resolved hyper-parameters.

        Args:
            params: All hyper-parameters, see `hpsearch.models.parameters.resolve_params`.
            n_features: Width of the input, d.
            n_outputs: Number of output neurons, C.
        """
        if params.get("layers") is not None:
            head = HEADS[params["output"], params["cost"]]
            stem, body = chain.build(params, n_features, n_outputs, head)
            return cls(body, head, stem, params["regularize_biases"])
        sizes = (n_features, *params["hidden_layer_sizes"], n_outputs)
        layers: list[Layer] = [DropoutLayer(0, n_features)] if params["input_dropout"] else []
        activation = ACTIVATIONS[params["activation"]]
        initializer = initializer_of(params["weight_init"])
        head = HEADS[params["output"], params["cost"]]
        normed = params["batch_norm"]
        for i, (n_in, n_out) in enumerate(pairwise(sizes[:-1])):
            layers.append(DenseLayer(i, n_in, n_out, initializer, 1.0 if normed else activation.gain, not normed))
            if normed:
                layers.append(BatchNormLayer(i, n_out, activation.gain))
            layers.append(ActivationLayer(i, n_out, activation))
            if params["dropout"]:
                layers.append(DropoutLayer(i + 1, n_out))
        layers.append(DenseLayer(len(sizes) - 2, sizes[-2], n_outputs, initializer, head.output.gain))
        return cls(tuple(layers), head, decays_biases=params["regularize_biases"])

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All arrays that the layers own, from the input upwards."""
        owned = (p for layer in self.layers for p in layer.parameters)
        return tuple(replace(p, decays=True) if p.name in self.biases else p for p in owned)

    @cached_property
    def biases(self) -> frozenset[str]:
        """Names of the biases for which regularisation holds."""
        weighing = (
            layer for layer in self.leaves if isinstance(layer, DenseLayer | FiltersLayer) and self.decays_biases
        )
        return frozenset(p.name for layer in weighing for p in layer.parameters if not p.decays)

    @cached_property
    def leaves(self) -> tuple[Layer, ...]:
        """The layers, with those of which others are made in their place."""
        leaves: list[Layer] = []
        pending = [*self.stem, *self.layers]
        while pending:
            layer = pending.pop(0)
            pending = [*layer.inner, *pending]
            leaves += [] if layer.inner else [layer]
        return tuple(leaves)

    @cached_property
    def masks(self) -> Mapping[int, int]:
        """Width of the random mask of a sample, by the index of each layer that is given one."""
        return {layer.index: layer.mask_width for layer in self.leaves if layer.mask_width}  # type: ignore[attr-defined]

    @cached_property
    def counts(self) -> bool:
        """Whether a layer reads the clock while it trains."""
        return any(layer.counts for layer in self.leaves)

    @cached_property
    def block(self) -> int:
        """How many samples are measured at once; the same for all that have these layers."""
        if not any(isinstance(layer, PatchesLayer) for layer in self.leaves):
            return BLOCK
        return max(1, min(BLOCK, BLOCK_BYTES // (4 * max(layer.n_out for layer in self.leaves))))

    def stemmed(self, workspace: Workspace, x: Array) -> tuple[list[Op], Array]:
        """Emit what the stem makes of samples.

        Args:
            workspace: Buffers.
            x: Samples, shape (b, d).

        Returns:
            The operations, and the inputs of the layers, shape (b, ·): without a stem x itself.
        """
        ops: list[Op] = []
        for layer in self.stem:
            emitted, x = layer.forward(workspace, {}, x)
            ops += emitted
        return ops, x

    @cached_property
    def width_in(self) -> int | None:
        """Width of what the stem makes; None without a stem."""
        return self.stem[-1].n_out if self.stem else None

    def init(self, rng: np.random.Generator, dtype: np.dtype[Any]) -> dict[str, Array]:
        """Draw the parameters of one network."""
        drawn: dict[str, Array] = {}
        for layer in self.layers:
            drawn.update(layer.init(rng))
        return {name: value.astype(dtype) for name, value in drawn.items()}

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, z: Array | None = None
    ) -> tuple[list[Op], Passed]:
        """Emit the pass from the inputs to the weighted inputs of the output layer.

        Args:
            workspace: Buffers.
            parameters: Arrays of shape (k, ...) by name.
            x: Inputs, shape (b, d).
            z: Where the logits go, shape (k, b, C); None for a buffer of the workspace.

        Returns:
            The operations, and (inputs, outputs) of each layer; the last outputs are the logits z, shape (k, b, C).

        What reads and writes buffers of the workspace alone is emitted once for all steps.
        """
        ops: list[Op] = []
        passed = []
        for i, layer in enumerate(self.layers):
            last = i == len(self.layers) - 1
            emit = partial(layer.forward, workspace, parameters, x, z if last else None)
            local = layer.repeats and i > self._first_trained and not (last and z is not None)
            emitted, out = workspace.once(("forward", i), emit) if local else emit()
            ops += emitted
            passed.append((x, out))
            x = out
        return ops, passed

    @cached_property
    def _first_trained(self) -> int:
        """Index of the first layer with parameters: nothing below needs an error."""
        return next(i for i, layer in enumerate(self.layers) if layer.parameters)

    def backward(
        self, workspace: Workspace, parameters: Mapping[str, Array], passed: Passed, delta: Array, scale: float
    ) -> tuple[list[Op], list[Gradient]]:
        """Emit the pass from the error at the output to the gradients.

        Args:
            workspace: Buffers, those of the forward pass.
            parameters: Arrays of shape (k, ...) by name.
            passed: What the forward pass returned.
            delta: A buffer of the workspace, shape (k, b, C), overwritten: ∂C/∂z = scale·delta.
            scale: See `delta`.
        """
        ops: list[Op] = []
        gradients: list[Gradient] = []
        for i in reversed(range(self._first_trained, len(self.layers))):
            layer = self.layers[i]
            x, out = passed[i]
            emit = partial(layer.backward, workspace, parameters, x, out, delta, scale, first=i == self._first_trained)
            local = layer.repeats and i > self._first_trained
            emitted, delta, layer_gradients = workspace.once(("backward", i), emit) if local else emit()
            ops += emitted
            gradients += layer_gradients
        if self.biases:
            gradients = [replace(g, decays=True) if g.parameter in self.biases else g for g in gradients]
        return ops, gradients

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        passed: Passed,
    ) -> tuple[list[Op], Array]:
        """Emit the R-operator: how z moves when the parameters move (Pearlmutter 1994).

        Args:
            workspace: Buffers, those of the forward pass.
            parameters: Arrays of shape (k, ...) by name.
            directions: How they move, by the same names.
            passed: What the forward pass returned.

        Returns:
            The operations, and R{z}, shape (k, b, C).
        """
        ops: list[Op] = []
        tangent: Array | None = None
        for layer, (x, out) in zip(self.layers, passed, strict=True):
            emitted, tangent = layer.jvp(workspace, parameters, directions, x, out, tangent)
            ops += emitted
        if tangent is None:
            raise AssertionError("a network ends in a dense layer")
        return ops, tangent
