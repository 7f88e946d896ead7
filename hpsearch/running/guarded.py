"""Where a user's own function runs: in this process under a mark, or in processes of its own."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from hpsearch.engine.marks import Marked
from hpsearch.objectives.base import Foldered, Objective
from hpsearch.objectives.build import Prepared
from hpsearch.objectives.isolated import Isolated
from hpsearch.objectives.portable import Maker
from hpsearch.study.study import Study


def maker(study: Study, prepared: Prepared, folder: Path) -> Maker:
    """Return the maker of a study's objective; trials get processes of their own where their limits need that."""
    if study.objective is None:
        return prepared.make
    make = partial(_placed, prepared.make, folder.absolute())
    if study.trial_timeout is None and study.trial_memory is None:
        return make
    return partial(_isolated, make, prepared.epochs, study.trial_timeout, study.trial_memory)


def _placed(make: Maker, folder: Path, data: Any) -> Objective:
    """Return an objective that keeps its trials' files in a folder, an absolute one: code may change the directory."""
    objective = make(data)
    if isinstance(objective, Foldered):
        objective.place(folder)
    return objective


def alone(
    study: Study, prepared: Prepared, objective: Objective, dataset: Any, folder: Path
) -> AbstractContextManager[Objective]:
    """Return the objective that trains in this process.

    Args:
        study: The study.
        prepared: Its objective, not yet made.
        objective: The objective that the maker of :func:`maker` made.
        dataset: Its data.
        folder: Its folder.
    """
    if isinstance(objective, Isolated):
        return objective
    if study.objective is None:
        return nullcontext(objective)
    make = partial(_placed, prepared.make, folder.absolute())
    return Marked(objective, lambda: Isolated(make, dataset, prepared.epochs), folder)


def _isolated(make: Maker, epochs: int, timeout: float | None, memory: float | None, data: Any) -> Objective:
    return Isolated(make, data, epochs, timeout, memory)
