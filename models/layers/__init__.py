"""Layers: a file each. A layer emits the operations of its forward and backward pass (see `models.kernels`)."""

from models.layers.activation import ActivationLayer
from models.layers.base import Gradient, Layer, Workspace
from models.layers.dense import Dense

__all__ = ["ActivationLayer", "Dense", "Gradient", "Layer", "Workspace"]
