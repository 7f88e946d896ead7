"""A chain of declared layers as hyper-parameters, and the network that it stands for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

from .costs import Head
from .initializers import initializer_of
from .layers import Declared, DenseLayer, Layer, PatchesLayer
from .layers.assembly import assembled, built
from .layers.declared import Site, walk
from .layers.shapes import Flat, Image, Shape


class Chain(NamedTuple):
    """The layers of a network.

    Attributes:
        stem: Layers at the beginning that all lanes share, as they have nothing of their own.
        layers: The others, up to the weighted inputs of the output neurons.
    """

    stem: tuple[Layer, ...]
    layers: tuple[Layer, ...]


def build(params: Mapping[str, Any], n_features: int, n_outputs: int, head: Head) -> Chain:
    """Return the layers of a chain under a dense output layer.

    Args:
        params: Resolved hyper-parameters, with `layers`.
        n_features: Numbers in a sample, d.
        n_outputs: Number of output neurons, C.
        head: Output activation and cost.

    Raises:
        ValueError: A layer does not suit what comes in.
    """
    site = Site(
        input_shape(params["layers"], n_features, params["image_shape"]),
        initializer_of(params["weight_init"]),
        params["activation"],
    )
    hidden = built(params["layers"], site)
    out = DenseLayer(site.number("weights"), site.shape.width, n_outputs, site.initializer, head.output.gain)
    layers = assembled([*hidden, out], site, kept=True)
    shared = 1 if isinstance(layers[0], PatchesLayer) else 0
    return Chain(layers[:shared], layers[shared:])


def input_shape(layers: Sequence[Declared], n_features: int, image_shape: Sequence[int] | None) -> Shape:
    """Return the shape of samples.

    Args:
        layers: The chain.
        n_features: Numbers in a sample.
        image_shape: (rows, columns) or (rows, columns, channels), or None.

    Raises:
        ValueError: The given shape has another number of pixels.
    """
    if image_shape is not None:
        rows, columns, channels = (*image_shape, 1) if len(image_shape) == 2 else image_shape
        if rows * columns * channels != n_features:
            raise ValueError(
                f"image_shape={tuple(image_shape)!r} is of {rows * columns * channels} numbers, and samples have "
                f"{n_features}"
            )
        return Image(rows, columns, channels)
    for channels in (1, 3):
        side = math.isqrt(n_features // channels)
        if side * side * channels == n_features:
            return Image(side, side, channels)
    return Flat(n_features)


def fractions(layers: Sequence[Declared]) -> tuple[float, ...]:
    """Return the fractions of the dropout layers, in the order of their indices."""
    rates = [getattr(layer, "rate", 0.0) for layer in walk(layers)]
    return tuple(float(rate) for rate in rates if rate)


def group(layers: Sequence[Declared] | None) -> tuple[Declared, ...] | None:
    """Return a value that is equal for chains that can train side by side."""
    return None if layers is None else tuple(layer.group() for layer in layers)


def validate(layers: Any) -> None:
    """Raise a ValueError for what is no chain of layers, or a layer with fields out of range."""
    if not isinstance(layers, tuple | list):
        wanted = "a list of layers, such as [Conv2D(20, 5), MaxPool2D(2), Dense(100)]"
        raise ValueError(f"layers={layers!r} must be {wanted}")
    for layer in layers:
        if isinstance(layer, type) and issubclass(layer, Declared):
            raise ValueError(f"layers: {layer.__name__} is the class; write {layer.__name__}(…)")
        if not isinstance(layer, Declared):
            raise ValueError(f"layers: {layer!r} is no layer of hpsearch, such as Dense(100)")
    for layer in walk(layers):
        layer.check()


def parameters_of(layers: Any, prefix: str = "layers") -> dict[str, Any]:
    """Return what can be set within a chain, by names such as ``layers__0__filters``.

    Args:
        layers: The chain; anything else has nothing.
        prefix: What the chain is called.
    """
    parameters: dict[str, Any] = {}
    for number, layer in enumerate(layers if isinstance(layers, tuple | list) else ()):
        name = f"{prefix}__{number}"
        parameters[name] = layer
        if not isinstance(layer, Declared):
            continue
        for field in fields(layer):  # type: ignore[arg-type]
            value = getattr(layer, field.name)
            parameters[f"{name}__{field.name}"] = value
            if field.name in layer.within:
                parameters |= parameters_of(value, f"{name}__{field.name}")
    return parameters


def settled(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters whose values within layers have been set in the layers.

    Args:
        params: Parameters by name, some as :func:`parameters_of` calls them.

    Raises:
        ValueError: There is no such place in the chain.
    """
    inner = {name: value for name, value in params.items() if name.startswith("layers__")}
    others = {name: value for name, value in params.items() if name not in inner}
    return {**others, "layers": with_parameters(others["layers"], inner)} if inner else others


def with_parameters(layers: Any, changes: Mapping[str, Any], prefix: str = "layers") -> Any:
    """Return a chain with other values within.

    Args:
        layers: The chain.
        changes: Values by the names that :func:`parameters_of` gives.
        prefix: What the chain is called.

    Raises:
        ValueError: There is no such place in it.
    """
    inner = {name.removeprefix(f"{prefix}__"): value for name, value in changes.items()}
    chain_type = type(layers)
    new = list(layers if isinstance(layers, tuple | list) else ())
    by_layer: dict[str, dict[str, Any]] = {}
    for name, value in inner.items():
        index, _, name_within = name.partition("__")
        by_layer.setdefault(index, {})[name_within] = value
    for index, values in by_layer.items():
        if not index.isdigit() or int(index) >= len(new):
            raise ValueError(f"there is no layer {prefix}__{index}: the chain has {len(new)} layers, counted from 0")
        layer = values.pop("", new[int(index)])
        for name, value in values.items():
            field, _, deeper = name.partition("__")
            if not isinstance(layer, Declared) or field not in [declared.name for declared in fields(layer)]:  # type: ignore[arg-type]
                raise ValueError(f"{prefix}__{index} is {type(layer).__name__}, which has no {field!r}")
            if deeper:
                value = with_parameters(getattr(layer, field), {f"{field}__{deeper}": value}, field)
            layer = replace(layer, **{field: value})  # type: ignore[type-var]
        new[int(index)] = layer
    return chain_type(new) if chain_type in (list, tuple) else new
