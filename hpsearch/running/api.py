"""Running a study: what ``hpsearch run`` and ``study.run()`` do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch import ladder
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.clock import ALL_FAILED, Clock
from hpsearch.engine.cluster import Cluster
from hpsearch.engine.dask_client import connect
from hpsearch.engine.interrupt import Interrupt
from hpsearch.engine.observer import Observer, Silent, StudyPlan
from hpsearch.engine.opening import open_history
from hpsearch.engine.outage import Outage
from hpsearch.engine.resume import restore
from hpsearch.engine.stopping import Limits
from hpsearch.errors import StudyFailed, UserError
from hpsearch.judging.confirm import Verdict, verdict
from hpsearch.log import stages
from hpsearch.log.history import History, Trial
from hpsearch.log.writer import Log
from hpsearch.models import datasets
from hpsearch.objectives.staged import prepare
from hpsearch.running import preflight, winner
from hpsearch.study.declaration import CONFIRM
from hpsearch.study.study import Study
from hpsearch.tracking.content import is_done
from hpsearch.tracking.process import Delivery

if TYPE_CHECKING:
    import pandas as pd

AHEAD = 8
"""Ticks that a cluster's workers may train ahead where no lane waits for another."""


@dataclass(frozen=True)
class Result:
    """What a study found.

    Attributes:
        name: The study's name.
        history: Everything in its log.
        interrupted: It was interrupted and waits to be resumed by the same call.
        run: Id of the study's run in MLflow, or None where nothing was delivered.
    """

    name: str
    history: History
    interrupted: bool
    run: str | None = None
    _make: Callable[[], Any] = field(default=lambda: None, repr=False, compare=False)
    _refit: Callable[[], Any] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def model(self) -> Any:
        """The model to predict with: the winner, trained once more with the validation rows where they were ours.

        See :mod:`hpsearch.running.refit`; for data that came with a validation part of their own, or where the run said
        ``refit=False``, it is :attr:`trial_model`. The study's score is always that of the latter.

        Raises:
            UserError: Training it again failed.
        """
        return self.trial_model if self._refit is None else self._refit()

    @cached_property
    def trial_model(self) -> Any:
        """The winner's model, as it was after its best epoch: a fitted scikit-learn estimator, the one in MLflow.

        None where the study searched a function, or where no trial has a value. It is trained again, to the same bits,
        where the study did not train it in this process.

        Raises:
            UserError: Training it again did not bring what the log says.
        """
        return self._make()

    @property
    def best_trial(self) -> Trial | None:
        """The best trial, or None where none has a value."""
        return self.history.best

    @property
    def front(self) -> list[Trial]:
        """The Pareto front of a study with several metrics, best by the first one first; else the best trials."""
        return self.history.front()

    @property
    def full_epochs(self) -> float:
        """What the search cost, in epochs of the full problem; see :mod:`hpsearch.log.stages`."""
        return stages.full_epochs(self.history)

    @property
    def verdict(self) -> Verdict | None:
        """What confirmation found, or None where there was none."""
        return verdict(self.history)

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
    workers: int = 1,
    scheduler: str | None = None,
    timeout: float | None = None,
    until: float | None = None,
    no_improvement: int | None = None,
    budget: float | None = None,
    trial_timeout: float | None = None,
    start_from: str | None = None,
    extend: bool = False,
    retry_failed: bool = False,
    yes: bool = False,
    quiet: bool = False,
    tracking: bool = True,
    tracking_uri: str | None = None,
    model: bool = True,
    register: str | None = None,
    delivery: Delivery | None = None,
    observer: Observer | None = None,
    study_file: Path | None = None,
    refit: bool | None = None,
) -> Result:
    """Run a study, or resume it where its log exists.

    Args:
        study: The declaration.
        root: Where all state is: the log, checkpoints, MLflow's store.
        workers: Processes that train; 1 trains in this one.
        scheduler: Address of a Dask scheduler whose workers train, instead.
        timeout: Seconds after which this run stops; run again, the study goes on. These five replace the study's own.
        until: Stop once the metric has reached this value.
        no_improvement: Stop once so many trials have ended after the last improvement.
        budget: Stop once the search has cost so many epochs of the full problem.
        trial_timeout: A trial that trains for more seconds than this fails.
        start_from: Name of an earlier study whose best points are tried first.
        extend: Go on with a study whose space has become wider since it was begun.
        retry_failed: Try every trial that failed once more: the same point, with another start of the network.
        yes: Run a grid of more points than a million.
        quiet: Show nothing while it runs.
        tracking: Deliver trials and curves to MLflow.
        tracking_uri: MLflow's store; by default MLFLOW_TRACKING_URI, else a sqlite store in the root.
        model: Log the winner's model in MLflow.
        register: Put it into MLflow's model registry, as ``NAME`` or ``NAME@ALIAS`` (by default ``champion``).
        delivery: A delivery to MLflow whose process runs already, for that root and URI.
        observer: Who watches; by default a live view in a terminal or a notebook, else plain lines.
        study_file: The file that declares the study, kept beside its log.
        refit: Whether ``result.model`` is the winner trained once more on training and validation rows; None: where the
            rows were divided by hpsearch.

    Returns:
        The result; ``interrupted`` is set where Ctrl-C ended the run early.

    Raises:
        UserError: The study, its data or the root do not allow it to run.
        StudyFailed: Every trial failed.
    """
    root = Path(root)
    given = {
        "timeout": timeout,
        "until": until,
        "no_improvement": no_improvement,
        "budget": budget,
        "trial_timeout": trial_timeout,
    }
    study = preflight.asked(study, root, given, start_from)
    if register is not None:
        if not (tracking and model):
            raise UserError("a model is registered in MLflow: leave out what keeps it from there")
        winner.register_as(register)
    watcher = observer or _default_observer(quiet)
    with ExitStack() as stack:
        if tracking:
            # Entered first: its process imports MLflow while this one loads the data.
            delivery = stack.enter_context(delivery or Delivery(tracking_uri, root))
        folder = root / "studies" / study.name
        study, dataset = preflight.loaded(study, folder)
        any_size = yes or (not extend and (folder / "log.jsonl").is_file())
        prepared, sampler, pruner = preflight.parts(study, dataset, any_size=any_size, retry_failed=retry_failed)
        if prepared.epochs == 1 and study.pruner == "asha" and study.model is not None:
            watcher.message("a trial has one epoch, so the pruner has nothing to stop (epochs= gives it more)")
        log = stack.enter_context(Log(folder / "log.jsonl"))
        resumed = bool(log.records)
        history = open_history(log, study, dataset, study_file, watcher.message, extend=extend, retry=retry_failed)
        uid = history.header.uid if history.header else ""
        if delivery is not None:
            delivery.start(folder)
        said = history.declaration
        declared = replace(study, **{key: said[key] for key in ("n_trials", *CONFIRM) if key in said})
        if declared.confirm and not study.confirm:
            prepared = prepare(declared, dataset)
        limits = Limits.of(study)
        first = history.header.declaration["n_trials"] if history.header else None
        n = None if dataset is None else len(dataset.y_train)
        climb = ladder.build(declared, first, lambda history: limits.reached(history) is not None, n)
        total = None if climb.total is None else climb.total + len(history.retries)
        for line in () if dataset is None else (*dataset.said, *(f"warning: {text}" for text in dataset.warnings)):
            watcher.message(line)
        watcher.begin(history, _plan(declared, prepared.epochs, dataset, root, total, resumed))
        interrupt = stack.enter_context(Interrupt(watcher.message))
        told: Observer = watcher if delivery is None else Outage(watcher, delivery)
        objective: Any = None

        def found() -> Any:
            return winner.fitted(history, objective, lambda: prepared.make(dataset))

        done = failed = (history.stop or "").startswith(ALL_FAILED)
        if not failed:
            _, history.stop = limits.reached(history) or ("", None)
            if climb.confirms(history):
                history.stop = None
            done = history.stop is not None
        try:
            if not done:
                objective = prepared.make(dataset)
                if workers > 1 or scheduler is not None:
                    client = stack.enter_context(connect(workers, scheduler))
                    objective = stack.enter_context(
                        Cluster(
                            client, prepared.make, dataset, uid, prepared.epochs, watcher.message,
                            ahead=1 if sampler.reads_history or pruner.reads_history else AHEAD,
                            trial_timeout=study.trial_timeout,
                        )
                    )  # fmt: skip
                checkpoints = Checkpoints(folder / "checkpoints", uid)
                restore(history, objective, checkpoints, watcher.message)
                clock = Clock(
                    log, history, objective, climb, pruner, study.lanes, checkpoints, told, limits,
                    interrupted=lambda: interrupt.requested,
                )  # fmt: skip
                done = clock.run()
            if delivery is not None:
                delivery.ended()
            if delivery is not None and model and dataset is not None and is_done(history):
                _keep(folder, history, dataset, found, register, watcher)
        except KeyboardInterrupt:
            done = False  # the second Ctrl-C: what is in the log is whole, and the same call goes on from there
        finally:
            if delivery is not None:
                watcher.message("delivering the rest to MLflow")
            watcher.end(history)
            if delivery is not None:
                report = delivery.finish(exhibits=register is not None)
                if report.message:
                    watcher.message(report.message)
    if (history.stop or "").startswith(ALL_FAILED):
        raise StudyFailed(f"study {study.name!r} {history.stop}")
    again = winner.refit(declared, dataset, history, refit)
    return Result(study.name, history, not done, None if delivery is None else report.run, found, again)


def _keep(
    folder: Path,
    history: History,
    dataset: datasets.Dataset,
    found: Callable[[], Any],
    register: str | None,
    watcher: Observer,
) -> None:
    """Keep the winner's model for MLflow; a study whose model cannot be kept is no worse for it."""
    try:
        winner.store(folder, history, dataset, found, register)
    except (ValueError, UserError) as error:
        watcher.message(f"the winner's model is not in MLflow: {error}")


def _plan(
    study: Study, epochs: int, dataset: datasets.Dataset | None, root: Path, total: int | None, resumed: bool
) -> StudyPlan:
    about = ""
    if dataset is not None:
        about = f"{dataset.name} ({len(dataset.y_train):,} train, {len(dataset.y_valid):,} valid)"
    sampler, pruner = (part if isinstance(part, str) else type(part).__name__ for part in (study.sampler, study.pruner))
    return StudyPlan(study.name, study.goal, total, epochs, study.lanes, sampler, pruner, about, root, resumed)


def _default_observer(quiet: bool) -> Observer:
    if quiet:
        return Silent()
    from hpsearch.report.live import live_view

    return live_view()
