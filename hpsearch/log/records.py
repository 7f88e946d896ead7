"""The words of the log: what happened in a study, as plain frozen values that turn into JSON and back.

A log is one :class:`Header` followed by one :class:`Tick` per tick of the logical clock, and an :class:`Extension`
where the user widened the study. Everything else that hpsearch shows or stores is a fold of these records.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA = 1
"""Version of the log's format; a reader refuses a log of another version."""

MINOR = 1
"""The rules by which a new log is written; those of a log are in its header, and it goes on under them."""

Action = Literal["complete", "prune", "fail", "audit"]


@dataclass(frozen=True)
class Ask:
    """A trial begins: the sampler was asked and this is what it said.

    Attributes:
        trial: The trial's number, from 0.
        lane: The lane in which it trains.
        params: One value per active hyper-parameter of the space.
        point: Number of the sampled point; with ``repeats=r`` a point is trained by r trials.
        repeat: Which of the repeats this is, from 0.
        stage: Rung of the scaled-down ladder, from 0.
        rejected: Proposals for this point that violated a constraint.
    """

    trial: int
    lane: int
    params: dict[str, Any]
    point: int
    repeat: int = 0
    stage: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class Row:
    """A lane arrives: one trial finished one epoch.

    Attributes:
        trial: The trial's number.
        lane: The lane in which it trained.
        epoch: Epochs that the trial has now done, counted from 1.
        metrics: Everything measured at this epoch. May hold NaN and infinities where the trial diverged; empty where
            the trial failed before it could measure, or had ended with the epoch before.
        seconds: Observed training time of this epoch. Never part of a result: it is not reproducible.
        finished: The trial has trained all it wanted to (all epochs done, or stopped early by its own rule).
        failure: Why the trial cannot go on, or None. One line, for people.
        traceback: The traceback behind ``failure`` where an exception was raised, else None.
    """

    trial: int
    lane: int
    epoch: int
    metrics: dict[str, float]
    seconds: float = 0.0
    finished: bool = False
    failure: str | None = None
    traceback: str | None = None


@dataclass(frozen=True)
class Decision:
    """What happens to a trial after this tick; a trial without a decision continues.

    Attributes:
        trial: The trial's number.
        action: ``complete``, ``prune`` or ``fail``; or ``audit``: it would have been pruned here, and goes on so that
            the pruner can be held to account.
        reason: Why, as one line for people.
        rule: The pruner's name, ``epochs``, ``early_stopping``, ``failure`` …
        evidence: Numbers behind the decision (rung, value, threshold, rank, rivals), for tags and reports.
    """

    trial: int
    action: Action
    reason: str
    rule: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Header:
    """The first line of a log.

    Attributes:
        name: The study's name.
        uid: Hex digest that names this study in stores outside the log.
        declaration: The resolved declaration, as JSON values.
        environment: Versions, CPU, git commit: what a byte-identical repetition needs.
        dataset: Name, digest and sizes of the data, or empty.
        time: When the study was made, in seconds since 1970. Never part of a result.
        schema: Version of the log's format.
        minor: By which rules of that version the lines behind this one are written: from 1 on each line's checksum
            begins with the study's uid, so that a line of another study is refused.
    """

    name: str
    uid: str
    declaration: dict[str, Any]
    environment: dict[str, Any]
    dataset: dict[str, Any]
    time: float
    schema: int = SCHEMA
    minor: int = 0


@dataclass(frozen=True)
class Extension:
    """The user widened the study, or asked for more of it: from here on this declaration holds.

    Attributes:
        declaration: The declaration.
        time: When, in seconds since 1970. Never part of a result.
        retry: Numbers of failed trials that are to be tried again.
    """

    declaration: dict[str, Any]
    time: float
    retry: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Tick:
    """One tick of the logical clock: every busy lane advanced by one epoch.

    Attributes:
        tick: Number of the tick, from 0.
        time: When the tick ended, in seconds since 1970. Never part of a result.
        asks: Trials that began in this tick, in lane order.
        rows: What every busy lane brought, in lane order.
        decisions: What was decided once all had arrived, in trial order.
        stop: Why the study stops after this tick (a time limit, a target reached), or None.
        notes: What the ladder decided with this tick's asks, in words; mostly nothing.
    """

    tick: int
    time: float
    asks: tuple[Ask, ...]
    rows: tuple[Row, ...]
    decisions: tuple[Decision, ...]
    stop: str | None = None
    notes: tuple[str, ...] = ()


Record = Header | Extension | Tick
_KINDS: dict[str, type[Record]] = {"header": Header, "extension": Extension, "tick": Tick}


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as JSON values; numbers that are not finite become nan, inf and -inf."""
    kind = next(kind for kind, cls in _KINDS.items() if type(record) is cls)
    # Not dataclasses.asdict: it copies what is only written, and took most of the time of a tick.
    plain = dict(vars(record))
    for name in ("asks", "rows", "decisions"):
        if name in plain:
            plain[name] = [dict(vars(part)) for part in plain[name]]
    for ask in plain.get("asks", ()):
        if not ask["rejected"]:
            del ask["rejected"]
    for name in ("notes", "minor"):
        if not plain.get(name, True):
            del plain[name]
    for row in plain.get("rows", ()):
        row["metrics"] = {name: _write_number(value) for name, value in row["metrics"].items()}
    for decision in plain.get("decisions", ()):
        decision["evidence"] = {name: _write_number(value) for name, value in decision["evidence"].items()}
    return {"kind": kind, **plain}


def from_json(value: Mapping[str, Any]) -> Record:
    """Return the record that :func:`to_json` wrote.

    Raises:
        ValueError: The value is no record of this schema.
    """
    fields = dict(value)
    kind = fields.pop("kind", None)
    if kind not in _KINDS:
        raise ValueError(f"unknown kind of record {kind!r}")
    try:
        if kind == "tick":
            fields["asks"] = tuple(Ask(**ask) for ask in fields["asks"])
            fields["rows"] = tuple(_read_row(row) for row in fields["rows"])
            fields["decisions"] = tuple(Decision(**decision) for decision in fields["decisions"])
            fields["notes"] = tuple(fields.get("notes", ()))
        return _KINDS[kind](**fields)
    except (TypeError, KeyError) as error:
        raise ValueError(f"a {kind} record with the wrong fields: {error}") from error


def _read_row(value: Mapping[str, Any]) -> Row:
    fields = dict(value)
    fields["metrics"] = {name: float(number) for name, number in fields["metrics"].items()}
    return Row(**fields)


def _write_number(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
