"""What the studies of histograms and of the ensemble compute, beside formulas and by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from hpsearch.study.loading import load_file

STUDIES = Path(__file__).resolve().parents[2] / "studies"


def functions(name: str) -> dict[str, Any]:
    """The module of a study, by name."""
    found: dict[str, Any] = load_file(STUDIES / name).studies[0].objective.__globals__  # type: ignore[union-attr]
    return found


class Asked(dict[str, Any]):
    """As much of a trial as these objectives read."""

    repeat = 0


@pytest.mark.parametrize(("kind", "deviation"), [("gaussian", 501**0.5), ("scaled", 1.5**0.5)])
def test_weighted_inputs_spread_as_the_sum_of_their_weights_does(kind: str, deviation: float) -> None:
    study = functions("histograms.py")
    found = study["deviation"](Asked(weight_init=kind))
    assert found["deviation"] == pytest.approx(deviation, rel=0.02)
    edge = np.log((1 + 0.9**0.5) / (1 - 0.9**0.5))  # where σ' = a(1 − a) is a tenth of ¼: a = ½ ± ½·√0.9
    assert found["saturated"] == pytest.approx(2 * norm.sf(edge / deviation), abs=0.01)
    bars = [study["bar"](Asked(weight_init=kind, z=z))["density"] for z in range(-120, 121, study["WIDTH"])]
    assert sum(bars) * study["WIDTH"] == pytest.approx(1, abs=1e-3)
    normal = norm.cdf([-2 / deviation, 2 / deviation])
    assert bars[30] == pytest.approx((normal[1] - normal[0]) / 4, rel=0.05)


def test_the_majority_wins_and_the_first_network_decides_where_there_is_none() -> None:
    labels = np.array([[0, 2, 1, 3], [1, 2, 0, 1], [1, 0, 2, 1], [0, 1, 2, 1], [2, 1, 1, 3]])
    # votes 0 1 1 0 2: even, the first says 0; 2 2 0 1 1: even, the first says 2; 1 0 2 2 1: even, the first says 1
    np.testing.assert_array_equal(functions("ensemble.py")["majority"](labels), [0, 2, 1, 1])
