"""A storage for an Optuna study that is a view of something else: it holds what is put into it, in memory."""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

NAME = "hpsearch"
"""The one study's name: constant, since Optuna's Hyperband hashes it."""

_STUDY = 0
_VIEW = "this Optuna study is a view of hpsearch's log and takes nothing but the history"


class Storage(BaseStorage):
    """Optuna's storage interface over the fold's trials, and over one scratch trial that is being asked for.

    A scratch trial takes what a sampler suggests and writes; it is gone with the next one, but its attributes go to the
    trial that is later put in its place.
    """

    def __init__(self, directions: Sequence[StudyDirection]) -> None:
        self._directions = list(directions)
        self._trials: list[FrozenTrial] = []
        self._numbers: dict[int, int] = {}
        self._scratch: FrozenTrial | None = None
        self._study_user: dict[str, Any] = {}
        self._study_system: dict[str, Any] = {}

    def drop_scratch(self) -> None:
        """Forget the scratch trial and what was written to it."""
        self._scratch = None

    def put(self, key: int, frozen: FrozenTrial) -> None:
        """Add a trial under a key, or replace the one that stands there."""
        number = self._numbers.setdefault(key, len(self._trials))
        frozen.number = number
        frozen._trial_id = number
        if number < len(self._trials):
            source: FrozenTrial | None = self._trials[number]
            self._trials[number] = frozen
        else:
            source = self._scratch if self._scratch is not None and self._scratch.number == number else None
            self._trials.append(frozen)
            self._scratch = None
        if source is not None:
            frozen.user_attrs = source.user_attrs
            frozen.system_attrs = source.system_attrs

    def trial(self, key: int) -> FrozenTrial:
        """Return the trial that was put under a key."""
        return self._trials[self._numbers[key]]

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
        trial = self._renew(trial_id)
        trial.params = {**trial.params, param_name: distribution.to_external_repr(param_value_internal)}
        trial.distributions = {**trial.distributions, param_name: distribution}

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of a trial."""
        trial = self._renew(trial_id)
        trial.user_attrs = {**trial.user_attrs, key: value}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute that a sampler or pruner keeps with a trial."""
        trial = self._renew(trial_id)
        trial.system_attrs = {**trial.system_attrs, key: value}

    def _renew(self, trial_id: int) -> FrozenTrial:
        # Optuna reads a list of trials, writes to one of them and counts on the list to be as it was read.
        trial = copy.copy(self.get_trial(trial_id))
        if trial_id == len(self._trials):
            self._scratch = trial
        else:
            self._trials[trial_id] = trial
        return trial

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
        """Return the direction of each of the goal's metrics."""
        return self._directions

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the one study's id."""
        return _STUDY

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the one study's name."""
        return NAME

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
