"""Layers: a file each. A layer emits the operations of its forward and backward pass (see `models.kernels`)."""

from models.layers.activation import ActivationLayer
from models.layers.base import Gradient, Layer, Parameter, Workspace
from models.layers.batch_norm import BatchNorm
from models.layers.dense import Dense
from models.layers.dropout import Dropout

__all__ = ["ActivationLayer", "BatchNorm", "Dense", "Dropout", "Gradient", "Layer", "Parameter", "Workspace"]
