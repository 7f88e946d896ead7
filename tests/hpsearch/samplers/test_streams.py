"""Random and quasi-random points: streams by number that look at no history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest, qmc
from searching import make_study

from hpsearch.log.history import Goal, History
from hpsearch.samplers import build
from hpsearch.samplers.seeding import point_seed
from hpsearch.space import Choice, Float, Int

EMPTY = History(Goal("v", "maximize"))
SPACE = {"a": Float(0, 1), "b": Float(0.01, 100, log=True), "c": Choice(["x", "y", "z"]), "d": Int(1, 4)}


def points(name: str, n: int, space: Any = None, seed: int = 0) -> list[dict[str, Any]]:
    sampler = build(make_study(space or SPACE, sampler=name, seed=seed))
    return [sampler.ask(EMPTY, number) for number in range(n)]


@pytest.mark.parametrize("name", ["random", "qmc"])
def test_points_are_spread_evenly_on_the_declared_scale(name: str) -> None:
    drawn = points(name, 512)
    assert kstest([p["a"] for p in drawn], "uniform").pvalue > 1e-3
    assert kstest([(np.log10(p["b"]) + 2) / 4 for p in drawn], "uniform").pvalue > 1e-3
    for name_, options in (("c", ["x", "y", "z"]), ("d", [1, 2, 3, 4])):
        shares = [sum(p[name_] == option for p in drawn) / 512 for option in options]
        assert shares == pytest.approx([1 / len(options)] * len(options), abs=0.08)


def test_quasi_random_points_fill_the_square_more_evenly_than_random_ones() -> None:
    square = {"a": Float(0, 1), "d": Float(0, 1)}
    gaps = {
        name: [
            qmc.discrepancy(np.array([[p["a"], p["d"]] for p in points(name, 64, square, seed)])) for seed in range(5)
        ]
        for name in ("random", "qmc")
    }
    assert max(gaps["qmc"]) < min(gaps["random"])


def test_quasi_random_points_are_scipy_s_sequence() -> None:
    square = {"a": Float(0, 1), "d": Float(0, 1)}
    expected = qmc.Sobol(2, scramble=True, seed=np.random.default_rng(point_seed(3, 0))).random(16)
    assert np.array([[p["a"], p["d"]] for p in points("qmc", 16, square, seed=3)]) == pytest.approx(expected)


def test_a_point_given_by_hand_takes_no_quasi_random_one_away() -> None:
    params = {"a": 0.5, "b": 1.0, "c": "x", "d": 1}
    sampler = build(make_study(SPACE, sampler="qmc", enqueue=[params]))
    assert [sampler.ask(EMPTY, n) for n in range(1, 5)] == points("qmc", 4)


def test_an_option_more_does_not_move_the_other_parameters() -> None:
    more = {**SPACE, "c": Choice(["x", "y", "z", "u"])}
    assert [p["b"] for p in points("random", 8, more)] == [p["b"] for p in points("random", 8)]
