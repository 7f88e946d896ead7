"""A fitted network as an ONNX file: for servers and programs that know neither hpsearch nor Python.

The graph takes ``X``, float32 of shape (n, features), and gives what the estimator gives: ``probabilities`` as
`predict_proba`, of linear outputs ``scores`` (one a class), of a regression ``predictions``, each (n, outputs). Labels,
where they are classes, stand in the metadata as JSON, in the order of the columns. Images go through the graph with
their channels first, as ONNX has them, and are turned back before a layer that sees single numbers. onnx itself is an
extra: ``pip install 'hpsearch[onnx]'``.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .. import chain
from ..activations import LEAK
from ..kernels import Array
from ..layers import (
    ActivationLayer,
    BatchNormLayer,
    CopyLayer,
    DenseLayer,
    DropoutLayer,
    FiltersLayer,
    GroupNormLayer,
    Layer,
    MaxPoolLayer,
    PatchesLayer,
    ResidualLayer,
    SpatialDropoutLayer,
)
from ..layers.batch_norm import EPSILON
from ..layers.pooling import PoolLayer
from ..layers.shapes import Image
from ..network import Network
from ..parameters import resolve_params

OPSET = 17
"""Version of ONNX's operators; runtimes of 2022 and later read it."""

IR_VERSION = 8
"""Version of ONNX's file format, likewise."""

_NODES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": LEAK}),
    "elu": ("Elu", {"alpha": 1.0}),
}
"""Activations that are one node."""


def save_onnx(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted network as an ONNX file, in single precision.

    Args:
        model: MLPClassifier, MLPRegressor, NetworkClassifier or NetworkRegressor.
        path: The file, by custom with the ending .onnx.

    Raises:
        NotFittedError: Before fit.
        ImportError: onnx is not installed.
        ValueError: The network has a layer that is not hpsearch's.

    Examples:
        >>> import numpy as np, onnx
        >>> from hpsearch import MLPClassifier, save_onnx
        >>> X, y = np.array([[0.0], [1.0]] * 10), np.array([0, 1] * 10)
        >>> save_onnx(MLPClassifier((3,), max_epochs=1, random_state=0).fit(X, y), "network.onnx")
        >>> [output.name for output in onnx.load("network.onnx").graph.output]
        ['probabilities']
    """
    check_is_fitted(model)
    try:
        import onnx
    except ImportError as error:
        raise ImportError("save_onnx needs onnx: pip install 'hpsearch[onnx]'") from error
    params = resolve_params(model._network_params())
    weights = {name: np.asarray(array, np.float32) for name, array in model._judged().items()}
    n_outputs = model._layers("W")[-1].shape[0]
    network = Network.build(params, model.n_features_in_, n_outputs)
    graph = _Graph(onnx, weights)
    shape = params["layers"] and chain.input_shape(params["layers"], model.n_features_in_, params["image_shape"])
    if isinstance(shape, Image):
        rows = graph.reshaped("X", (-1, shape.rows, shape.columns, shape.channels))
        start = _Value(graph.node("Transpose", [rows], perm=[0, 3, 1, 2]), shape)
    else:
        start = _Value("X", None)
    z = graph.through([*network.stem, *network.layers], start).name
    name = _outputs(graph, params["output"], bool(getattr(model, "_multilabel", False)), z)
    Path(path).write_bytes(graph.finished(name, model.n_features_in_, n_outputs, _metadata(model)))


def _metadata(model: Any) -> dict[str, str]:
    metadata = {"model": type(model).__name__}
    if hasattr(model, "classes_"):
        metadata["classes"] = json.dumps(model.classes_.tolist())
    return metadata


def _outputs(graph: _Graph, output: str, multilabel: bool, z: str) -> str:
    """Append what makes of weighted inputs what the estimator says, and return its name."""
    if output in ("identity", "linear"):
        return graph.node("Identity", [z], name="predictions" if output == "identity" else "scores")
    if output == "softmax":
        return graph.node("Softmax", [z], name="probabilities", axis=-1)
    # of ±1 for tanh: (1 + tanh z)/2 = σ(2z)
    likely = graph.node("Sigmoid", [z if output == "sigmoid" else graph.node("Mul", [z, graph.constant(2.0)])])
    if multilabel:
        return graph.node("Identity", [likely], name="probabilities")
    total = graph.node("ReduceSum", [likely, graph.integers([-1])], keepdims=1)
    return graph.node("Div", [likely, total], name="probabilities")


class _Value:
    """A value of the graph: its name, and the image that it is, channels first, or None for a row of numbers."""

    def __init__(self, name: str, image: Image | None) -> None:
        self.name = name
        self.image = image


class _Graph:
    """Nodes and constants as they come, in the order in which they are computed."""

    def __init__(self, onnx: ModuleType, weights: Mapping[str, Array]) -> None:
        self._onnx = onnx
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._patches: PatchesLayer | None = None

    def node(self, operator: str, inputs: Sequence[str], name: str | None = None, **attributes: Any) -> str:
        """Append a node and return the name of what it gives."""
        name = name or f"value{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def array(self, value: Array, name: str | None = None) -> str:
        """Return the name of a constant array."""
        name = name or f"constant{len(self._constants)}"
        self._constants[name] = self._onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def constant(self, value: float) -> str:
        """Return the name of a number."""
        return self.array(np.array(value, np.float32))

    def integers(self, values: Sequence[int]) -> str:
        """Return the name of a list of integers."""
        return self.array(np.array(values, np.int64))

    def reshaped(self, name: str, shape: Sequence[int]) -> str:
        """Append a change of shape."""
        return self.node("Reshape", [name, self.integers(shape)])

    def through(self, layers: Sequence[Layer], value: _Value) -> _Value:
        """Append the nodes of some layers."""
        for layer in layers:
            value = self._layer(layer, value)
        return value

    def _flat(self, value: _Value) -> _Value:
        """Return an image as a row of numbers, channels innermost."""
        if value.image is None:
            return value
        turned = self.node("Transpose", [value.name], perm=[0, 2, 3, 1])
        return _Value(self.reshaped(turned, (-1, value.image.width)), None)

    def _layer(self, layer: Layer, value: _Value) -> _Value:
        if isinstance(layer, DropoutLayer | SpatialDropoutLayer | CopyLayer):
            return value
        if isinstance(layer, PatchesLayer):
            self._patches = layer
            return value
        if isinstance(layer, FiltersLayer):
            return self._filters(layer, value)
        if isinstance(layer, PoolLayer):
            windows = layer.windows
            operator = "MaxPool" if isinstance(layer, MaxPoolLayer) else "AveragePool"
            attributes: dict[str, Any] = {"kernel_shape": list(windows.size), "strides": list(windows.stride)}
            return _Value(self.node(operator, [value.name], **attributes), windows.out)
        if isinstance(layer, DenseLayer):
            inputs = [self._flat(value).name, self._parameter(f"W{layer.index}")]
            inputs += [self._parameter(f"b{layer.index}", -1)] if layer.has_biases else []
            return _Value(self.node("Gemm", inputs, transB=1), None)
        if isinstance(layer, ActivationLayer):
            return _Value(self._activation(layer.activation.name, value.name), value.image)
        if isinstance(layer, BatchNormLayer | GroupNormLayer):
            if value.image is not None and layer.channels != value.image.channels:
                value = self._flat(value)
            if isinstance(layer, BatchNormLayer):
                return _Value(self._batch_norm(layer, value), value.image)
            return _Value(self._group_norm(layer, value), value.image)
        if isinstance(layer, ResidualLayer):
            main = self.through(layer.main, value)
            shortcut = self.through(layer.shortcut, value)
            if main.image is None or shortcut.image is None:
                main = self._flat(main)
                shortcut = self._flat(shortcut)
            return _Value(self.node("Add", [shortcut.name, main.name]), main.image)
        raise ValueError(f"ONNX: {type(layer).__name__} is no layer of hpsearch, and has no node there")

    def _parameter(self, name: str, *shape: int) -> str:
        array = self._weights[name]
        return self.array(array.reshape(shape) if shape else array, name)

    def _filters(self, layer: FiltersLayer, value: _Value) -> _Value:
        patches = self._patches
        assert patches is not None, "patches stand before their filters"
        filters = self._weights[f"W{layer.index}"].reshape(layer.out.channels, *patches.kernel, -1)
        inputs = [value.name, self.array(filters.transpose(0, 3, 1, 2), f"W{layer.index}")]
        down, right = patches.padding
        attributes: dict[str, Any] = {"strides": list(patches.stride), "pads": [down, right, down, right]}
        return _Value(self.node("Conv", [*inputs, self._parameter(f"b{layer.index}", -1)], **attributes), layer.out)

    def _activation(self, name: str, z: str) -> str:
        if name in _NODES:
            operator, attributes = _NODES[name]
            return self.node(operator, [z], **attributes)
        if name == "swish":
            return self.node("Mul", [z, self.node("Sigmoid", [z])])
        if name != "gelu":
            raise ValueError(f"ONNX: activation {name!r} has no node there")
        turned = self.node("Erf", [self.node("Mul", [z, self.constant(math.sqrt(0.5))])])
        likely = self.node("Mul", [self.node("Add", [turned, self.constant(1.0)]), self.constant(0.5)])
        return self.node("Mul", [z, likely])

    def _batch_norm(self, layer: BatchNormLayer, value: _Value) -> str:
        parameters = [self._parameter(parameter.name, -1) for parameter in layer.parameters]
        return self.node("BatchNormalization", [value.name, *parameters], epsilon=EPSILON)

    def _group_norm(self, layer: GroupNormLayer, value: _Value) -> str:
        grouped = self.reshaped(value.name, (0, layer.groups, -1))
        centred = self.node("Sub", [grouped, self.node("ReduceMean", [grouped], axes=[-1], keepdims=1)])
        squares = self.node("ReduceMean", [self.node("Mul", [centred, centred])], axes=[-1], keepdims=1)
        deviation = self.node("Sqrt", [self.node("Add", [squares, self.constant(EPSILON)])])
        normal = self.node("Div", [centred, deviation])
        image = value.image
        shape = (-1, layer.channels) if image is None else (-1, image.channels, image.rows, image.columns)
        column = (-1,) if image is None else (-1, 1, 1)
        gamma, beta = (self._parameter(parameter.name, *column) for parameter in layer.parameters)
        return self.node("Add", [self.node("Mul", [self.reshaped(normal, shape), gamma]), beta])

    def finished(self, output: str, n_features: int, n_outputs: int, metadata: Mapping[str, str]) -> bytes:
        """Return the file, checked by onnx."""
        helper = self._onnx.helper
        float_type = self._onnx.TensorProto.FLOAT
        model_input = helper.make_tensor_value_info("X", float_type, ["n", n_features])
        model_output = helper.make_tensor_value_info(output, float_type, ["n", n_outputs])
        graph = helper.make_graph(
            self._nodes, "hpsearch", [model_input], [model_output], list(self._constants.values())
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="hpsearch"
        )
        helper.set_model_props(model, dict(metadata))
        self._onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())
