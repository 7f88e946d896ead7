"""Networks as safetensors files, which hold arrays and text alone, as PyTorch and others read them.

The arrays are those of PyTorch's network of the same layers (see `hpsearch.models.estimators.torch_state`), so that
`network.load_state_dict(safetensors.torch.load_file(path))` takes them. What else makes an estimator of them, its
class, parameters and labels, stands in the file's metadata, and :func:`load_safetensors` brings it back; what training
remembers (the velocity of momentum, say) does not: for that there is `save`. The library is an extra:
``pip install 'hpsearch[safetensors]'``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..kernels import Array
from ..later import as_written
from . import archive
from .loading import begun, declared
from .torch_state import COUNTER, load_torch_state, module_names, torch_state

METADATA = "hpsearch"
"""The key of the metadata under which ours stands."""

_NUMBER = re.compile(r"\d+")

_ARRAYS = ("weight", "bias", "running_mean", "running_var", COUNTER)
"""Arrays of a layer, in the order of PyTorch's `state_dict()`."""


def save_safetensors(model: Any, path: str | os.PathLike[str], names: Iterable[str] | None = None) -> None:
    """Write the weights of a fitted network as a safetensors file.

    Args:
        model: MLPClassifier, MLPRegressor, NetworkClassifier or NetworkRegressor.
        path: The file, by custom with the ending .safetensors.
        names: The keys of the `state_dict()` of PyTorch's network of the same layers; None for those that they have in
            an `nn.Sequential` of the layers with weights: 0.weight, 0.bias, 1.weight, ….

    Raises:
        NotFittedError: Before fit.
        ImportError: safetensors is not installed.
        ValueError: There are more or fewer names than arrays, or a parameter that cannot be written.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import MLPClassifier, load_safetensors, save_safetensors
        >>> X, y = np.array([[0.0], [1.0]] * 10), np.array([0, 1] * 10)
        >>> save_safetensors(MLPClassifier((3,), max_epochs=1, random_state=0).fit(X, y), "network.safetensors")
        >>> [weights.shape for weights in load_safetensors("network.safetensors").coefs_]
        [(1, 3), (3, 2)]
    """
    check_is_fitted(model)
    library = _library()
    cls = type(model)
    labels = {key: getattr(model, key) for key in archive.LABELS if hasattr(model, key)}
    fitted = {key: getattr(model, key) for key in cls._fitted_values}
    content = archive.Content(cls.__name__, as_written(model.get_params(deep=False)), fitted, labels, {})
    written = {
        key: [array.tolist(), array.dtype.str if array.dtype != object else "object"] for key, array in labels.items()
    }
    header = {**archive.header_of(content), "labels": written}
    arrays = torch_state(model, module_names(model) if names is None else names)
    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header["names"] = list(tensors)
    library.save_file(tensors, os.fspath(path), {METADATA: json.dumps(header)})


def load_safetensors(path: str | os.PathLike[str], model: Any = None, names: Iterable[str] | None = None) -> Any:
    """Return the network in a safetensors file as a fitted estimator.

    Args:
        path: The file.
        model: A fitted network of the same layers, which is given the weights and returned: for files that others
            wrote. None for a file of :func:`save_safetensors`, which says what it is.
        names: The names of the arrays in the order of the layers, such as `network.state_dict()` of PyTorch: a file of
            others does not keep it. None where names differ in numbers alone (0.weight, 0.bias, 2.weight, …).

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: safetensors is not installed.
        ValueError: It is no such file, its arrays are not those of such a network, or their order is not known.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import MLPClassifier, load_safetensors, save_safetensors
        >>> X, y = np.array([[0.0], [1.0]] * 10), np.array([0, 1] * 10)
        >>> save_safetensors(MLPClassifier((3,), max_epochs=1, random_state=0).fit(X, y), "network.safetensors")
        >>> [weights.shape for weights in load_safetensors("network.safetensors").coefs_]
        [(1, 3), (3, 2)]
    """
    library = _library()
    from safetensors import SafetensorError, safe_open

    where = os.fspath(path)
    try:
        with safe_open(where, framework="numpy") as file:
            metadata = file.metadata() or {}
        arrays: dict[str, Array] = library.load_file(where)
    except SafetensorError as error:
        raise ValueError(f"{where!r} is no safetensors file, or damaged: {error}") from error
    order = None if names is None else list(names)
    if METADATA in metadata:
        header = _header(metadata[METADATA], where)
        order = header["names"] if order is None else order
        model = _estimator(header, where) if model is None else model
    if model is None:
        raise ValueError(f"{where!r} does not say what network it is: give a fitted one of the same layers as model=")
    if not all(np.isfinite(array).all() for name, array in arrays.items() if not name.endswith(COUNTER)):
        raise ValueError(f"{where!r} holds NaN or an infinity")
    order = _numbered(arrays, where) if order is None else order
    if set(order) != set(arrays):
        raise ValueError(f"{where!r} holds {', '.join(sorted(arrays))}, not {', '.join(order)}")
    load_torch_state(model, {name: arrays[name] for name in order})
    return model


def _numbered(arrays: Iterable[str], path: str) -> list[str]:
    """Return names that differ in numbers alone in the order of these, and within a layer in PyTorch's."""
    owners = {name: name.rpartition(".")[0] for name in arrays}
    if len({_NUMBER.sub("#", owner) for owner in owners.values()}) > 1:
        raise ValueError(f"{path!r} does not say the order of its arrays: give names=network.state_dict()")

    def position(name: str) -> tuple[list[int], int]:
        array_name = name.rpartition(".")[2]
        rank = _ARRAYS.index(array_name) if array_name in _ARRAYS else 9
        return [int(number) for number in _NUMBER.findall(owners[name])], rank

    return sorted(owners, key=position)


def _header(content: str, path: str) -> dict[str, Any]:
    with archive.damaged(path):
        header: dict[str, Any] = json.loads(content)
        header["names"] = [str(name) for name in header["names"]]
    return header


def _estimator(header: Mapping[str, Any], path: str) -> Any:
    """Return the estimator of a file's metadata, with the weights of a new network."""
    with archive.damaged(path):
        labels = {key: np.array(values, dtype) for key, (values, dtype) in header["labels"].items()}
        model, params, n_outputs = declared(archive.content_of(dict(header), labels, {}, path))
        model._state = begun(params, model.n_features_in_, n_outputs)
    return model


def _library() -> Any:
    try:
        import safetensors.numpy as library
    except ImportError as error:
        raise ImportError("safetensors files need safetensors: pip install 'hpsearch[safetensors]'") from error
    return library
