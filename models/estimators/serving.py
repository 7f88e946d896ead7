"""A saved model as something that predicts: what MLflow calls where it serves one. Knows no mlflow.

A folder holds `model.npz`, which an estimator's `save` wrote, or `model.skops` with `trusted.json`, the list of types
that it needs. Neither is unpickled. A file of skops names our classes as users import them (see
`hpsearch.models.names`), and is read with the classes of the package that reads it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from .. import names
from .base import Perceptron
from .loading import load

NPZ, SKOPS, TRUSTED = "model.npz", "model.skops", "trusted.json"

_TREE = "schema.json"
"""Where a file of skops keeps the tree of the objects."""


class Served:
    """An estimator behind MLflow's ``predict``.

    Args:
        estimator: A fitted estimator.
    """

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator

    def predict(self, model_input: Any, params: Any = None) -> Any:
        """Return what the estimator predicts.

        Args:
            model_input: Samples, an array of shape (n_samples, n_features) or a data frame.
            params: Nothing is made of them.
        """
        return self._estimator.predict(model_input)

    def get_raw_model(self) -> Any:
        """Return the estimator itself, with all that it can do."""
        return self._estimator


def write(estimator: Any, folder: Path, examples: Any) -> Any:
    """Write a fitted estimator into a folder, read it again, and return what both predict of some samples.

    Args:
        estimator: The estimator.
        folder: An empty folder.
        examples: Samples, shape (n_samples, n_features).

    Returns:
        What it predicts of them, shape (n_samples,).

    Raises:
        ValueError: It holds what cannot be written without pickle, or does not predict the same once it is read.
    """
    predicted = np.asarray(estimator.predict(examples))
    try:
        if isinstance(estimator, Perceptron):
            estimator.save(folder / NPZ)
        else:
            _write_skops(estimator, folder)
        again = np.asarray(read(folder).predict(examples))
    except Exception as error:  # whatever a part of somebody's estimator raises when it is written or made again
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{type(estimator).__name__} cannot be kept without pickle ({reason})") from error
    if not np.array_equal(predicted, again):
        raise ValueError(f"{type(estimator).__name__} does not predict the same once it is written and read")
    return predicted


def _write_skops(estimator: Any, folder: Path) -> None:
    import skops.io  # imports all of scikit-learn

    content = skops.io.dumps(estimator)
    trusted = sorted(map(names.public, skops.io.get_untrusted_types(data=content)))
    (folder / SKOPS).write_bytes(_renamed(content, names.public))
    (folder / TRUSTED).write_text(json.dumps(trusted) + "\n", encoding="utf-8")


def _renamed(content: bytes, rename: Callable[[str], str]) -> bytes:
    """Return a file of skops whose classes have other names.

    Args:
        content: The file: a zip archive of arrays, and of a tree in JSON whose nodes name their classes.
        rename: From ``module.Class`` to the other name.
    """
    renamed = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as old, ZipFile(renamed, "w") as new:
        for entry in old.infolist():
            part = old.read(entry)
            if entry.filename == _TREE:
                tree = json.loads(part)
                _rename(tree, rename)
                part = json.dumps(tree, indent=2).encode()
            new.writestr(entry, part)
    return renamed.getvalue()


def _rename(node: Any, rename: Callable[[str], str]) -> None:
    """Rename the classes in a part of the tree, in place."""
    if isinstance(node, dict):
        old = f"{node.get('__module__')}.{node.get('__class__')}"
        if (new := rename(old)) != old:
            node["__module__"], _, node["__class__"] = new.rpartition(".")
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _rename(child, rename)


def read(folder: Path) -> Any:
    """Return the estimator that :func:`write` wrote.

    Of a file of skops it trusts the types that are listed beside it: classes that are installed here are made, no code
    comes from the file.

    Raises:
        ValueError: The folder holds no model.
    """
    if (folder / NPZ).exists():
        return load(folder / NPZ)
    if not (folder / SKOPS).exists():
        raise ValueError(f"{folder} holds no model")
    import skops.io

    trusted = json.loads((folder / TRUSTED).read_text(encoding="utf-8"))
    content = _renamed((folder / SKOPS).read_bytes(), names.here)
    return skops.io.loads(content, trusted=list(map(names.here, trusted)))


def _load_pyfunc(path: str) -> Served:
    """Return a model as MLflow wants it; MLflow finds this function by its name."""
    return Served(read(Path(path)))
