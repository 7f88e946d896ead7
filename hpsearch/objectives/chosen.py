"""A study's model with the parts that a trial chose: estimators, steps and other objects that are options by name."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from hpsearch.models.datasets import Dataset
from hpsearch.objectives.outputs import AsTheyAre, Values, targets_of
from hpsearch.objectives.transformers import Behind, Split, Transformers
from hpsearch.space import Choice, Space, restore


@dataclass(frozen=True)
class Model:
    """The model of all trials that chose the same options.

    Attributes:
        behind: The model.
        parts: The model taken apart into its last step and those before it.
        transformers: The steps before the last.
        targets: How the targets are given to the last step.
    """

    behind: Behind
    parts: Split
    transformers: Transformers
    targets: Values | AsTheyAre


class Chosen(NamedTuple):
    """What a trial's parameters choose.

    Attributes:
        key: Equal for trials that chose the same options.
        model: The model with these options.
        params: The other parameters, as the user wrote them.
    """

    key: Hashable
    model: Model
    params: dict[str, Any]


class Models:
    """The models of a study, by what was chosen for them.

    Args:
        behind: The model as the study declares it, behind what its data need.
        dataset: Its data.
        seed: The study's seed.
        space: What is searched.
    """

    def __init__(self, behind: Behind, dataset: Dataset, seed: int, space: Space) -> None:
        self._behind = behind
        self._dataset = dataset
        self._seed = seed
        self._space = space
        self._models: dict[Hashable, Model] = {}

    def of(self, params: Mapping[str, Any]) -> Chosen:
        """Return what a trial's parameters choose.

        Args:
            params: What was asked for, as JSON values.

        Raises:
            Exception: Whatever an option raises while it is copied or set.
        """
        chosen = {name: value for name, value in params.items() if is_named(self._space, name)}
        key: Hashable = tuple(chosen.items())
        if key not in self._models:
            self._models[key] = self._build(restore(self._space, chosen))
        others = {name: value for name, value in params.items() if name not in chosen}
        return Chosen(key, self._models[key], restore(self._space, others))

    def _build(self, chosen: Mapping[str, Any]) -> Model:
        behind = self._behind
        if chosen:
            from sklearn.base import clone

            behind = replace(behind, model=clone(behind.model).set_params(**behind.named(chosen)))
        parts = behind.parts
        transformers = Transformers(parts.before, self._dataset, self._seed)
        return Model(behind, parts, transformers, targets_of(parts.last, self._dataset))


def is_named(space: Space, name: str) -> bool:
    """Return whether a parameter's options are objects that go by names."""
    dim = space.get(name)
    return isinstance(dim, Choice) and bool(dim.objects)


def last_options(parts: Split, space: Space) -> list[Any]:
    """Return the estimators that may be the last step of a study's models: its own one, or the options for it.

    Args:
        parts: The model as the study declares it.
        space: What is searched.
    """
    path = parts.prefix.split("__")[:-1]
    for length in range(1, len(path) + 1):
        name = "__".join(path[:length])
        dim = space.get(name)
        if isinstance(dim, Choice) and dim.objects:
            return [_leaf(option) for option in dim.objects.values()]
    return [parts.last]


def _leaf(estimator: Any) -> Any:
    """Return the last step of a pipeline, of nested ones the innermost; any other estimator as it is."""
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return estimator
