"""The weights of a network as those of PyTorch's network of the same layers, and back; PyTorch itself is not needed.

Ours and theirs differ in order alone. A dense layer is `nn.Linear`, weights (n_out, n_in) in both; filters are
`nn.Conv2d`, whose weights are (filters, channels, rows, columns), ours (filters, rows·columns·channels); PyTorch
flattens an image with its channels outermost, we with its channels innermost, which turns the inputs of a dense layer
(or of a norm of single numbers) above an image about. `BatchNorm` is `nn.BatchNorm1d` or `nn.BatchNorm2d`, `GroupNorm`
is `nn.GroupNorm`, `LayerNorm` of neurons `nn.LayerNorm` and of images `nn.GroupNorm(1, channels)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .. import chain
from ..kernels import Array
from ..layers import BatchNormLayer, DenseLayer, FiltersLayer, GroupNormLayer, PatchesLayer
from ..layers.pooling import PoolLayer
from ..layers.shapes import Image
from ..network import Network
from ..parameters import resolve_params

COUNTER = "num_batches_tracked"
"""How the names end of what PyTorch's batch norm counts, and we do not."""


class _Place(NamedTuple):
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

    Example:
        >>> import numpy as np
        >>> from hpsearch import MLPClassifier, torch_state
        >>> model = MLPClassifier((3,), max_epochs=1, random_state=0).fit(np.ones((20, 5)), np.arange(20) % 2)
        >>> names = ["0.weight", "0.bias", "2.weight", "2.bias"]  # of nn.Sequential(Linear, Sigmoid, Linear)
        >>> state = torch_state(model, names)
        >>> {name: array.shape for name, array in state.items()}
        {'0.weight': (3, 5), '0.bias': (3,), '2.weight': (2, 3), '2.bias': (2,)}
    """
    check_is_fitted(model)
    weights, names = model._judged(), list(names)
    arrays = [place.theirs(weights[place.name]) for place in _places(model)]
    own = [name for name in names if not name.endswith(COUNTER)]
    if len(own) != len(arrays):
        raise ValueError(f"PyTorch's network has {len(own)} arrays ({', '.join(own)}), this one {len(arrays)}")
    found = dict(zip(own, (np.array(array) for array in arrays), strict=True))
    return {name: found[name] if name in found else np.array(1) for name in names}


def load_torch_state(model: Any, state: Mapping[str, Array]) -> None:
    """Give a fitted network the weights of PyTorch's network of the same layers.

    Args:
        model: The network; it has been fitted, for an epoch at least, so that its shapes and classes are known.
        state: `{name: tensor.numpy() for name, tensor in network.state_dict().items()}`.

    Raises:
        NotFittedError: Before fit.
        ValueError: The arrays are not those of such a network.

    Example:
        >>> import numpy as np
        >>> from hpsearch import MLPClassifier, load_torch_state
        >>> model = MLPClassifier((), max_epochs=1, random_state=0).fit(np.array([[0.0], [1.0]] * 10), [0, 1] * 10)
        >>> load_torch_state(model, {"weight": np.array([[-4.0], [4.0]]), "bias": np.array([2.0, -2.0])})
        >>> model.predict([[0.0], [1.0]])
        array([0, 1])
    """
    check_is_fitted(model)
    own = {name: np.asarray(array) for name, array in state.items() if not name.endswith(COUNTER)}
    places, new = _places(model), dict(model._weights())
    if len(own) != len(places):
        raise ValueError(f"PyTorch's network has {len(own)} arrays ({', '.join(own)}), this one {len(places)}")
    for place, (name, array) in zip(places, own.items(), strict=True):
        known = new[place.name]
        if place.theirs(known).shape != array.shape:
            raise ValueError(f"{name} has shape {array.shape}; here it is {place.theirs(known).shape}")
        value = np.ascontiguousarray(place.ours(array).reshape(known.shape), known.dtype)
        for copy in (place.name, f"best.{place.name}", f"average.{place.name}"):
            if copy in new:
                new[copy] = value.copy()
    model._state = new


def module_names(model: Any) -> list[str]:
    """Return the names that a fitted network's arrays have in an `nn.Sequential` of its layers with arrays alone."""
    kinds = {"W": "weight", "b": "bias", "g": "weight", "s": "bias", "m": "running_mean", "v": "running_var"}
    number, names = -1, []
    for place in _places(model):
        number += place.name[0] in "Wg"
        names.append(f"{number}.{kinds[place.name[0]]}")
    return names


def _places(model: Any) -> list[_Place]:
    """Return the arrays of a network in the order in which PyTorch's network of the same layers has them."""
    params = resolve_params(model._network_params())
    n_outputs = model._layers("W")[-1].shape[0]
    network = Network.build(params, model.n_features_in_, n_outputs)
    shape = (
        None
        if params["layers"] is None
        else chain.input_shape(params["layers"], model.n_features_in_, params["image_shape"])
    )
    image = shape if isinstance(shape, Image) else None
    places: list[_Place] = []
    kernel = (1, 1)
    for layer in network.leaves:
        if isinstance(layer, PatchesLayer):
            kernel = layer.kernel
        elif isinstance(layer, FiltersLayer):
            places += [_filters(f"W{layer.index}", kernel), _row(f"b{layer.index}", None)]
            image = layer.out
        elif isinstance(layer, PoolLayer):
            image = layer.windows.out
        elif isinstance(layer, DenseLayer):
            places.append(_dense(f"W{layer.index}", image if image is not None and image.width == layer.n_in else None))
            places += [_row(f"b{layer.index}", None)] if layer.has_biases else []
            image = None
        elif isinstance(layer, BatchNormLayer | GroupNormLayer):
            single = image if image is not None and layer.channels == image.width != image.channels else None
            places += [_row(parameter.name, single) for parameter in layer.parameters]
    return places


def _filters(name: str, kernel: tuple[int, int]) -> _Place:
    return _Place(
        name,
        lambda w: w.reshape(len(w), *kernel, -1).transpose(0, 3, 1, 2),
        lambda w: w.transpose(0, 2, 3, 1).reshape(len(w), -1),
    )


def _dense(name: str, image: Image | None) -> _Place:
    if image is None:
        return _Place(name, lambda w: w, lambda w: w)
    places, channels = image.places, image.channels
    return _Place(
        name,
        lambda w: w.reshape(len(w), places, channels).transpose(0, 2, 1).reshape(len(w), -1),
        lambda w: w.reshape(len(w), channels, places).transpose(0, 2, 1).reshape(len(w), -1),
    )


def _row(name: str, image: Image | None) -> _Place:
    turn = _dense(name, image)
    return _Place(name, lambda row: turn.theirs(row)[0], lambda row: turn.ours(row[None]))
