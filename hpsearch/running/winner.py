"""The model of a study that is done: the winner's, as it was after its best epoch.

While a study trains, its objective keeps a copy of the incumbent's model whenever it gets better. Where there is none
(the study was resumed, or trained elsewhere) the winner alone is trained again along the ticks in the log, which gives
the same bits.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hpsearch.engine.resume import catch_up
from hpsearch.errors import UserError
from hpsearch.judging.confirm import winner
from hpsearch.log.history import History, Trial
from hpsearch.models.datasets import Dataset
from hpsearch.objectives.base import Keeping, KeptModel, Objective, Start
from hpsearch.report.histograms import FILE
from hpsearch.study.study import Study
from hpsearch.tracking import cursor
from hpsearch.tracking.example import write_example
from hpsearch.tracking.model import FOLDER, Card, pinned, read_card, version, write_card

EXAMPLES = 3
"""Samples of the validation set that go along with a model, to try it with."""

NEEDED = ("mlflow", "numpy", "scipy", "scikit-learn", "skops", "threadpoolctl")
"""Packages that a model needs."""


def fitted(history: History, objective: Objective | None, make: Callable[[], Objective]) -> Any:
    """Return the winner's model as a fitted scikit-learn estimator; None where the study has no model or no winner.

    Args:
        history: The study.
        objective: The objective that trained the study, which may have kept the model.
        make: Makes a fresh objective that trains in this process.

    Raises:
        UserError: Training the winner again did not give the value in the log.
    """
    trial = winner(history)
    if trial is None or trial.best_epoch is None or history.declaration.model is None:
        return None
    winners = KeptModel(trial.ask.key, trial.best_epoch)
    if not isinstance(objective, Keeping) or objective.kept() != winners:
        objective = make()
        assert isinstance(objective, Keeping), "what trains a model can keep it"
        rows = [row for _, row in catch_up(objective, [(Start(trial.ask.trained), trial.starts[: trial.best_epoch])])]
        metric = history.goal.metric
        if rows[-1].metrics.get(metric) != trial.value:
            raise UserError(
                f"trial {trial.number}: training it again gave {metric} = {rows[-1].metrics.get(metric)}, the log says "
                f"{trial.value}: this CPU or these library versions are not those of the log"
            )
        objective.keep(trial.ask.key)
    return objective.model()


def refit(
    study: Study, dataset: Dataset | None, history: History, asked_for: bool | None, threads: int | None
) -> Callable[[], Any] | None:
    """Return a function that trains a study's winner once more, with the validation rows; None where it is not to be.

    Args:
        study: The study.
        dataset: Its data, or None.
        history: Its log.
        asked_for: Whether the user asks for it; None: where the rows were divided by hpsearch.
        threads: BLAS threads of its training.
    """
    trial = winner(history)
    if dataset is None or study.model is None or trial is None or trial.best_epoch is None or study.cv is not None:
        return None
    if not (dataset.own_split if asked_for is None else asked_for):
        return None
    from hpsearch.running.refit import refitted  # slow to import

    return partial(refitted, study, dataset, history, trial, threads)


@dataclass
class Winner:
    """Makes the winner's model when it is asked for.

    Attributes:
        history: The study.
        make: Makes a fresh objective that trains in this process.
        trained: The objective that trained the study in this process, which may have kept the model; or None.
        train_on_all_rows: Trains the winner of a cross-validated study on all rows, as no fold's model is handed over;
            None for other studies.
    """

    history: History
    make: Callable[[], Objective]
    trained: Objective | None = None
    train_on_all_rows: Callable[[Trial], Any] | None = None

    def model(self) -> Any:
        """Return the winner's model; see :func:`fitted`."""
        if self.train_on_all_rows is not None:
            trial = winner(self.history)
            return None if trial is None or trial.best_epoch is None else self.train_on_all_rows(trial)
        return fitted(self.history, self.trained, self.make)


def register_as(name_and_alias: str) -> tuple[str, str]:
    """Return the name and the alias in ``NAME`` or ``NAME@ALIAS``; without one the alias is ``champion``.

    Raises:
        UserError: MLflow takes no such name or alias.
    """
    name, at, alias = name_and_alias.partition("@")
    if not name.strip() or any(sign in name for sign in "/:"):
        raise UserError(f"--register {name_and_alias}: a model's name must not be empty, nor hold / or :")
    if at and not all(sign.isalnum() or sign in "_-" for sign in alias or "@"):
        raise UserError(f"--register {name_and_alias}: an alias is made of letters, digits, _ and -")
    return name, alias or "champion"


def store(
    study_dir: Path, history: History, dataset: Dataset, estimator: Callable[[], Any], register: str | None
) -> None:
    """Write the winner's model into its study's folder, unless it is there.

    Args:
        study_dir: The study's folder.
        history: The study, which is done.
        dataset: Its data.
        estimator: Returns the winner's model.
        register: ``NAME`` or ``NAME@ALIAS`` in MLflow's registry, or None.

    Raises:
        ValueError: The model cannot be written without pickle, or does not predict the same when it is read again.
        UserError: Training the winner again did not give the value in the log.
    """
    trial = winner(history)
    existing = read_card(study_dir)
    if trial is None or trial.best_epoch is None or trial.value is None or history.header is None:
        return
    if (
        register is None
        and existing is not None
        and existing.register is not None
        and existing.uid == history.header.uid
    ):
        # An earlier run was to register its winner and reached no store: today's winner is registered instead.
        register = None if cursor.has_shown(study_dir, version(study_dir)) else f"{existing.register}@{existing.alias}"
    name, alias = (None, None) if register is None else register_as(register)
    register = None if register is None else f"{name}@{alias}"
    identity = history.header.uid, trial.number, trial.best_epoch
    same = existing is not None and (existing.uid, existing.trial, existing.epoch) == identity
    if existing is not None and same and register in (None, f"{existing.register}@{existing.alias}"):
        return
    model = estimator()
    if model is None:
        return
    # These import scikit-learn, which a study of a function does not need.
    from hpsearch.models.estimators import serving
    from hpsearch.models.estimators.histograms import histograms

    examples = dataset.X_valid[:EXAMPLES].astype("float64") if dataset.example is None else dataset.example
    folder = Path(tempfile.mkdtemp(prefix=".model-", dir=study_dir))
    try:
        predicted = serving.write(model, folder, examples)
        write_example(folder, examples)
        samples = dataset.X_valid if dataset.example is None else dataset.example
        if (drawn := histograms(model, samples)) is not None:
            (folder / FILE).write_text(json.dumps(drawn), encoding="utf-8")
        tables = () if dataset.example is None else ("pandas",)
        requirements = [pinned(package) for package in (*NEEDED, *tables)]
        card = Card(
            history.header.uid,
            trial.number,
            trial.best_epoch,
            history.goal.metric,
            trial.value,
            trial.params,
            int(examples.shape[1]),
            str(predicted.dtype),
            requirements,
            name,
            alias,
        )
        write_card(folder, card)
        _replace(folder, study_dir / FOLDER)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(fresh: Path, target: Path) -> None:
    """Put a folder, which is complete, in the place of another."""
    old = target.with_name(f"{fresh.name}.old")
    if target.exists():
        os.replace(target, old)
    os.replace(fresh, target)
    shutil.rmtree(old, ignore_errors=True)
