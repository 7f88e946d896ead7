"""The objective of a ladder: one objective per stage, each on its own data and in its own units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hpsearch.log.records import Row
from hpsearch.models.datasets import Dataset
from hpsearch.objectives.base import Confirming, Foldered, Keeping, KeptModel, Objective, Start
from hpsearch.objectives.build import Prepared
from hpsearch.objectives.build import prepare as prepare_flat
from hpsearch.study.declaration import RULE
from hpsearch.study.scaling import Scale, reduced, translated
from hpsearch.study.study import Study
from hpsearch.study.unsaid import derived


@dataclass(frozen=True)
class StageTraining:
    """How the trials of one stage are trained.

    Attributes:
        scale: The stage.
        make: Makes its objective from its data.
        confirms: Whether it confirms or tests, with fresh seeds.
        tests: Whether it reports the test set's metrics.
    """

    scale: Scale
    make: Callable[[Dataset | None], Objective]
    confirms: bool = False
    tests: bool = False


class StagedObjective:
    """Hands each trial to its stage's objective, which is made when its first trial begins.

    Args:
        trainings: By stage: those of the search, then the one that confirms and the one that tests.
        dataset: The full problem's data.
        seed: The study's seed.
        epochs: Most epochs of a trial of the full problem.
    """

    def __init__(self, trainings: Sequence[StageTraining], dataset: Dataset | None, seed: int, epochs: int) -> None:
        self.epochs = epochs
        self._trainings = trainings
        self._dataset = dataset
        self._seed = seed
        self._objectives: dict[int, Objective] = {}
        self._starts: dict[int, Start] = {}
        self._keeper: Keeping | None = None
        self._study_dir: Path | None = None

    def place(self, folder: Path) -> None:
        """Keep the files of the trials in a study's folder."""
        self._study_dir = folder

    def start(self, trial: Start) -> None:
        """Take a trial in, its parameters translated to its stage's problem."""
        ask = trial.ask
        self._starts[ask.trial] = trial
        params = ask.params
        if self._dataset is not None:
            params = translated(self._trainings[ask.stage].scale, params, len(self._dataset.y_train))
        self._at(ask.stage).start(replace(trial, ask=replace(ask, params=params)))

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch, stage by stage."""
        stages = sorted({self._starts[number].ask.stage for number in trials})
        rows: dict[int, Row] = {}
        for stage in stages:
            numbers = [number for number in trials if self._starts[number].ask.stage == stage]
            rows |= {row.trial: row for row in self._at(stage).advance(numbers, tick)}
        return [rows[number] for number in trials]

    def states(self) -> list[Start]:
        """Return the trials that can be saved, with their parameters of the full problem."""
        saved = [start for objective in self._objectives.values() for start in objective.states()]
        return [replace(start, ask=self._starts[start.ask.trial].ask) for start in saved]

    def keep(self, trial: int) -> None:
        """Keep a copy of a trial's model as it is after its last epoch; the one kept before is forgotten."""
        objective = self._at(self._starts[trial].ask.stage)
        if isinstance(objective, Keeping):
            objective.keep(trial)
            self._keeper = objective

    def kept(self) -> KeptModel | None:
        """Return whose model is kept, or None."""
        return None if self._keeper is None else self._keeper.kept()

    def model(self) -> Any:
        """Return the kept model as a fitted scikit-learn estimator."""
        assert self._keeper is not None, "a model is kept"
        return self._keeper.model()

    def stop(self, trial: int) -> None:
        """Forget a trial."""
        self._at(self._starts.pop(trial).ask.stage).stop(trial)

    def _at(self, stage: int) -> Objective:
        if stage not in self._objectives:
            training = self._trainings[stage]
            data = None if self._dataset is None else reduced(training.scale, self._dataset, self._seed)
            objective = training.make(data)
            if training.confirms and isinstance(objective, Confirming):
                objective.confirm(test=training.tests)
            if self._study_dir is not None and isinstance(objective, Foldered):
                objective.place(self._study_dir)
            self._objectives[stage] = objective
        return self._objectives[stage]


def prepare(study: Study, dataset: Dataset | None, rule: int = RULE) -> Prepared:
    """Return the objective of any study, its stages settled, checked but not yet made.

    Args:
        study: The study; a flat one that confirms nothing has its plain objective.
        dataset: Its data.
        rule: The rule of its log's declaration; 1 for one that was begun by version 0.1.

    Raises:
        UserError: A stage's model or data do not suit.
    """
    full = prepare_one(study, dataset, rule)
    if study.stages is None and not study.confirm:
        return full
    scales = study.stages if study.stages is not None else (Scale(),)
    assert not isinstance(scales, str), "stages were settled"
    trainings = []
    for scale in scales:
        prepared = full
        if not scale.is_full and dataset is not None:
            small = reduced(scale, dataset, study.seed)
            prepared = prepare_one(_on(study, scale, len(dataset.y_train)), small, rule)
        trainings.append(StageTraining(scale, prepared.make))
    trainings += [
        StageTraining(Scale(), full.make, confirms=True),
        StageTraining(Scale(), full.make, confirms=True, tests=True),
    ]
    return replace(full, make=partial(_make, tuple(trainings), study.seed, full.epochs))


def prepare_one(study: Study, dataset: Dataset | None, rule: int = RULE) -> Prepared:
    """Return the objective of one stage of a study, checked but not yet made; its points may be cross-validated.

    Args:
        study: The study on that stage.
        dataset: The stage's data.
        rule: As :func:`prepare` takes it.

    Raises:
        UserError: The model or the data do not suit.
    """
    if study.cv is None or dataset is None:
        return prepare_flat(study, dataset, rule)
    from hpsearch.objectives import cross_build  # imports scikit-learn

    return cross_build.prepare(study, dataset, prepare_flat)


def _make(trainings: Sequence[StageTraining], seed: int, epochs: int, dataset: Dataset | None) -> Objective:
    return StagedObjective(trainings, dataset, seed, epochs)


def _on(study: Study, scale: Scale, n: int) -> Study:
    """Return the study whose model is the stage's: its own λ, hidden layers and epochs."""
    from sklearn.base import clone  # slow to import

    assert study.model is not None, "stages go with a model"
    params: Mapping[str, Any] = study.model.get_params(deep=True)
    changed = {name: value for name, value in translated(scale, params, n).items() if value is not params[name]}
    model = clone(study.model).set_params(**changed)
    epochs = study.epochs if scale.epochs is None or study.epochs is None else min(study.epochs, scale.epochs)
    return derived(study, model=model, epochs=epochs, stages=None)
