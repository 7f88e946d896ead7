"""What stops a trial early: pure functions of the history's rung table.

``build`` makes the pruner that a study declares. A pruner is one file with a frozen dataclass that is both the
declaration and the :class:`~hpsearch.pruners.base.Pruner`, and one line in :mod:`hpsearch.study.registry`. All of them
see a trial's best value so far, and only trials of the same stage as rivals.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hpsearch.errors import UserError
from hpsearch.pruners.asha import ASHA
from hpsearch.pruners.audit import Audited
from hpsearch.pruners.base import Pruner
from hpsearch.pruners.first_epoch import FirstEpoch
from hpsearch.pruners.hyperband import Hyperband
from hpsearch.pruners.median import Median
from hpsearch.pruners.none import NoPruner
from hpsearch.pruners.patient import Patient
from hpsearch.study.registry import PRUNERS, resolve
from hpsearch.study.study import Study

__all__ = ["ASHA", "Audited", "FirstEpoch", "Hyperband", "Median", "NoPruner", "Patient", "Pruner", "build"]


_IDLE = ("none", "asha", "NoPruner", "NopPruner")
"""Pruners that trials of one epoch may have: the default, and those that stop none."""


def build(study: Study, epochs: int) -> Pruner:
    """Return the pruner that a study declares.

    Args:
        study: The study.
        epochs: Most epochs that a trial trains.

    Raises:
        UserError: A trial has one epoch, or it has no maximum and the pruner needs one.

    Examples:
        >>> from hpsearch import Study, pruners
        >>> pruners.build(Study("any", objective=abs, pruner="hyperband", epochs=9), epochs=9)
        Hyperband(min_resource=1, reduction=3, max_resource=9)
    """
    if study.model is not None and epochs == 1 and _name(study) not in _IDLE:
        raise UserError(
            f"study {study.name!r}: pruner {_name(study)!r} stops trials between epochs, and these have one; "
            "say epochs=, or pruner='none'"
        )
    pruner = _build(study, epochs)
    return Audited(pruner, study.audit, study.seed) if study.audit else pruner


def _build(study: Study, epochs: int) -> Pruner:
    declared: Any = resolve(PRUNERS[study.pruner])() if isinstance(study.pruner, str) else study.pruner
    if isinstance(declared, Hyperband) and declared.max_resource is None:
        if study.model is None and study.epochs is None:
            raise UserError(
                f"study {study.name!r}: pruner 'hyperband' needs to know the most epochs of a trial: say epochs=, or "
                "Hyperband(max_resource=…)"
            )
        return replace(declared, max_resource=epochs)
    if hasattr(declared, "judge"):
        pruner: Pruner = declared
        return pruner
    from hpsearch.pruners.foreign import ForeignPruner  # imports Optuna

    return ForeignPruner(study, declared)


def _name(study: Study) -> str:
    return study.pruner if isinstance(study.pruner, str) else type(study.pruner).__name__
