"""Where the trials of a run train: in this process, in workers of this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from hpsearch.engine.crew import Crew
from hpsearch.engine.dask_client import connect
from hpsearch.engine.dask_crew import DaskCrew
from hpsearch.engine.executor import Executor, executor_name
from hpsearch.engine.growing import Growing
from hpsearch.engine.lane_executor import LaneExecutor, spare_workers
from hpsearch.engine.local_crew import LocalCrew
from hpsearch.engine.observer import Observer
from hpsearch.objectives.base import Objective
from hpsearch.objectives.portable import Maker
from hpsearch.running import guarded
from hpsearch.running.options import AUTO, Place
from hpsearch.running.plan import Plan

AHEAD = 8
"""Ticks that workers may train ahead where no lane waits for another."""


def objective(plan: Plan, place: Place, uid: str, watcher: Observer, stack: ExitStack) -> Objective:
    """Return the objective that trains the trials, wherever they are to train.

    Args:
        plan: What the run is made of.
        place: Where trials are to train.
        uid: The study's uid.
        watcher: Shows lines about workers.
        stack: Ends the workers when it is closed.

    Raises:
        UserError: The objective cannot be made, or sent to workers; or there are none.
    """
    make = guarded.maker(plan.study, plan.prepared, plan.folder)
    local = make(plan.dataset)  # also where workers train: mistakes are found at once, and raised here
    executor = partial(_executor, plan, place, uid, watcher)
    if place.scheduler is not None:
        client = stack.enter_context(connect(place.scheduler))
        return stack.enter_context(executor(DaskCrew(client, make, plan.dataset, watcher.message)))
    if place.workers != AUTO and place.workers > 1:
        crew = stack.enter_context(_crew(plan, make, watcher, place.workers))
        return stack.enter_context(executor(crew, most_busy=place.workers))
    alone = stack.enter_context(guarded.alone(plan.study, plan.prepared, local, plan.dataset, plan.folder))
    if place.workers != AUTO or plan.study.objective is not None:
        return alone
    size = place.size(plan.study.lanes, plan.threads)
    if size == 1:
        return alone
    hire = partial(_crew, plan, make, watcher, size)
    return stack.enter_context(Growing(alone, hire, partial(executor, most_busy=size), watcher.message))


def _crew(plan: Plan, make: Maker, watcher: Observer, size: int) -> LocalCrew:
    """Return workers of this machine, with as many again where a lane cannot go on at any of them that is free."""
    stays = plan.study.cost is not None and plan.prepared.stays
    spare = spare_workers(size, plan.study.lanes) if stays else 0
    return LocalCrew(size, make, plan.dataset, spare=spare, notice=watcher.message)


def _executor(
    plan: Plan, place: Place, uid: str, watcher: Observer, crew: Crew, most_busy: int | None = None
) -> Executor:
    executor_class: Callable[..., Executor] = Executor
    if plan.study.cost is not None:
        executor_class = partial(LaneExecutor, most_busy=most_busy)
    return executor_class(
        crew,
        executor_name(uid),
        plan.prepared.epochs,
        watcher.message,
        ahead=1 if plan.waits else AHEAD,
        trial_timeout=_silence(plan),
        verify=place.verify,
        apart=plan.study.objective is not None,
    )


def _silence(plan: Plan) -> float | None:
    """Return how long a worker may be silent over a trial: a function's limits are held by its own process."""
    return None if plan.study.objective is not None else plan.limits.trial_timeout
