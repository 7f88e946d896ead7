"""The names under which a declaration knows our classes, whatever modules define them today.

New declarations say what users import: ``hpsearch.MLPClassifier``, ``hpsearch.pruners.ASHA``. Declarations of version
0.1 name the modules of that time. Both are the same study, so that what is compared is compared under public names; and
a study's identity is taken under the first names that its classes ever had, so that it is the same whichever version
takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hpsearch.models import names
from hpsearch.study.registry import PRUNERS, SAMPLERS

NETWORKS = frozenset({"hpsearch.MLPClassifier", "hpsearch.MLPRegressor"})
"""Estimators that version 0.1 had, and that have parameters now which it had not."""

_CLASSES_0_1 = (
    "samplers.chapter.Chapter",
    "samplers.gp.GP",
    "samplers.grid.Grid",
    "samplers.listed.Listed",
    "samplers.qmc.QMC",
    "samplers.random.Random",
    "samplers.tpe.TPE",
    "pruners.asha.ASHA",
    "pruners.first_epoch.FirstEpoch",
    "pruners.hyperband.Hyperband",
    "pruners.median.Median",
    "pruners.none.NoPruner",
    "pruners.patient.Patient",
)


def _room_and_class(path: str) -> str:
    """Return ``room.Class`` for ``room.module.Class``."""
    module, _, word = path.rpartition(".")
    return f"{module.rpartition('.')[0]}.{word}"


VERSION_0_1: Mapping[str, str] = {
    **names.VERSION_0_1,
    **{f"hpsearch.{path}": _room_and_class(f"hpsearch.{path}") for path in _CLASSES_0_1},
}
"""From the names that version 0.1 wrote to the public ones."""

_TODAY: Mapping[str, str] = {
    **{path: _room_and_class(path) for path in (*SAMPLERS.values(), *PRUNERS.values())},
    "hpsearch.study.samples.Samples": "hpsearch.Samples",
}
_FIRST: Mapping[str, str] = {public: first_name for first_name, public in VERSION_0_1.items()}
_NAME_KEYS = {"class", "name"}
"""Keys of a declaration under which a class is named."""


def public(name: str) -> str:
    """Return the public name of a class of ours; any other name is returned as it is.

    Args:
        name: ``module.Class``, as a class says today, as version 0.1 wrote it, or public already.
    """
    return VERSION_0_1.get(name) or _TODAY.get(name) or names.public(name)


def first_name(name: str) -> str:
    """Return the first name that a class of ours was ever written under; any other name is returned as it is."""
    return _FIRST.get(public(name), name)


def declared_params(model: Any) -> dict[str, Any]:
    """Return a model's parameters as a declaration says them.

    A network of ours leaves out what version 0.1 did not know, where it means the same.

    Args:
        model: An estimator.
    """
    params: dict[str, Any] = model.get_params(deep=False)
    if names.public(f"{type(model).__module__}.{type(model).__qualname__}") not in NETWORKS:
        return params
    from hpsearch.models.later import unsaid  # imports NumPy

    return unsaid(params)


def renamed(value: Any, rename: Callable[[str], str]) -> Any:
    """Return a part of a declaration with other names for its classes.

    Args:
        value: JSON values.
        rename: :func:`public` or :func:`first_name`.
    """
    if isinstance(value, Mapping):
        class_names = {key: rename(word) for key, word in value.items() if key in _NAME_KEYS and isinstance(word, str)}
        return {key: class_names.get(key, renamed(inner, rename)) for key, inner in value.items()}
    return [renamed(inner, rename) for inner in value] if isinstance(value, list) else value
