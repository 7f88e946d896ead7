"""What stops a trial early: pure functions of the history's rung table.

``build`` makes the pruner that a study declares. A pruner is one file with a frozen dataclass that is both the
declaration and the :class:`~hpsearch.pruners.base.Pruner`, and one line in :mod:`hpsearch.registry`. All of them see a
trial's best value so far, and only trials of the same stage as rivals.
"""

from __future__ import annotations

from dataclasses import replace

from hpsearch.pruners.asha import ASHA
from hpsearch.pruners.audit import Audited
from hpsearch.pruners.base import Pruner
from hpsearch.pruners.first_epoch import FirstEpoch
from hpsearch.pruners.hyperband import Hyperband
from hpsearch.pruners.median import Median
from hpsearch.pruners.none import NoPruner
from hpsearch.pruners.patient import Patient
from hpsearch.registry import PRUNERS, resolve
from hpsearch.study import Study

__all__ = ["ASHA", "Audited", "FirstEpoch", "Hyperband", "Median", "NoPruner", "Patient", "Pruner", "build"]


def build(study: Study, epochs: int) -> Pruner:
    """Return the pruner that a study declares.

    Args:
        study: The study.
        epochs: Most epochs that a trial trains.
    """
    pruner = _build(study, epochs)
    return Audited(pruner, study.audit, study.seed) if study.audit else pruner


def _build(study: Study, epochs: int) -> Pruner:
    declared = resolve(PRUNERS[study.pruner])() if isinstance(study.pruner, str) else study.pruner
    if isinstance(declared, Hyperband) and declared.max_resource is None:
        return replace(declared, max_resource=epochs)
    if hasattr(declared, "judge"):
        pruner: Pruner = declared
        return pruner
    from hpsearch.pruners.foreign import ForeignPruner  # imports Optuna

    return ForeignPruner(study, declared)
