"""From declared layers to those that compute: activations in their places, and copies where memory would be lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..kernels import Array, Op
from .activation import ActivationLayer
from .base import Gradient, Layer, Workspace
from .copies import CopyLayer
from .declared import Declared, Site


def built(layers: Sequence[Declared], site: Site) -> list[Layer]:
    """Return layers with their activations in place, and set the site's shape to that of what goes out.

    The activation of a layer with weights stands behind the norms that follow the weights at once, and any monotone one
    behind the maximum of a pool.

    Raises:
        ValueError: A layer does not suit what comes in.
    """
    computing: list[Layer] = []
    for number, layer in enumerate(layers):
        pending = site.pending
        waits = pending is not None and (
            (layer.goes_before == "implied" and pending.implied)
            or (layer.goes_before == "monotone" and pending.function.monotone)
        )
        if not waits:
            computing += _activation(site)
        site.above = layers[number + 1 :]
        site.pending = site.pending if waits else None
        computing += layer.build(site)
        if waits and layer.goes_before == "monotone" and site.pending is not None:
            computing += _activation(site)  # what follows the pool follows the activation, too
    computing += _activation(site)
    return computing


def _activation(site: Site) -> list[Layer]:
    pending = site.pending
    site.pending = None
    if pending is None:
        return []
    return [ActivationLayer(site.number("activation"), site.shape.width, pending.function, pending.scales)]


def assembled(layers: Sequence[Layer], site: Site, *, kept: bool) -> tuple[Layer, ...]:
    """Return layers with copies between those of which one would overwrite what another still reads.

    Args:
        layers: From below upwards.
        site: Numbers the copies.
        kept: Whether what comes in is read by others.
    """
    with_copies: list[Layer] = []
    width = 0
    for layer in layers:
        if kept and layer.overwrites:
            # A layer that overwrites its input keeps its width.
            width = with_copies[-1].n_out if with_copies else layer.n_out
            with_copies.append(CopyLayer(site.number("copy"), width))
            kept = False
        with_copies.append(layer)
        kept = layer.keeps_output or (kept and layer.passes_on)
    return tuple(with_copies)


def backward_through(
    layers: Sequence[Layer],
    workspace: Workspace,
    parameters: Mapping[str, Array],
    passed: Sequence[tuple[Array, Array]],
    delta: Array,
    scale: float,
    *,
    first: bool,
) -> tuple[list[Op], Array, list[Gradient]]:
    """Emit the backward pass through some layers, down to the error of what comes into the lowest.

    Args:
        layers: From below upwards.
        workspace: Buffers, those of the forward pass.
        parameters: Arrays of shape (k, ...) by name.
        passed: (inputs, outputs) of each layer.
        delta: The error above, overwritten.
        scale: See `hpsearch.models.layers.base.Layer.backward`.
        first: Whether nothing below needs the error: then the pass ends at the lowest layer with parameters.
    """
    owning = [i for i, layer in enumerate(layers) if layer.parameters]
    lowest = 0 if not first else owning[0] if owning else len(layers)
    ops: list[Op] = []
    gradients: list[Gradient] = []
    for i in reversed(range(lowest, len(layers))):
        x, out = passed[i]
        emitted, delta, layer_gradients = layers[i].backward(
            workspace, parameters, x, out, delta, scale, first=first and i == lowest
        )
        ops += emitted
        gradients += layer_gradients
    return ops, delta, gradients
