"""The JSON files of network2.py, the program of *Neural Networks and Deep Learning*: written and read.

Such a file has the sizes of all layers, weights of shape (n_out, n_in) and biases of shape (n_out, 1) as nested lists,
and the name of the cost, QuadraticCost or CrossEntropyCost. All neurons are sigmoid ones; classes are counted from 0.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..kernels import Array
from ..parameters import resolve_params
from .classifier import MLPClassifier
from .from_state import classifier

COSTS: Mapping[str, str] = {"cross_entropy": "CrossEntropyCost", "quadratic": "QuadraticCost"}
"""Our names of the costs that network2.py knows, and its own."""


def save_network2(model: MLPClassifier, path: str | os.PathLike[str]) -> None:
    """Write a fitted classifier as network2.py's `Network.save` does.

    Args:
        model: A classifier of sigmoid neurons without batch norm.
        path: The file.

    Raises:
        NotFittedError: Before fit.
        ValueError: network2.py has no such network.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import MLPClassifier, load_network2, save_network2
        >>> X, y = np.array([[0.0], [1.0]] * 10), np.array([0, 1] * 10)
        >>> save_network2(MLPClassifier((3,), max_epochs=1, random_state=0).fit(X, y), "network.json")
        >>> [weights.shape for weights in load_network2("network.json").coefs_]
        [(1, 3), (3, 2)]
    """
    check_is_fitted(model)
    if not isinstance(model, MLPClassifier):
        raise ValueError(f"network2.py has no {type(model).__name__}: only an MLPClassifier can be written for it")
    params = resolve_params(model._network_params())
    wanted = {"activation": "sigmoid", "output": "sigmoid", "batch_norm": False}
    for name, value in wanted.items():
        if params[name] != value and not (name == "activation" and not params["hidden_layer_sizes"]):
            raise ValueError(f"network2.py has no {name}={params[name]!r}, only {value!r}")
    coefs = model.coefs_
    intercepts = model.intercepts_
    content = {
        "sizes": [len(coefs[0]), *(w.shape[1] for w in coefs)],
        "weights": [w.T.tolist() for w in coefs],
        "biases": [b[:, None].tolist() for b in intercepts],
        "cost": COSTS[params["cost"]],
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file)


def load_network2(path: str | os.PathLike[str], **params: Any) -> MLPClassifier:
    """Return the network in a file of network2.py as a fitted classifier of the classes 0, 1, ….

    Args:
        path: The file.
        params: Parameters of the classifier beside those that the file says, such as l2 for training it further.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file, or its arrays do not fit together.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> from hpsearch import load_network2
        >>> arrays = {"weights": [[[-4.0], [4.0]]], "biases": [[[2.0], [-2.0]]]}
        >>> network = {"sizes": [1, 2], "cost": "CrossEntropyCost", **arrays}
        >>> _ = Path("network.json").write_text(json.dumps(network))
        >>> load_network2("network.json").predict([[0.0], [1.0]])
        array([0, 1])
    """
    with open(path, encoding="utf-8") as file:
        try:
            content = json.load(file)
            sizes = [int(size) for size in content["sizes"]]
            cost = next(ours for ours, theirs in COSTS.items() if theirs == content["cost"])
            weights = [np.asarray(w, np.float64) for w in content["weights"]]
            biases = [np.asarray(b, np.float64) for b in content["biases"]]
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            raise ValueError(f"{os.fspath(path)!r} is no network that network2.py saved: {error!r}") from error
    shapes = [(n_out, n_in) for n_in, n_out in pairwise(sizes)]
    if [w.shape for w in weights] != shapes or [b.shape for b in biases] != [(n_out, 1) for n_out, _ in shapes]:
        raise ValueError(f"{os.fspath(path)!r} is damaged: its weights and biases are not those of sizes={sizes}")
    if not all(np.isfinite(array).all() for array in weights + biases):
        raise ValueError(f"{os.fspath(path)!r} holds NaN or an infinity")
    settings = {"hidden_layer_sizes": tuple(sizes[1:-1]), "cost": cost, "activation": "sigmoid", **params}
    model = MLPClassifier(**settings)
    dtype = resolve_params(model._network_params())["dtype"]
    state: dict[str, Array] = {f"W{i}": np.ascontiguousarray(w, dtype) for i, w in enumerate(weights)}
    state |= {f"b{i}": np.ascontiguousarray(b.T, dtype) for i, b in enumerate(biases)}
    fitted = classifier(model.get_params(), state, np.arange(sizes[-1]), sizes[0], 0, 0)
    assert isinstance(fitted, MLPClassifier), "its parameters are those of one"
    return fitted
