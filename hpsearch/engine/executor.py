"""The executor: lanes spread over workers, with the same result as in one process.

Each worker holds an objective with the trials that it was given; a tick is one job per worker. A trial's state has one
owner, and who takes a trial up gets exactly the state that its rows imply: the last one saved, trained again through
the ticks since, and compared. Trials are taken up elsewhere when a worker is lost, and where that evens out the load.
Where lanes need not wait for one another, workers train several ticks ahead.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Sequence

from hpsearch.engine.crew import Answer, Crew
from hpsearch.engine.placement import Errand, Placed, move, place
from hpsearch.engine.remote import Job, Report, TakeUp
from hpsearch.errors import UserError
from hpsearch.log.records import Row
from hpsearch.objectives.base import Start

POLL_SECONDS = 0.5
"""How often to see whether a worker that owes an answer is still there."""

SAVE_SECONDS = 5.0
"""How often workers bring the trials' states back: what a lost worker costs at most."""

PATIENCE_SECONDS = 120.0
"""How long to wait for a first worker, or for one to come back."""

DEATHS = 3
"""A trial whose worker died this many times in a row, all but the first time with nothing else on it, is run apart.

Workers die for other reasons too. In a child of its worker a trial ends no other with it: where the child ends, the
trial is the reason, and where the worker is lost once more, it is not.
"""

APART = "/apart"
"""How the name of an objective ends that trains in a child of its worker."""

LOSSES = 40
"""A trial whose worker was lost this many times in a row fails, run apart or not: no study waits for it for ever."""


class Executor:
    """Runs an objective on a crew of workers; itself an objective.

    Args:
        crew: The workers.
        name: Names the study on the workers: no other executor may use it.
        epochs: Most epochs of a trial.
        notice: Called with a line about each lost worker.
        ahead: Ticks that workers may train ahead: 1 where a pruner or sampler reads history.
        trial_timeout: Most seconds that a worker may be silent over one trial, or None.
        verify: Whether to compare a digest of every state that is taken up with what its last owner said of it.
        apart: Whether each trial is a job of its own: where nothing is gained by training them together.
        now: The clock on the wall, in seconds: it paces saves and limits, and decides nothing that is logged.
    """

    def __init__(
        self,
        crew: Crew,
        name: str,
        epochs: int,
        notice: Callable[[str], None],
        *,
        ahead: int = 1,
        trial_timeout: float | None = None,
        verify: bool = False,
        apart: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.epochs = epochs
        self._crew = crew
        self._name = name
        self._ahead = ahead
        self._timeout = trial_timeout
        self._verify = verify
        self._apart = apart
        self._on_row: Callable[[Row], None] = lambda row: None
        self._notice = notice
        self._now = now
        self._trials: dict[int, Placed] = {}
        self._stops: dict[tuple[str, str], list[int]] = {}
        self._errands: Iterator[int] = itertools.count()
        self._saved_at = now()

    def tell(self, arrived: Callable[[Row], None]) -> None:
        """Call a function with each row as soon as its worker has brought it."""
        self._on_row = arrived

    def start(self, trial: Start) -> None:
        """Take a trial in; it is placed on a worker by its first epoch."""
        self._trials[trial.ask.trial] = Placed([trial], trial.epoch)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch, on whatever workers there are.

        Raises:
            UserError: The way to the workers is lost, or none is left; the study can be resumed.
        """
        lacking = list(trials)
        while lacking := [number for number in lacking if tick not in self._trials[number].ahead]:
            workers = self._workers()
            self._miss(workers)
            suspects = [number for number in lacking if self._trials[number].deaths]
            if len(suspects) < len(lacking):
                groups = self._together([number for number in lacking if number not in suspects], workers)
            else:
                groups = {worker: [number] for worker, number in zip(workers, suspects, strict=False)}
                for worker, (number,) in groups.items():
                    self._assign(number, worker, self._name_for(number))
            self._run(groups, tick)
        rows = []
        for number in trials:
            placed = self._trials[number]
            row = placed.ahead.pop(tick)
            placed.epoch = row.epoch
            rows.append(row)
        return rows

    def states(self) -> list[Start]:
        """Return the trials as the workers last saved them, none further than the clock."""
        saved = []
        for placed in self._trials.values():
            saved += [start for start in placed.whole if start.state is not None]
        return saved

    def stop(self, trial: int) -> None:
        """Forget a trial; its worker does so with its next job."""
        self._leave(self._trials.pop(trial), trial)

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        """Drop what the workers hold."""
        self._crew.forget(self._name)

    def _together(self, numbers: list[int], workers: list[str]) -> dict[str, list[int]]:
        """Return which worker trains which of the trials that are above suspicion, and place them there."""
        placed = {number: self._trials[number] for number in numbers}
        where = {number: p.worker for number, p in placed.items()}
        costs = {number: p.cost for number, p in placed.items()}
        new = place(where, costs, workers)
        for number, trial in placed.items():
            worker = new.get(number, trial.worker)
            if worker != trial.worker or trial.name != self._name:
                self._assign(number, str(worker), self._name)
        settled = {number: str(p.worker) for number, p in placed.items()}
        moving = None if new else move(settled, costs, workers)
        if moving is not None and placed[moving.trial].saves[-1].state is not None:  # what cannot be saved cannot move
            self._assign(moving.trial, moving.worker, self._name)
        groups: dict[str, list[int]] = {}
        for number in numbers:
            groups.setdefault(str(placed[number].worker), []).append(number)
        return groups

    def _assign(self, number: int, worker: str, name: str) -> None:
        """Move a trial to a worker; its state and the ticks since go there with the next job."""
        placed = self._trials[number]
        self._leave(placed, number)
        placed.worker, placed.name = worker, name

    def _name_for(self, number: int) -> str:
        """Return the name of the objective that is to have a trial: one of its own where its worker died over it."""
        deaths = self._trials[number].deaths
        if not deaths:
            return self._name
        return f"{self._name}/{number}{APART if deaths >= DEATHS else ''}"

    def _leave(self, placed: Placed, number: int) -> None:
        if placed.resident and placed.worker is not None:
            self._stops.setdefault((placed.worker, placed.name), []).append(number)
        placed.resident = False

    def _run(self, groups: dict[str, list[int]], tick: int) -> None:
        """Have each worker train its trials, and take in what they bring or note that they died."""
        save = self._now() - self._saved_at >= SAVE_SECONDS
        if save:
            self._saved_at = self._now()
        ticks = tuple(range(tick, tick + self._ahead))
        errands: dict[int, Errand] = {}
        jobs = [
            (worker, numbers)
            for worker, together in groups.items()
            for numbers in ([[number] for number in together] if self._apart else [together])
        ]
        for worker, numbers in jobs:
            trials = {number: self._trials[number] for number in numbers}
            name = trials[numbers[0]].name
            starts = tuple(
                TakeUp(t.saves[-1], tuple(t.since), t.digest if self._verify else None)
                for t in trials.values()
                if not t.resident
            )
            residents = {number: t.trained for number, t in trials.items() if t.resident}
            stops = tuple(self._stops.pop((worker, name), ()))
            drops = tuple(self._abandoned(worker, name))
            job = Job(stops, starts, residents, ticks, save, self._verify, drops, apart=name.endswith(APART))
            limit = None if self._timeout is None else self._now() + self._timeout * len(numbers)
            errand = next(self._errands)
            errands[errand] = Errand(worker, numbers, tick, limit)
            self._crew.send(errand, worker, name, job)
        self._await(errands)

    def _abandoned(self, worker: str, name: str) -> Iterator[str]:
        """Yield the objectives of a worker that were made for a single suspect, which has left them."""
        for where, other in [key for key in self._stops if key[0] == worker and key[1] not in (name, self._name)]:
            del self._stops[where, other]
            yield other

    def _await(self, errands: dict[int, Errand]) -> None:
        """Take in an answer for each errand; a worker that is no longer there owes none."""
        while errands:
            for answer in self._crew.answers(POLL_SECONDS):
                if (errand := errands.pop(answer.errand, None)) is not None:  # a late one was given up before
                    self._settle(answer, errand)
            for number, errand in list(errands.items()):
                if errand.limit is not None and self._now() > errand.limit:
                    # A thread that hangs cannot be stopped; its process can.
                    self._crew.end(errand.worker)
                    del errands[number]
                    self._lose(errand, f"was silent for longer than trial_timeout={self._timeout:g} s", silent=True)

    def _settle(self, answer: Answer, errand: Errand) -> None:
        if answer.error is not None:
            raise answer.error
        if answer.report is None:
            self._lose(errand, answer.lost or "was lost", blamed=answer.blamed)
        else:
            self._take_in(answer.report, errand)

    def _take_in(self, report: Report, errand: Errand) -> None:
        if report.rows is None:  # a new process under the old name, or one that has gone on without us
            self._report_loss(errand.worker, "was started anew", errand.numbers)
            for number in errand.numbers:
                self._trials[number].resident = False
            return
        for tick, rows in report.rows.items():
            for row in rows:
                self._take(row, tick, errand)
        for number in errand.numbers:
            placed = self._trials[number]
            placed.resident, placed.deaths = True, 0
            placed.digest = report.digests.get(number)
        for start in report.saved:
            placed = self._trials[start.ask.trial]
            if start.epoch != placed.trained:
                raise _wrong(start.ask.trial, f"its state is of epoch {start.epoch}, epoch {placed.trained} was due")
            placed.saves = [*(placed.saves[-1:] if placed.logged is None else placed.whole), start]
            placed.since = []

    def _take(self, row: Row, tick: int, errand: Errand) -> None:
        """Take a row in that a worker brought.

        Raises:
            UserError: It is not its trial's next epoch.
        """
        if row.trial not in errand.numbers:
            raise _wrong(row.trial, "it was brought by a worker that does not have it")
        placed = self._trials[row.trial]
        if row.epoch != placed.trained + 1 or tick in placed.ahead:
            raise _wrong(row.trial, f"epoch {row.epoch} came where epoch {placed.trained + 1} was due")
        placed.ahead[tick] = row
        placed.since.append((tick, row))
        placed.cost = row.seconds
        if tick == errand.tick:
            self._on_row(row)

    def _miss(self, workers: Sequence[str]) -> None:
        """Take trials off workers that went between two ticks; none was training there, so none is suspected."""
        gone: dict[str, list[int]] = {}
        for number, placed in self._trials.items():
            if placed.worker is not None and placed.worker not in workers:
                gone.setdefault(placed.worker, []).append(number)
                placed.worker, placed.resident = None, False
        for worker, numbers in gone.items():
            self._report_loss(worker, "was lost", numbers)
        for key in [key for key in self._stops if key[0] not in workers]:
            del self._stops[key]

    def _report_loss(self, worker: str, what: str, numbers: Sequence[int]) -> None:
        self._notice(f"worker {worker} {what}; its trials {list(numbers)} go on from where they were last saved")

    def _lose(self, errand: Errand, what: str, *, blamed: bool = True, silent: bool = False) -> None:
        self._report_loss(errand.worker, what, errand.numbers)
        for number in errand.numbers:
            placed = self._trials[number]
            placed.worker, placed.resident = None, False
            placed.deaths += blamed
            if placed.deaths >= (DEATHS if silent else LOSSES):
                ask = placed.saves[-1].ask
                reason = f"its worker {what}, and again with nothing else on it"
                placed.ahead[errand.tick] = Row(number, ask.lane, placed.trained + 1, {}, failure=reason)

    def _workers(self) -> list[str]:
        """Return the workers there are; wait for one where there are none.

        Raises:
            UserError: None came.
        """
        deadline = self._now() + PATIENCE_SECONDS
        while not (workers := self._crew.workers()):
            if self._now() > deadline:
                raise UserError(
                    f"no worker can take a trial for {PATIENCE_SECONDS:g} s (none is there, or none has the memory); "
                    "run the same command again to resume"
                )
            time.sleep(POLL_SECONDS)
        return workers


def executor_name(uid: str) -> str:
    """Return a name for an executor of a study that no other one has: two roots may run the same study on a cluster."""
    return f"{uid}-{secrets.token_hex(8)}"


def _wrong(trial: int, what: str) -> UserError:
    return UserError(
        f"trial {trial}: {what}; nothing wrong was written, run the same command again to go on from the log "
        "(and please report this)"
    )
