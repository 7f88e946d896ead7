"""One step of training as it is being compiled: what the network hands to an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..kernels import Array, Op
from ..layers import Workspace
from ..network import Network
from ..operations import add, argmax, largest_over, multiply, put, subtract, take
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
class Classes:
    """Targets of one batch that are one class per sample, read by number: rows of zeros and a one are never made.

    Attributes:
        labels: Class codes, shape (b,), intp.
        label_logits: Receives the logit of each sample's class, shape (k, b, 1).
        winners: Receives the class of the largest logit, shape (k, b), intp.
    """

    labels: Array
    label_logits: Array
    winners: Array

    def _positions(self, workspace: Workspace) -> Array:
        """Return where the places of the samples' classes in a lane's outputs stand, shape (b,)."""
        positions: Array = workspace.once(("classes",), lambda: np.empty(len(self.labels), np.intp))
        return positions

    def read(self, workspace: Workspace, u: Array, largest: Array) -> list[Op]:
        """Emit what cost and hits need of logits.

        Args:
            workspace: Buffers.
            u: Logits, shape (k, b, C).
            largest: Receives the largest of each sample, shape (k, b, 1).
        """
        positions = self._positions(workspace)
        rows = np.arange(len(self.labels)) * u.shape[-1]
        ops = [argmax(u, out=self.winners)]
        for logits, winners, maximum in zip(_flat(u), self.winners, _flat(largest), strict=True):
            ops += [add(rows, winners, out=positions), take(logits, positions, out=maximum)]
        ops.append(add(rows, self.labels, out=positions))
        return ops + [
            take(logits, positions, out=label_logits)
            for logits, label_logits in zip(_flat(u), _flat(self.label_logits), strict=True)
        ]

    def error(self, workspace: Workspace, h: Array) -> list[Op]:
        """Emit h ← h − t, after `read`."""
        positions = self._positions(workspace)
        chosen = np.empty(len(self.labels), h.dtype)
        one = np.ones((), h.dtype)
        ops: list[Op] = []
        for outputs in _flat(h):
            ops += [
                take(outputs, positions, out=chosen),
                subtract(chosen, one, out=chosen),
                put(chosen, positions, out=outputs),
            ]
        return ops


def _flat(stack: Array) -> Array:
    """Return the numbers of each lane in a row, views of a contiguous array."""
    return stack.reshape(len(stack), -1)


@dataclass(frozen=True)
class Step:
    """The forward and backward pass of one batch, emitted, and all that an optimizer may need beside.

    Attributes:
        network: What is trained.
        stacks: Parameters and slots of the lanes.
        workspace: Buffers.
        rates: Hyper-parameters of each lane.
        x: Inputs of the batch, shape (b, d).
        t: Targets in the output's terms, shape (b, C), or classes, one per sample.
        importance: Weights of the samples, shape (b, 1), or None.
        u: Logits (times a gain) of the forward pass, shape (k, b, C).
        h: Outputs of the forward pass, of the same shape.
        passed: (inputs, outputs) of each layer.
        delta: The error at the output, which the backward pass starts from, shape (k, b, C).
        forward: Operations from the inputs to `u` and `h`.
        error: Operations that set `delta`.
        backward: Operations from `delta` down.
        gradients: What they leave behind, one per trained parameter.
    """

    network: Network
    stacks: Stacks
    workspace: Workspace
    rates: Sequence[Rates]
    x: Array
    t: Array | Classes
    importance: Array | None
    u: Array
    h: Array
    passed: Passed
    delta: Array
    forward: list[Op]
    error: list[Op]
    backward: list[Op]
    gradients: Sequence[Consumable]

    def cost(self, u: Array, h: Array) -> float:
        """Return the mean cost of the batch, without penalties.

        Args:
            u: Logits (times a gain), shape (1, b, C).
            h: Outputs, of the same shape.
        """
        if isinstance(self.t, Classes):
            raise AssertionError("an optimizer that evaluates costs is given targets")
        terms = self.network.head.value(u, h, self.t[None])
        if self.importance is not None:
            terms = terms * self.importance
        return float(terms.sum(dtype=np.float64)) / self.workspace.batch


def emit(
    network: Network,
    workspace: Workspace,
    stacks: Stacks,
    rates: Sequence[Rates],
    x: Array,
    t: Array | Classes,
    importance: Array | None,
    u: Array,
    h: Array,
    kept: tuple[Array, Array] | None = None,
) -> Step:
    """Emit the passes of a step; see `Step` for the arguments.

    Where `kept` is given, shape (k, b, 1) each, the outputs leave there what the cost is had from without exponentials.
    Where targets are classes, the error takes the place of the outputs, which all steps share.
    """
    head = network.head
    width = u.shape[-1]
    forward, passed = network.forward(workspace, stacks.weights, x, u)
    below = head.output.apply_below
    if kept is None or below is None:
        forward = [*forward, *head.output.apply(u, h)]
    else:
        largest, total = kept
        reading = t.read(workspace, u, largest) if isinstance(t, Classes) else [largest_over(u, -1, out=largest)]
        forward = [*forward, *reading, *below(u, h, largest, total)]
    if isinstance(t, Classes):
        delta = h
        error = t.error(workspace, h)
    else:
        delta = workspace.buffer("delta", width=width)
        error = head.delta(h, t, delta, workspace.buffer("scratch", width=width))
    if importance is not None:
        error.append(multiply(delta, importance, out=delta))
    scale = head.scale / workspace.batch
    backward, gradients = network.backward(workspace, stacks.weights, passed, delta, scale)
    return Step(
        network, stacks, workspace, rates, x, t, importance, u, h, passed, delta, forward, error, backward, gradients
    )
