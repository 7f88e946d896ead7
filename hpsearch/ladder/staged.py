"""The staged ladder: small problems first, then their best points on larger ones, then an honest look at the winner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hpsearch.judging import confirm
from hpsearch.ladder.base import Proposal
from hpsearch.ladder.search_stage import SearchStage, Source
from hpsearch.log.history import History, Trial
from hpsearch.samplers.base import UNLIMITED, Continuation, Pausing
from hpsearch.study.scaling import Scale
from hpsearch.study.study import Study


class Staged:
    """Searches stage after stage, each begun when the trials of the one before have all ended.

    A stage's first points are the best of the stage before and, to calibrate it, a few others of it. Once these have
    ended, the sampler goes on in a box around the best: it knows what they were worth here, has the trials of the stage
    before for a prior, and the box is wider where that stage turned out to mislead.

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
        self._stages: dict[int, SearchStage] = {}
        self._sources: dict[int, Source] = {}
        self.total: int | None = sum(counts) + study.confirm * (study.confirm_top + 1)

    def next(self, history: History) -> Proposal | None:
        """Return the next trial to begin, or None where a stage waits for its last trials or all is done."""
        number = self._open_stage(history)
        if number is not None:
            unfinished = [trial for trial in history.unfinished if trial.ask.stage < number]
            return None if unfinished else self._search(history, number)
        if any(self.searches(trial.ask.stage) for trial in history.unfinished):
            return None
        lacking = self._lacking(history)
        return lacking[0] if lacking else None

    def over(self, history: History) -> bool:
        """Return whether nothing is left to begin, now or once the running trials have ended."""
        return self._open_stage(history) is None and not self.confirms(history)

    def exhausted(self, history: History) -> str | None:
        """Return None: stages and confirmation train points again on purpose."""
        return None

    def confirms(self, history: History) -> bool:
        """Return whether trials that confirm or test are still to begin once the search is over."""
        if not self._study.confirm:
            return False
        return any(self.searches(trial.ask.stage) for trial in history.unfinished) or bool(self._lacking(history))

    def resume(self, history: History) -> Continuation | None:
        """Return what the sampler goes on with, of a search without smaller stages; None where all trials are whole."""
        if len(self._scales) > 1 or self._enough(history):
            return None
        source = self._source(history, 0)
        if not isinstance(source.sampler, Pausing):
            return None
        begins = self._open_stage(history) is not None
        source.view.sync(history)
        chosen = source.sampler.resume(source.view, begins=begins)
        return None if chosen is None else replace(chosen, trial=_at(history, 0)[chosen.trial].number)

    def searches(self, stage: int) -> bool:
        """Return whether it is one of the search's stages."""
        return stage < len(self._scales)

    def epochs(self, stage: int, most: int) -> int:
        """Return the stage's own epochs where it has fewer."""
        limit = self._scales[stage].epochs if self.searches(stage) else None
        return most if limit is None else min(limit, most)

    def _open_stage(self, history: History) -> int | None:
        """Return the first stage of the search that lacks trials, or None."""
        if history is not self._history:
            self._history = history
            self._stages = {}
            self._sources = {}
        if self._enough(history):
            return None
        repeats = self._study.repeats
        for stage, count in enumerate(self._counts):
            begun = _at(history, stage)
            if len(begun) >= count:
                continue
            if stage and any(trial.ask.stage < stage for trial in history.unfinished):
                return stage  # what is to be promoted is not known yet
            n_inherited = len(self._stage(history, stage).inherited)
            if len(begun) < n_inherited * repeats or self._waits(history, stage):
                return stage
            source = self._source(history, stage)
            size = source.sampler.size
            if size is None or len(begun) < (n_inherited + size - source.n_shown) * repeats:
                return stage
        return None

    def _waits(self, history: History, stage: int) -> bool:
        """Return whether points that a stage was given still train: where the others come from depends on them."""
        inherited = {point for point, _ in self._stage(history, stage).inherited}
        return any(trial.ask.stage == stage and trial.ask.point in inherited for trial in history.unfinished)

    def _search(self, history: History, stage: int) -> Proposal | None:
        begun = _at(history, stage)
        search = self._stage(history, stage)
        index, repeat = divmod(len(begun), self._study.repeats)
        if repeat:
            return Proposal(begun[-1].params, begun[-1].ask.point, repeat, stage)
        if index < len(search.inherited):
            point, params = search.inherited[index]
            return Proposal(params, point, 0, stage)
        if self._waits(history, stage):
            return None
        source = self._source(history, stage)
        source.view.sync(history)
        params = source.sampler.ask(source.view, index - len(search.inherited) + source.n_shown)
        note = source.note if index == len(search.inherited) else ""
        number = 1 + max((trial.ask.point for trial in history.trials), default=-1)
        allotment = source.sampler.allotment if isinstance(source.sampler, Pausing) else UNLIMITED
        return Proposal(params, number, 0, stage, source.sampler.rejected, note, allotment=allotment)

    def _stage(self, history: History, stage: int) -> SearchStage:
        if stage not in self._stages:
            later = SearchStage.after(self._study, self._scales[stage - 1], stage, history) if stage else None
            self._stages[stage] = later or SearchStage.first(self._study)
        return self._stages[stage]

    def _source(self, history: History, stage: int) -> Source:
        if stage not in self._sources:
            self._sources[stage] = self._stage(history, stage).source(history)
        return self._sources[stage]

    def _lacking(self, history: History) -> list[Proposal]:
        """Return the trials that confirm and test and have not begun, as far as they are known."""
        chosen = confirm.candidates(history)
        seeds = range(self._study.confirm)
        stage = len(self._scales)
        begun = {(t.ask.stage, t.ask.point, t.ask.repeat) for t in history.trials}
        wanted = [Proposal(trial.params, trial.ask.point, seed, stage) for seed in seeds for trial in chosen]
        verdict = confirm.verdict(history)
        if verdict is not None and confirm.tests(history):
            winner = verdict.winner
            wanted += [Proposal(winner.params, winner.point, seed, stage + 1) for seed in seeds]
        return [proposal for proposal in wanted if (proposal.stage, proposal.point, proposal.repeat) not in begun]


def _at(history: History, stage: int) -> list[Trial]:
    return [trial for trial in history.trials if trial.ask.stage == stage]
