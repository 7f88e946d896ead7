"""Running a study: what ``hpsearch run`` and ``study.run()`` do."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch import pruners, samplers
from hpsearch.declaration import changes, declare, identity
from hpsearch.engine import environment
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.clock import ALL_FAILED, Clock
from hpsearch.engine.interrupt import Interrupt
from hpsearch.engine.log import Log
from hpsearch.engine.observer import Observer, Silent, StudyPlan
from hpsearch.engine.resume import restore
from hpsearch.errors import StudyFailed, UserError
from hpsearch.history import History, Trial
from hpsearch.objectives.base import Objective
from hpsearch.objectives.build import build_objective
from hpsearch.records import Extension, Header
from hpsearch.study import Study
from hpsearch.tracking.process import Delivery, default_uri
from models import datasets

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Result:
    """What a study found.

    Attributes:
        name: The study's name.
        history: Everything in its log.
        interrupted: It was interrupted and waits to be resumed by the same call.
    """

    name: str
    history: History
    interrupted: bool

    @property
    def best_trial(self) -> Trial | None:
        """The best trial, or None where none has a value."""
        return self.history.best

    @property
    def trials(self) -> pd.DataFrame:
        """A row per trial."""
        from hpsearch.report.export import trials_frame

        return trials_frame(self.history)

    @property
    def curves(self) -> pd.DataFrame:
        """A row per trial and epoch."""
        from hpsearch.report.export import curves_frame

        return curves_frame(self.history)


def run(
    study: Study,
    root: str | Path = "mlruns",
    *,
    quiet: bool = False,
    tracking: bool = True,
    tracking_uri: str | None = None,
    observer: Observer | None = None,
    study_file: Path | None = None,
) -> Result:
    """Run a study, or resume it where its log exists.

    Args:
        study: The declaration.
        root: Where all state is: the log, checkpoints, MLflow's store.
        quiet: Show nothing while it runs.
        tracking: Deliver trials and curves to MLflow.
        tracking_uri: MLflow's store; by default MLFLOW_TRACKING_URI, else a sqlite store in the root.
        observer: Who watches; by default a live view in a terminal or a notebook, else plain lines.
        study_file: The file that declares the study, kept beside its log.

    Returns:
        The result; ``interrupted`` is set where Ctrl-C ended the run early.

    Raises:
        UserError: The study, its data or the root do not allow it to run.
        StudyFailed: Every trial failed.
    """
    watcher = observer or _default_observer(quiet)
    root = Path(root)
    with ExitStack() as stack:
        folder = root / "studies" / study.name
        delivery: Delivery | None = None
        if tracking:
            # Started first, so that importing MLflow and making its store take place beside everything else.
            delivery = stack.enter_context(Delivery(folder, tracking_uri or default_uri(root), root))
        dataset = _load(study)
        objective = build_objective(study, dataset)
        sampler, pruner = samplers.build(study), pruners.build(study)
        log = stack.enter_context(Log(folder / "log.jsonl"))
        resumed = bool(log.records)
        history = History.fold(log.records, study.goal)
        _open(log, history, study, dataset, study_file, watcher)
        if delivery is not None:
            delivery.begin()
        uid = history.header.uid if history.header else ""
        checkpoints = Checkpoints(folder / "checkpoints", uid)
        total = _total(history, sampler.size)
        watcher.begin(history, _plan(study, objective, dataset, root, total, resumed))
        interrupt = stack.enter_context(Interrupt(watcher.message))
        done = False
        try:
            if not (history.stop or "").startswith(ALL_FAILED):
                history.stop = None
                restore(history, objective, checkpoints, watcher.message)
                clock = Clock(
                    log, history, objective, sampler, pruner, study.lanes, total, study.repeats, checkpoints, watcher,
                    interrupted=lambda: interrupt.requested,
                )  # fmt: skip
                done = clock.run()
        except KeyboardInterrupt:
            done = False
        finally:
            watcher.end(history)
        if delivery is not None:
            report = delivery.finish()
            if report.message:
                watcher.message(report.message)
    if (history.stop or "").startswith(ALL_FAILED):
        raise StudyFailed(f"study {study.name!r} {history.stop}")
    return Result(study.name, history, interrupted=not done)


def _load(study: Study) -> datasets.Dataset | None:
    if study.data is None:
        return None
    try:
        return datasets.load(study.data)
    except ValueError as error:
        raise UserError(str(error)) from error


def _open(
    log: Log,
    history: History,
    study: Study,
    dataset: datasets.Dataset | None,
    study_file: Path | None,
    watcher: Observer,
) -> None:
    """Write the header of a new log, or see that an old one is this study's; extend it where more trials are wanted."""
    declaration = declare(study)
    described = _describe(dataset)
    if history.header is None:
        folder = study_file.parent if study_file else None
        uid = identity({**declaration, "dataset": described.get("digest")})
        header = Header(study.name, uid, declaration, environment.describe(folder), described, time.time())
        if study_file is not None:
            shutil.copyfile(study_file, log.path.parent / "study.py")
        log.append(header)
        history.apply(header)
        return
    old = history.declaration
    if identity(old) != identity(declaration):
        what = "; ".join(changes(old, declaration))
        raise UserError(
            f"study {study.name!r} has changed since it was begun: {what}; give it another name with --name"
        )
    if history.header.dataset.get("digest") != described.get("digest"):
        raise UserError(
            f"study {study.name!r}: its data have changed since it was begun; give it another name with --name"
        )
    wanted, had = declaration["n_trials"], old["n_trials"]
    if had is not None and (wanted is None or wanted > had):
        extension = Extension(declaration, time.time())
        log.append(extension)
        history.apply(extension)
    then, now = history.header.environment, environment.describe()
    for key in ("cpu", "blas", "python"):
        if then.get(key) != now.get(key):
            watcher.message(f"{key} was {then.get(key)}, is now {now.get(key)}: last bits of new curves may differ")


def _describe(dataset: datasets.Dataset | None) -> dict[str, Any]:
    if dataset is None:
        return {}
    sizes = {"train": len(dataset.y_train), "valid": len(dataset.y_valid)}
    if dataset.y_test is not None:
        sizes["test"] = len(dataset.y_test)
    features = int(dataset.X_train.shape[1])
    classes = len(set(dataset.y_train.tolist()))
    return {
        "name": dataset.name,
        "digest": dataset.digest,
        "source": dataset.source,
        "sizes": sizes,
        "features": features,
        "classes": classes,
    }


def _total(history: History, size: int | None) -> int | None:
    """Return how many trials there are in all: points times repeats."""
    n_trials = history.declaration["n_trials"]
    points = [number for number in (n_trials, size) if number is not None]
    return min(points) * int(history.declaration["repeats"]) if points else None


def _plan(
    study: Study,
    objective: Objective,
    dataset: datasets.Dataset | None,
    root: Path,
    total: int | None,
    resumed: bool,
) -> StudyPlan:
    about = (
        "" if dataset is None else f"{dataset.name} ({len(dataset.y_train):,} train, {len(dataset.y_valid):,} valid)"
    )
    declaration = declare(study)
    names = [d if isinstance(d, str) else d["class"] for d in (declaration["sampler"], declaration["pruner"])]
    return StudyPlan(
        study.name, study.goal, total, objective.epochs, study.lanes, names[0], names[1], about, root, resumed
    )


def _default_observer(quiet: bool) -> Observer:
    if quiet:
        return Silent()
    from hpsearch.report.live import live_view

    return live_view()
