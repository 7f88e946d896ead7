"""Cross-validated trials: one trial trains a point once for each fold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hpsearch.log.records import Row
from hpsearch.objectives.base import Confirming, LaneState, Objective, Start
from hpsearch.objectives.fold_lanes import FoldLanes
from hpsearch.objectives.fold_scores import combined, so_far
from hpsearch.space import Space, restore


@dataclass
class _Fold:
    """One fold of a trial, as it stands.

    Attributes:
        metrics: The scores of the model that it would hand over if it ended now.
        ended: Whether it has ended.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    ended: bool = False


@dataclass
class _Trial:
    """A trial as it stands: what it began with, epochs done, and its folds."""

    start: Start
    epochs_done: int
    folds: list[_Fold]


class EpochByEpoch:
    """Trains all folds of a trial for one epoch in each tick.

    A fold that has ended by its own rule keeps the scores of the model that it hands over, so that each epoch has the
    scores of all folds. A trial has ended when all its folds have.

    Args:
        folds: Trains and measures the models of each fold.
        detailed: Metrics of which each fold's own score and the spread are reported too.
        model: Parameters of the model by name, of its last step alone.
        prefix: What stands before these names in a trial's parameters.
        space: Where a trial's parameters come from.
    """

    def __init__(
        self,
        folds: Sequence[Objective],
        detailed: Collection[str],
        model: Mapping[str, Any],
        prefix: str,
        space: Space,
    ) -> None:
        self.epochs = max(fold.epochs for fold in folds)
        self._folds = list(folds)
        self._lanes = FoldLanes(folds)
        self._detailed = detailed
        self._model = model
        self._prefix = prefix
        self._space = space
        self._trials: dict[int, _Trial] = {}

    def confirm(self, *, test: bool) -> None:
        """Let a trial's repeat alone own its randomness; see :meth:`hpsearch.objectives.mlp.MLPPopulation.confirm`."""
        for fold in self._folds:
            if isinstance(fold, Confirming):
                fold.confirm(test=test)

    def start(self, trial: Start) -> None:
        """Take a trial in, in each fold that has not ended."""
        folds = [_Fold() for _ in self._folds]
        for k, (fold, objective) in enumerate(zip(folds, self._folds, strict=True)):
            state: LaneState | None = None
            if trial.state is not None:
                prefix = f"fold{k}."
                fold_state = {
                    name.removeprefix(prefix): array for name, array in trial.state.items() if name.startswith(prefix)
                }
                fold.ended = bool(fold_state.pop("ended"))
                fold.metrics = _metrics(fold_state)
                state = fold_state
            if not fold.ended:
                objective.start(replace(trial, state=state))
        self._trials[trial.ask.trial] = _Trial(trial, trial.epoch, folds)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch in every fold that has not ended."""
        rows_by_trial: dict[int, dict[int, Row]] = {number: {} for number in trials}
        going = [
            [number for number in trials if not self._trials[number].folds[k].ended] for k in range(len(self._folds))
        ]
        for (k, number), row in sorted(self._lanes.advance(going, tick).items()):
            rows_by_trial[number][k] = row
        return [self._row(number, rows_by_trial[number]) for number in trials]

    def states(self) -> list[Start]:
        """Return the trials all of whose folds can be taken up again."""
        self._lanes.collect()
        saved: list[dict[int, Start]] = [{start.ask.trial: start for start in fold.states()} for fold in self._folds]
        complete = []
        for number, trial in self._trials.items():
            state: LaneState = {}
            for k, (fold, starts) in enumerate(zip(trial.folds, saved, strict=True)):
                fold_state = {} if fold.ended else starts[number].state if number in starts else None
                if fold_state is None:
                    break
                fold_state = {**fold_state, "ended": np.array(fold.ended), **_arrays(fold.metrics)}
                state |= {f"fold{k}.{name}": array for name, array in fold_state.items()}
            else:
                if trial.epochs_done:
                    complete.append(Start(trial.start.ask, trial.epochs_done, state))
        return complete

    def stop(self, trial: int) -> None:
        """Forget a trial."""
        record = self._trials.pop(trial)
        for k, fold in enumerate(record.folds):
            if not fold.ended:
                self._end(k, trial)

    def _end(self, fold: int, trial: int) -> None:
        self._lanes.release(fold, trial)
        self._folds[fold].stop(trial)

    def _row(self, number: int, rows: Mapping[int, Row]) -> Row:
        trial = self._trials[number]
        trial.epochs_done += 1
        ask, seconds = trial.start.ask, sum(row.seconds for row in rows.values())
        for k, row in rows.items():
            if row.failure is not None:
                newest = [rows[i].metrics if i in rows else fold.metrics for i, fold in enumerate(trial.folds)]
                # The deciding metrics are left out: an epoch that failed in one fold must not count.
                means = combined(newest, ()) if all(newest) else {}
                metrics = {name: mean for name, mean in means.items() if name not in self._detailed}
                failure = f"split {k}: {row.failure}"
                return Row(
                    number, ask.lane, trial.epochs_done, metrics, seconds, failure=failure, traceback=row.traceback
                )
        if any(row.quiet for row in rows.values()):  # a whole fit, or trees that are still to come
            return Row(number, ask.lane, trial.epochs_done, {}, seconds, quiet=True)
        keeps_best = self._keeps_best(ask.params)
        scores = []
        for k, fold in enumerate(trial.folds):
            if k not in rows:
                scores.append(fold.metrics)
                continue
            row = rows[k]
            if not keeps_best or _improves(row.metrics, fold.metrics):
                fold.metrics = dict(row.metrics)
            fold.ended = row.finished
            if row.finished:
                self._end(k, number)
            ended_early = row.finished and trial.epochs_done < self.epochs
            scores.append(fold.metrics if ended_early else dict(row.metrics))
        finished = all(fold.ended for fold in trial.folds)
        return Row(number, ask.lane, trial.epochs_done, combined(scores, self._detailed), seconds, finished)

    def _keeps_best(self, params: Mapping[str, Any]) -> bool:
        """Return whether a trial's folds hand over the weights of their best epoch: early stopping keeps them."""
        trial_params = restore(self._space, params)
        early_stopping = trial_params.get(f"{self._prefix}early_stopping", self._model.get("early_stopping", "none"))
        return early_stopping not in ("none", None, False)


def _improves(new: Mapping[str, float], old: Mapping[str, float]) -> bool:
    """Return whether an epoch is better than the best one before, by the metric that early stopping goes by."""
    if not old:
        return True
    if "val_accuracy" in new:
        return new["val_accuracy"] > old["val_accuracy"]
    return new.get("val_cost", 0.0) < old.get("val_cost", 0.0)


class FoldByFold:
    """Trains one fold of a trial in each tick, to its end; what a trial scores is the mean over its folds so far.

    Args:
        folds: Trains and measures the models of each fold, each in a single epoch.
        detailed: Metrics of which each fold's own score and the spread are reported too.
    """

    def __init__(self, folds: Sequence[Objective], detailed: Collection[str]) -> None:
        self.epochs = len(folds)
        self._folds = list(folds)
        self._detailed = detailed
        self._trials: dict[int, tuple[Start, list[dict[str, float]]]] = {}

    def confirm(self, *, test: bool) -> None:
        """Let a trial's repeat alone own its randomness."""
        for fold in self._folds:
            if isinstance(fold, Confirming):
                fold.confirm(test=test)

    def start(self, trial: Start) -> None:
        """Take a trial in; folds that it has done are not trained again."""
        self._trials[trial.ask.trial] = trial, done_folds(trial)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train the next fold of each of these trials."""
        rows: dict[int, Row] = {}
        for k, objective in enumerate(self._folds):
            for number in trials:
                start, scored = self._trials[number]
                if number in rows or len(scored) != k:
                    continue
                objective.start(Start(start.ask))
                (row,) = objective.advance([number], tick)
                objective.stop(number)
                rows[number] = self._row(number, row, k)
        return [rows[number] for number in trials]

    def states(self) -> list[Start]:
        """Return the trials with what their folds have scored."""
        return [Start(start.ask, len(scored), kept_folds(scored)) for start, scored in self._trials.values() if scored]

    def stop(self, trial: int) -> None:
        """Forget a trial."""
        del self._trials[trial]

    def _row(self, number: int, row: Row, fold: int) -> Row:
        start, scored = self._trials[number]
        if row.failure is not None:
            failure = f"split {fold}: {row.failure}"
            return replace(row, lane=start.ask.lane, epoch=fold + 1, metrics={}, finished=False, failure=failure)
        scored.append(dict(row.metrics))
        finished = len(scored) == len(self._folds)
        return replace(
            row, lane=start.ask.lane, epoch=len(scored), metrics=so_far(scored, self._detailed), finished=finished
        )


def kept_folds(scored: Sequence[Mapping[str, float]]) -> LaneState:
    """Return the metrics of the folds that are done as arrays, for a trial's state."""
    return {f"fold{k}.{name}": array for k, metrics in enumerate(scored) for name, array in _arrays(metrics).items()}


def done_folds(trial: Start) -> list[dict[str, float]]:
    """Return the metrics of the folds that a trial has done, from the state with which it is taken up."""
    state = trial.state or {}
    return [
        _metrics({name: state[f"fold{k}.{name}"] for name in ("names", "values")})
        for k in range(trial.epoch if state else 0)
    ]


def _arrays(metrics: Mapping[str, float]) -> LaneState:
    names = list(metrics)
    return {"names": np.array(names, "U"), "values": np.array([metrics[name] for name in names], np.float64)}


def _metrics(state: LaneState) -> dict[str, float]:
    """Return the metrics that :func:`_arrays` turned into arrays, and remove them from a state."""
    return dict(zip(map(str, state.pop("names")), map(float, state.pop("values")), strict=True))
