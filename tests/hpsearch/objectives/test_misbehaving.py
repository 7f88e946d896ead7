"""Whatever an objective does, its own trial says so and the study goes on: every kind, in every shape, everywhere.

One table, :data:`misbehaving.ALL`, crosses what objectives do with the shapes that they have. All of it is one study,
which runs in one process and on two workers; each kind has a study of its own as well, of which the default suite keeps
a sample: there its neighbours and the process around it are looked at.
"""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest
from misbehaving import ALL, BODIES, GOOD, LATE, SHAPES, everything, objective

from hpsearch import Float, Study
from hpsearch.log.catalogue import load_history
from hpsearch.log.history import History, Trial
from hpsearch.report.export import to_bytes
from hpsearch.running.api import run

ONCE = [(kind, SHAPES[i % 3], False) for i, kind in enumerate(BODIES)]
ONCE += [(kind, SHAPES[1 + i % 2], True) for i, kind in enumerate(LATE)]
SAMPLE = 4
CASES = [pytest.param(*case, marks=() if i % SAMPLE == 0 else pytest.mark.slow) for i, case in enumerate(ONCE)]


def judge_neighbours(history: History) -> None:
    """Check that nobody but trial 2 was touched."""
    others = [trial for trial in history.trials if trial.number != 2]
    assert len(history.trials) == 6
    assert {trial.state for trial in others} == {"COMPLETE"}
    assert {trial.value for trial in others} == {0.25}


def judge(trial: Trial, kind: str, late: bool) -> None:
    """Check that a trial says what it did."""
    _, expected = BODIES[kind]
    assert trial.decision is not None
    if expected == GOOD:
        assert trial.state == "COMPLETE"
        assert trial.value == pytest.approx(1.0 if kind == "a bool" else 0.5)
        return
    assert expected in trial.decision.reason
    assert trial.state == ("PRUNED" if "pruned" in kind else "COMPLETE" if late else "FAILED")
    assert trial.value == (0.25 if late else None)
    assert not late or trial.best_epoch == 2


@pytest.mark.parametrize(("kind", "shape", "late"), CASES)
def test_a_trial_that_misbehaves_is_its_own_matter(tmp_path: Path, kind: str, shape: str, late: bool) -> None:
    folder, handlers, errors = os.getcwd(), signal.getsignal(signal.SIGTERM), np.geterr()
    filters = list(warnings.filters)
    study = Study(
        "odd",
        objective=objective(kind, shape, late),
        space={"x": Float(0, 1)},
        metric="score",
        sampler="random",
        pruner="none",
        n_trials=6,
        lanes=3,
    )
    result = run(study, tmp_path, quiet=True, tracking=False)
    judge_neighbours(result.history)
    judge(result.history.trials[2], kind, late)
    assert (os.getcwd(), signal.getsignal(signal.SIGTERM), np.geterr()) == (folder, handlers, errors)
    assert list(warnings.filters) == filters
    again = load_history(tmp_path / "studies" / "odd")
    assert to_bytes(again) == to_bytes(result.history)
    assert to_bytes(again, "json", curves=True) == to_bytes(result.history, "json", curves=True)


@pytest.mark.slow
def test_all_of_them_are_one_study_and_the_same_on_two_workers(tmp_path: Path) -> None:
    study = Study(
        "all",
        objective=everything,
        space={"x": Float(0, 1)},
        metric="score",
        sampler="random",
        pruner="none",
        n_trials=len(ALL),
    )
    results = [
        run(study, tmp_path / str(workers), workers=workers, quiet=True, tracking=False).history for workers in (1, 2)
    ]
    for history in results:
        for trial, (kind, shape, late) in zip(history.trials, ALL, strict=True):
            try:
                judge(trial, kind, late)
            except AssertionError as error:
                raise AssertionError(f"{kind}, {shape}, late={late}: {trial.decision}") from error
    assert to_bytes(results[0]) == to_bytes(results[1])
    assert to_bytes(results[0], curves=True) == to_bytes(results[1], curves=True)
