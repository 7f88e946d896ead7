"""Fitted models as files without pickle: a npz archive of arrays with a header in JSON.

A file holds numbers and text alone, so that reading one runs no code. Everything in it is checked before there is a
model: the version, the parameters, and that the arrays are those of the network that the parameters describe.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..augmentation import Augmentation
from ..kernels import Array
from ..parameters import resolve_params
from ..training.population import Member, Population, TrainingData
from .base import Perceptron
from .classifier import MLPClassifier
from .regressor import MLPRegressor

FORMAT, VERSION = "hpsearch-model", 1
"""What the header says first; a reader refuses versions that it does not know."""

_CLASSES: dict[str, type[Perceptron]] = {each.__name__: each for each in (MLPClassifier, MLPRegressor)}

_COMMON: dict[str, type] = {"n_features_in_": int, "n_iter_": int, "best_epoch_": int, "_seed": int, "history_": dict}
_ATTRIBUTES: dict[str, dict[str, type]] = {
    "MLPClassifier": {**_COMMON, "_multilabel": bool},
    "MLPRegressor": {**_COMMON, "n_outputs_": int, "_flat": bool},
}
"""What is written into the header of a fitted model."""

_STATE = "state."
_OPTIONAL = ("classes_", "feature_names_in_")


def save(model: Perceptron, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator to a file; an existing one is replaced in one step.

    Args:
        model: A fitted MLPClassifier or MLPRegressor.
        path: The file, by custom with the ending .npz.

    Raises:
        NotFittedError: Before fit.
        ValueError: A parameter or label is neither a number nor text.
    """
    check_is_fitted(model)
    name = type(model).__name__
    if _CLASSES.get(name) is not type(model):
        raise ValueError(f"{name} cannot be saved: only {' and '.join(_CLASSES)} can")
    fitted = {key: getattr(model, key) for key in _ATTRIBUTES[name]}
    params = {key: _pack(value, key) for key, value in model.get_params(deep=False).items()}
    header: dict[str, Any] = {"format": FORMAT, "version": VERSION, "class": name, "params": params, "fitted": fitted}
    arrays: dict[str, Any] = {_STATE + key: value for key, value in model._weights().items()}
    for key in _OPTIONAL:
        if hasattr(model, key):
            arrays[key], header[key] = _plain(getattr(model, key), key)
    path = Path(path)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
            np.savez(file, **arrays)
            file.close()
            os.replace(file.name, path)
        except BaseException:
            file.close()
            os.unlink(file.name)
            raise


def load(path: str | os.PathLike[str]) -> Any:
    """Read a fitted estimator that `save` wrote; it predicts, and trains on, bit for bit like the one that was saved.

    Args:
        path: The file.

    Returns:
        The MLPClassifier or MLPRegressor.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, is no model, or was written by a later version.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        header = json.loads(arrays.pop("header").tobytes())
    except (zipfile.BadZipFile, EOFError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)!r} is no model, or damaged: {error}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"{os.fspath(path)!r} is no model that hpsearch saved")
    if header.get("version") != VERSION:
        found = header.get("version")
        raise ValueError(f"{os.fspath(path)!r} has version {found!r} of the format; this hpsearch reads {VERSION}")
    try:
        return _read(header, arrays)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"{os.fspath(path)!r} is a damaged model: {error}") from error


def _read(header: Mapping[str, Any], arrays: dict[str, Array]) -> Perceptron:
    kind = header["class"]
    model = _CLASSES[kind](**{key: _unpack(value) for key, value in header["params"].items()})
    params = resolve_params(model._network_params())
    for key, form in _ATTRIBUTES[kind].items():
        value = header["fitted"][key]
        if type(value) is not form:
            raise ValueError(f"{key}={value!r} is no {form.__name__}")
        setattr(model, key, value)
    for key in _OPTIONAL:
        if key in arrays:
            array = arrays.pop(key)
            setattr(model, key, array.astype(object) if header[key] else array)
    n_outputs = len(model.classes_) if isinstance(model, MLPClassifier) else model.n_outputs_
    state = {key.removeprefix(_STATE): value for key, value in arrays.items()}
    _check_state(state, params, model.n_features_in_, n_outputs)
    model._state = state
    return model


def _check_state(state: Mapping[str, Array], params: dict[str, Any], n_features: int, n_outputs: int) -> None:
    """Compare arrays with those of a new network of the same parameters."""
    X, targets = np.zeros((2, n_features), params["dtype"]), np.zeros((2, n_outputs), params["dtype"])
    data = TrainingData(X, targets, X_valid=X, T_valid=targets)
    # what two such samples cannot have has no say in what arrays there are
    params = {**params, "batch_size": 10, "augmentation": None, "output": "identity", "cost": "quadratic"}
    begun = Population([Member(params, (0,))], data).states()[0]
    if set(begun) != set(state):
        raise ValueError(f"its arrays are {sorted(state)}, not {sorted(begun)}")
    for name, expected in begun.items():
        found = state[name]
        if found.shape != expected.shape or found.dtype != expected.dtype:
            raise ValueError(f"{name} is {found.dtype}{found.shape}, not {expected.dtype}{expected.shape}")
        if expected.ndim and not np.isfinite(found).all():
            raise ValueError(f"{name} is not finite")


def _plain(array: Array, name: str) -> tuple[Array, bool]:
    """Return an array that needs no pickle, and whether it was one of objects."""
    if array.dtype != object:
        return array, False
    if not all(isinstance(value, str) for value in array):
        raise ValueError(f"{name} holds values that are neither numbers nor text, and cannot be saved without pickle")
    return array.astype(np.str_), True


def _pack(value: Any, name: str) -> Any:
    """Return a parameter as JSON values; what JSON lacks becomes an object with one key that says what it is."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple):
        return {"tuple": [_pack(each, name) for each in value]}
    if isinstance(value, list):
        return [_pack(each, name) for each in value]
    if isinstance(value, Augmentation):
        return {"augmentation": {key: _pack(each, name) for key, each in asdict(value).items()}}
    if isinstance(value, Mapping):
        return {"mapping": [[_pack(key, name), _pack(each, name)] for key, each in value.items()]}
    if isinstance(value, np.random.RandomState):
        kind, keys, *rest = value.get_state(legacy=True)
        return {"random_state": [str(kind), np.asarray(keys).tolist(), *rest]}
    raise ValueError(f"{name}={value!r} cannot be saved without pickle")


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(each) for each in value]
    if not isinstance(value, dict):
        return value
    (kind, content), *more = value.items()
    if not more and kind == "tuple":
        return tuple(_unpack(each) for each in content)
    if not more and kind == "augmentation":
        return Augmentation(**content)
    if not more and kind == "mapping":
        return {_unpack(key): _unpack(each) for key, each in content}
    if not more and kind == "random_state":
        name, keys, *rest = content
        state = np.random.RandomState()
        state.set_state((name, np.array(keys, np.uint32), *rest))
        return state
    raise ValueError(f"a parameter is written as {value!r}")
