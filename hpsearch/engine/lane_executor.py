"""The executor of studies in virtual time: each lane trains by itself, up to an epoch ahead of what is decided.

Nobody waits here for the slowest lane: a worker that is free takes what is due first of all that may train. What a lane
trained ahead is thrown away where its trial is stopped or paused; it never reached the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from hpsearch.engine.crew import Answer
from hpsearch.engine.executor import APART, POLL_SECONDS, SAVE_SECONDS, Executor
from hpsearch.engine.pace import Launch
from hpsearch.engine.placement import Errand, Load, Placed
from hpsearch.engine.remote import Job, TakeUp
from hpsearch.log.records import Row
from hpsearch.objectives.base import Start

AT_HAND_SECONDS = 0.05
"""A worker is given more where what it has takes it less: an epoch that waits behind a long one cannot move."""

LIGHT_BYTES = 1 << 22
"""States up to this size come back with every epoch, so that a lane can go on at any worker that is free."""


def spare_workers(most_busy: int, lanes: int) -> int:
    """Return how many workers there should be beyond those that train at a time, where trials stay where they began.

    One more for each keeps as many busy as if a trial could go on anywhere; more than there are lanes are of no use
    (``tests/benchmarks/utilisation.py --stays``).

    Args:
        most_busy: How many train at a time.
        lanes: Trials that train at a time by the study.
    """
    return min(most_busy, max(0, lanes - most_busy))


class LaneExecutor(Executor):
    """Trains each lane as far ahead as it may, on any worker that is free.

    Args:
        *args: As an :class:`hpsearch.engine.executor.Executor` takes them.
        most_busy: How many workers may train at a time where there are more of them, or None for all. What cannot be
            saved stays with its worker, which waits while as many others train: with more workers than may train at a
            time there is nearly always one whose trial can go on.
        **kwargs: As an executor takes them.
    """

    def __init__(self, *args: Any, most_busy: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most_busy = most_busy
        self._wanted: list[Launch] = []
        self._under_way: dict[int, Errand] = {}
        self._pending: dict[int, int] = {}
        self._since: dict[int, float] = {}
        self._light = True  # until a state is seen that is not

    def tell(self, arrived: Callable[[Row], None]) -> None:
        """Call a function with each row that is its trial's next one, not with those that are ahead of it."""

        def next_row_only(row: Row) -> None:
            if row.epoch == self._trials[row.trial].epoch + 1:
                arrived(row)

        super().tell(next_row_only)

    def launch(self, trials: Sequence[Launch]) -> None:
        """Have these trials train, the first ones first, wherever there is room."""
        self._wanted = list(trials)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Return the next row of each of these trials; all that were launched train meanwhile.

        Raises:
            UserError: The way to the workers is lost, or none is left; the study can be resumed.
        """
        launched = {launch.trial for launch in self._wanted}
        order = [*(Launch(number, tick, 0.0) for number in trials if number not in launched), *self._wanted]
        patience = 0.0  # the workers are given more to do also where all rows are there
        while patience == 0.0 or any(tick not in self._trials[number].ahead for number in trials):
            workers = self._workers()
            self._miss(workers)
            self._send_all(order, workers)
            self._take_answers(patience)
            patience = POLL_SECONDS
        self._forget(trials)
        rows = []
        for number in trials:
            placed = self._trials[number]
            row = placed.ahead.pop(tick)
            placed.epoch = row.epoch
            rows.append(row)
        return rows

    def waits(self, trial: int) -> bool:
        """Return False: workers train whatever was launched."""
        return False

    def turn(self, patience: float) -> None:
        """Give workers that have room the trials that may train, and take in what comes within some seconds.

        Raises:
            UserError: The way to the workers is lost, or none is left; the study can be resumed.
        """
        workers = self._workers()
        self._miss(workers)
        self._send_all(self._wanted, workers)
        self._take_answers(patience)

    def brought(self, trial: int, tick: int) -> Row | None:
        """Return a trial's next row where it has come."""
        placed = self._trials[trial]
        row = placed.ahead.pop(tick, None)
        if row is not None:
            placed.logged = placed.epoch if placed.logged is None else placed.logged
            placed.epoch = row.epoch
        return row

    def logged(self, trial: int, epoch: int) -> None:
        """Take in that the log has a trial's rows up to an epoch."""
        self._trials[trial].logged = epoch

    def stop(self, trial: int) -> None:
        """Forget a trial, whatever of it is under way."""
        self._forget([trial])
        if self._pending.pop(trial, None) is not None:
            self._leave_anyway(self._trials[trial], trial)
        super().stop(trial)

    def rewind(self, trial: int) -> None:
        """Forget what a trial trained beyond its last row: it is paused."""
        self._forget([trial])
        placed = self._trials[trial]
        if self._pending.pop(trial, None) is None and placed.trained == placed.epoch:
            return
        self._leave_anyway(placed, trial)
        placed.ahead.clear()
        placed.digest = None  # what is known is that of the state ahead
        if placed.saves[-1].epoch > placed.epoch:
            placed.saves = placed.saves[:-1]
            placed.since = []
        placed.since = [(tick, row) for tick, row in placed.since if row.epoch <= placed.epoch]

    def __exit__(self, *raised: object) -> None:
        """Drop what the workers hold, and what is under way."""
        self._under_way = {}
        self._pending = {}
        self._wanted = []
        super().__exit__(*raised)

    def _forget(self, trials: Sequence[int]) -> None:
        """Take trials from those that were launched: what they train next is another epoch."""
        self._wanted = [launch for launch in self._wanted if launch.trial not in trials]

    def _leave_anyway(self, placed: Placed, trial: int) -> None:
        """Have a trial leave its worker, also where the worker is still at it."""
        placed.resident = placed.worker is not None
        self._leave(placed, trial)

    def _send_all(self, order: Iterable[Launch], workers: Sequence[str]) -> None:
        """Give workers that have room the trials that may train; those of one worker that are due together go so."""
        loads = self._loads(workers)
        fresh: dict[tuple[str, str, int, bool, float], list[int]] = {}
        for number, begins, due, most in sorted(order, key=self._moment):
            placed = self._trials[number]
            ahead = placed.trained - placed.epoch
            if number in self._pending or ahead > most or self._ended(placed):
                continue
            worker = self._room(placed, loads)
            if worker is None:
                continue
            name = self._name_for(number)
            if (worker, name) != (placed.worker, placed.name):
                self._assign(number, worker, name)
            key = worker, name, begins + ahead, bool(ahead), due
            loads[worker].seconds += self._seconds(number)
            fresh.setdefault(key, []).append(number)
        save_due = self._light or self._now() - self._saved_at >= SAVE_SECONDS
        if save_due and fresh:
            self._saved_at = self._now()
        for (worker, name, tick, is_ahead, _), numbers in fresh.items():
            self._send(worker, name, tick, numbers, save_due, is_ahead)

    def _moment(self, launch: Launch) -> tuple[float, int]:
        """Return when the epoch is due that a trial would train now, and whether it is ahead of what is decided."""
        placed = self._trials[launch.trial]
        ahead = placed.trained - placed.epoch
        return launch.due + ahead * launch.due / (launch.begins + 1), ahead

    def _seconds(self, number: int) -> float:
        """Return how long a trial's next epoch keeps a worker busy, as far as its last one tells."""
        placed = self._trials.get(number)
        return AT_HAND_SECONDS if placed is None or placed.cost <= 0 else placed.cost

    def _loads(self, workers: Sequence[str]) -> dict[str, Load]:
        """Return what each worker has to do."""
        loads = {worker: Load() for worker in workers}
        for errand in self._under_way.values():
            if errand.worker in loads:
                loads[errand.worker].seconds += sum(self._seconds(number) for number in errand.numbers)
        for placed in self._trials.values():
            if placed.resident and placed.worker in loads and not placed.moves:
                loads[placed.worker].staying += 1
        return loads

    def _room(self, placed: Placed, loads: dict[str, Load]) -> str | None:
        """Return the worker for a trial's next epoch, or None where it is to wait for one."""
        room = [worker for worker, load in loads.items() if load.seconds < AT_HAND_SECONDS]
        if self._most_busy is not None and sum(load.seconds > 0 for load in loads.values()) >= self._most_busy:
            room = [worker for worker in room if worker == placed.worker and loads[worker].seconds > 0]
        if placed.resident and placed.worker in room:
            return placed.worker
        if placed.resident and placed.worker in loads and not placed.moves:
            return None
        return min(room, key=lambda worker: (loads[worker].staying, loads[worker].seconds, worker), default=None)

    def _ended(self, placed: Placed) -> bool:
        return any(row.ended for row in placed.ahead.values())

    def _send(self, worker: str, name: str, tick: int, numbers: list[int], save_due: bool, ahead: bool) -> None:
        trials = {number: self._trials[number] for number in numbers}
        starts = tuple(
            TakeUp(t.saves[-1], tuple(t.since), t.digest if self._verify else None)
            for t in trials.values()
            if not t.resident
        )
        residents = {number: t.trained for number, t in trials.items() if t.resident}
        # What is ahead of the clock is saved only where what it can be taken back to has been saved just before.
        save = save_due and not (ahead and any(t.since for t in trials.values()))
        stops = tuple(self._stops.pop((worker, name), ()))
        drops = tuple(self._abandoned(worker, name))
        errand = next(self._errands)
        self._under_way[errand] = Errand(worker, numbers, tick, None)
        self._pending |= dict.fromkeys(numbers, errand)
        apart = name.endswith(APART)
        job = Job(stops, starts, residents, (tick,), save, self._verify, drops, apart=apart)
        self._crew.send(errand, worker, name, job)

    def _take_answers(self, patience: float) -> None:
        """Take in what comes within some seconds; a worker that is silent over a trial for too long is ended."""
        for answer in self._crew.answers(patience):
            if (errand := self._under_way.pop(answer.errand, None)) is not None:
                self._settle_one(answer, errand)
        if self._timeout is not None:
            self._end_silent(self._timeout)

    def _end_silent(self, timeout: float) -> None:
        """End workers that are at a job for too long; those that wait behind it are not to blame, and lost with it."""
        at_work: dict[str, int] = {}
        for number, errand in self._under_way.items():
            at_work.setdefault(errand.worker, number)
        now = self._now()
        self._since = {number: self._since.get(number, now) for number in at_work.values()}
        for worker, number in at_work.items():
            errand = self._under_way[number]
            if now - self._since[number] <= timeout * (len(errand.numbers) + 1):
                continue
            self._crew.end(worker)
            del self._under_way[number]
            awaited = self._awaited(number, errand)
            if awaited.numbers:
                self._lose(awaited, f"was silent for longer than trial_timeout={timeout:g} s", silent=True)

    def _settle_one(self, answer: Answer, errand: Errand) -> None:
        """Take an answer in, as far as it is about trials that still wait for it."""
        errand = self._awaited(answer.errand, errand)
        report = answer.report
        if report is not None and report.rows is not None:
            rows = {tick: [row for row in rows if row.trial in errand.numbers] for tick, rows in report.rows.items()}
            saved = [start for start in report.saved if start.ask.trial in errand.numbers]
            report = replace(report, rows=rows, saved=saved)
            self._weigh(saved)
        if errand.numbers or answer.error is not None:
            self._settle(replace(answer, report=report), errand)

    def _awaited(self, number: int, errand: Errand) -> Errand:
        """Return an errand without the trials that have left it, whose answer is due no more."""
        numbers = [trial for trial in errand.numbers if self._pending.get(trial) == number]
        for trial in numbers:
            del self._pending[trial]
        return replace(errand, numbers=numbers)

    def _weigh(self, saved: Sequence[Start]) -> None:
        """See whether states are light enough to come back with every epoch."""
        sizes = [sum(array.nbytes for array in start.state.values()) for start in saved if start.state is not None]
        if sizes:
            self._light = max(sizes) <= LIGHT_BYTES
