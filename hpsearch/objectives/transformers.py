"""The steps of a pipeline before its last one: fitted once per distinct setting of their parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.models.datasets import Dataset
from hpsearch.objectives import streams

Array = NDArray[Any]

KEPT_BYTES = 512 * 2**20
"""Bytes of transformed data that are kept for later trials with the same setting; the newest are always kept."""


@dataclass(frozen=True)
class Split:
    """A pipeline taken apart.

    Attributes:
        before: The pipeline with nothing in the place of its last step, or None where there is no step before.
        last: The last step, inside nested pipelines too.
        prefix: What stands before its parameters' names, such as ``mlpclassifier__``.
    """

    before: Any
    last: Any
    prefix: str

    def params(self, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the parameters of the steps before, and those of the last step by its own names."""
        of_last = {name.removeprefix(self.prefix): v for name, v in params.items() if name.startswith(self.prefix)}
        return {name: v for name, v in params.items() if not name.startswith(self.prefix)}, of_last


def split(estimator: Any) -> Split:
    """Return an estimator's transformers and its last step; the estimator itself is left as it is."""
    from sklearn.base import clone
    from sklearn.pipeline import Pipeline

    if not isinstance(estimator, Pipeline):
        return Split(None, estimator, "")
    before = clone(estimator)
    inner, names = before, [before.steps[-1][0]]
    while isinstance(inner.steps[-1][1], Pipeline):
        inner = inner.steps[-1][1]
        names.append(inner.steps[-1][0])
    last = inner.steps[-1][1]
    inner.steps[-1] = (inner.steps[-1][0], "passthrough")
    return Split(before, last, "".join(f"{name}__" for name in names))


@dataclass(frozen=True)
class Behind:
    """A study's model behind the preprocessing of its data.

    Attributes:
        model: The model, or a pipeline that ends in it.
        prefix: What stands before the model's own parameters in that pipeline's.
    """

    model: Any
    prefix: str = ""

    @property
    def parts(self) -> Split:
        """The pipeline taken apart; its parameters have the names that the user's own model gives them."""
        parts = split(self.model)
        return replace(parts, prefix="") if self.prefix else parts

    def named(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters of the user's model by their names in the pipeline."""
        return {f"{self.prefix}{name}": value for name, value in params.items()}


def behind(model: Any, dataset: Dataset) -> Behind:
    """Return a model behind the preprocessing of its data; a user's own pipeline gets it as further first steps."""
    from sklearn.pipeline import Pipeline

    steps = list(dataset.preprocessing)
    if not steps:
        return Behind(model)
    if not isinstance(model, Pipeline):
        return Behind(Pipeline([*steps, ("model", model)]), "model__")
    used_names = {name for name, _ in model.steps}
    return Behind(
        Pipeline([(f"table_{name}" if name in used_names else name, step) for name, step in steps] + model.steps)
    )


class Transformers:
    """Transforms the data by the steps before the last one, which are fitted to the training part alone.

    Args:
        before: The steps, with nothing in the place of the last (see :class:`Split`).
        dataset: Training and validation set.
        seed: The study's seed: where a ``random_state`` of theirs that is None comes from.
    """

    def __init__(self, before: Any, dataset: Dataset, seed: int) -> None:
        self._before = before
        self._dataset = dataset
        self._seed = seed
        self._kept: dict[str, tuple[Array, Array]] = {}

    def key(self, params: Mapping[str, Any]) -> str:
        """Return a text that is equal for equal settings."""
        return json.dumps(dict(params), sort_keys=True, default=repr)

    def transform(self, params: Mapping[str, Any]) -> tuple[Array, Array]:
        """Return training and validation data as the steps with these parameters give them, shape (n, n_out).

        Raises:
            Exception: Whatever a step raises.
        """
        key = self.key(params)
        data = self._kept.pop(key, None) or self._fit(params)
        self._kept[key] = data
        while len(self._kept) > 1 and sum(a.nbytes for pair in self._kept.values() for a in pair) > KEPT_BYTES:
            del self._kept[next(iter(self._kept))]  # the least recently used
        return data

    def test(self, params: Mapping[str, Any]) -> Array:
        """Return the test data as the steps with these parameters give them; they are fitted once more.

        Raises:
            Exception: Whatever a step raises.
        """
        steps = self._steps(params)
        steps.fit_transform(self._dataset.X_train, self._dataset.y_train)
        return _dense(steps.transform(self._dataset.X_test))

    def pipeline(self, params: Mapping[str, Any], last: Any) -> Any:
        """Return the pipeline whose steps before the last have these parameters and are fitted; `last` is fitted too.

        Raises:
            Exception: Whatever a step raises.
        """
        from sklearn.pipeline import Pipeline

        steps = self._steps(params)
        steps.fit(self._dataset.X_train, self._dataset.y_train)
        inner = steps
        while isinstance(inner.steps[-1][1], Pipeline):
            inner = inner.steps[-1][1]
        inner.steps[-1] = (inner.steps[-1][0], last)
        return steps

    def _steps(self, params: Mapping[str, Any]) -> Any:
        from sklearn.base import clone

        steps = clone(self._before).set_params(**params)
        seed_random_states(steps, streams.of_transformers(self._seed))
        return steps

    def _fit(self, params: Mapping[str, Any]) -> tuple[Array, Array]:
        steps = self._steps(params)
        return (
            _dense(steps.fit_transform(self._dataset.X_train, self._dataset.y_train)),
            _dense(steps.transform(self._dataset.X_valid)),
        )


def seed_random_states(estimator: Any, entropy: tuple[int, ...]) -> None:
    """Give each ``random_state`` that is None, at any depth, a number of its own from this entropy."""
    params = estimator.get_params(deep=True)
    names = sorted(n for n, v in params.items() if n.rpartition("__")[2] == "random_state" and v is None)
    seeds = np.random.SeedSequence(entropy).generate_state(max(1, len(names)))
    estimator.set_params(**{name: int(seed) for name, seed in zip(names, seeds, strict=False)})


def _dense(X: Any) -> Array:
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X)
