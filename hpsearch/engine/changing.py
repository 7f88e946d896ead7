"""A study whose declaration has changed since its log was begun: what changed, and how it may go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log.records import Change
from hpsearch.space.dimensions import json_value
from hpsearch.study.declaration import changes, differing, identity, widens
from hpsearch.study.settings import having
from hpsearch.study.study import Study

CODE = frozenset(having(Study, "code"))
"""Parts of a declaration that hold code: of a change in them it can be said that it computes the same."""

EXTENSIBLE = frozenset(having(Study, "extensible"))
"""What may be another from here on in one search."""

LISTED = frozenset({"grid", "listed", "chapter"})
"""Samplers that count their points from the first one: they neither take over from another nor go on elsewhere."""

FIXED = frozenset(having(Study, "fixed"))
"""What is the same in all versions of a study: by it trials are compared, or begin."""


@dataclass(frozen=True)
class Wish:
    """How a study that exists is to be taken up.

    Attributes:
        extend: Go on with another space, sampler, pruner, number of lanes or of epochs.
        retry: Try every trial that failed once more, under the code as it is now.
        earlier: Values that earlier trials had in dimensions which are new.
        fix: Parameters that have one value from now on.
        same: What changed in the code does not change what is computed.
        new_version: What changed makes another version; trials of earlier ones decide nothing any more.
    """

    extend: bool = False
    retry: bool = False
    earlier: Mapping[str, Any] = field(default_factory=dict)
    fix: Mapping[str, Any] = field(default_factory=dict)
    same: bool = False
    new_version: bool = False

    def __post_init__(self) -> None:
        options = [f"--{name.replace('_', '-')}" for name in ("same", "new_version") if getattr(self, name)]
        options += ["--retry-failed"] if self.retry else []
        if (self.new_version and len(options) > 1) or (self.same and self.retry):
            raise UserError(f"{' and '.join(options)} exclude each other")


TAKE_UP = Wish()
"""To go on as before."""


@dataclass(frozen=True)
class Accepted:
    """A change that is taken into the log.

    Attributes:
        change: What the user said of it.
        changed: What changed, in words.
        earlier: Values that earlier trials had in dimensions which are new.
    """

    change: Change = ""
    changed: tuple[str, ...] = ()
    earlier: dict[str, Any] = field(default_factory=dict)


def accept(
    name: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    wish: Wish,
    failed: int,
    unsearched: Mapping[str, Any] = MappingProxyType({}),
) -> Accepted | None:
    """Return how a changed declaration goes on; None where nothing that counts has changed.

    Args:
        name: The study's name.
        old: The declaration that the log holds.
        new: What is about to run, described by the rule of the log.
        wish: What the user asks for.
        failed: How many trials can be tried again.
        unsearched: Values that parameters have where they are not searched: those of the model.

    Raises:
        UserError: It has changed, and was not asked to go on in a way that it can.
    """
    if identity(old) == identity(new):
        if wish.new_version:
            raise UserError(
                f"study {name!r}: --new-version: nothing that decides a result has changed since it was begun"
            )
        return None
    words = changes(old, new)
    differs = differing(old, new)
    listed = "function" not in old["space"] or "function" not in new["space"]
    code = differs - {"space"} if wish.extend and widens({**new, "space": old["space"]}, new) else differs
    is_code = bool(code) and code <= (CODE - {"space"} if listed else CODE)
    if wish.new_version and not differs & FIXED:
        return Accepted("new_version", tuple(words))
    if wish.same and is_code:
        return Accepted("same", tuple(words))
    if wish.retry and failed and is_code:
        return Accepted("mended", tuple(words))
    wider = widens(old, new)
    if wish.extend and wider:
        return Accepted()
    if differs <= EXTENSIBLE and (wish.extend or not wider):
        extended = _extended(old, new, differs, {**unsearched, **wish.earlier})
        if wish.extend and extended.hindrance:
            raise UserError(f"study {name!r}: --extend ({'; '.join(words)}): {extended.hindrance}")
        if wish.extend:
            return Accepted("extended", tuple(words), extended.earlier)
        extends = not extended.hindrance
    else:
        extends = False
    ways = ["go on with the wider one by --extend"] if wider else ["go on by --extend"] if extends else []
    if is_code and not wider:
        ways += [f"{'' if ways else 'go on '}by --same where it computes what it did before"]
        ways += [f"by --retry-failed where it mends the {failed} that failed"] if failed else []
    if not differs & FIXED and not wider:
        ways += ["by --new-version where it does not" if ways else "go on by --new-version"]
    way = f"{', '.join(ways)}, or " if ways else ""
    raise UserError(
        f"study {name!r} has changed since it was begun ({'; '.join(words)}); {way}name the new one with --name"
    )


def check_as_it_began(name: str, accepted: Accepted | None, wish: Wish) -> None:
    """Refuse to have a study go on in another way whose decisions look back: lanes have been dealt their points.

    Raises:
        UserError: More is asked for than more trials, other limits, or the same code written in another way.
    """
    if (accepted is None or accepted.change == "same") and not (wish.retry or wish.fix or wish.new_version):
        return
    raise UserError(
        f"study {name!r} has a lookback, so that it goes on as it began, with more trials or other limits alone; "
        "name the changed one with --name"
    )


@dataclass(frozen=True)
class Extended:
    """Whether a search can go on with another sampler or space.

    Attributes:
        hindrance: Why it cannot; empty where it can.
        earlier: What earlier trials had in dimensions that are new.
    """

    hindrance: str = ""
    earlier: dict[str, Any] = field(default_factory=dict)


def _extended(
    old: Mapping[str, Any], new: Mapping[str, Any], differs: set[str], unsearched: Mapping[str, Any]
) -> Extended:
    """Return whether a search can go on in this way."""
    samplers = {declaration["sampler"] for declaration in (old, new) if isinstance(declaration["sampler"], str)}
    if {"sampler", "space"} & differs and samplers & LISTED:
        which = ", ".join(sorted(samplers & LISTED))
        return Extended(f"sampler {which!r} counts its points from the first one, and takes a wider space alone")
    if {"sampler", "space"} & differs and any(
        declaration.get("stages") or declaration.get("confirm") for declaration in (old, new)
    ):
        return Extended("another sampler or space goes with neither stages nor confirmation")
    if "space" not in differs or "function" in old["space"] or "function" in new["space"]:
        kinds = {"function" in declaration["space"] for declaration in (old, new)}
        return Extended("" if len(kinds) == 1 else "a space of dimensions stays one, and a function a function")
    if gone := [name for name in old["space"] if name not in new["space"]]:
        return Extended(f"space: {', '.join(gone)} is no longer searched; leave it in and give it one value by --fix")
    earlier: dict[str, Any] = {}
    for name in (name for name in new["space"] if name not in old["space"]):
        if name not in unsearched:
            return Extended(f"space: {name} is new; say which value earlier trials had, by --earlier {name}=VALUE")
        earlier[name] = json_value(unsearched[name], f"--earlier {name}")
    return Extended(earlier=earlier)
