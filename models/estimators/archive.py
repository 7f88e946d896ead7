"""The file of a fitted model, without pickle: a npz archive of arrays with a header in JSON.

A file holds numbers and text alone, so that reading one runs no code. This module knows the format and no estimator:
`hpsearch.models.estimators.base` writes one, `hpsearch.models.estimators.loading` makes an estimator of what it reads.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import numpy as np

from .. import layers
from ..augmentation import Augmentation
from ..kernels import Array

FORMAT = "hpsearch-model"
"""What the header says first."""

VERSION = 1
"""Of the format; a reader refuses versions that it does not know."""

_STATE = "state."
LABELS = ("classes_", "feature_names_in_")
"""Arrays that say what the columns mean, where a model has them; they may hold text."""


class Content(NamedTuple):
    """What a file holds of a fitted estimator.

    Attributes:
        class_name: Name of its class.
        params: Its parameters by name.
        fitted: Fitted attributes that are plain values.
        labels: Fitted attributes that are arrays of labels or names.
        state: The network's state, see `hpsearch.models.training.members.Member`.
    """

    class_name: str
    params: Mapping[str, Any]
    fitted: Mapping[str, Any]
    labels: Mapping[str, Array]
    state: Mapping[str, Array]


def write(path: str | os.PathLike[str], content: Content) -> None:
    """Write a fitted estimator to a file; an existing one is replaced in one step.

    Args:
        path: The file, by custom with the ending .npz.
        content: The estimator.

    Raises:
        ValueError: A parameter or label is neither a number nor text.
    """
    header = header_of(content)
    arrays: dict[str, Any] = {_STATE + key: value for key, value in content.state.items()}
    for key, array in content.labels.items():
        arrays[key], header[key] = _plain(array, key)
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


def header_of(content: Content) -> dict[str, Any]:
    """Return what a file says beside its arrays, as JSON values.

    Raises:
        ValueError: A parameter is neither a number nor text.
    """
    params = {key: _pack(value, key) for key, value in content.params.items()}
    head = {"format": FORMAT, "version": VERSION, "class": content.class_name}
    return {**head, "params": params, "fitted": content.fitted}


def content_of(header: Any, labels: Mapping[str, Array], state: Mapping[str, Array], path: str) -> Content:
    """Return the content that a header and arrays are of.

    Args:
        header: What :func:`header_of` gave, as it was read.
        labels: See `Content`.
        state: See `Content`.
        path: Where it stood, for errors.

    Raises:
        ValueError: It is no header of ours, or of a later version.
    """
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"{path!r} is no model that hpsearch saved")
    if header.get("version") != VERSION:
        version = header.get("version")
        raise ValueError(f"{path!r} has version {version!r} of the format; this hpsearch reads {VERSION}")
    with damaged(path):
        params = {key: _unpack(value) for key, value in header["params"].items()}
        return Content(header["class"], params, header["fitted"], labels, state)


def read(path: str | os.PathLike[str]) -> Content:
    """Return what a file holds; only its form has been checked.

    Args:
        path: The file.

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
    labels = {key: arrays.pop(key) for key in LABELS if key in arrays}
    objects = header if isinstance(header, dict) else {}
    labels = {key: array.astype(object) if objects.get(key) else array for key, array in labels.items()}
    state = {key.removeprefix(_STATE): value for key, value in arrays.items()}
    return content_of(header, labels, state, os.fspath(path))


@contextmanager
def damaged(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say that a file is damaged where making something of its content fails.

    Raises:
        ValueError: It fails.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"{os.fspath(path)!r} is a damaged model: {error}") from error


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
        return {"tuple": [_pack(item, name) for item in value]}
    if isinstance(value, list):
        return [_pack(item, name) for item in value]
    if isinstance(value, Augmentation):
        return {"augmentation": {key: _pack(item, name) for key, item in asdict(value).items()}}
    if isinstance(value, layers.Declared):
        declared = type(value)
        if getattr(layers, declared.__name__, None) is not declared:
            raise ValueError(f"{name}: {declared.__name__} is no layer of hpsearch, and cannot be saved without pickle")
        layer_fields = {field.name: _pack(getattr(value, field.name), name) for field in fields(value)}  # type: ignore[arg-type]
        return {"layer": [declared.__name__, layer_fields]}
    if isinstance(value, Mapping):
        return {"mapping": [[_pack(key, name), _pack(item, name)] for key, item in value.items()]}
    if isinstance(value, np.random.RandomState):
        algorithm, keys, *state = value.get_state(legacy=True)
        return {"random_state": [str(algorithm), np.asarray(keys).tolist(), *state]}
    raise ValueError(f"{name}={value!r} cannot be saved without pickle")


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    (tag, content), *more = value.items()
    if not more and tag == "tuple":
        return tuple(_unpack(item) for item in content)
    if not more and tag == "augmentation":
        return Augmentation(**content)
    if not more and tag == "layer":
        class_name, layer_fields = content
        declared = getattr(layers, class_name)
        if not issubclass(declared, layers.Declared):
            raise ValueError(f"{class_name} is no layer")
        return declared(**{key: _unpack(item) for key, item in layer_fields.items()})
    if not more and tag == "mapping":
        return {_unpack(key): _unpack(item) for key, item in content}
    if not more and tag == "random_state":
        algorithm, keys, *state = content
        random_state = np.random.RandomState()
        random_state.set_state((algorithm, np.array(keys, np.uint32), *state))
        return random_state
    raise ValueError(f"a parameter is written as {value!r}")
