"""Combinations of values from which no network can be built: refused before the first trial.

A space may offer values that do not go together, such as softmax outputs with a cost of sigmoid outputs. Found by a
trial, such a point costs the sampler a proposal each time it comes up again, and the user a search that looks as if
softmax were bad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, product
from typing import Any

from hpsearch.errors import UserError
from hpsearch.models.combinations import FULL_BATCH
from hpsearch.space import Choice, Dimension, is_active, restore
from hpsearch.space.constraints import violated
from hpsearch.study.study import Study

MOST = 2048
"""Most combinations that are looked at; of a space with more, the first."""

JOINT = frozenset(
    {
        "output", "cost", "optimizer", "momentum", "batch_norm", "batch_size", "augmentation", "image_shape",
        "lr_metric", "early_stopping_metric", "label_smoothing", "clip_norm",
    }
)  # fmt: skip
"""Parameters that are checked together; each other one is right or wrong by itself."""

LAYERS = "layers"
"""How the names of a chain's layers begin, which are checked together too."""


def check_combinations(
    study: Study, prefix: str, model: Mapping[str, Any], check: Callable[[dict[str, Any]], None]
) -> None:
    """Raise a UserError for a value or a combination of a study's space with which no network can be built.

    Args:
        study: The study; combinations that its constraints forbid are not checked.
        prefix: What stands before the network's parameters in the space.
        model: The network's parameters as the study declares them, which can be built.
        check: Raises a ValueError for parameters of which no network can be built.
    """
    dimensions = {name: dim for name, dim in study.dimensions.items() if name.startswith(prefix)}

    def reason(point: Mapping[str, Any]) -> str | None:
        chosen = {name.removeprefix(prefix): value for name, value in restore(dimensions, point).items()}
        try:
            check({**model, **chosen})
        except ValueError as error:
            return str(error)
        return None

    joint = _with_conditions(dimensions, {name for name in dimensions if _is_joint(name.removeprefix(prefix))})
    if study.sampler == "listed":
        points: Iterable[Mapping[str, Any]] = study.enqueue
    else:
        single = [{name: value} for name, dim in dimensions.items() if name not in joint for value in _ends(dim)]
        points = chain(single, *map(_points, _pairs(dimensions, prefix)), _points(joint))
    for point in points:
        point = {name: value for name, value in point.items() if name in dimensions}
        if (problem := reason(point)) is None or _forbidden(study, point):
            continue
        conflicting = _conflicting(dimensions, point, reason)
        words = ", ".join(f"{name}={point[name]!r}" for name in conflicting)
        fix = "say by when= which values go together, or by constraints=" if len(conflicting) > 1 else "leave it out"
        raise UserError(f"study {study.name!r}: space: no network can be built with {words}: {problem}; {fix}")


def _is_joint(name: str) -> bool:
    return name in JOINT or name.startswith(LAYERS)


def _pairs(space: Mapping[str, Dimension], prefix: str) -> list[dict[str, Dimension]]:
    """Return the optimizer paired with each dimension that a full-batch optimizer may refuse.

    All of them together would be too many combinations.
    """
    optimizer = f"{prefix}optimizer"
    names = [f"{prefix}{name}" for name in FULL_BATCH]
    return [_with_conditions(space, {optimizer, name}) for name in names if {optimizer, name} <= space.keys()]


def _with_conditions(space: Mapping[str, Dimension], names: set[str]) -> dict[str, Dimension]:
    """Return dimensions, and those on which their existence depends."""
    while (
        parents := {condition for name in names for condition in space[name].when or {} if condition in space} - names
    ):
        names |= parents
    return {name: dim for name, dim in space.items() if name in names}


def _ends(dim: Dimension) -> list[Any]:
    """Return all options of a choice, or the two ends of a range."""
    return dim.grid() if isinstance(dim, Choice) else list(dict.fromkeys((dim.low, dim.high)))


def _points(space: Mapping[str, Dimension]) -> Iterator[dict[str, Any]]:
    """Yield points of a space, up to so many, each without the dimensions that do not exist there."""
    seen = set()
    for n_points, values in enumerate(product(*(_ends(dim) for dim in space.values()))):
        if n_points >= MOST:
            return
        point: dict[str, Any] = {}
        for (name, dim), value in zip(space.items(), values, strict=True):
            if is_active(dim, point):
                point[name] = value
        key = repr(point)
        if key not in seen:
            seen.add(key)
            yield point


def _forbidden(study: Study, point: Mapping[str, Any]) -> bool:
    """Return whether a constraint of the study forbids a point, or may do so: it reads values that the point lacks."""
    try:
        return violated(study.constraints, study.dimensions, point) is not None
    except UserError:
        return True


def _conflicting(
    space: Mapping[str, Dimension], point: Mapping[str, Any], reason: Callable[[Mapping[str, Any]], str | None]
) -> list[str]:
    """Return the names in a refused point of which another value would save it, or all where no single one would."""
    saving = [
        name
        for name in point
        if any(reason({**point, name: value}) is None for value in _ends(space[name]) if value != point[name])
    ]
    return saving or list(point)
