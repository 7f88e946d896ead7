"""The history as an Optuna study, in memory: what Optuna's samplers, pruners and importances read.

The study is a view. Its finished trials are values computed from the history, so it is the same whether it grew tick by
tick or was made at once on resume. Attributes that Optuna writes to a trial or to the study live as long as the view.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from hpsearch.errors import UserError
from hpsearch.log.history import Goal, History, Trial
from hpsearch.optuna_bridge.storage import NAME, Storage
from hpsearch.space import Space, SpaceFunction, check_point, dimensions, distributions, is_active
from hpsearch.study.cross_validation import split_name

_NEVER = 2**62
_DIRECTIONS = {"maximize": StudyDirection.MAXIMIZE, "minimize": StudyDirection.MINIMIZE}


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Optuna's log and its warnings about experimental parts, for as long as the block lasts."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.filterwarnings("ignore", category=UserWarning, module="optuna")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


class OptunaFold:
    """An Optuna study that is kept up with a history.

    Attributes:
        study: The Optuna study; a trial's value is its best, or its last where the goal says so.
        storage: What the study stands on.
        valueless: Those of its trials that ended without a value.
    """

    def __init__(
        self,
        space: Space | SpaceFunction,
        goal: Goal,
        repeats: int = 1,
        merge: bool = True,
        failed_as_pruned: bool = False,
        observes: bool = False,
        by_fold: bool = False,
    ) -> None:
        """Make an empty view.

        With several metrics a pruned trial is a complete one to Optuna: its samplers take no others, and what it had
        reached when it was stopped is known in every metric.

        Args:
            space: What was searched.
            goal: Which metrics decide, and in which direction.
            repeats: How many trials make a point complete.
            merge: Whether the trials of one point are one Optuna trial with the mean of their best values so far;
                without it there is one Optuna trial per trial, with the values that it reported.
            failed_as_pruned: Whether failed points become pruned ones without a value, which TPE ranks behind all that
                have one. Otherwise they become failed ones, which Optuna's samplers do not look at.
            observes: Whether what was brought along from elsewhere comes before the study's own trials.
            by_fold: Whether trials that go fold by fold report what each fold scored, in the place of the mean so far.
        """
        self._space = space
        self._goal = goal
        self._repeats = repeats if merge else 1
        self._merge = merge
        self._by_fold = by_fold
        self._failed = TrialState.PRUNED if failed_as_pruned else TrialState.FAIL
        self._groups: dict[int, list[int]] = {}
        self._open: set[int] = set()
        self.valueless: set[int] = set()
        self._seen = 0
        self._observations_put = not observes
        self.storage = Storage([_DIRECTIONS[direction] for direction in goal.directions])
        self.study = optuna.study.Study(NAME, self.storage)

    def sync(self, history: History, trials: int = _NEVER, rows: int = _NEVER, ends: int = _NEVER) -> None:
        """Take in what the history holds, or held at an earlier moment.

        Args:
            history: The history; later calls bring the same one, grown.
            trials: Take in only trials with a number below this.
            rows: Take in only rows up to this tick.
            ends: Take in only decisions up to this tick.
        """
        if not self._observations_put:
            self._observe(history)
        changed = len(history.spaces) > 1
        for trial in history.trials[self._seen : trials]:
            self._seen += 1
            if changed and fitting(self._space, trial.params) is None:
                continue  # of an earlier space: here there is no such point
            key = trial.ask.point if self._merge else trial.number
            self._groups.setdefault(key, []).append(trial.number)
            self._open.add(key)
        for key in sorted(self._open):
            group = [history.trials[number] for number in self._groups[key]]
            frozen = self._frozen(group, rows, ends)
            self.storage.put(key, frozen)
            self.valueless.discard(key)
            if frozen.state.is_finished():
                self._open.discard(key)
                if frozen.values is None:
                    self.valueless.add(key)

    def _observe(self, history: History) -> None:
        """Put what was tried elsewhere before the study's own trials."""
        self._observations_put = True
        for index, observation in enumerate(history.brought.observations, start=1):
            state = {"COMPLETE": TrialState.COMPLETE, "PRUNED": TrialState.PRUNED}.get(observation.state, self._failed)
            if fitting(self._space, observation.params) is None:
                continue  # of an earlier space
            values = list(observation.values) if observation.values and observation.state != "FAILED" else None
            if self._goal.others and values and state == TrialState.PRUNED:
                state = TrialState.COMPLETE  # as its own trials are
            reports: dict[int, float] = {}
            if values and not self._goal.others:
                epochs, curve = zip(*observation.curve, strict=True) if observation.curve else ((), ())
                reports = dict(zip(epochs, accumulate(curve, self._best_so_far), strict=True))
                reports[observation.epoch or 1] = values[0]
            self.storage.put(-index, self._trial(observation.params, state, values, reports))
            if values is None:
                self.valueless.add(-index)

    def _frozen(self, group: Sequence[Trial], rows: int, ends: int) -> FrozenTrial:
        valued = [trial for trial in group if not _ended(trial, ends) or trial.state != "FAILED"]
        state = TrialState.RUNNING
        values = None
        if len(group) >= self._repeats and all(_ended(trial, ends) for trial in group):
            values = self._values(valued, rows)
            if any(trial.state == "PRUNED" for trial in group):
                # Without a value it still tells a sampler that this was a bad place.
                state = TrialState.COMPLETE if self._goal.others and values is not None else TrialState.PRUNED
            else:
                state = self._failed if values is None else TrialState.COMPLETE
        reports: dict[int, float] = {}
        if not self._goal.others:  # Optuna knows no reports of several metrics
            curves = [self._curve(trial, rows) for trial in valued]
            last = max((len(curve) for curve in curves), default=0)
            reports = {epoch + 1: _mean([c[epoch] for c in curves if len(c) > epoch]) for epoch in range(last)}
        return self._trial(group[0].params, state, values, reports)

    def _trial(
        self, point: dict[str, Any], state: TrialState, values: list[float] | None, reports: dict[int, float]
    ) -> FrozenTrial:
        params, distributions = self._to_optuna(point)
        return FrozenTrial(
            number=-1,  # the storage numbers it
            trial_id=-1,
            state=state,
            value=None,
            values=values,
            datetime_start=None,
            datetime_complete=None,
            params=params,
            distributions=distributions,
            user_attrs={},
            system_attrs={},
            intermediate_values={epoch: report for epoch, report in reports.items() if math.isfinite(report)},
        )

    def _values(self, trials: Sequence[Trial], rows: int) -> list[float] | None:
        """Return the mean of each metric over trials at the epochs that count, or None where one has no value."""
        measured = []
        for trial in trials:
            epoch_index = None
            best = None
            for index, value in enumerate(self._reported(trial, rows)):
                if self._goal.counts(value, best):
                    epoch_index = index
                    best = value
            if epoch_index is not None and best is not None:
                measured.append((best, *trial.measured(epoch_index, self._goal.metrics[1:])))
        means = [_mean(column) for column in zip(*measured, strict=True)]
        return means if means and all(map(math.isfinite, means)) else None

    def _curve(self, trial: Trial, rows: int) -> list[float]:
        """Return what a trial reports at each epoch: the value, or what counts so far (NaN while there is none)."""
        if self._by_fold:
            metric = self._goal.metric
            pairs = zip(trial.ticks, trial.rows, strict=True)
            reported = [(row.metrics, split_name(row.epoch - 1, metric)) for tick, row in pairs if tick <= rows]
            return [metrics.get(name, metrics.get(metric, math.nan)) for metrics, name in reported]
        values = self._reported(trial, rows)
        return list(accumulate(values, self._best_so_far)) if self._merge else values

    def _best_so_far(self, best: float, value: float) -> float:
        return value if self._goal.counts(value, best if math.isfinite(best) else None) else best

    def _reported(self, trial: Trial, rows: int) -> list[float]:
        metric = self._goal.metric
        pairs = zip(trial.ticks, trial.rows, strict=True)
        return [row.metrics.get(metric, math.nan) for tick, row in pairs if tick <= rows]

    def _to_optuna(self, point: dict[str, Any]) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        if callable(self._space):
            return _suggested(self._space, point)
        params = {name: distributions.to_optuna(self._space[name], value) for name, value in point.items()}
        return params, {name: distributions.distribution(self._space[name]) for name in params}


def fitting(space: Space | SpaceFunction, point: dict[str, Any]) -> dict[str, Any] | None:
    """Return the parameters of a point that a space has, or None where the point lies outside of the space.

    Args:
        space: The space as it is declared by now.
        point: Values by name; where the space is a function, there may be more than it suggests.
    """
    try:
        if not callable(space):
            return check_point(space, point, "point")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a value outside of its range is what is tested for
            params, ranges = _suggested(space, point)
        inside = all(ranges[name]._contains(ranges[name].to_internal_repr(value)) for name, value in params.items())
    except (UserError, ValueError):
        return None
    return {name: dimensions.json_value(value, name) for name, value in params.items()} if inside else None


def _suggested(space: SpaceFunction, point: dict[str, Any]) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """Return the parameters that a space function suggests at a point, and their ranges."""
    fixed = FixedTrial(point)
    space(fixed)
    return dict(fixed.params), dict(fixed.distributions)


def suggest(trial: optuna.Trial, space: Space | SpaceFunction) -> dict[str, Any]:
    """Return the parameters that an Optuna trial suggests, as native JSON values.

    Raises:
        UserError: A space function returns other parameters than those that it suggests.
    """
    if callable(space):
        returned = space(trial)
        params = {name: dimensions.json_value(value, name) for name, value in trial.params.items()}
        if returned is not None and returned != trial.params:
            raise UserError("space: the function must suggest each parameter under its own name and return nothing")
        return params
    point: dict[str, Any] = {}
    for name, dim in space.items():
        if is_active(dim, point):
            point[name] = distributions.from_optuna(dim, _suggest(trial, name, distributions.distribution(dim)))
    return point


def _suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, optuna.distributions.FloatDistribution):
        return trial.suggest_float(
            name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    if isinstance(distribution, optuna.distributions.IntDistribution):
        return trial.suggest_int(
            name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    assert isinstance(distribution, optuna.distributions.CategoricalDistribution)
    return trial.suggest_categorical(name, distribution.choices)


def _ended(trial: Trial, ends: int) -> bool:
    return trial.decision is not None and (not trial.ticks or trial.ticks[-1] <= ends)


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
