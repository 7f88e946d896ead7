"""The default sampler and pruner of a study that names none: a pair for each kind of study, all of them in one table.

A pair is changed by a new number in :data:`hpsearch.study.registry.RULES` and a table for it here. Studies that were
begun keep the pair of the rule that their log names, or of the first where it names none
(:mod:`hpsearch.study.unsaid`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from hpsearch.study.registry import RULES

PAUSING = frozenset({"freeze_thaw"})
"""Samplers that decide themselves how long each trial trains: no pruner goes with them."""


class Unsaid(str):
    """The name of a sampler or pruner that nobody gave: the default.

    Attributes:
        rule: The rule by which it is the default.
    """

    rule: int

    def __new__(cls, name: str, rule: int) -> Unsaid:
        """Make one."""
        unsaid = super().__new__(cls, name)
        unsaid.rule = rule
        return unsaid

    def __reduce__(self) -> tuple[type[Unsaid], tuple[str, int]]:
        """Return what a copy is made of."""
        return Unsaid, (str(self), self.rule)


class About(NamedTuple):
    """The fields of a study by which its kind is told."""

    space: Any
    model: Any
    objective: Any
    epochs: int | None
    metric: Any
    stages: Any
    repeats: int
    cv: Any
    confirm: int
    audit: float
    lookback: float = 0.0


@dataclass(frozen=True)
class Default:
    """The pair of one kind of study.

    Attributes:
        kind: The kind, in words.
        applies: Whether a study is of it.
        sampler: The sampler's name.
        pruner: The pruner's name.
        why: Why these, in words; empty where there is nothing to choose.
        beside: The sampler where only a pruner was named, and the pair's own sampler goes with no pruner.
        under: The pruner where only a sampler was named.
    """

    kind: str
    applies: Callable[[About], bool]
    sampler: str
    pruner: str
    why: str = ""
    beside: str = "tpe"
    under: str = "asha"


_SAFE = "it takes any space, and many trials that stop early"

_FIRST = (
    Default("a list of grids", lambda a: isinstance(a.space, list | tuple), "listed", "none", "", "listed", "none"),
    Default("one point", lambda a: not a.space and not callable(a.space), "tpe", "none", "", "tpe", "none"),
    Default("several metrics", lambda a: not isinstance(a.metric, str), "tpe", "asha", "it searches a Pareto front"),
    Default("stages", lambda a: a.stages is not None, "tpe", "asha", "small problems tell early"),
    Default("cross-validation", lambda a: a.cv is not None, "tpe", "asha", _SAFE),
    Default("repeated points", lambda a: a.repeats > 1 or a.confirm > 0 or a.audit > 0, "tpe", "asha", _SAFE),
    Default("a space that is a function", lambda a: callable(a.space), "tpe", "asha", "it takes any space"),
    Default("trials of several epochs", lambda a: _epochs(a) > 1, "tpe", "asha", _SAFE),
    Default("plain functions", lambda a: True, "tpe", "asha", "it takes any space, and thousands of trials"),
)

_SECOND = tuple(
    default
    for first in _FIRST
    for default in {
        # Whether a study confirms what it found may be said later: it is no part of what the study is.
        "repeated points": (replace(first, applies=lambda a: a.repeats > 1 or a.audit > 0),),
        # A paused model is kept as its state, in a file where many wait. A function's code, which may hold anything,
        # can only wait where it runs; and what looks back does not go with decisions by the order of all that happened.
        "trials of several epochs": (
            Default(
                "models that train for several epochs",
                lambda a: a.model is not None and _epochs(a) > 1 and not a.lookback,
                "freeze_thaw",
                "none",
                "it goes on with the trials that promise most for their epochs",
            ),
            first,
        ),
    }.get(first.kind, (first,))
)

TABLES: Mapping[int, tuple[Default, ...]] = {1: _FIRST, 2: _SECOND}
"""The table of each rule; the first entry that applies is a study's."""


def default_of(about: About, rule: int) -> Default:
    """Return the default pair of a study."""
    return next(default for default in TABLES[rule] if default.applies(about))


def settled(sampler: Any, pruner: Any, about: About, pauses: Callable[[Any], bool]) -> dict[str, Any]:
    """Return the sampler and pruner of a study, those that were not named by the default.

    Args:
        sampler: As it was given: None or an earlier default where it was not.
        pruner: Likewise.
        about: What decides the study's kind.
        pauses: Whether a sampler decides itself how long its trials train.
    """
    rule = next((part.rule for part in (sampler, pruner) if isinstance(part, Unsaid)), RULES["defaults"])
    no_sampler, no_pruner = (part is None or isinstance(part, Unsaid) for part in (sampler, pruner))
    if not no_sampler and not no_pruner:
        return {}
    pair = default_of(about, rule)
    names: dict[str, str] = {}
    if no_sampler:
        names["sampler"] = pair.sampler if no_pruner or pair.sampler not in PAUSING else pair.beside
    if no_pruner:
        names["pruner"] = pair.pruner if no_sampler else "none" if pauses(sampler) else pair.under
    # Where there is nothing to choose, it is as if it had been named: no other default ever takes its place.
    return {field: Unsaid(name, rule) if pair.why else name for field, name in names.items()}


def _epochs(about: About) -> int:
    """Return the epochs of a trial, as far as they are declared; 1 where nothing says it."""
    if about.epochs is not None:
        return about.epochs
    if about.model is None:
        return 1
    params = about.model.get_params(deep=True).items()
    return next((v for k, v in params if k.rpartition("__")[2] == "max_epochs" and isinstance(v, int)), 1)
