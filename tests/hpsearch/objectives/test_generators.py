"""A trial that seeds the global generators draws what it would draw alone, whichever trials run beside it."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch import Float, Study
from hpsearch.objectives.process_state import Surroundings
from hpsearch.running.api import run


def drawn() -> float:
    torch: Any = sys.modules.get("torch")
    more = float(torch.rand(1)) if torch is not None else 0.0
    return random.random() + float(np.random.random()) + more  # noqa: NPY002 - what people do


def seed(number: int) -> None:
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002 - as above
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(number)


def generator(trial: Any) -> Iterator[float]:
    seed(trial.number)
    for _ in range(3):
        yield drawn()


def handle(trial: Any) -> None:
    seed(trial.number)
    for _ in range(3):
        trial.report(drawn())


def nested(trial: Any) -> Iterator[float]:
    seed(trial.number)
    for _ in range(3):
        go(Path("inner") / str(trial.number), generator)
        yield drawn()


def go(root: Path, objective: Any, **settings: Any) -> list[list[float]]:
    study = Study(
        "s",
        objective=objective,
        space={"x": Float(0, 1)},
        metric="score",
        sampler="random",
        pruner="none",
        n_trials=4,
        **{"lanes": 3, **settings},
    )
    return [trial.curve("score") for trial in run(study, root, quiet=True, tracking=False).history.trials]


@pytest.mark.parametrize("objective", [generator, handle, nested])
def test_lanes_do_not_mix_their_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objective: Any) -> None:
    monkeypatch.chdir(tmp_path)
    alone = []
    for number in range(4):
        seed(number)
        alone.append([drawn() for _ in range(3)])
    assert go(tmp_path / "root", objective) == alone


def test_pytorch_s_generator_is_one_of_them(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="pip install torch")
    seed(1)
    first = [drawn() for _ in range(3)]
    assert go(tmp_path, generator)[1] == first


def test_a_normal_number_that_numpy_keeps_for_the_next_call_is_the_trials_own() -> None:
    def drawn(seeds: list[int], turns: int) -> list[list[float]]:
        """Trials that seed the generator and draw one normal number in each of their turns."""
        trials = [Surroundings() for _ in seeds]
        numbers: list[list[float]] = [[] for _ in seeds]
        for turn in range(turns):
            for number, seed in enumerate(seeds):

                def step(seed: int, turn: int = turn) -> float:
                    if turn == 0:
                        np.random.seed(seed)  # noqa: NPY002 - as a user's code does
                    return float(np.random.randn())  # noqa: NPY002

                numbers[number].append(trials[number].run(step, seed))
        return numbers

    before = np.random.get_state()  # noqa: NPY002
    alone = [drawn([seed], 5)[0] for seed in (1, 2, 3)]
    assert drawn([1, 2, 3], 5) == alone
    assert alone[0] == np.random.RandomState(1).randn(5).tolist()
    np.random.set_state(before)  # noqa: NPY002
