"""One stage of the search: the points that it takes over from the stage before, and the source of further ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hpsearch import samplers
from hpsearch.errors import UserError
from hpsearch.judging.calibration import compare
from hpsearch.ladder.narrow import narrow
from hpsearch.ladder.promotion import Point, promoted, ranking
from hpsearch.ladder.view import StageView
from hpsearch.log.history import History, Trial
from hpsearch.log.rows import Rows
from hpsearch.samplers.base import Sampler
from hpsearch.space import Dimension, SpaceFunction, check_point
from hpsearch.study.scaling import Scale
from hpsearch.study.study import Study
from hpsearch.study.unsaid import derived

STAGE_STREAM = 0x53544147
"""Keeps the points that a stage draws apart from the other random streams of a study."""

CALIBRATION_STREAM = 0x43414C49
"""Keeps the choice of the points that calibrate a stage apart from the other random streams of a study."""

WIDER = 3.0
"""Factor on the margin of the space around the best points, where the stage before misled."""

LEAST = 0.3
"""The least margin then, as a fraction of the whole range."""


@dataclass(frozen=True)
class Source:
    """Proposes the points of a stage that it does not take over from the stage before.

    Attributes:
        sampler: Proposes the points.
        view: The history that the sampler sees.
        n_shown: How many points the view holds before the stage's first own one, which has this number.
        note: A line for the log with the first of the points, where the ladder deviates from the plan; else empty.
    """

    sampler: Sampler
    view: StageView
    n_shown: int = 0
    note: str = ""


@dataclass(frozen=True)
class SearchStage:
    """One stage of the search, once the stage before it is over.

    Attributes:
        study: What is searched.
        scale: The stage before, or None for the first.
        stage: Its number.
        inherited: The points that it takes over: promoted ones first, best first, then those that were drawn at random
            beside them.
        best: The promoted ones.
    """

    study: Study
    scale: Scale | None
    stage: int
    inherited: Sequence[Point]
    best: Sequence[Point]

    @classmethod
    def first(cls, study: Study) -> SearchStage:
        """Return the first stage: it takes nothing over."""
        return cls(study, None, 0, (), ())

    @classmethod
    def after(cls, study: Study, scale: Scale, stage: int, history: History) -> SearchStage:
        """Return a later stage.

        Args:
            study: What is searched.
            scale: The stage before.
            stage: The number of this one.
            history: The study; the stage before is over.
        """
        best = promoted(history, stage - 1, scale)
        others = [point for point in ranking(history, stage - 1) if point not in best]
        rng = np.random.default_rng((study.seed, CALIBRATION_STREAM, stage))
        n_drawn = min(scale.calibration, len(others))
        drawn = sorted(rng.choice(len(others), n_drawn, replace=False).tolist()) if others else []
        return cls(study, scale, stage, [*best, *(others[index] for index in drawn)], best)

    def source(self, history: History) -> Source:
        """Return where the stage's own points come from; for a later stage, all points given have ended."""
        study = self.study
        scale = self.scale
        if scale is None:
            return Source(samplers.build(study), StageView(history.goal, 0, lambda trial: True))
        space, note = self._space(history)
        # A sampler that reads no results would only skip what it was shown; the chapter's reads whole curves.
        prior = (
            []
            if note or study.sampler == "chapter" or not samplers.build(study).reads_history
            else self._prior(history)
        )
        view = StageView(history.goal, self.stage, lambda trial: _inside(space, trial.params), prior)
        # Only what the sampler saw before its first own point: on a resume the view holds own points too.
        shown_points = list({trial.ask.point: trial.params for trial in view.trials}.values())
        shown_points += [params for _, params in self.inherited if _inside(space, params)]
        enqueue = () if callable(space) else shown_points
        seed = int(np.random.SeedSequence((study.seed, STAGE_STREAM, self.stage)).generate_state(1)[0])
        sub_study = derived(study, space=space, seed=seed, enqueue=enqueue, n_trials=None, stages=None)
        return Source(samplers.build(sub_study), view, len(shown_points), note)

    def _space(self, history: History) -> tuple[Mapping[str, Dimension] | SpaceFunction, str]:
        """Return what is searched, and in words why it is not the box around the promoted points."""
        study = self.study
        scale = self.scale
        assert scale is not None, "a later stage"
        if callable(study.space):
            return study.space, ""
        # In the study's whole space, not in the box of the stage before: a point from beside it may be among them.
        promoted_points = [params for _, params in self.best]
        if scale.if_misleading == "keep":
            return narrow(study.dimensions, promoted_points, scale.margin), ""
        # As many as were promoted, but the best of this stage: one drawn to calibrate may be the better. An option goes
        # only where it never made the better half of the stage before: unlike the end of a range, it has no margin.
        inherited = {point for point, _ in self.inherited}
        ranked = [params for point, params in ranking(history, self.stage) if point in inherited]
        ranked_before = [params for _, params in ranking(history, self.stage - 1)]
        half = ranked_before[: math.ceil(len(ranked_before) / 2)]
        centre_points = ranked[: len(self.best)] or promoted_points
        comparison = compare(history, self.stage - 1)
        if comparison is None or not comparison.surely_misleads:
            return narrow(study.dimensions, centre_points, scale.margin, half), ""
        rho = comparison.rho
        low = comparison.rho_low
        high = comparison.rho_high
        finding = f"stage {self.stage - 1} misleads here (ρ = {rho:.2f} [{low:.2f}, {high:.2f}])"
        if scale.if_misleading == "skip":
            return study.dimensions, f"{finding}: stage {self.stage} goes on as if it had been left out"
        wider = narrow(study.dimensions, centre_points, min(max(scale.margin * WIDER, LEAST), 1.0), half)
        return wider, f"{finding}: stage {self.stage} goes on in a wider space, around the best points of its own"

    def _prior(self, history: History) -> list[Trial]:
        """Return the trials of the stage before whose points this one has not trained."""
        inherited = {point for point, _ in self.inherited}
        shift = self._shift(history)
        trials = [
            trial for trial in history.trials if trial.ask.stage == self.stage - 1 and trial.ask.point not in inherited
        ]
        return [_shifted(trial, history.goal.metric, shift) for trial in trials]

    def _shift(self, history: History) -> float:
        """Return by how much a value here exceeds one of the stage before: the median over the points of both."""
        values, values_before = (
            {trial.ask.point: trial.value for trial in reversed(history.ranked_at(stage)) if trial.value is not None}
            for stage in (self.stage, self.stage - 1)
        )
        gaps = [
            values[point] - values_before[point]
            for point, _ in self.inherited
            if point in values and point in values_before
        ]
        return float(np.median(gaps)) if gaps else 0.0


def _shifted(trial: Trial, metric: str, shift: float) -> Trial:
    """Return a trial of another stage with its values on this one's scale; other metrics stay as they are."""
    if trial.value is None:
        return trial
    rows = Rows(
        replace(row, metrics={**row.metrics, metric: row.metrics[metric] + shift}) if metric in row.metrics else row
        for row in trial.rows
    )
    value = trial.value + shift
    return replace(trial, rows=rows, value=value, values=(value, *trial.values[1:]))


def _inside(space: Mapping[str, Dimension] | SpaceFunction, params: Mapping[str, Any]) -> bool:
    if callable(space):
        return True
    try:
        check_point(space, params, "point")
    except UserError:
        return False
    return True
