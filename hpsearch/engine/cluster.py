"""The Dask executor: lanes spread over worker processes or machines, with the same result as in one process.

Each worker holds an objective with the trials that it was given; a tick is one task per worker. Trials are taken up
elsewhere, from their last saved state, when a worker is lost. Where lanes need not wait for one another, workers train
several ticks ahead.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from hpsearch.engine.placement import Errand, Placed, move, place
from hpsearch.engine.remote import Job, Report, forget, serve
from hpsearch.errors import UserError
from hpsearch.log.records import Row
from hpsearch.objectives.base import Start
from hpsearch.objectives.portable import Maker, pack

POLL_SECONDS = 0.5
"""How often to see whether a worker that owes an answer is still there."""

SAVE_SECONDS = 5.0
"""How often workers bring the trials' states back: what a lost worker costs at most."""

PATIENCE_SECONDS = 60.0
"""How long to wait for a first worker, or for one to come back."""

DEATHS = 2
"""A trial whose worker died this many times, the last time with nothing else on it, fails."""


class Cluster:
    """Runs an objective on the workers of a Dask cluster.

    Args:
        client: A connected ``distributed.Client``.
        maker: Makes a fresh objective from the data, on a worker.
        data: The study's data; they travel to each worker once.
        name: Names the study on the workers.
        epochs: Most epochs of a trial.
        notice: Told of lost workers.
        ahead: Ticks that workers may train ahead: 1 where a pruner or sampler reads history.
        trial_timeout: Most seconds that a worker may be silent over one trial, or None.
    """

    def __init__(
        self,
        client: Any,
        maker: Maker,
        data: Any,
        name: str,
        epochs: int,
        notice: Callable[[str], None],
        *,
        ahead: int = 1,
        trial_timeout: float | None = None,
    ) -> None:
        self.epochs = epochs
        self._client = client
        self._maker = pack(maker)
        self._data = data
        self._scattered: Any = None
        self._name = name
        self._ahead = ahead
        self._timeout = trial_timeout
        self._notice = notice
        self._trials: dict[int, Placed] = {}
        self._stops: dict[tuple[str, str], list[int]] = {}
        self._condemned: set[str] = set()
        self._saved_at = time.monotonic()

    def start(self, trial: Start) -> None:
        """Take a trial in; it is placed on a worker by its first epoch."""
        self._trials[trial.ask.trial] = Placed([trial], trial.epoch)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch, on whatever workers there are.

        Raises:
            UserError: The scheduler is gone, or no worker is left; the study can be resumed.
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
                    self._put(number, worker, f"{self._name}/{number}")
            self._run(groups, tick)
        rows = []
        for number in trials:
            placed = self._trials[number]
            placed.epoch += 1
            rows.append(placed.ahead.pop(tick))
        return rows

    def states(self) -> list[Start]:
        """Return the trials as the workers last saved them, none further than the clock."""
        saved = []
        for placed in self._trials.values():
            known = [start for start in placed.saves if start.state is not None and start.epoch <= placed.epoch]
            saved += known[-1:]
        return saved

    def stop(self, trial: int) -> None:
        """Forget a trial; its worker does so with its next task."""
        self._leave(self._trials.pop(trial), trial)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        """Drop what the workers hold."""
        if self._client.status == "running":
            self._client.run(forget, self._name, on_error="ignore")

    def _together(self, numbers: list[int], workers: list[str]) -> dict[str, list[int]]:
        """Return which worker trains which of the trials that are above suspicion, and place them there."""
        placed = {number: self._trials[number] for number in numbers}
        where = {number: p.worker for number, p in placed.items()}
        costs = {number: p.cost for number, p in placed.items()}
        new = place(where, costs, workers)
        for number, trial in placed.items():
            worker = new.get(number, trial.worker)
            if worker != trial.worker or trial.name != self._name:
                self._put(number, str(worker), self._name)
        settled = {number: str(p.worker) for number, p in placed.items()}
        moving = None if new else move(settled, costs, workers)
        if moving is not None and placed[moving[0]].saves[-1].state is not None:  # what cannot be saved cannot move
            self._put(*moving, self._name)
        groups: dict[str, list[int]] = {}
        for number in numbers:
            groups.setdefault(str(placed[number].worker), []).append(number)
        return groups

    def _put(self, number: int, worker: str, name: str) -> None:
        """Move a trial to a worker; its state and the ticks since go there with the next job."""
        placed = self._trials[number]
        self._leave(placed, number)
        placed.worker, placed.name = worker, name

    def _leave(self, placed: Placed, number: int) -> None:
        if placed.resident and placed.worker is not None:
            self._stops.setdefault((placed.worker, placed.name), []).append(number)
        placed.resident = False

    def _run(self, groups: dict[str, list[int]], tick: int) -> None:
        """Have each worker train its trials, and take in what they bring or note that they died."""
        save = time.monotonic() - self._saved_at >= SAVE_SECONDS
        if save:
            self._saved_at = time.monotonic()
        ticks = tuple(range(tick, tick + self._ahead))
        errands: dict[Any, Errand] = {}
        for worker, numbers in groups.items():
            trials = {number: self._trials[number] for number in numbers}
            name = trials[numbers[0]].name
            starts = tuple((t.saves[-1], tuple(t.ticks)) for t in trials.values() if not t.resident)
            residents = tuple(number for number, t in trials.items() if t.resident)
            job = Job(tuple(self._stops.pop((worker, name), ())), starts, residents, ticks, save)
            future = self._client.submit(
                serve, name, self._maker, self._scatter(), job,
                workers=[worker], allow_other_workers=False, pure=False, retries=0,
            )  # fmt: skip
            limit = None if self._timeout is None else time.monotonic() + self._timeout * len(numbers)
            errands[future] = Errand(worker, numbers, tick, limit)
        self._await(errands)

    def _await(self, errands: dict[Any, Errand]) -> None:
        from distributed import wait

        while errands:
            # On a time-out nobody has finished: see below whether all are still there.
            with contextlib.suppress(TimeoutError), self._client.as_current():
                wait(list(errands), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED")
            alive = self._alive()
            for future, errand in list(errands.items()):
                late = errand.limit is not None and time.monotonic() > errand.limit
                if future.status == "finished":
                    self._take_in(future.result(), errand)
                elif future.status in ("cancelled", "lost") or errand.worker not in alive:
                    self._lose(errand, "was lost")
                elif future.status == "error":
                    self._blame(future.exception(), errand)
                elif late:
                    # A thread that hangs cannot be stopped; its process can, and a nanny starts another.
                    self._client.run(os._exit, 1, workers=[errand.worker], on_error="ignore")
                    self._condemned.add(errand.worker)
                    self._lose(errand, f"was silent for longer than trial_timeout={self._timeout:g} s")
                else:
                    continue
                future.cancel()
                del errands[future]

    def _take_in(self, report: Report, errand: Errand) -> None:
        if report.rows is None:  # a new process under the old address
            self._tell(errand.worker, "was started anew", errand.numbers)
            for number in errand.numbers:
                self._trials[number].resident = False
            return
        for tick, rows in report.rows.items():
            for row in rows:
                placed = self._trials[row.trial]
                placed.ahead[tick] = row
                placed.ticks.append(tick)
                placed.cost = row.seconds
        for number in errand.numbers:
            self._trials[number].resident = True
            self._trials[number].deaths = 0
        for start in report.saved:
            if start.ask.trial in errand.numbers:
                placed = self._trials[start.ask.trial]
                placed.saves = [*placed.saves[-1:], start]
                placed.ticks = []

    def _miss(self, workers: list[str]) -> None:
        """Take trials off workers that went between two ticks; none was training there, so none is suspected."""
        gone: dict[str, list[int]] = {}
        for number, placed in self._trials.items():
            if placed.worker is not None and placed.worker not in workers:
                gone.setdefault(placed.worker, []).append(number)
                placed.worker, placed.resident = None, False
        for worker, numbers in gone.items():
            self._tell(worker, "was lost", numbers)

    def _tell(self, worker: str, what: str, numbers: list[int]) -> None:
        self._notice(f"worker {worker} {what}; its trials {numbers} go on from where they were last saved")

    def _lose(self, errand: Errand, what: str) -> None:
        self._tell(errand.worker, what, errand.numbers)
        for number in errand.numbers:
            placed = self._trials[number]
            placed.worker, placed.resident = None, False
            placed.deaths += 1
            if placed.deaths >= DEATHS:
                ask = placed.saves[-1].ask
                reason = f"its worker {what}, and again with nothing else on it"
                placed.ahead[errand.tick] = Row(number, ask.lane, placed.epoch + 1, {}, failure=reason)

    def _blame(self, error: BaseException, errand: Errand) -> None:
        from distributed import KilledWorker

        if not isinstance(error, KilledWorker):
            raise error
        self._lose(errand, "died")

    def _alive(self) -> set[str]:
        """Return the addresses of the workers there are."""
        try:
            if self._client.status != "running":
                raise OSError("connection closed")
            alive = set(self._client.nthreads())
        except (OSError, TimeoutError) as error:
            raise UserError(f"the Dask scheduler is gone ({error}); run the same command again to resume") from error
        self._condemned &= alive
        return alive - self._condemned

    def _workers(self) -> list[str]:
        """Return the addresses of the workers there are; wait for one where there are none."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (workers := sorted(self._alive())):
            if time.monotonic() > deadline:
                raise UserError(f"no Dask worker for {PATIENCE_SECONDS:g} s; run the same command again to resume")
            time.sleep(POLL_SECONDS)
        return workers

    def _scatter(self) -> Any:
        """Return the data as the workers hold them."""
        if self._data is None:
            return None
        if self._scattered is None or self._scattered.status != "finished":
            self._scattered = self._client.scatter(self._data, broadcast=True, hash=False)
        return self._scattered
