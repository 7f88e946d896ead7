"""A search over networks that L-BFGS trains: pruned, cut off and taken up again as any other."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from toys import story

from hpsearch import Float, MLPClassifier, Study

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def study() -> Study:
    return Study(
        name="newton",
        model=MLPClassifier((4,), activation="tanh", optimizer="lbfgs", max_epochs=9),
        space={"l2": Float(1e-3, 100, log=True)},
        data=(X, Y),
        sampler="random",
        pruner="asha",
        n_trials=8,
        lanes=3,
        seed=0,
    )


def log_of(root: Path) -> Path:
    return root / "studies" / "newton" / "log.jsonl"


@pytest.fixture(scope="module")
def uncut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    study().run(root, quiet=True, tracking=False)
    return root


def test_bad_trials_are_pruned_and_good_ones_go_on_or_converge(uncut: Path) -> None:
    result = study().run(uncut, quiet=True, tracking=False)  # nothing is left to do
    pruned = result.trials[result.trials["state"] == "PRUNED"]
    complete = result.trials[result.trials["state"] == "COMPLETE"]
    assert len(pruned)
    assert len(complete)
    assert (pruned["epochs"] < 9).all()
    assert result.best_trial.value == complete["value"].max()


@pytest.mark.parametrize("lines", [1, 2, 4, 7])
def test_a_log_cut_anywhere_is_continued_to_the_same_bytes(uncut: Path, tmp_path: Path, lines: int) -> None:
    shutil.copytree(uncut, tmp_path, dirs_exist_ok=True)
    kept_lines = log_of(uncut).read_bytes().splitlines(keepends=True)[: lines + 1]
    log_of(tmp_path).write_bytes(b"".join(kept_lines[:-1]) + kept_lines[-1][: len(kept_lines[-1]) // 2])
    study().run(tmp_path, quiet=True, tracking=False)
    assert story(log_of(tmp_path)) == story(log_of(uncut))


def test_an_interrupted_search_goes_on_from_its_checkpoint_to_the_same_bytes(uncut: Path, tmp_path: Path) -> None:
    calls = []

    def interrupt(*_: object) -> None:
        calls.append(1)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGINT)

    assert study().run(tmp_path, quiet=True, tracking=False, callbacks=[interrupt]).interrupted
    assert list((tmp_path / "studies" / "newton" / "checkpoints").iterdir())
    study().run(tmp_path, quiet=True, tracking=False)
    assert story(log_of(tmp_path)) == story(log_of(uncut))


@pytest.mark.slow
def test_two_workers_write_the_same_bytes(uncut: Path, tmp_path: Path) -> None:
    study().run(tmp_path, quiet=True, tracking=False, workers=2)
    assert story(log_of(tmp_path)) == story(log_of(uncut))
