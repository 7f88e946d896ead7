"""Running a study: what ``hpsearch run`` and ``study.run()`` do, from the declaration to the result."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.engine import intake
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.interrupt import Interrupt
from hpsearch.engine.observer import Observer
from hpsearch.engine.opening import open_history
from hpsearch.engine.outage import Outage
from hpsearch.engine.resume import restore
from hpsearch.engine.stopping import all_failed, standing
from hpsearch.errors import StudyFailed, UserError
from hpsearch.log.history import History
from hpsearch.log.writer import Log
from hpsearch.objectives.surroundings import surroundings
from hpsearch.report import origin
from hpsearch.running import farewell, placing, winner
from hpsearch.running import plan as plans
from hpsearch.running.callbacks import Callbacks
from hpsearch.running.options import Options, Outlet, RunOptions
from hpsearch.running.plan import Plan
from hpsearch.running.result import Result
from hpsearch.running.under_way import under_way
from hpsearch.study.study import Study
from hpsearch.tracking.content import is_done

if TYPE_CHECKING:
    from typing import Unpack

__all__ = ["Result", "run"]


def run(study: Study, root: str | Path = "mlruns", **options: Unpack[RunOptions]) -> Result:
    """Run a study, or resume it where its log exists.

    Args:
        study: The declaration.
        root: Where all state is: the log, checkpoints, MLflow's store.
        **options: How it is run; see :class:`~hpsearch.running.options.RunOptions`.

    Returns:
        The result; ``interrupted`` is set where Ctrl-C ended the run early.

    Raises:
        UserError: The study, its data or the root do not allow it to run.
        StudyFailed: Every trial failed.
    """
    grouped = Options.of(**options)
    root = Path(root)
    declared = study
    wish = grouped.opening.wish
    warmth = plans.with_run_options(study, root, grouped.limits, grouped.opening)
    study = warmth.study
    watcher = grouped.view.open()
    with ExitStack() as stack:
        # Entered first: its process imports MLflow while this one loads the data.
        stack.enter_context(delivery := grouped.outlet.open(root))
        plan = plans.settle(study, root, grouped.opening)
        if plan.prepared.epochs == 1 and study.pruner == "asha" and study.model is not None:
            watcher.message("a trial has one epoch, so the pruner has nothing to stop (epochs= gives it more)")
        log = stack.enter_context(Log(plan.log))
        resumed = bool(log.records)
        under = stack.enter_context(under_way(declared))
        history = open_history(
            log,
            plan.study,
            plan.dataset,
            grouped.opening.study_file,
            watcher.message,
            wish,
            warmth=warmth,
            git_diff=grouped.opening.git_diff,
        )
        delivery.start(plan.folder)
        plan = plan.following(history)
        stack.enter_context(surroundings(plan.threads))
        ladder = plan.ladder(history)
        for line in (*plan.notices, *warmth.news):
            watcher.message(line)
        watcher.begin(
            history.current, plan.overview(history.current, ladder, resumed=resumed, in_mlflow=grouped.outlet.delivers)
        )
        for line in [] if resumed else plan.by_default:
            watcher.message(line)
        interrupt = stack.enter_context(Interrupt(watcher.message))
        best = winner.Winner(history.current, plan.objective)
        if plan.dataset is not None and plan.prepared.cross_validates:
            from hpsearch.running.refit import refitted  # imports the networks, which need SciPy

            best.train_on_all_rows = partial(refitted, plan.study, plan.dataset, history.current, threads=plan.threads)
        is_over = all_failed(history)
        try:
            if not is_over:
                history.resume(standing(history.current, plan.limits, ladder))
                is_over = history.stop is not None
            if not is_over:
                best.trained = placing.objective(plan, grouped.place, _uid(history), watcher, stack)
                checkpoints = Checkpoints(plan.folder.absolute() / "checkpoints", _uid(history))
                restore(history, best.trained, checkpoints, watcher.message)
                observer = Callbacks(Outage(watcher, delivery), declared, grouped.view.callbacks)
                clock = plan.clock(
                    log,
                    history,
                    best.trained,
                    ladder,
                    plan.pruner,
                    plan.study.lanes,
                    checkpoints,
                    observer,
                    plan.limits,
                    interrupted=lambda: interrupt.requested,
                    intake=partial(intake.take, plan.folder),
                    taken=partial(intake.taken, plan.folder),
                    early=plan.study.objective is not None,
                    halted=lambda: under.why,
                    pace=plan.pace(history),
                )
                is_over = clock.run()
            delivery.ended()
            _keep(plan, grouped.outlet, history, best, watcher)
        except KeyboardInterrupt:
            is_over = False  # the second Ctrl-C: what is in the log is whole, and the same call goes on from there
        finally:
            interrupt.at_once()
            if grouped.outlet.waits:
                delivery.announce(watcher.message)
            watcher.end(history.current)
            report = farewell.finish(delivery, grouped.outlet, watcher.message)
    if all_failed(history):
        raise StudyFailed(f"study {study.name!r} {history.stop}{origin.of_first_failure(history)}")
    refit = winner.refit(plan.study, plan.dataset, history.current, grouped.outlet.refit, plan.threads)
    return Result(study.name, history, not is_over or interrupt.requested, report.run, best.model, refit)


def _keep(plan: Plan, outlet: Outlet, history: History, best: winner.Winner, watcher: Observer) -> None:
    """Keep the winner's model for MLflow; where it cannot be kept, a message says so and the study is not affected."""
    if not (outlet.tracking and outlet.model) or plan.dataset is None or not is_done(history.current):
        return
    try:
        winner.store(plan.folder, history.current, plan.dataset, best.model, outlet.register)
    except (ValueError, UserError, OSError) as error:
        watcher.message(f"the winner's model is not in MLflow: {error}")


def _uid(history: History) -> str:
    return history.header.uid if history.header else ""
