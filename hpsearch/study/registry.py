"""The names that a study may give to samplers and pruners, and where each is defined: one line each.

The tables hold paths of classes as texts: a declaration can check a name without importing the rooms above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal

from hpsearch.errors import UserError, did_you_mean

SamplerName = Literal["chapter", "freeze_thaw", "gp", "grid", "listed", "qmc", "random", "tpe"]
PrunerName = Literal["asha", "first_epoch", "hyperband", "median", "none", "patient"]

SAMPLERS: Mapping[str, str] = {
    "chapter": "hpsearch.samplers.chapter.Chapter",
    "freeze_thaw": "hpsearch.samplers.freeze_thaw.FreezeThaw",
    "gp": "hpsearch.samplers.gp.GP",
    "grid": "hpsearch.samplers.grid.Grid",
    "listed": "hpsearch.samplers.listed.Listed",
    "qmc": "hpsearch.samplers.qmc.QMC",
    "random": "hpsearch.samplers.random.Random",
    "tpe": "hpsearch.samplers.tpe.TPE",
}

PRUNERS: Mapping[str, str] = {
    "asha": "hpsearch.pruners.asha.ASHA",
    "first_epoch": "hpsearch.pruners.first_epoch.FirstEpoch",
    "hyperband": "hpsearch.pruners.hyperband.Hyperband",
    "median": "hpsearch.pruners.median.Median",
    "none": "hpsearch.pruners.none.NoPruner",
    "patient": "hpsearch.pruners.patient.Patient",
}

RULES: Mapping[str, int] = {"chapter": 2, "defaults": 2, "gp": 2}
"""Versions of the rules by which samplers decide, and of those by which a study gets one that names none, where they
were changed: a log's header notes them, so that a study goes on under those that it began with. They are no part of a
study's identity."""


def check_name(kind: str, name: str, table: Mapping[str, str]) -> None:
    """Raise a UserError that suggests a name of the table where this one is not in it."""
    if name not in table:
        raise UserError(f"unknown {kind} {name!r}{did_you_mean(name, table)}")


def resolve(location: str) -> Any:
    """Return what is defined at ``module.name``."""
    module, _, name = location.rpartition(".")
    return getattr(import_module(module), name)
