"""Layers: a file each, which holds the layer as users write it and what computes it.

What computes emits the operations of its passes (see `hpsearch.models.kernels`); docs/layers.md shows how to add one.
Names that others of this package use are imported here; every layer that users write is found by its row in
`hpsearch.models.names`.
"""

from importlib import import_module
from typing import Any

from ..names import HOMES
from .activation import Activation, ActivationLayer
from .avg_pool2d import AvgPool2D, AvgPoolLayer
from .base import Gradient, Layer, Parameter, Workspace
from .batch_norm import BatchNorm, BatchNormLayer
from .conv2d import Conv2D, FiltersLayer
from .copies import CopyLayer
from .declared import Declared
from .dense import Dense, DenseLayer
from .dropout import Dropout, DropoutLayer
from .flatten import Flatten
from .group_norm import GroupNorm, GroupNormLayer
from .layer_norm import LayerNorm
from .max_pool2d import MaxPool2D, MaxPoolLayer
from .patches import PatchesLayer
from .residual import Residual, ResidualLayer
from .spatial_dropout import SpatialDropout, SpatialDropoutLayer

__all__ = [
    "Activation",
    "ActivationLayer",
    "AvgPool2D",
    "AvgPoolLayer",
    "BatchNorm",
    "BatchNormLayer",
    "Conv2D",
    "CopyLayer",
    "Declared",
    "Dense",
    "DenseLayer",
    "Dropout",
    "DropoutLayer",
    "FiltersLayer",
    "Flatten",
    "Gradient",
    "GroupNorm",
    "GroupNormLayer",
    "Layer",
    "LayerNorm",
    "MaxPool2D",
    "MaxPoolLayer",
    "Parameter",
    "PatchesLayer",
    "Residual",
    "ResidualLayer",
    "SpatialDropout",
    "SpatialDropoutLayer",
    "Workspace",
]


def __getattr__(name: str) -> Any:
    home = HOMES.get(name, "")
    if not home.startswith(".layers."):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home.removeprefix(".layers"), __name__), name)
