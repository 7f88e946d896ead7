"""What a user has called after each trial, and how a user ends a run."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpsearch import Float, Study
from hpsearch.errors import UserError
from hpsearch.log.catalogue import load_history
from hpsearch.report.export import to_bytes
from hpsearch.study.loading import load_study


def climb(trial: Any) -> Iterator[float]:
    for epoch in range(3):
        yield trial["x"] + epoch


def make(objective: Any = climb, **settings: Any) -> Study:
    return Study(
        **{
            "name": "s",
            "objective": objective,
            "space": {"x": Float(0, 1)},
            "metric": "score",
            "epochs": 3,
            "sampler": "random",
            "pruner": "median",
            "n_trials": 12,
            "lanes": 4,
            **settings,
        }
    )


def go(study: Study, root: Path, **options: Any) -> Any:
    return study.run(root, quiet=True, tracking=False, **options).history


def stopping(trial: Any) -> Iterator[float]:
    by = os.environ.get("STOPPED_BY")
    for epoch in range(3):
        if by == "objective" and trial.number == 5 and epoch == 1:
            STUDY.stop()
        if by == "thread" and trial.number == 5 and epoch == 1:
            thread = threading.Thread(target=STUDY.stop)
            thread.start()
            thread.join()
        yield trial["x"] + epoch


STUDY = make(stopping)


def test_callbacks_hear_of_each_trial_once_it_has_ended_in_the_order_of_the_log(tmp_path: Path) -> None:
    heard: list[tuple[int, str]] = []
    study = make()

    def hear(of: Study, trial: Any) -> None:
        assert of is study
        on_disk = load_history(tmp_path / "studies" / "s").trials[trial.number]
        assert (on_disk.state, on_disk.value) == (trial.state, trial.value)
        heard.append((trial.number, trial.state))

    history = go(study, tmp_path, callbacks=[hear])
    assert sorted(heard) == [(trial.number, trial.state) for trial in history.trials]
    again: list[int] = []
    go(make(), tmp_path / "again", callbacks=[lambda of, trial: again.append(trial.number)])
    assert again == [number for number, _ in heard]


def test_a_callback_that_raises_ends_the_run_in_one_line_and_nothing_is_lost(tmp_path: Path) -> None:
    def sulk(of: Study, trial: Any) -> None:
        if trial.number == 5:
            raise RuntimeError("not this one")

    with pytest.raises(UserError, match=r"callback .*sulk failed after trial 5: RuntimeError: not this one"):
        go(make(), tmp_path, callbacks=[sulk])
    assert load_history(tmp_path / "studies" / "s").trials[5].state == "COMPLETE"
    assert to_bytes(go(make(), tmp_path)) == to_bytes(go(make(), tmp_path / "undisturbed"))


@pytest.mark.parametrize("wrong", [print, ["print"], "print"])
def test_callbacks_that_cannot_be_called_are_refused_before_anything_runs(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(UserError, match="callbacks must be a list of functions"):
        go(make(), tmp_path, callbacks=wrong)
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize("by", ["callback", "objective", "thread"])
def test_stop_ends_a_run_and_the_same_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    monkeypatch.setenv("STOPPED_BY", by)

    def hear(of: Study, trial: Any) -> None:
        if by == "callback" and trial.number == 3:
            of.stop()

    study = STUDY
    result = study.run(tmp_path, quiet=True, tracking=False, callbacks=[hear])
    assert result.history.stop == "study.stop() was called"
    assert not result.interrupted
    assert len(result.history.trials) < 12
    assert load_history(tmp_path / "studies" / "s").stop == "study.stop() was called"
    monkeypatch.setenv("STOPPED_BY", "nobody")
    uncut = go(study, tmp_path)
    assert uncut.stop is None
    assert to_bytes(uncut, curves=True) == to_bytes(go(study, tmp_path / "undisturbed"), curves=True)


def test_the_study_of_a_file_stops_its_variant(tmp_path: Path) -> None:
    file = tmp_path / "s.py"
    file.write_text(
        "from hpsearch import Float, Study\n"
        "def loop(trial):\n"
        "    if trial.number == 2:\n"
        "        study.stop()\n"
        "    return trial['x']\n"
        "study = Study('s', objective=loop, space={'x': Float(0, 1)}, metric='score', sampler='random', n_trials=9, "
        "lanes=1)\n"
    )
    from hpsearch.study.variants import override

    history = go(override(load_study(file), seed=3, name="other"), tmp_path)  # type: ignore[arg-type]
    assert len(history.trials) == 3


def test_a_study_that_nobody_runs_here_cannot_be_stopped(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not being run by this process"):
        make().stop()
