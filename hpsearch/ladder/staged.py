"""The staged ladder: small problems first, then their best points on larger ones, then an honest look at the winner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hpsearch import confirm, samplers
from hpsearch.history import Goal, History, Trial
from hpsearch.ladder.base import Proposal
from hpsearch.ladder.narrow import narrow
from hpsearch.ladder.view import StageView
from hpsearch.samplers.base import Sampler
from hpsearch.scaling import Scale
from hpsearch.study import Study

STAGE_STREAM, CALIBRATION_STREAM = 0x53544147, 0x43414C49
"""Keep what a ladder draws apart from the other streams of a study."""


@dataclass(frozen=True)
class Rung:
    """One stage of the search, once the stage before it is over.

    Attributes:
        given: The points that it takes over, as (number, parameters): promoted ones first, best first, then those that
            were drawn at random beside them.
        promoted: How many of them are promoted.
        sampler: Proposes the others; the promoted points are its first ones.
        view: What the sampler is shown: trials inside of its space.
    """

    given: Sequence[tuple[int, dict[str, Any]]]
    promoted: int
    sampler: Sampler
    view: StageView


class Staged:
    """Searches stage after stage, each begun when the trials of the one before have all ended.

    A stage's first points are the best of the stage before and, to calibrate it, a few others of it; the sampler goes
    on in a box around the best. It is shown this stage's trials only: the values of another stage are on another scale.

    Args:
        study: What is searched.
        scales: Its stages, the full problem last.
        counts: Trials of each, repeats counted.
        enough: Whether the search has found what it was after and ends early.
    """

    def __init__(
        self,
        study: Study,
        scales: Sequence[Scale],
        counts: Sequence[int],
        enough: Callable[[History], bool] = lambda history: False,
    ) -> None:
        self._study = study
        self._scales = list(scales)
        self._counts = list(counts)
        self._enough = enough
        self._history: History | None = None
        self._rungs: dict[int, Rung] = {}
        self.total: int | None = sum(counts) + study.confirm * (study.confirm_top + 1)

    def next(self, history: History) -> Proposal | None:
        """Return the next trial to begin, or None where a stage waits for its last trials or all is done."""
        number = self._open_stage(history)
        if number is not None:
            before = [trial for trial in history.running() if trial.ask.stage < number]
            return None if before else self._search(history, number)
        if any(self.searches(trial.ask.stage) for trial in history.running()):
            return None
        lacking = self._lacking(history)
        return lacking[0] if lacking else None

    def over(self, history: History) -> bool:
        """Return whether nothing is left to begin, now or once the running trials have ended."""
        return self._open_stage(history) is None and not self.confirms(history)

    def confirms(self, history: History) -> bool:
        """Return whether trials that confirm or test are still to begin once the search is over."""
        if not self._study.confirm:
            return False
        return any(self.searches(trial.ask.stage) for trial in history.running()) or bool(self._lacking(history))

    def searches(self, stage: int) -> bool:
        """Return whether it is one of the search's stages."""
        return stage < len(self._scales)

    def epochs(self, stage: int, most: int) -> int:
        """Return the stage's own epochs where it has fewer."""
        own = self._scales[stage].epochs if self.searches(stage) else None
        return most if own is None else min(own, most)

    def _open_stage(self, history: History) -> int | None:
        """Return the first stage of the search that lacks trials, or None."""
        if history is not self._history:
            self._history, self._rungs = history, {}
        if self._enough(history):
            return None
        for stage, count in enumerate(self._counts):
            own = _at(history, stage)
            if len(own) >= count:
                continue
            if stage and any(trial.ask.stage < stage for trial in history.running()):
                return stage  # what is to be promoted is not known yet
            size = self._rung(history, stage).sampler.size
            if size is None or len(own) < (size + self._beside(history, stage)) * self._study.repeats:
                return stage
        return None

    def _beside(self, history: History, stage: int) -> int:
        rung = self._rung(history, stage)
        return len(rung.given) - rung.promoted

    def _search(self, history: History, stage: int) -> Proposal:
        own, rung = _at(history, stage), self._rung(history, stage)
        index, repeat = divmod(len(own), self._study.repeats)
        if repeat:
            return Proposal(own[-1].params, own[-1].ask.point, repeat, stage)
        if stage and index < len(rung.given):
            point, params = rung.given[index]
            return Proposal(params, point, 0, stage)
        rung.view.sync(history)
        params = rung.sampler.ask(rung.view, index - (len(rung.given) - rung.promoted))
        number = 1 + max((trial.ask.point for trial in history.trials), default=-1)
        return Proposal(params, number, 0, stage, rung.sampler.rejected)

    def _rung(self, history: History, stage: int) -> Rung:
        if stage not in self._rungs:
            self._rungs[stage] = self._begin(history, stage)
        return self._rungs[stage]

    def _begin(self, history: History, stage: int) -> Rung:
        study = self._study
        if stage == 0:
            return Rung((), 0, samplers.build(study), StageView(history.goal, 0, lambda trial: True))
        scale = self._scales[stage - 1]
        ranked = ranking(history, stage - 1)
        promoted = ranked[: _count(scale.promote, len(ranked))]
        rest = [point for point in ranked if point not in promoted]
        rng = np.random.default_rng((study.seed, CALIBRATION_STREAM, stage))
        drawn = sorted(rng.choice(len(rest), min(scale.calibration, len(rest)), replace=False).tolist()) if rest else []
        beside = [rest[place] for place in drawn]
        space = study.space
        if not callable(space):
            # In the study's whole space, not in the box of the stage before: a point from beside it may be among them.
            space = narrow(study.dimensions, [params for _, params in promoted], scale.margin)
        seed = int(np.random.SeedSequence((study.seed, STAGE_STREAM, stage)).generate_state(1)[0])
        first = () if callable(space) else [params for _, params in promoted]
        small = replace(study, space=space, seed=seed, enqueue=first, n_trials=None, stages=None)
        outside = {point for point, _ in beside}
        view = StageView(history.goal, stage, lambda trial: trial.ask.point not in outside)
        return Rung([*promoted, *beside], len(promoted), samplers.build(small), view)

    def _lacking(self, history: History) -> list[Proposal]:
        """Return the trials that confirm and test and have not begun, as far as they are known."""
        chosen, seeds, stage = confirm.candidates(history), range(self._study.confirm), len(self._scales)
        begun = {(t.ask.stage, t.ask.point, t.ask.repeat) for t in history.trials}
        wanted = [Proposal(trial.params, trial.ask.point, seed, stage) for seed in seeds for trial in chosen]
        found = confirm.verdict(history)
        if found is not None and confirm.tests(history):
            winner = found.winner
            wanted += [Proposal(winner.params, winner.point, seed, stage + 1) for seed in seeds]
        return [each for each in wanted if (each.stage, each.point, each.repeat) not in begun]


def ranking(history: History, stage: int) -> list[tuple[int, dict[str, Any]]]:
    """Return a stage's points as (number, parameters), best mean over their repeats first; failed ones are left out."""
    values: dict[int, list[float]] = {}
    params: dict[int, dict[str, Any]] = {}
    for trial in history.ranked_at(stage):
        assert trial.value is not None, "ranked trials have a value"
        values.setdefault(trial.ask.point, []).append(_loss(history.goal, trial))
        params[trial.ask.point] = trial.params
    order = sorted(values, key=lambda point: (sum(values[point]) / len(values[point]), point))
    return [(point, params[point]) for point in order]


def _loss(goal: Goal, trial: Trial) -> float:
    assert trial.value is not None, "ranked trials have a value"
    return goal.loss(trial.value)


def _at(history: History, stage: int) -> list[Trial]:
    return [trial for trial in history.trials if trial.ask.stage == stage]


def _count(promote: int | float, points: int) -> int:
    """Return how many of a stage's points are promoted: at least one, where there is one."""
    wanted = max(1, round(promote * points)) if isinstance(promote, float) else promote
    return min(wanted, points)
