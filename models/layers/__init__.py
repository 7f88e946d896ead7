"""Layers: a file each, which holds the layer as users write it and what computes it.

What computes emits the operations of its passes (see `hpsearch.models.kernels`); docs/layers.md shows how to add one.
"""

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
