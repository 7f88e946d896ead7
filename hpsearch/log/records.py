"""The words of the log: what happened in a study, as plain frozen values that turn into JSON and back.

A log is one :class:`Header` followed by one :class:`Tick` per tick of the logical clock, and an :class:`Extension`
where the user widened the study. Before a tick of a user's own functions stand its :class:`Begin` and the rows that
came first, each an :class:`Arrival`: what is finished is kept, however long the others take. Everything else that
hpsearch shows or stores is a fold of these records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

SCHEMA = 1
"""Version of the log's format; a reader refuses a log of another version."""

MINOR = 1
"""The rules by which a new log is written; those of a log are in its header, and it goes on under them."""

Action = Literal["complete", "prune", "fail", "audit", "pause"]

Change = Literal["", "same", "mended", "new_version", "extended"]
"""What the user said of a change: nothing, that the code computes the same, that failures are mended, that trials from
here on are another version's, or that the search goes on in another way."""


@dataclass(frozen=True)
class Ask:
    """A trial begins: the sampler was asked, and this is its answer.

    Attributes:
        trial: The trial's number, from 0.
        lane: The lane in which it trains.
        params: One value per active hyper-parameter of the space.
        point: Number of the sampled point; with ``repeats=r`` a point is trained by r trials.
        repeat: Which of the repeats this is, from 0.
        stage: Rung of the scaled-down ladder, from 0.
        rejected: Proposals for this point that violated a constraint.
        enqueued: It is a point that the user enqueued after the study was begun.
        reuses: Number of the trial of the same point whose result it has, or None where it is trained itself.
        until: The epoch at which it is paused, where the sampler said so with it, or None.
        evidence: Numbers behind the choice to begin it, where the sampler gave any.
        cost: Virtual time that each of its epochs takes, in studies with a declared cost; else None.
        place: In studies whose decisions look back (docs/engine.md), what stands for its number wherever it is trained:
            it begins before its number is known. That is its lane plus, for each trial that began there before, the
            number of lanes. Else None.
    """

    trial: int
    lane: int
    params: dict[str, Any]
    point: int
    repeat: int = 0
    stage: int = 0
    rejected: int = 0
    enqueued: bool = False
    reuses: int | None = None
    until: int | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    cost: float | None = None
    place: int | None = None

    @property
    def key(self) -> int:
        """The number that seeds its randomness and names its files: its place where it has one, else its number."""
        return self.trial if self.place is None else self.place

    @property
    def trained(self) -> Ask:
        """The ask as the objective gets it: under its key."""
        return self if self.place is None else replace(self, trial=self.place)


@dataclass(frozen=True)
class Resume:
    """A paused trial goes on, in a lane that is free.

    Attributes:
        trial: The trial's number.
        lane: The lane in which it trains from now on.
        until: The epoch at which it is paused again, or None where only the pruner pauses it.
        reason: Why, as one line for people.
        rule: The name of what decided so.
        evidence: Numbers behind the decision.
    """

    trial: int
    lane: int
    until: int | None
    reason: str
    rule: str
    evidence: dict[str, Any] = field(default_factory=dict)


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
        quiet: The trial worked through this epoch and reported nothing, such as a metric that it measures every fifth
            epoch.
        refusal: Why the trial itself says that its point is not worth training, or None. One line, for people.
        rule: What ended a trial with a ``failure``: ``failure`` for what its own code did, ``timeout`` or ``memory``
            for a limit of the study.
        attributes: What the trial has said of itself since its last row, by name, as JSON values; or None.
        score_seconds: The part of ``seconds`` that scoring took, where that is known. No more reproducible than they.
        within: What was measured within the epoch: (samples trained on in all epochs so far, metrics). For people
            alone: nothing is decided by it.
    """

    trial: int
    lane: int
    epoch: int
    metrics: dict[str, float]
    seconds: float = 0.0
    finished: bool = False
    failure: str | None = None
    traceback: str | None = None
    quiet: bool = False
    refusal: str | None = None
    rule: str = "failure"
    attributes: dict[str, Any] | None = None
    score_seconds: float = 0.0
    within: tuple[tuple[int, dict[str, float]], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it reports no epoch at all: a generator that ended had nothing more to say."""
        return not self.metrics and self.failure is None and not self.quiet

    @property
    def ended(self) -> bool:
        """Whether it is the trial's last row."""
        return self.finished or self.failure is not None or self.refusal is not None


@dataclass(frozen=True)
class Decision:
    """What happens to a trial after this tick; a trial without a decision continues.

    Attributes:
        trial: The trial's number.
        action: ``complete``, ``prune`` or ``fail``; or ``audit``: it would have been pruned here, and goes on so that
            the pruner can be held to account; or ``pause``: its lane is freed, and a :class:`Resume` may have it go on.
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
        brought: Results from elsewhere; see :class:`hpsearch.log.brought.Brought`.
    """

    name: str
    uid: str
    declaration: dict[str, Any]
    environment: dict[str, Any]
    dataset: dict[str, Any]
    time: float
    schema: int = SCHEMA
    minor: int = 0
    brought: dict[str, Any] = field(default_factory=dict)

    @property
    def rules(self) -> Mapping[str, int]:
        """Versions of the rules under which the study began; a rule that is not named is at version 1."""
        versions: Mapping[str, int] = self.environment.get("rules", {})
        return versions


@dataclass(frozen=True)
class Extension:
    """The user widened the study, or asked for more of it: from here on this declaration holds.

    Attributes:
        declaration: The declaration.
        time: When, in seconds since 1970. Never part of a result.
        retry: Numbers of failed trials that are to be tried again.
        change: What the user said of a change of what decides a result.
        changed: That change, in words.
        earlier: The values that the trials before had in dimensions which this declaration adds.
        points: Points to try next, each with a value for some or all of its dimensions.
        brought: Results from elsewhere that take the place of those before; see :class:`hpsearch.log.brought.Brought`.
        stop: Why the user had a run end here, or nothing.
    """

    declaration: dict[str, Any]
    time: float
    retry: list[int] = field(default_factory=list)
    change: Change = ""
    changed: list[str] = field(default_factory=list)
    earlier: dict[str, Any] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)
    brought: dict[str, Any] = field(default_factory=dict)
    stop: str = ""


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
        resumes: Paused trials that go on from this tick on, in lane order.
        due: The virtual time at which its rows were due, in studies with a declared cost; else None.
    """

    tick: int
    time: float
    asks: tuple[Ask, ...]
    rows: tuple[Row, ...]
    decisions: tuple[Decision, ...]
    stop: str | None = None
    notes: tuple[str, ...] = ()
    resumes: tuple[Resume, ...] = ()
    due: float | None = None


@dataclass(frozen=True)
class Begin:
    """Trials are about to begin in a tick that is not whole yet: written before any code of theirs runs.

    The tick's own record says so again; what stands before it is what a killed study had come to.

    Attributes:
        tick: The tick in which they begin.
        time: When, in seconds since 1970. Never part of a result.
        asks: The trials, in lane order.
        notes: What the ladder decided with these asks, in words.
        resumes: Paused trials that go on with them.
    """

    tick: int
    time: float
    asks: tuple[Ask, ...]
    notes: tuple[str, ...] = ()
    resumes: tuple[Resume, ...] = ()


@dataclass(frozen=True)
class Arrival:
    """A row has come before its tick is whole. Nothing is decided by it: that is done in logical order, by the tick.

    Attributes:
        tick: The tick that it belongs to.
        time: When it came, in seconds since 1970. Never part of a result.
        row: The row.
    """

    tick: int
    time: float
    row: Row


Record = Header | Extension | Tick | Begin | Arrival
