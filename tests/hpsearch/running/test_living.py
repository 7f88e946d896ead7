"""A study that is changed in every way there is, cut off or killed at any moment: the same bytes as undisturbed."""

from __future__ import annotations

from pathlib import Path

import pytest
from changed_study import STEPS, Story, told_with_kills

from hpsearch.log import catalogue
from hpsearch.log.lines import read
from hpsearch.log.records import Extension


def tell_story(tmp_path: Path, workers: int) -> tuple[Story, list[int]]:
    """The whole story, and how long the log was when each step ended."""
    story = Story(tmp_path / "whole", workers)
    ends = []
    for number in range(len(STEPS)):
        story.step(number)
        ends.append(len(story.lines()))
    return story, ends


def cut_and_told_again(uncut: Story, ends: list[int], folder: Path, cut: int, workers: int) -> tuple[bytes, bytes]:
    story = Story(folder, workers)
    story.study.mkdir(parents=True)
    (story.study / "log.jsonl").write_bytes(b"".join(uncut.lines()[:cut]) + b'{"torn')
    number = next(n for n, end in enumerate(ends) if cut <= end)
    # A new version ends what runs before its own record; until that is there it has not begun.
    story.step(number, not STEPS[number].changes or story.changed(ends[number - 1] if number else 0))
    for later in range(number + 1, len(STEPS)):
        story.step(later)
    return story.bytes()


def test_every_kind_of_change_is_a_record_and_decides_what_it_says(tmp_path: Path) -> None:
    story, _ = tell_story(tmp_path, 1)
    records = [record for record, _ in read(story.study / "log.jsonl")]
    changes = [record.change for record in records if isinstance(record, Extension)]
    assert changes.count("extended") == 7
    assert {"same", "mended", "new_version"} <= set(changes)
    history = catalogue.load_history(story.study)
    assert history.version == 2
    assert len(history.current.trials) == 10 + history.current.again
    assert history.best is not None
    assert history.best.version == 2
    assert all(trial.params["n"] == 4 for trial in history.trials[13:])
    assert len(history.current.brought.observations) == 3
    assert len({tuple(trial.params.items()) for trial in history.trials[22:26]}) == 4


@pytest.mark.slow
def test_a_study_changed_in_every_way_and_cut_anywhere_gives_the_same_bytes(tmp_path: Path) -> None:
    cuts = 12
    uncut, ends = tell_story(tmp_path, 1)
    expected, lines = uncut.bytes(), len(uncut.lines())
    for cut in sorted({1 + (lines - 2) * k // (cuts - 1) for k in range(cuts)}):
        again = cut_and_told_again(uncut, ends, tmp_path / f"cut{cut}", cut, 1)
        assert again == expected, f"cut after line {cut}"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_study_changed_in_every_way_and_killed_at_real_moments_gives_the_same_bytes(
    tmp_path: Path, workers: int
) -> None:
    expected = tell_story(tmp_path, 1)[0].bytes()
    story, killed = told_with_kills(tmp_path / "killed", workers, kills=20, seed=26, at_each=3)
    assert story.bytes() == expected
    assert killed >= 16
