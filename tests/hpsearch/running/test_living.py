"""A study that is changed in every way there is, cut off at any moment, on one process and on two: the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hpsearch.engine import intake
from hpsearch.log import catalogue
from hpsearch.log.lines import read
from hpsearch.log.records import Extension
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
              pruner={pruner!r}, n_trials={n_trials}, lanes={lanes}, seed=3)
"""


@dataclass(frozen=True)
class Step:
    """What is changed in the file, and what the study is then run with; or what is enqueued before."""

    file: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    point: dict[str, Any] | None = None


STEPS = [
    Step({"n_trials": 6}),
    Step({}, point={"x": 0.5}),
    Step({"sampler": "random", "n_trials": 9}, {"extend": True}),
    Step({"more": 'space["y"] = Float(0, 1)', "n_trials": 12}, {"extend": True, "earlier": {"y": 0.5}}),
    Step({"n_trials": 14}, {"fix": {"n": 4}}),
    Step({"low": 0.3, "sampler": "tpe", "n_trials": 16}, {"extend": True}),
    Step({"lanes": 4, "pruner": "none", "n_trials": 20}, {"extend": True}),
    Step({"epochs": 2, "n_trials": 22}, {"extend": True}),
    Step({"body": "x = 1", "n_trials": 24}, {"same": True}),
    Step({"body": "if trial['x'] > 0.7: raise ValueError('no')", "rate": -1.0, "n_trials": 8}, {"new_version": True}),
    Step({"body": "pass"}, {"retry_failed": True}),
    Step({"n_trials": 10}),
]


class Story:
    """Goes through the steps in a root, from wherever its log stands."""

    def __init__(self, folder: Path, workers: int) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.workers = folder, workers
        self.study = folder / "root" / "studies" / "living"

    def step(self, number: int, begun: bool = False) -> Result:
        """Run a step; where it had begun, its change is in the log already."""
        said: dict[str, Any] = {"rate": 1.0, "body": "pass", "low": 0, "more": "", "epochs": 3, "sampler": "tpe",
                                "pruner": "median", "n_trials": 6, "lanes": 2}  # fmt: skip
        for step in STEPS[: number + 1]:
            said |= step.file
        path = self.folder / "living.py"
        path.write_text(FILE.format(**said), encoding="utf-8")
        step = STEPS[number]
        if step.point is not None and not begun:
            intake.enqueue(self.study, step.point)
        options = {} if begun else step.options
        study = load_study(path)
        return run(
            study, self.folder / "root", quiet=True, tracking=False, study_file=path, workers=self.workers, **options
        )

    def bytes(self) -> tuple[bytes, bytes]:
        history = catalogue.load_history(self.study)
        return export.to_bytes(history), export.to_bytes(history, curves=True)


def lines_of(story: Story) -> list[bytes]:
    return (story.study / "log.jsonl").read_bytes().splitlines(keepends=True)


def told(tmp_path: Path, workers: int) -> tuple[Story, list[int]]:
    """The whole story, and how long the log was when each step began and ended."""
    story = Story(tmp_path / "whole", workers)
    ends = []
    for number in range(len(STEPS)):
        story.step(number)
        ends.append(len(lines_of(story)))
    return story, ends


def cut_and_told_again(whole: Story, ends: list[int], folder: Path, cut: int, workers: int) -> tuple[bytes, bytes]:
    story = Story(folder, workers)
    story.study.mkdir(parents=True)
    (story.study / "log.jsonl").write_bytes(b"".join(lines_of(whole)[:cut]) + b'{"torn')
    number = next(n for n, end in enumerate(ends) if cut <= end)
    before = ends[number - 1] if number else 0
    records = [record for record, _ in read(whole.study / "log.jsonl")][before:cut]
    # A new version ends what runs before its own record; until that is there it has not begun.
    begun = not STEPS[number].options and STEPS[number].point is None
    begun = begun or any(isinstance(record, Extension) for record in records)
    story.step(number, begun)
    for later in range(number + 1, len(STEPS)):
        story.step(later)
    return story.bytes()


def test_every_kind_of_change_is_a_record_and_decides_what_it_says(tmp_path: Path) -> None:
    story, _ = told(tmp_path, 1)
    records = [record for record, _ in read(story.study / "log.jsonl")]
    changes = [record.change for record in records if isinstance(record, Extension)]
    assert changes.count("extended") == 5
    assert {"same", "mended", "new_version"} <= set(changes)
    history = catalogue.load_history(story.study)
    assert history.version == 2
    assert len(history.current.trials) == 10 + history.current.again
    assert history.best is not None
    assert history.best.version == 2
    assert all(trial.params["n"] == 4 for trial in history.trials[13:])


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_study_changed_in_every_way_and_cut_anywhere_gives_the_same_bytes(tmp_path: Path, workers: int) -> None:
    whole, ends = told(tmp_path, 1)
    expected, lines = whole.bytes(), len(lines_of(whole))
    cuts: Callable[[int], list[int]] = lambda n: sorted({1 + (lines - 2) * k // (n - 1) for k in range(n)})  # noqa: E731
    for cut in cuts(20 if workers == 1 else 2):
        again = cut_and_told_again(whole, ends, tmp_path / f"cut{cut}", cut, workers)
        assert again == expected, f"cut after line {cut}"
