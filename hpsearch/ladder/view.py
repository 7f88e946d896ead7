"""A stage as a study of its own: the history that its sampler sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from hpsearch.log.history import Goal, History, Trial
from hpsearch.log.records import Ask


class StageView(History):
    """Some of a stage's trials, numbered from 0, as are their points.

    A sampler that reads a history must not compare values of two stages as they are, nor meet points that lie outside
    of the space that it searches. Curves are shared with the whole history, so that the view costs nothing but a look
    at its trials.

    Args:
        goal: Which metrics decide, and in which direction.
        stage: The stage.
        shows: Returns whether a trial belongs to the view.
        prior: Ended trials of another stage, with values on this one's scale, that come before the stage's own; of
            these too only those that ``shows`` accepts.
    """

    def __init__(self, goal: Goal, stage: int, shows: Callable[[Trial], bool], prior: Iterable[Trial] = ()) -> None:
        super().__init__(goal)
        self.full_stage = stage
        self._shows = shows
        self._seen = 0
        self._points: dict[int, int] = {}
        self._open: list[tuple[Trial, Trial]] = []
        for trial in filter(shows, prior):
            self.trials.append(replace(trial, ask=self._numbered(trial)))

    def sync(self, history: History) -> None:
        """Take in what the whole history holds; later calls bring the same one, grown."""
        self.header = history.header
        self.declaration = history.declaration
        if self.full_stage == 0:
            # A later stage searches a box of its own, and its values are on a scale of their own.
            self.spaces = history.spaces
            self.brought = history.brought
        self.tick = history.tick
        self.time = history.time
        for trial in history.trials[self._seen :]:
            if trial.ask.stage == self.full_stage and self._shows(trial):
                copy = Trial(self._numbered(trial), trial.asked_at, trial.ticks, trial.rows)
                self.trials.append(copy)
                self.unfinished.begin(copy)
                self._open.append((trial, copy))
        self._seen = len(history.trials)
        ended = []
        for original, copy in self._open:
            copy.value = original.value
            copy.best_epoch = original.best_epoch
            copy.values = original.values
            copy.decision = original.decision
            copy.audit = original.audit
            copy.ended_at = original.ended_at
            if copy.paused is None and original.paused is not None:
                self.unfinished.pause(copy.number)
            elif copy.paused is not None and original.paused is None:
                self.unfinished.resume(copy.number)
            copy.pauses = original.pauses
            copy.resumes = original.resumes
            copy.phases = original.phases
            if copy.decision is not None:
                self.unfinished.end(copy.number)
                ended.append(copy.ticks[-1] if copy.ticks else -1)
        self._open = [pair for pair in self._open if pair[1].decision is None]
        self.ends += sorted(ended)
        self.best = next(iter(self.ranked()), None)

    def _numbered(self, trial: Trial) -> Ask:
        point = self._points.setdefault(trial.ask.point, len(self._points))
        return replace(trial.ask, trial=len(self.trials), point=point)
