"""The weights of a network as those of PyTorch's network of the same layers, and back; PyTorch itself is not needed.

Ours and theirs differ in order alone. A dense layer is `nn.Linear`, weights (n_out, n_in) in both; filters are
`nn.Conv2d`, whose weights are (filters, channels, rows, columns), ours (filters, rows·columns·channels); PyTorch
flattens an image with its channels outermost, we with its channels innermost, which turns the inputs of a dense layer
(or of a norm of single numbers) above an image about. `BatchNorm` is `nn.BatchNorm1d` or `nn.BatchNorm2d`, `GroupNorm`
is `nn.GroupNorm`, `LayerNorm` of neurons `nn.LayerNorm` and of images `nn.GroupNorm(1, channels)`. A residual
connection is a module that holds its layers first and its shortcut second; a row of numbers that it adds to an image is
there added to what `nn.Flatten` makes of the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .. import chain
from ..kernels import Array
from ..layers import BatchNormLayer, DenseLayer, FiltersLayer, GroupNormLayer, Layer, PatchesLayer, ResidualLayer
from ..layers.pooling import PoolLayer
from ..layers.shapes import Image
from ..network import Network
from ..parameters import resolve_params

COUNTER = "num_batches_tracked"
"""How the names end of what PyTorch's batch norm counts, and we do not."""


class _ArrayPair(NamedTuple):
    """An array of ours, and how it becomes one of theirs and back."""

    name: str
    theirs: Callable[[Array], Array]
    ours: Callable[[Array], Array]


def torch_state(model: Any, names: Iterable[str]) -> dict[str, Array]:
    """Return a fitted network's weights by the names that PyTorch has for them.

    `network.load_state_dict({name: torch.from_numpy(array) for name, array in torch_state(model,
    network.state_dict()).items()})` gives PyTorch's network the weights of ours.

    Args:
        model: MLPClassifier, MLPRegressor, NetworkClassifier or NetworkRegressor.
        names: The keys of the `state_dict()` of PyTorch's network, whose layers are the same in the same order.

    Returns:
        Arrays in the shapes of PyTorch, copies.

    Raises:
        NotFittedError: Before fit.
        ValueError: There are more or fewer names than arrays.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import MLPClassifier, torch_state
        >>> model = MLPClassifier((3,), max_epochs=1, random_state=0).fit(np.ones((20, 5)), np.arange(20) % 2)
        >>> names = ["0.weight", "0.bias", "2.weight", "2.bias"]  # of nn.Sequential(Linear, Sigmoid, Linear)
        >>> state = torch_state(model, names)
        >>> {name: array.shape for name, array in state.items()}
        {'0.weight': (3, 5), '0.bias': (3,), '2.weight': (2, 3), '2.bias': (2,)}
    """
    check_is_fitted(model)
    weights = model._judged()
    names = list(names)
    arrays = [pair.theirs(weights[pair.name]) for pair in _array_pairs(model)]
    array_names = [name for name in names if not name.endswith(COUNTER)]
    if len(array_names) != len(arrays):
        listed = ", ".join(array_names)
        raise ValueError(f"PyTorch's network has {len(array_names)} arrays ({listed}), this one {len(arrays)}")
    by_name = dict(zip(array_names, (np.array(array) for array in arrays), strict=True))
    return {name: by_name[name] if name in by_name else np.array(1) for name in names}


def load_torch_state(model: Any, state: Mapping[str, Array]) -> None:
    """Give a fitted network the weights of PyTorch's network of the same layers.

    Args:
        model: The network; it has been fitted, for an epoch at least, so that its shapes and classes are known.
        state: `{name: tensor.numpy() for name, tensor in network.state_dict().items()}`.

    Raises:
        NotFittedError: Before fit.
        ValueError: The arrays are not those of such a network.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import MLPClassifier, load_torch_state
        >>> model = MLPClassifier((), max_epochs=1, random_state=0).fit(np.array([[0.0], [1.0]] * 10), [0, 1] * 10)
        >>> load_torch_state(model, {"weight": np.array([[-4.0], [4.0]]), "bias": np.array([2.0, -2.0])})
        >>> model.predict([[0.0], [1.0]])
        array([0, 1])
    """
    check_is_fitted(model)
    arrays = {name: np.asarray(array) for name, array in state.items() if not name.endswith(COUNTER)}
    pairs = _array_pairs(model)
    new_state = dict(model._weights())
    if len(arrays) != len(pairs):
        raise ValueError(f"PyTorch's network has {len(arrays)} arrays ({', '.join(arrays)}), this one {len(pairs)}")
    for pair, (name, array) in zip(pairs, arrays.items(), strict=True):
        current = new_state[pair.name]
        if pair.theirs(current).shape != array.shape:
            raise ValueError(f"{name} has shape {array.shape}; here it is {pair.theirs(current).shape}")
        value = np.ascontiguousarray(pair.ours(array).reshape(current.shape), current.dtype)
        for copy in (pair.name, f"best.{pair.name}", f"average.{pair.name}"):
            if copy in new_state:
                new_state[copy] = value.copy()
    model._state = new_state


def module_names(model: Any) -> list[str]:
    """Return the names that a fitted network's arrays have in an `nn.Sequential` of its layers with arrays alone."""
    module_arrays = {"W": "weight", "b": "bias", "g": "weight", "s": "bias", "m": "running_mean", "v": "running_var"}
    number = -1
    names = []
    for pair in _array_pairs(model):
        number += pair.name[0] in "Wg"
        names.append(f"{number}.{module_arrays[pair.name[0]]}")
    return names


def _array_pairs(model: Any) -> list[_ArrayPair]:
    """Return the arrays of a network in the order in which PyTorch's network of the same layers has them."""
    params = resolve_params(model._network_params())
    n_outputs = model._layers("W")[-1].shape[0]
    network = Network.build(params, model.n_features_in_, n_outputs)
    shape = (
        None
        if params["layers"] is None
        else chain.input_shape(params["layers"], model.n_features_in_, params["image_shape"])
    )
    walk = _Walk()
    walk.through([*network.stem, *network.layers], shape if isinstance(shape, Image) else None, None)
    return walk.pairs


class _Walk:
    """Collects arrays along a chain, and knows which image each value is, or was before it became a row of numbers.

    Ours has the numbers of an image in another order than PyTorch's, also once it is a row. Where such a row is added
    to one that neurons give, these neurons stand in the image's order, too.
    """

    def __init__(self) -> None:
        self.pairs: list[_ArrayPair] = []
        self._kernel = (1, 1)

    def through(self, layers: Sequence[Layer], image: Image | None, end: Image | None) -> None:
        """Collect the arrays of some layers.

        Args:
            layers: In their order.
            image: What comes in; None for a row of numbers in one order for both.
            end: The image in whose order a row goes out that neurons give.
        """
        for i, layer in enumerate(layers):
            out = None if any(map(_mixes, layers[i + 1 :])) else end
            self._take(layer, image, out)
            image = _image_behind(layer, image, out)

    def _take(self, layer: Layer, image: Image | None, out: Image | None) -> None:
        if isinstance(layer, PatchesLayer):
            self._kernel = layer.kernel
        elif isinstance(layer, FiltersLayer):
            self.pairs += [_filters(f"W{layer.index}", self._kernel), _row(f"b{layer.index}", None)]
        elif isinstance(layer, DenseLayer):
            self.pairs.append(_dense(f"W{layer.index}", image, out))
            self.pairs += [_row(f"b{layer.index}", out)] if layer.has_biases else []
        elif isinstance(layer, BatchNormLayer | GroupNormLayer):
            single = image if image is not None and layer.channels == image.width != image.channels else None
            if single is not None and isinstance(layer, GroupNormLayer) and layer.groups > 1:
                norm = f"GroupNorm({layer.groups}) of the single numbers of an image"
                raise ValueError(f"{norm} has other groups in PyTorch, whose images have their channels outermost")
            self.pairs += [_row(parameter.name, single) for parameter in layer.parameters]
        elif isinstance(layer, ResidualLayer):
            main = _end(layer.main, image, out)
            shortcut = _end(layer.shortcut, image, out)
            total = main if main is not None else shortcut
            if shortcut is not None and total is not None and shortcut.channels != total.channels:
                raise ValueError(f"the sum of rows of {main} and {shortcut} has its numbers in other pairs in PyTorch")
            for branch in (layer.main, layer.shortcut):
                self.through(branch, image, total)
        elif layer.parameters:
            raise ValueError(f"PyTorch: {type(layer).__name__} is not known to have a counterpart there")


def _mixes(layer: Layer) -> bool:
    """Return whether each number that goes out depends on all that come in, whose order is then free."""
    if isinstance(layer, ResidualLayer):
        return all(any(map(_mixes, branch)) for branch in (layer.main, layer.shortcut))
    return isinstance(layer, DenseLayer | FiltersLayer)


def _end(layers: Sequence[Layer], image: Image | None, out: Image | None) -> Image | None:
    """Return which image goes out of some layers, or None for a row; see `_Walk.through`."""
    for i, layer in enumerate(layers):
        image = _image_behind(layer, image, None if any(map(_mixes, layers[i + 1 :])) else out)
    return image


def _image_behind(layer: Layer, image: Image | None, out: Image | None) -> Image | None:
    """Return which image goes out of a layer; neurons give a row in the order of `out`."""
    if isinstance(layer, FiltersLayer):
        return layer.out
    if isinstance(layer, PoolLayer):
        return layer.windows.out
    if isinstance(layer, DenseLayer):
        return out
    if isinstance(layer, ResidualLayer):
        ends = (_end(branch, image, out) for branch in (layer.main, layer.shortcut))
        return next((end for end in ends if end is not None), None)
    return image


def _filters(name: str, kernel: tuple[int, int]) -> _ArrayPair:
    return _ArrayPair(
        name,
        lambda w: w.reshape(len(w), *kernel, -1).transpose(0, 3, 1, 2),
        lambda w: w.transpose(0, 2, 3, 1).reshape(len(w), -1),
    )


def _dense(name: str, image: Image | None, out: Image | None) -> _ArrayPair:
    """Return weights (n_out, n_in) whose columns, or rows, are the numbers of images."""
    return _ArrayPair(
        name,
        lambda w: _outermost(_outermost(w, image).T, out).T,
        lambda w: _innermost(_innermost(w, image).T, out).T,
    )


def _row(name: str, image: Image | None) -> _ArrayPair:
    return _ArrayPair(name, lambda row: _outermost(row, image)[0], lambda row: _innermost(row[None], image)[0])


def _outermost(rows: Array, image: Image | None) -> Array:
    """Return rows of images, channels innermost, as rows whose channels are outermost."""
    if image is None:
        return rows
    return rows.reshape(len(rows), image.places, image.channels).transpose(0, 2, 1).reshape(len(rows), -1)


def _innermost(rows: Array, image: Image | None) -> Array:
    """Return rows of images, channels outermost, as rows whose channels are innermost."""
    if image is None:
        return rows
    return rows.reshape(len(rows), image.channels, image.places).transpose(0, 2, 1).reshape(len(rows), -1)
