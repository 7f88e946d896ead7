"""A saved model as something that predicts: what MLflow calls where it serves one. Knows no mlflow.

A folder holds `model.npz`, which an estimator's `save` wrote, or `model.skops`. Neither is unpickled. A file of skops
names our classes as users import them (see `hpsearch.models.names`), and is read with the classes of the package that
reads it. `trusted.json` beside it tells people which types it needs; the reader asks `.trusted` alone.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from .. import names
from .base import Perceptron
from .loading import load
from .trusted import refuse_unknown

NPZ = "model.npz"
SKOPS = "model.skops"
TRUSTED = "trusted.json"

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
    made_of: list[str] = []
    try:
        if isinstance(estimator, Perceptron):
            estimator.save(folder / NPZ)
        else:
            made_of = _write_skops(estimator, folder)
        # The estimator is in this process anyway, so its own types are trusted for this one reading.
        again = np.asarray(read(folder, made_of).predict(examples))
    except Exception as error:  # whatever a part of somebody's estimator raises when it is written or made again
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{type(estimator).__name__} cannot be kept without pickle ({reason})") from error
    if not np.array_equal(predicted, again):
        raise ValueError(f"{type(estimator).__name__} does not predict the same once it is written and read")
    return predicted


def for_carried(folder: Path, package: str) -> tuple[bytes, list[str]]:
    """Return a model as a file of skops that is read where a carried copy of this package can be imported.

    Args:
        folder: Where :func:`write` wrote it.
        package: What the copy is called.

    Returns:
        The file, and the types that it is made of beyond those that skops vouches for.
    """
    import skops.io

    is_npz = (folder / NPZ).exists()
    content = skops.io.dumps(load(folder / NPZ)) if is_npz else (folder / SKOPS).read_bytes()
    content = _renamed(content, lambda name: names.importable_name(name, package))
    return content, sorted(skops.io.get_untrusted_types(data=content))


def _write_skops(estimator: Any, folder: Path) -> list[str]:
    import skops.io  # imports all of scikit-learn

    content = skops.io.dumps(estimator)
    made_of = sorted(skops.io.get_untrusted_types(data=content))
    (folder / SKOPS).write_bytes(_renamed(content, names.public))
    (folder / TRUSTED).write_text(json.dumps(sorted(map(names.public, made_of))) + "\n", encoding="utf-8")
    return made_of


def _renamed(content: bytes, rename: Callable[[str], str]) -> bytes:
    """Return a file of skops whose classes have other names.

    Args:
        content: The file: a zip archive of arrays, and of a tree in JSON whose nodes name their classes.
        rename: From ``module.Class`` to the other name.
    """
    renamed = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as old, ZipFile(renamed, "w") as new:
        for member in old.infolist():
            content_of_member = old.read(member)
            if member.filename == _TREE:
                tree = json.loads(content_of_member)
                _rename(tree, rename)
                content_of_member = json.dumps(tree, indent=2).encode()
            new.writestr(member, content_of_member)
    return renamed.getvalue()


def _rename(node: Any, rename: Callable[[str], str]) -> None:
    """Rename the classes in a part of the tree, in place."""
    if isinstance(node, dict):
        old = f"{node.get('__module__')}.{node.get('__class__')}"
        if (new := rename(old)) != old:
            node["__module__"], _, node["__class__"] = new.rpartition(".")
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _rename(child, rename)


def read(folder: Path, trusted: Iterable[str] = ()) -> Any:
    """Return the estimator that :func:`write` wrote.

    Args:
        folder: Where it is.
        trusted: Types that a file of skops may be made of beyond those that are always trusted, as ``module.Class``.

    Raises:
        ValueError: The folder holds no model, or it needs a type that is not trusted.
    """
    if (folder / NPZ).exists():
        return load(folder / NPZ)
    if not (folder / SKOPS).exists():
        raise ValueError(f"{folder} holds no model")
    import skops.io

    content = _renamed((folder / SKOPS).read_bytes(), names.importable_name)
    needed = skops.io.get_untrusted_types(data=content)
    return skops.io.loads(content, trusted=refuse_unknown(needed, map(names.importable_name, trusted)))


def _load_pyfunc(path: str) -> Served:
    """Return a model as MLflow wants it; MLflow finds this function by its name."""
    return Served(read(Path(path)))
