"""The chapter's procedure as a sampler: how to choose a neural network's hyper-parameters, step by step.

1. Any non-trivial learning. 2. η with λ = 0: the order of magnitude at which the training cost falls at once instead of
oscillating, and gets as low as at any, then finer. 3. λ from 1.0 by factors of ten, then finer. 4. η again. 5. How long
and with which schedule to train, and the other dimensions one by one. 6. The mini-batch size, by value against elapsed
time. 7. Momentum last. Then the best point is refined, a coordinate at a time.

Nothing is remembered: each ask walks the steps anew over the history and returns the first probe that is missing. A
step whose probes still train is decided by what they have shown so far, so that no lane waits; should the choice
change, the walk asks for what is missing on its new way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.samplers.asked_points import AskedPoints
from hpsearch.samplers.base import Sampler, check_single
from hpsearch.samplers.chapter_rate import RateOrder, rule_of
from hpsearch.samplers.chapter_steps import (
    FINEST,
    AnyLearning,
    BatchSize,
    Finer,
    Orders,
    ProcedureStep,
    Scan,
)
from hpsearch.samplers.probes import Point, project, rounded, short
from hpsearch.samplers.seeding import point_sequence
from hpsearch.space import Choice, Space
from hpsearch.space.dimensions import listed
from hpsearch.study.registry import RULES
from hpsearch.study.study import Study

RATE = ("learning_rate",)
DECAY = ("l2", "l1", "alpha")
BATCH = ("batch_size",)
TRAINING = ("max_epochs", "early_stopping", "patience", "lr_schedule", "lr_factor", "lr_min_ratio")
MOMENTUM = ("optimizer", "momentum")

SPREAD = 0.1
"""Standard deviation of a refining step: in decades of a logarithm, or as a share of a range."""

TRIES = 20
"""Draws for a point that was not tried before; small spaces run out of them."""


@dataclass(frozen=True)
class Chapter:
    """Declares the procedure of the chapter: one hyper-parameter after the other.

    Examples:
        >>> from math import log10
        >>> from hpsearch import Float, Study, samplers
        >>> def objective(trial):
        ...     return -abs(log10(trial["learning_rate"]) + 1)  # best at 0.1
        >>> study = Study("chapter", objective=objective, space={"learning_rate": Float(1e-4, 10, log=True)},
        ...               sampler=samplers.Chapter(), n_trials=10, lanes=1)
        >>> study.run(tracking=False, quiet=True).best_trial.params
        {'learning_rate': 0.125}
    """

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study.

        Raises:
            UserError: The space is a function, there are constraints, or there are several metrics.
        """
        if callable(study.space):
            raise UserError("sampler 'chapter' needs a space of dimensions, not a function: take 'tpe' or 'random'")
        if study.constraints:
            raise UserError("sampler 'chapter' probes what its steps say and takes no constraints: take 'tpe' or 'gp'")
        check_single(study, "chapter")
        model = {} if study.model is None else study.model.get_params(deep=True)
        return ChapterPoints(study.dimensions, model, study.seed, study.repeats)


@dataclass(frozen=True)
class Walk:
    """How far the procedure has come.

    Attributes:
        missing: The first probe that was not tried, or None where the procedure has ended.
        base: The values chosen so far.
        lines: A line per step: what it tried, saw and chose.
    """

    missing: Point | None
    base: Point
    lines: list[str]


class ChapterPoints:
    """Proposes points by walking the steps of the procedure over the history."""

    reads_history = True
    size = None
    rejected = 0

    def __init__(self, space: Space, model: Mapping[str, Any], seed: int, repeats: int) -> None:
        self._space = space
        self._seed = seed
        self._repeats = repeats
        self._start = {name: _start(name, dim, model) for name, dim in space.items()}
        self._steps = {rule: _steps(space, rule) for rule in range(1, RULES["chapter"] + 1)}

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number: the first missing probe, or a refinement of the best."""
        points = AskedPoints(history.trials, history.goal, self._repeats)
        walk = self.walk(points, rule_of(history))
        return self._refined(points, walk.base, point) if walk.missing is None else project(self._space, walk.missing)

    def walk(self, points: AskedPoints, rule: int) -> Walk:
        """Return how far the procedure has come with these points, by a rule of `hpsearch.samplers.chapter_rate`."""
        base = dict(self._start)
        lines: list[str] = []
        for step in self._steps[rule]:
            if step.name is not None and step.name not in project(self._space, base):
                continue  # it does not exist at the point that was chosen
            probes = step.probes(base, points)
            if not probes:
                continue
            answers = [points[project(self._space, probe)] for probe in probes]
            base, words = step.choose(base, probes, points)
            n_open = sum(answer is None or answer.open for answer in answers)
            if any(answer is not None for answer in answers):
                provisional = f" (provisional: {n_open} of {len(probes)} still to come)" if n_open else ""
                lines.append(f"step {len(lines) + 1}, {step.title}: {words}{provisional}")
            missing = next((probe for probe, answer in zip(probes, answers, strict=True) if answer is None), None)
            if missing is not None:
                return Walk(missing, base, lines)
        return Walk(None, base, lines)

    def _refined(self, points: AskedPoints, base: Point, number: int) -> dict[str, Any]:
        """Return a point that differs from the best in one coordinate, each in turn."""
        best = points.best()
        centre = base if best is None else {**base, **best.trials[0].params}
        names = list(project(self._space, centre))
        rng = np.random.default_rng(point_sequence(self._seed, number))
        moved = centre
        for attempt in range(TRIES):
            name = names[(number + attempt) % len(names)]
            moved = {**centre, name: self._moved(name, centre[name], rng)}
            if points[project(self._space, moved)] is None:
                break
        return project(self._space, moved)

    def _moved(self, name: str, value: Any, rng: np.random.Generator) -> Any:
        dim = self._space[name]
        if isinstance(dim, Choice):
            others = [option for option in dim.grid() if option != listed(value)]
            return others[int(rng.integers(len(others)))] if others else listed(value)
        step = SPREAD * float(rng.normal())
        if value > 0 and (dim.log or _base_name(name) in (*RATE, *DECAY)):
            moved = rounded(dim, value * 10.0 ** (2 * step))
        else:
            moved = rounded(dim, value + step * (dim.high - dim.low))
        if moved == value and dim.count() is not None:
            cell = dim.step or 1
            moved = dim.snap(value + (cell if step > 0 else -cell))
        return moved


def story(history: History) -> list[str]:
    """Return what each step of the procedure tried, saw and chose: a pure function of the history.

    In a staged study it is told of the smallest stage, which is where the procedure begins; on the others it goes on
    between the points that were promoted.

    Args:
        history: A study whose sampler is the chapter's.
    """
    declaration = history.declaration
    space = declaration.dimensions
    model = declaration.model_params
    sampler = ChapterPoints(space, model, declaration.seed, declaration.repeats)
    trials = [trial for trial in history.trials if trial.ask.stage == 0]
    points = AskedPoints(trials, history.goal, declaration.repeats)
    walk = sampler.walk(points, rule_of(history))
    lines = list(walk.lines)
    if history.full_stage:
        lines.insert(0, "the chapter's procedure on stage 0, the smallest problem:")
    best = points.best()
    if walk.missing is None and best is not None:
        lines.append(
            f"then: refined a coordinate at a time; the best so far is {history.goal.metric} {short(best.value)} at "
            + ", ".join(f"{name}={short(value)}" for name, value in best.trials[0].params.items())
        )
    return lines


def _base_name(name: str) -> str:
    return name.rpartition("__")[2]


def _named(space: Space, names: Sequence[str]) -> list[str]:
    return [full for name in names for full in space if _base_name(full) == name]


def _start(name: str, dim: Any, model: Mapping[str, Any]) -> Any:
    """Return where a dimension stays until its turn: λ at 0 or at its lowest, else the model's value or the middle."""
    if _base_name(name) in DECAY and not isinstance(dim, Choice):
        return dim.snap(0.0)
    if _base_name(name) in DECAY and dim.contains(0):
        return dim.at(dim.index(0))
    value = listed(model.get(name))
    if dim.contains(value):
        return dim.at(dim.index(value)) if isinstance(dim, Choice) else dim.snap(value)
    return dim.at(0) if isinstance(dim, Choice) else rounded(dim, dim.from_unit(0.5))


def _steps(space: Space, rule: int) -> list[ProcedureStep]:
    rates = _named(space, RATE)
    decays = _named(space, DECAY)
    training = _named(space, TRAINING)
    batch = _named(space, BATCH)
    last = _named(space, MOMENTUM)
    turns = {*rates, *decays, *training, *batch, *last}
    steps: list[ProcedureStep] = [AnyLearning(space)]
    for name in rates:
        steps += [RateOrder(space, name, _without(space, decays), rule), Finer(space, name)]
    for name in decays:
        steps += [Orders(space, name), Finer(space, name)]
    steps += [Finer(space, name, FINEST, " again") for name in rates if decays]
    steps += [Scan(space, name) for name in [*training, *(name for name in space if name not in turns)]]
    steps += [BatchSize(space, name) for name in batch]
    rate = next(iter(rates), None)
    steps += [Scan(space, name, rate, _SHARES[_base_name(name)]) for name in last]
    return steps


def _without(space: Space, decays: Sequence[str]) -> str:
    words = []
    for name in decays:
        dim = space[name]
        value = _start(name, dim, {})
        excluded = "" if value == 0 else " (its range excludes 0)"
        words.append(f"{name} = {short(value)}{excluded}")
    return f" with {', '.join(words)}" if words else ""


def _momentum_shares(value: Any, base: Any) -> Sequence[float]:
    """With momentum μ a step adds up to η/(1 − μ): η is tried as it is and so that this stays."""
    return (1.0, (1 - value) / (1 - base)) if isinstance(base, int | float) and base < 1 and value < 1 else (1.0,)


_SHARES = {"momentum": _momentum_shares, "optimizer": lambda value, base: (1.0,) if value == base else (1.0, 0.1)}
