"""Ranges and options at the edge of what numbers and Optuna can hold, with every sampler."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from hpsearch import Choice, Float, Int, Study
from hpsearch.errors import UserError
from hpsearch.space import Dimension, distributions

SPACES: dict[str, Callable[[], Dimension]] = {
    "all floats": lambda: Float(-1e308, 1e308),
    "all positive floats": lambda: Float(5e-324, 1.7e308, log=True),
    "from the smallest float": lambda: Float(5e-324, 1, log=True),
    "two floats": lambda: Float(0, 5e-324),
    "stepped over all floats": lambda: Float(-1e308, 1e308, step=1e307),
    "large whole numbers": lambda: Int(1, 2**1023, log=True),
    "large whole numbers, evenly": lambda: Int(-(2**1022), 2**1023),
    "one more than NumPy's": lambda: Int(0, 2**63 + 1),
    "a list and its text": lambda: Choice(["[1, 2]", [1, 2], "list [1, 2]"]),
}

SAMPLERS: dict[str, Callable[[], Any]] = {
    **{name: lambda name=name: name for name in ("random", "qmc", "tpe", "gp", "chapter")},
    "Optuna's TPE": optuna.samplers.TPESampler,
    "Optuna's random": optuna.samplers.RandomSampler,
}


def objective(trial: Any) -> float:
    value = trial["x"]
    return float(math.tanh(value)) if isinstance(value, int | float) else 0.5


def values(root: Path, dim: Dimension, sampler: Any, n_trials: int = 14) -> list[Any]:
    study = Study(
        "it", objective=objective, space={"x": dim}, metric="value", sampler=sampler, pruner="none", n_trials=n_trials
    )
    with np.errstate(all="raise"):
        return [trial.params["x"] for trial in study.run(root, quiet=True, tracking=False).history.trials]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("space", SPACES)
def test_every_sampler_draws_from_every_range(tmp_path: Path, space: str, sampler: str) -> None:
    dim = SPACES[space]()
    drawn = values(tmp_path, dim, SAMPLERS[sampler]())
    assert all(dim.contains(value) for value in drawn)
    size = dim.count() if isinstance(dim, Choice) else 2 if space == "two floats" else 6
    assert len({repr(value) for value in drawn}) >= size


def test_random_values_spread_over_a_range_whose_width_is_no_float(tmp_path: Path) -> None:
    drawn = np.array(values(tmp_path, Float(-1e308, 1e308), "random", 200)) / 1e308
    assert abs(drawn.mean()) < 0.2
    assert abs(drawn.std() - 1 / math.sqrt(3)) < 0.1


def test_a_grid_takes_what_it_can_count(tmp_path: Path) -> None:
    steps = Float(-1e308, 1e308, step=1e308)
    assert values(tmp_path / "steps", steps, "grid", 3) == [-1e308, 0.0, 1e308]
    assert values(tmp_path / "list", SPACES["a list and its text"](), "grid", 3) == ["[1, 2]", [1, 2], "list [1, 2]"]
    with pytest.raises(UserError, match="continuous range"):
        values(tmp_path / "floats", Float(-1e308, 1e308), "grid")
    with pytest.raises(UserError, match="more than 1,000,000"):
        values(tmp_path / "ints", Int(1, 2**1023), "grid")


def test_what_is_no_float_is_refused_in_a_line() -> None:
    with pytest.raises(UserError, match=r"Int: high must lie between -2\*\*1023 and 2\*\*1023"):
        Int(1, 2**1100)
    with pytest.raises(UserError, match=r"Int: high - low must be at most"):
        Int(-(2**1023), 2**1023)


@pytest.mark.parametrize("space", SPACES)
def test_a_value_comes_back_from_optuna(space: str) -> None:
    dim = SPACES[space]()
    for share in (0.0, 0.1, 0.5, 0.9, 0.999):
        value = dim.from_unit(share)
        held = distributions.to_optuna(dim, value)
        inner = distributions.distribution(dim).to_internal_repr(held)
        again = distributions.from_optuna(dim, distributions.distribution(dim).to_external_repr(inner))
        assert dim.contains(again)
        if isinstance(dim, Choice) or abs(value) <= 2**53:
            assert again == pytest.approx(value) if isinstance(value, float) else again == value
        else:
            assert float(again) == pytest.approx(float(value), rel=1e-9)


def test_a_whole_number_beyond_2_53_keeps_its_digits() -> None:
    assert Int(0, 2**62).snap(2**60 + 1) == 2**60 + 1
