"""Monitors: what the chapter's diagnosis needs to know of a network, sampled once an epoch.

How fast does each layer learn (the norm of its gradient), and how many of its neurons have stopped (saturation)? Both
are taken from one forward and backward pass over a few samples, the same at every epoch, without dropout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from ..kernels import Array, Op, project, run
from ..layers import ActivationLayer, Workspace
from ..layers.base import lane
from ..network import Network
from ..operations import multiply
from .samples import Samples

SAMPLED = 50
"""Samples in the monitored batch."""

SATURATED = 0.04
"""A neuron is saturated at a sample where f' is below this part of the steepest: |a| > 0.98 for tanh, and a < 0.01 or a
> 0.99 for sigmoid; for rectified linear neurons it is inactive."""


def sampled_rows(n: int) -> Array:
    """Return the rows of a training set of n samples that are monitored: evenly spaced, in order."""
    return np.linspace(0, n - 1, min(n, SAMPLED)).astype(np.intp)


class Monitors(Protocol):
    """Samples what a diagnosis needs of the lanes of a population."""

    def run(self) -> list[dict[str, float]]:
        """Return what was sampled of each lane, by name."""


class Monitor:
    """Norms of gradients and fractions of saturated neurons of K lanes.

    Args:
        network: What is watched.
        weights: Parameters of all lanes by name, shape (K, ...).
        samples: The samples that are looked at, all in one batch.
    """

    def __init__(self, network: Network, weights: Mapping[str, Array], samples: Samples) -> None:
        self._lanes = len(next(iter(weights.values())))
        b = len(samples.X)
        dtype = samples.X.dtype
        self._scale = network.head.scale / b
        space = Workspace(self._lanes, b, dtype, "batch")
        stem, x = network.stemmed(space, samples.X)
        run(stem)  # the inputs of the network never change
        ops, passed = network.forward(space, weights, x)
        u = passed[-1][1]
        width = samples.targets.shape[1]
        h, delta, scratch = (space.buffer(name, width=width) for name in ("h", "delta", "scratch"))
        ops = [*ops, *network.head.output.apply(u, h)]
        self._slopes: dict[str, tuple[Array, float]] = {}
        for layer, (_, out) in zip(network.layers, passed, strict=True):
            if isinstance(layer, ActivationLayer):
                slope = space.buffer("monitored", layer.index, width=layer.n_out)
                ops += [(slope.fill, (1,)), *layer.slope(space, out, slope)]
                self._slopes[f"saturated_{layer.index + 1}"] = slope, SATURATED * layer.activation.steepest
        ops += network.head.delta(h, samples.targets, delta, scratch)
        if samples.importance is not None:
            ops.append(multiply(delta, samples.importance, out=delta))
        backward, gradients = network.backward(space, weights, passed, delta, self._scale)
        ops += backward
        # ‖δᵀx‖² = Σᵢⱼ (δδᵀ)ᵢⱼ·(xxᵀ)ᵢⱼ: two small products per layer in the place of a large one
        self._products: dict[str, tuple[Array, Array]] = {}
        self._matrices: dict[str, Array] = {}
        for number, gradient in enumerate(
            (g for g in reversed(gradients) if g.decays and g.parameter not in network.biases), start=1
        ):
            if gradient.left.shape[-2] != b:  # filters, whose rows are the places of all samples: too many
                matrix = np.empty((self._lanes, gradient.left.shape[-1], gradient.right.shape[-1]), dtype)
                ops += [gradient.accumulate(k, 1.0, 0.0, matrix[k]) for k in range(self._lanes)]
                self._matrices[f"gradient_norm_{number}"] = matrix
                continue
            errors = space.buffer("errors", number, width=b)
            inputs = space.buffer("inputs", number, width=b) if gradient.right.ndim == 3 else np.empty((b, b), dtype)
            ops += [project(gradient.left[k], gradient.left[k], 1.0, 0.0, errors[k]) for k in range(self._lanes)]
            if inputs.ndim == 3:
                ops += [project(x, x, 1.0, 0.0, out) for x, out in zip(gradient.right, inputs, strict=True)]
            else:  # the inputs of the network never change
                run([project(gradient.right, gradient.right, 1.0, 0.0, inputs)])
            self._products[f"gradient_norm_{number}"] = errors, inputs
        self._ops: list[Op] = ops

    def run(self) -> list[dict[str, float]]:
        """Return, for each lane, gradient_norm_1, … (‖∂C₀/∂W‖ of each layer) and saturated_1, … of hidden layers."""
        run(self._ops)
        metrics: list[dict[str, float]] = [{} for _ in range(self._lanes)]
        for name, (errors, inputs) in self._products.items():
            for k, lane_metrics in enumerate(metrics):
                square = float(np.vdot(errors[k], lane(inputs, k)))
                lane_metrics[name] = self._scale * math.sqrt(max(square, 0.0))  # rounding may make it negative
        for name, matrices in self._matrices.items():
            for lane_metrics, matrix in zip(metrics, matrices, strict=True):
                lane_metrics[name] = float(np.linalg.norm(matrix))
        for name, (slope, threshold) in self._slopes.items():
            flat = (np.abs(slope) < threshold).sum((1, 2)) / slope[0].size
            for lane_metrics, value in zip(metrics, flat, strict=True):
                lane_metrics[name] = float(value)
        return metrics
