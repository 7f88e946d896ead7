"""The history as an Optuna study, in memory: what Optuna's samplers, pruners and importances read.

The study is a view. Its finished trials are values computed from the history, so it is the same whether it grew tick by
tick or was made at once on resume. Optuna may write attributes to a trial or to the study; they live as long as the view.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from hpsearch import space as spaces
from hpsearch.errors import UserError
from hpsearch.history import Goal, History, Trial
from hpsearch.space import Space, SpaceFunction

_STUDY = 0
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
        study: The Optuna study; a trial's value is its best, and so is what it reported at each epoch.
        storage: What the study stands on.
    """

    def __init__(self, space: Space | SpaceFunction, goal: Goal, repeats: int = 1, merge: bool = True) -> None:
        """Make an empty view.

        Args:
            space: What was searched.
            goal: What decides.
            repeats: How many trials make a point complete.
            merge: Whether the trials of one point are one Optuna trial with the mean of their values; without it
                there is one Optuna trial per trial.
        """
        self._space = space
        self._goal = goal
        self._repeats = repeats if merge else 1
        self._merge = merge
        self._groups: dict[int, list[int]] = {}
        self._open: set[int] = set()
        self._seen = 0
        self.storage = Storage(_DIRECTIONS[goal.direction])
        self.study = optuna.study.Study("hpsearch", self.storage)

    def sync(self, history: History, trials: int = _NEVER, rows: int = _NEVER, ends: int = _NEVER) -> None:
        """Take in what the history holds, or held at an earlier moment.

        Args:
            history: The history; later calls bring the same one, grown.
            trials: Take in only trials with a number below this.
            rows: Take in only rows up to this tick.
            ends: Take in only decisions up to this tick.
        """
        for trial in history.trials[self._seen : trials]:
            key = trial.ask.point if self._merge else trial.number
            self._groups.setdefault(key, []).append(trial.number)
            self._open.add(key)
            self._seen += 1
        for key in sorted(self._open):
            group = [history.trials[number] for number in self._groups[key]]
            frozen = self._frozen(group, rows, ends)
            self.storage.put(key, frozen)
            if frozen.state.is_finished():
                self._open.discard(key)

    def _frozen(self, group: Sequence[Trial], rows: int, ends: int) -> FrozenTrial:
        params, distributions = self._described(group[0])
        curves = [self._curve(trial, rows) for trial in group if not _ended(trial, ends) or trial.state != "FAILED"]
        last = max((len(curve) for curve in curves), default=0)
        reports = {epoch + 1: _mean([c[epoch] for c in curves if len(c) > epoch]) for epoch in range(last)}
        bests = [curve[-1] for curve in curves if curve]
        state, value = TrialState.RUNNING, None
        if len(group) >= self._repeats and all(_ended(trial, ends) for trial in group):
            value = _mean(bests)
            if not math.isfinite(value):
                state, value = TrialState.FAIL, None
            elif any(trial.state == "PRUNED" for trial in group):
                state = TrialState.PRUNED
            else:
                state = TrialState.COMPLETE
        return FrozenTrial(
            number=-1,  # the storage numbers it
            trial_id=-1,
            state=state,
            value=value,
            datetime_start=None,
            datetime_complete=None,
            params=params,
            distributions=distributions,
            user_attrs={},
            system_attrs={},
            intermediate_values={epoch: value for epoch, value in reports.items() if math.isfinite(value)},
        )

    def _curve(self, trial: Trial, rows: int) -> list[float]:
        # Best value so far at each epoch; NaN while there is none.
        curve: list[float] = []
        best = math.nan
        for tick, row in zip(trial.ticks, trial.rows, strict=True):
            if tick > rows:
                break
            value = row.metrics.get(self._goal.metric, math.nan)
            if math.isfinite(value) and not self._goal.better(best, value):
                best = value
            curve.append(best)
        return curve

    def _described(self, trial: Trial) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        if callable(self._space):
            fixed = FixedTrial(trial.params)
            self._space(fixed)
            return dict(fixed.params), dict(fixed.distributions)
        params = {name: spaces.to_optuna(self._space[name], value) for name, value in trial.params.items()}
        return params, {name: spaces.distribution(self._space[name]) for name in params}


def suggest(trial: optuna.Trial, space: Space | SpaceFunction) -> dict[str, Any]:
    """Return the parameters that an Optuna trial suggests, as native JSON values.

    Raises:
        UserError: A space function returns other parameters than those that it suggests.
    """
    if callable(space):
        returned: Any = space(trial)  # type: ignore[func-returns-value]  # what a user's function returns is looked at
        params = {name: spaces.json_value(value, name) for name, value in trial.params.items()}
        if returned is not None and returned != trial.params:
            raise UserError("space: the function must suggest each parameter under its own name and return nothing")
        return params
    found: dict[str, Any] = {}
    for name, dim in space.items():
        if spaces.is_active(dim, found):
            found[name] = spaces.from_optuna(dim, _suggest(trial, name, spaces.distribution(dim)))
    return found


def _suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, optuna.distributions.FloatDistribution):
        return trial.suggest_float(
            name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    if isinstance(distribution, optuna.distributions.IntDistribution):
        return trial.suggest_int(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)
    assert isinstance(distribution, optuna.distributions.CategoricalDistribution)
    return trial.suggest_categorical(name, distribution.choices)


class Storage(BaseStorage):
    """Optuna's storage interface over the fold's trials, and over one scratch trial that is being asked for.

    A scratch trial takes what a sampler suggests and writes; it is gone with the next one, but its attributes go to the
    trial that is later put in its place.
    """

    def __init__(self, direction: StudyDirection) -> None:
        self._directions = [direction]
        self._trials: list[FrozenTrial] = []
        self._places: dict[int, int] = {}
        self._scratch: FrozenTrial | None = None
        self._study_user: dict[str, Any] = {}
        self._study_system: dict[str, Any] = {}

    def drop_scratch(self) -> None:
        """Forget the scratch trial and what was written to it."""
        self._scratch = None

    def put(self, key: int, frozen: FrozenTrial) -> None:
        """Add a trial under a key, or replace the one that stands there."""
        place = self._places.setdefault(key, len(self._trials))
        frozen.number, frozen._trial_id = place, place
        if place < len(self._trials):
            source: FrozenTrial | None = self._trials[place]
            self._trials[place] = frozen
        else:
            source = self._scratch if self._scratch is not None and self._scratch.number == place else None
            self._trials.append(frozen)
            self._scratch = None
        if source is not None:
            frozen.user_attrs, frozen.system_attrs = source.user_attrs, source.system_attrs

    def place(self, key: int) -> FrozenTrial:
        """Return the trial that was put under a key."""
        return self._trials[self._places[key]]

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Open a scratch trial, which replaces the one before."""
        number = len(self._trials)
        empty: dict[str, Any] = {}
        self._scratch = template_trial or FrozenTrial(
            number, TrialState.RUNNING, None, None, None, empty, {}, {}, {}, {}, number
        )
        return number

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial, the scratch trial included."""
        if trial_id == len(self._trials) and self._scratch is not None:
            return self._scratch
        return self._trials[trial_id]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials in these states, by number; the scratch trial comes last."""
        trials = [*self._trials, *([self._scratch] if self._scratch is not None else [])]
        if states is not None:
            trials = [trial for trial in trials if trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Note what was suggested."""
        trial = self.get_trial(trial_id)
        trial.params = {**trial.params, param_name: distribution.to_external_repr(param_value_internal)}
        trial.distributions = {**trial.distributions, param_name: distribution}

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of a trial."""
        self.get_trial(trial_id).user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute that a sampler or pruner keeps with a trial."""
        self.get_trial(trial_id).system_attrs[key] = value

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute of the study."""
        self._study_user[key] = value

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute that a sampler keeps with the study."""
        self._study_system[key] = value

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the study's attributes."""
        return self._study_user

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the attributes that samplers keep with the study."""
        return self._study_system

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the goal's direction."""
        return self._directions

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the one study's id."""
        return _STUDY

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the one study's name: constant, since Optuna's Hyperband hashes it."""
        return "hpsearch"

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """Return a trial's id, which is its number."""
        return trial_number

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Refuse: there is one study, and it is a view."""
        raise NotImplementedError(_VIEW)

    def delete_study(self, study_id: int) -> None:
        """Refuse: there is one study, and it is a view."""
        raise NotImplementedError(_VIEW)

    def get_all_studies(self) -> list[Any]:
        """Refuse: there is one study, and it is a view."""
        raise NotImplementedError(_VIEW)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Refuse: results come from the history."""
        raise NotImplementedError(_VIEW)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Refuse: results come from the history."""
        raise NotImplementedError(_VIEW)


_VIEW = "this Optuna study is a view of hpsearch's log and takes nothing but the history"


def seed_everything(part: Any, seed: int) -> None:
    """Seed every random stream that an Optuna sampler or pruner holds, those of the samplers within it too.

    Optuna's own ``reseed_rng`` takes no seed: what it draws afterwards cannot be repeated.
    """
    import numpy as np

    def visit(value: Any, depth: int) -> None:
        if isinstance(value, np.random.RandomState):
            value.seed(seed)
        elif isinstance(getattr(value, "rng", None), np.random.RandomState):
            value.rng.seed(seed)
        elif depth < 3 and type(value).__module__.split(".")[0] not in ("builtins", "numpy"):
            for inner in list(getattr(value, "__dict__", {}).values()):
                visit(inner, depth + 1)

    visit(part, 0)


def _ended(trial: Trial, ends: int) -> bool:
    return trial.decision is not None and (not trial.ticks or trial.ticks[-1] <= ends)


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
