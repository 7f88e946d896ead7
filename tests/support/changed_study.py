"""A study that is changed in every way there is, step after step, and the processes that are killed while it is."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hpsearch.engine import intake
from hpsearch.log import catalogue
from hpsearch.log.lines import read
from hpsearch.log.records import Extension
from hpsearch.log.writer import Log
from hpsearch.report import export
from hpsearch.running.api import run
from hpsearch.running.result import Result
from hpsearch.study.loading import load_study

FILE = """
from hpsearch import Choice, Float, Int, Study

RATE = {rate}

def objective(trial):
    for epoch in range(3):
        {body}
        yield {{"score": RATE * trial["x"] + 0.01 * epoch + 0.1 * trial["n"]}}

space = {{"x": Float({low}, 1), "n": Int(1, 5)}}
{more}
study = Study("living", objective=objective, space=space, metric="score", epochs={epochs}, sampler={sampler!r},
              pruner={pruner!r}, n_trials={n_trials}, lanes={lanes}, seed=3, duplicates={duplicates!r},
              warm_start={warm})
"""

POINTS = "x,n,y,score\n0.9,4,0.5,1.3\n0.4,4,0.1,0.7\n0.5,1,0.5,0.6\n"


@dataclass(frozen=True)
class Step:
    """What is changed in the file, and what the study is then run with; or what is enqueued before."""

    file: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    point: dict[str, Any] | None = None

    @property
    def changes(self) -> bool:
        """Whether the step writes an extension before it trains."""
        return bool(self.options) or self.point is not None


STEPS = [
    Step({"n_trials": 6}),
    Step({}, point={"x": 0.5}),
    Step({"sampler": "random", "n_trials": 9}, {"extend": True}),
    Step({"more": 'space["y"] = Float(0, 1)', "n_trials": 12}, {"extend": True, "earlier": {"y": 0.5}}),
    Step({"n_trials": 14}, {"fix": {"n": 4}}),
    Step({"low": 0.3, "sampler": "tpe", "n_trials": 16}, {"extend": True}),
    Step({"lanes": 4, "pruner": "none", "n_trials": 20}, {"extend": True}),
    Step({"warm": "WARM", "n_trials": 22}, {"extend": True}),
    Step({"duplicates": "skip", "n_trials": 24}, {"extend": True}),
    Step({"epochs": 2, "n_trials": 26}, {"extend": True}),
    Step({"body": "x = 1", "n_trials": 28}, {"same": True}),
    Step({"body": "if trial['x'] > 0.7: raise ValueError('no')", "rate": -1.0, "n_trials": 8}, {"new_version": True}),
    Step({"body": "pass"}, {"retry_failed": True}),
    Step({"n_trials": 10}),
]


class Story:
    """Goes through the steps in a root, from wherever its log stands."""

    def __init__(self, folder: Path, workers: int) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.workers = workers
        self.study = folder / "root" / "studies" / "living"

    def step(self, number: int, begun: bool = False) -> Result:
        """Run a step; where it had begun, its change is in the log already."""
        fields: dict[str, Any] = {
            "rate": 1.0,
            "body": "pass",
            "low": 0,
            "more": "",
            "epochs": 3,
            "sampler": "tpe",
            "pruner": "median",
            "n_trials": 6,
            "lanes": 2,
            "duplicates": "retrain",
            "warm": None,
        }
        for step in STEPS[: number + 1]:
            fields |= step.file
        points = self.folder.parent / "points.csv"  # one for all stories: where it lies is a part of what the study is
        if fields["warm"] is not None:
            points.write_text(POINTS, encoding="utf-8")
            fields["warm"] = repr(str(points))
        path = self.folder / "living.py"
        path.write_text(FILE.format(**fields), encoding="utf-8")
        step = STEPS[number]
        if step.point is not None and not begun:
            intake.enqueue(self.study, step.point)
        options = {} if begun else step.options
        study = load_study(path)
        return run(
            study, self.folder / "root", quiet=True, tracking=False, study_file=path, workers=self.workers, **options
        )

    def lines(self) -> list[bytes]:
        """Return the lines of the log."""
        log = self.study / "log.jsonl"
        return log.read_bytes().splitlines(keepends=True) if log.exists() else []

    def changed(self, since: int) -> bool:
        """Return whether the log has an extension behind so many lines."""
        records = [record for record, _ in read(self.study / "log.jsonl")] if self.lines() else []
        return any(isinstance(record, Extension) for record in records[since:])

    def bytes(self) -> tuple[bytes, bytes]:
        """Return all that the study found."""
        history = catalogue.load_history(self.study)
        return export.to_bytes(history), export.to_bytes(history, curves=True)


When = Literal["before", "after", "later"]


@dataclass(frozen=True)
class Moment:
    """When a process is killed: around its n-th line of the log, or a while after it.

    Attributes:
        line: Which line, counted from 1; 0 for never.
        when: Before it is written, once it is, or some milliseconds later.
        seconds: How much later.
    """

    line: int
    when: When
    seconds: float = 0.0

    @classmethod
    def drawn(cls, rng: random.Random) -> Moment:
        """Return a moment."""
        return cls(rng.randint(1, 3), rng.choice(["before", "after", "later"]), rng.uniform(0.0, 0.01))


def killed_at(moment: Moment) -> None:
    """Have this process killed at a moment."""
    append: Callable[..., None] = Log.append
    written = 0

    def counted(self: Log, *args: Any, **options: Any) -> None:
        nonlocal written
        written += 1
        here = written == moment.line
        if here and moment.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, *args, **options)
        if here and moment.when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        if here:
            threading.Thread(target=_later, args=(moment.seconds,), daemon=True).start()

    Log.append = counted  # type: ignore[method-assign]


def _later(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def _step(folder: Path, workers: int, number: int, begun: bool, moment: Moment | None) -> None:
    if moment is not None:
        killed_at(moment)
    Story(folder, workers).step(number, begun)


def told_with_kills(folder: Path, workers: int, kills: int, seed: int, at_each: int) -> tuple[Story, int]:
    """Tell the whole story in processes that are killed, and return it with how many were.

    Args:
        folder: Where.
        workers: Processes that train.
        kills: At most so many processes are killed.
        seed: Of the moments.
        at_each: At most so many of them at each step.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hpsearch.running.api", "hpsearch.samplers.fresh", "hpsearch.objectives.function"])
    story = Story(folder, workers)
    rng = random.Random(seed)
    killed = 0
    for number, step in enumerate(STEPS):
        lines_before = len(story.lines())
        killed_in_step = 0
        while True:
            moment = Moment.drawn(rng) if killed < kills and killed_in_step < at_each else None
            begun = story.changed(lines_before) or not step.changes
            process = context.Process(target=_step, args=(folder, workers, number, begun, moment))
            process.start()
            process.join(600)
            if process.exitcode == 0:
                break
            assert moment is not None, f"step {number} ended with {process.exitcode}"
            assert process.exitcode == -signal.SIGKILL, f"step {number} ended with {process.exitcode}"
            killed += 1
            killed_in_step += 1
    return story, killed
