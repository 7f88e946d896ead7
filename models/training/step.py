"""One step of training as it is being compiled: what the network hands to an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..kernels import Array, Op
from ..layers import Workspace
from ..network import Network
from ..reading import Passed
from .stacks import Stacks


@dataclass(frozen=True)
class Rates:
    """Hyper-parameters of one lane at one epoch.

    Attributes:
        learning_rate: η after the schedule.
        momentum: μ; β₁ of adam.
        l1: λ of (λ/n)·Σ|w|, with n = `n_train`.
        l2: λ of (λ/2n)·Σw².
        max_norm: Largest norm of the weights into a neuron, or None.
        dropout: Fraction of hidden neurons that is dropped.
        input_dropout: Fraction of inputs that is dropped.
        n_train: Size of the training set.
        fractions: In a chain of layers, the fraction that each of its dropout layers drops, by index; else empty.
        clip_norm: Largest norm of the gradient, or None.
        ema: d of the average of the weights over the steps, or None.
    """

    learning_rate: float
    momentum: float
    l1: float
    l2: float
    max_norm: float | None
    dropout: float
    input_dropout: float
    n_train: int
    fractions: tuple[float, ...] = ()
    clip_norm: float | None = None
    ema: float | None = None

    def dropped(self, index: int) -> float:
        """Return the fraction that a dropout layer drops; in a multilayer perceptron index 0 is the inputs."""
        if self.fractions:
            return self.fractions[index]
        return self.dropout if index else self.input_dropout


class Consumable(Protocol):
    """A gradient as an optimizer consumes it."""

    @property
    def parameter(self) -> str:
        """Name of the parameter."""

    @property
    def decays(self) -> bool:
        """Whether regularisation applies."""

    def accumulate(self, k: int, factor: float, beta: float, out: Array) -> Op:
        """Emit out ← β·out + factor·∂C/∂P for lane k."""


@dataclass(frozen=True)
class Step:
    """The forward and backward pass of one batch, emitted, and all that an optimizer may need beside.

    Attributes:
        network: What is trained.
        stacks: Parameters and slots of the lanes.
        workspace: Buffers.
        rates: Hyper-parameters of each lane.
        x: Inputs of the batch, shape (b, d).
        t: Targets in the output's terms, shape (b, C).
        importance: Weights of the samples, shape (b, 1), or None.
        u: Logits (times a gain) of the forward pass, shape (k, b, C).
        h: Outputs of the forward pass, of the same shape.
        passed: (inputs, outputs) of each layer.
        delta: The error at the output, which the backward pass starts from, shape (k, b, C).
        forward: Operations from the inputs to `u` and `h`.
        error: Operations that set `delta`.
        backward: Operations from `delta` down.
        gradients: What they leave behind, one a trained parameter.
    """

    network: Network
    stacks: Stacks
    workspace: Workspace
    rates: Sequence[Rates]
    x: Array
    t: Array
    importance: Array | None
    u: Array
    h: Array
    passed: Passed
    delta: Array
    forward: list[Op]
    error: list[Op]
    backward: list[Op]
    gradients: Sequence[Consumable]


def emit(
    network: Network,
    workspace: Workspace,
    stacks: Stacks,
    rates: Sequence[Rates],
    x: Array,
    t: Array,
    importance: Array | None,
    u: Array,
    h: Array,
    kept: tuple[Array, Array] | None = None,
) -> Step:
    """Emit the passes of a step; see `Step` for the arguments.

    Where `kept` is given, shape (k, b, 1) each, the outputs leave there what the cost is had from without exponentials.
    """
    forward, passed = network.forward(workspace, stacks.weights, x, u)
    width = u.shape[-1]
    delta, scratch = workspace.buffer("delta", width=width), workspace.buffer("scratch", width=width)
    error = network.head.delta(h, t, delta, scratch)
    if importance is not None:
        error.append((np.multiply, (delta, importance, delta)))
    scale = network.head.scale / workspace.batch
    backward, gradients = network.backward(workspace, stacks.weights, passed, delta, scale)
    keeping = network.head.output.apply_keeping
    forward = [
        *forward,
        *(network.head.output.apply(u, h) if kept is None or keeping is None else keeping(u, h, *kept)),
    ]
    return Step(
        network, stacks, workspace, rates, x, t, importance, u, h, passed, delta, forward, error, backward, gradients
    )  # fmt: skip
