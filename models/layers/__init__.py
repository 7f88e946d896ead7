"""Layers: a file each. A layer emits the operations of its passes (see `hpsearch.models.kernels`)."""

from .activation import ActivationLayer
from .base import Gradient, Layer, Parameter, Workspace
from .batch_norm import BatchNorm
from .dense import Dense
from .dropout import Dropout

__all__ = ["ActivationLayer", "BatchNorm", "Dense", "Dropout", "Gradient", "Layer", "Parameter", "Workspace"]
