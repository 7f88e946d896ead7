"""A stage as a study of its own: what its sampler is shown."""

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
        goal: What decides.
        stage: The stage.
        shows: Which of its trials belong to the view.
        prior: Ended trials of another stage, on this one's scale, that come before them; of these too, what it shows.
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
                shown = Trial(self._numbered(trial), trial.asked_at, trial.ticks, trial.rows)
                self.trials.append(shown)
                self.unfinished.begin(shown)
                self._open.append((trial, shown))
        self._seen = len(history.trials)
        ended = []
        for original, shown in self._open:
            shown.value = original.value
            shown.best_epoch = original.best_epoch
            shown.values = original.values
            shown.decision = original.decision
            shown.audit = original.audit
            shown.ended_at = original.ended_at
            if shown.paused is None and original.paused is not None:
                self.unfinished.pause(shown.number)
            elif shown.paused is not None and original.paused is None:
                self.unfinished.resume(shown.number)
            shown.pauses = original.pauses
            shown.resumes = original.resumes
            shown.phases = original.phases
            if shown.decision is not None:
                self.unfinished.end(shown.number)
                ended.append(shown.ticks[-1] if shown.ticks else -1)
        self._open = [pair for pair in self._open if pair[1].decision is None]
        self.ends += sorted(ended)
        self.best = next(iter(self.ranked()), None)

    def _numbered(self, trial: Trial) -> Ask:
        point = self._points.setdefault(trial.ask.point, len(self._points))
        return replace(trial.ask, trial=len(self.trials), point=point)
