"""Warm start: the best points of an earlier study become the first points of a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.space import check_point
from hpsearch.space.constraints import violated
from hpsearch.study.study import Study


def first_points(root: str | Path, source: str, study: Study) -> list[dict[str, Any]]:
    """Return the best distinct points of an earlier study that lie in the space of a new one: a laneful at most.

    Where the new study has begun, its log says what they were: the earlier one may have gone on since.

    Args:
        root: Where both studies are.
        source: Name of the earlier study.
        study: The new one.

    Raises:
        UserError: There is no such study, or none of its points lies in the space.
    """
    begun = Path(root) / "studies" / study.name / catalogue.LOG
    if begun.is_file() and begun.stat().st_size:
        return list(catalogue.load_history(begun.parent).declaration.enqueue)[len(study.enqueue) :]
    earlier = catalogue.load_history(catalogue.find(root, source))
    points: list[dict[str, Any]] = []
    for trial in earlier.ranked():
        try:
            point = check_point(study.dimensions, trial.params, source)
        except UserError:
            continue  # another space: what lies outside of this one says nothing about it
        if violated(study.constraints, study.dimensions, point) is not None:
            continue
        if point not in points and len(points) < study.lanes:
            points.append(point)
    if not points:
        raise UserError(f"study {study.name!r}: no point of {source!r} lies in its space; leave --from out")
    return points
