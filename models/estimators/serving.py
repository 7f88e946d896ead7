"""A saved model as something that predicts: what MLflow calls where it serves one. Knows no mlflow.

A folder holds `model.npz`, which :mod:`hpsearch.models.estimators.saving` wrote, or `model.skops` with `trusted.json`, the list of types
that it needs. Neither is unpickled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .base import Perceptron

NPZ, SKOPS, TRUSTED = "model.npz", "model.skops", "trusted.json"


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
    trusted = skops.io.get_untrusted_types(data=content)
    (folder / SKOPS).write_bytes(content)
    (folder / TRUSTED).write_text(json.dumps(sorted(trusted)) + "\n", encoding="utf-8")


def read(folder: Path) -> Any:
    """Return the estimator that :func:`write` wrote.

    Of a file of skops it trusts the types that are listed beside it: classes that are installed here are made, no code
    comes from the file.

    Raises:
        ValueError: The folder holds no model.
    """
    if (folder / NPZ).exists():
        from .saving import load

        return load(folder / NPZ)
    if not (folder / SKOPS).exists():
        raise ValueError(f"{folder} holds no model")
    import skops.io

    trusted = json.loads((folder / TRUSTED).read_text(encoding="utf-8"))
    return skops.io.load(folder / SKOPS, trusted=trusted)


def _load_pyfunc(path: str) -> Served:
    """Return a model as MLflow wants it; MLflow finds this function by its name."""
    return Served(read(Path(path)))
