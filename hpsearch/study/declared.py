"""A resolved study as its log tells it: the JSON of a header or an extension, read once into a value with types.

:func:`hpsearch.study.declaration.declare` makes that JSON from a study. A new field of a study is a line there and a
line here; what a log of a later version holds beside is kept as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeAlias

from hpsearch import space as spaces
from hpsearch.space import Space
from hpsearch.study.goal import Counts, Direction, Goal
from hpsearch.study.scaling import Scale

Described: TypeAlias = dict[str, Any]
"""What stands in JSON for an object or a function: its class with its parameters, or its name with a digest."""


ALWAYS = {"always": True}
"""Marks a field that stands in every declaration; the others are left out where they have their default."""


@dataclass(frozen=True)
class Declaration:
    """A resolved study: every value that decides a result. The fields stand in the order of the JSON.

    Attributes:
        name: The study's name.
        fingerprint: The rule by which code is described; see :data:`hpsearch.study.declaration.RULE`.
        version: What the user calls this version of code that cannot be read, or None.
        objective: The function that is searched, or None where a model is.
        model: The model's class and parameters, or None.
        space: A description of each dimension by name, or of the function that is the space.
        data: A name or a path, or what stands for arrays; None for none.
        metric: What decides, or several for a Pareto front.
        direction: ``maximize`` or ``minimize``, or one for each metric.
        value: Which epoch of a trial counts.
        constraints: The functions that say whether a point may be trained.
        sampler: Its name, or what describes an object; None where nothing is said.
        pruner: As the sampler.
        n_trials: Trials in all, or None where the space or the stages say it.
        epochs: Most epochs of a trial, or None where the model says it.
        lanes: Trials that train side by side.
        seed: Where all randomness comes from.
        repeats: Trials per point.
        enqueue: Points that are tried first.
        duplicates: What becomes of a point that a sampler proposes again.
        warm_start: Where results that samplers observe come from; what they are stands beside the declaration.
        scoring: What else is measured, or None.
        cv: How points are cross-validated, or None.
        groups: A digest of the groups of the rows, or None.
        until: The value that is good enough, or None.
        no_improvement: Trials that may end without an improvement, or None.
        budget: Epochs of the full problem that the search may cost, or None.
        trial_timeout: Seconds that a trial may train, or None.
        trial_memory: Bytes that the process of an objective's trial may hold, or None.
        audit: Share of the pruned trials that are finished all the same.
        stages: The search's stages, settled; none for a flat study.
        confirm: Fresh seeds that the best points are trained again with.
        confirm_top: How many points those are; told where any are confirmed.
        resource: What a trial of a scikit-learn model gets more of.
        measure_test: Whether epochs report the test set's metrics.
        threads: Threads that BLAS and OpenMP may use where a trial trains.
        clock: By what the study goes forward: ``ticks``, or ``virtual`` time by declared costs.
        cost: How long an epoch of a trial takes in virtual time, or None.
        lookback: How far decisions look back, in mean costs of the trials with which the study begins.
        comparison: What is shown of the points, beside which published figures, or None.
        fixed: Parameters that have one value by now, or None.
        others: What another version of hpsearch has said beside.
    """

    name: str = field(default="", metadata=ALWAYS)
    fingerprint: int = 1
    version: str | None = None
    objective: Described | None = None
    model: Described | None = None
    space: dict[str, Any] = field(default_factory=dict, metadata=ALWAYS)
    data: str | Described | None = field(default=None, metadata=ALWAYS)
    metric: str | Sequence[str] = field(default="val_accuracy", metadata=ALWAYS)
    direction: Direction | Sequence[Direction] = field(default="maximize", metadata=ALWAYS)
    value: Counts = "best"
    constraints: tuple[Described, ...] = ()
    sampler: str | Described | None = field(default=None, metadata=ALWAYS)
    pruner: str | Described | None = field(default=None, metadata=ALWAYS)
    n_trials: int | None = field(default=None, metadata=ALWAYS)
    epochs: int | None = field(default=None, metadata=ALWAYS)
    lanes: int = field(default=8, metadata=ALWAYS)
    seed: int = field(default=0, metadata=ALWAYS)
    repeats: int = field(default=1, metadata=ALWAYS)
    enqueue: tuple[dict[str, Any], ...] = field(default=(), metadata=ALWAYS)
    duplicates: str = "retrain"
    warm_start: tuple[dict[str, Any], ...] = ()
    scoring: Any = None
    cv: Any = None
    groups: str | None = None
    until: float | None = None
    no_improvement: int | None = None
    budget: float | None = None
    trial_timeout: float | None = None
    trial_memory: float | None = None
    audit: float = 0.0
    stages: tuple[Scale, ...] = ()
    confirm: int = 0
    confirm_top: int = field(default=3, metadata={"beside": "confirm"})
    resource: str | Described = "auto"
    measure_test: bool = False
    threads: int = 1
    clock: str = "ticks"
    cost: str | Described | None = None
    lookback: float = 0.0
    comparison: dict[str, Any] | None = None
    fixed: dict[str, Any] | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, json_values: Mapping[str, Any]) -> Declaration:
        """Return the declaration that a log holds.

        Args:
            json_values: JSON values, as :func:`hpsearch.study.declaration.declare` returns them.
        """
        names = {item.name for item in fields(cls)} - {"others"}
        values = {name: value for name, value in json_values.items() if name in names}
        if "stages" in values:
            values["stages"] = tuple(Scale(**scale) for scale in values["stages"])
        for name in ("constraints", "enqueue", "warm_start"):
            if name in values:
                values[name] = tuple(values[name])
        return cls(**values, others={name: value for name, value in json_values.items() if name not in names})

    def to_json(self) -> dict[str, Any]:
        """Return the JSON values of a log, from which :meth:`of` makes this declaration again."""
        written = {item.name: _json(getattr(self, item.name)) for item in fields(self) if self._is_written(item)}
        return written | dict(self.others)

    @property
    def dimensions(self) -> Space:
        """The space as dimensions by name; empty where it is a function."""
        return {} if "function" in self.space else spaces.from_json(self.space)

    @property
    def goal(self) -> Goal:
        """What the study is after."""
        return Goal.of({"metric": self.metric, "direction": self.direction, "value": self.value})

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The search's stages; a flat study has one, the full problem."""
        return self.stages or (Scale(),)

    @property
    def model_params(self) -> dict[str, Any]:
        """The model's parameters; those of its parts by ``part__name``, as scikit-learn calls them."""
        return _params(self.model)

    def _is_written(self, item: Field[Any]) -> bool:
        if item.name == "others":
            return False
        if (beside := item.metadata.get("beside")) is not None:
            return bool(getattr(self, beside))
        return bool(item.metadata.get("always")) or getattr(self, item.name) != item.default


def _json(value: Any) -> Any:
    if isinstance(value, Scale):
        return value.to_json()
    return [_json(item) for item in value] if isinstance(value, tuple) else value


def _params(model: Any) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for name, value in (model.get("params", {}) if isinstance(model, Mapping) else {}).items():
        params[name] = value
        params.update({f"{name}__{inner}": deep for inner, deep in _params(value).items()})
        if name == "steps" and isinstance(value, list):
            for step, estimator in value:
                params.update({f"{step}__{inner}": deep for inner, deep in _params(estimator).items()})
    return params
