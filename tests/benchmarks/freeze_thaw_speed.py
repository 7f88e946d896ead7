"""Measures how long a decision of a freeze-thaw search takes, when so many curves have begun.

Six parameters of every kind, curves of up to 50 epochs that were stopped anywhere, one thread; with several lanes all
are given work before any brings a result. A decision with a refit is one for which the kernel was fitted anew. Times
are those of the processor, so that other programs on the machine do not count (but for the caches that they empty).

    python tests/benchmarks/freeze_thaw_speed.py [--curves 40 200 1000] [--lanes 1 8] [--decisions 60]
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from typing import Any

import numpy as np

from hpsearch import Choice, Float, Int, Study
from hpsearch.models.threads import limited
from hpsearch.samplers.curve_evidence import Curve
from hpsearch.samplers.curve_history import search_of
from hpsearch.samplers.curve_search import CurveSearch, Settings

EPOCHS = 50
STOPS = (1, 1, 1, 2, 3, 5, 8, 17, 34, EPOCHS)
"""Where curves were stopped."""

SPACE = {
    "rate": Float(1e-3, 1, log=True),
    "l2": Float(1e-5, 1, log=True),
    "momentum": Float(0, 0.99),
    "batch": Int(8, 128, log=True),
    "width": Int(4, 256),
    "kind": Choice(["x", "y", "z"]),
}


def loss_of(params: dict[str, Any], epoch: int) -> float:
    """Return a made-up loss after an epoch."""
    away = (math.log10(params["rate"]) + 1.5) ** 2 + 0.3 * (math.log10(params["l2"]) + 3) ** 2
    away += (params["momentum"] - 0.8) ** 2 + 0.02 * math.log2(params["batch"] / 32) ** 2
    away += abs(params["width"] - 128) / 500 + 0.1 * (params["kind"] == "z")
    return 0.05 + 0.1 * away + (0.5 + 0.3 * away) / epoch**0.6


def begun(search: CurveSearch, count: int) -> list[Curve]:
    """Return curves that have begun at random points; the first eight are whole."""
    rng = np.random.default_rng(0)
    curves: list[Curve] = []
    epochs_trained = 0
    for number in range(count):
        curve = search.curve(number, search.encoding.decode(rng.random(len(SPACE))))
        curve.until = EPOCHS if number < 8 else STOPS[rng.integers(len(STOPS))]
        epochs_trained = trained(curve, epochs_trained)
        curves.append(curve)
    return curves


def trained(curve: Curve, epochs_trained: int) -> int:
    """Train a curve to where it is to be paused; return how many epochs all have been trained then."""
    while curve.epoch < curve.until:
        curve.losses.append(min([loss_of(dict(curve.params), curve.epoch + 1), *curve.losses[-1:]]))
        curve.order.append(epochs_trained)
        epochs_trained += 1
    curve.under_way = False
    curve.over = curve.complete = curve.epoch == EPOCHS
    return epochs_trained


def measured(count: int, lanes: int, decisions: int) -> tuple[list[float], list[float]]:
    """Return milliseconds of decisions without and with a refit."""
    study = Study("speed", objective=lambda trial: 0.0, space=SPACE, sampler="random", epochs=EPOCHS)
    search = search_of(study, EPOCHS, Settings(explore=0.0))  # what is drawn at random takes no time
    curves = begun(search, count)
    epochs_trained = sum(curve.epoch for curve in curves)
    busy = list[Curve]()
    plain: list[float] = []
    refits: list[float] = []
    for number in range(decisions):
        fits = dict(search._fits)
        start = time.process_time()
        move = search.decide(curves, 2 * count + number, begins=True)
        taken = 1e3 * (time.process_time() - start)
        (plain if search._fits == fits else refits).append(taken)
        assert move is not None
        curve = move.curve
        if curve is None:
            assert move.point is not None
            curve = search.curve(len(curves), search.encoding.decode(move.point.units))
            curves.append(curve)
        curve.under_way = True
        curve.until = move.until
        busy.append(curve)
        if len(busy) == lanes:
            for running in busy:
                epochs_trained = trained(running, epochs_trained)
            busy = []
    return plain, refits


def main() -> None:
    """Print a markdown table of milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", type=int, nargs="+", default=[40, 200, 1000])
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--decisions", type=int, default=60)
    options = parser.parse_args()
    warnings.simplefilter("error")
    print("| curves | lanes | ms a decision, mean | without a refit, mean | longest | with a refit, longest |")
    print("|---|---|---|---|---|---|")
    with limited():
        for count in options.curves:
            for lanes in options.lanes:
                plain, refits = measured(count, lanes, options.decisions)
                longest = f"{max(refits):.0f}" if refits else "none"
                both = np.mean(plain + refits)
                print(
                    f"| {count} | {lanes} | {both:.1f} | {np.mean(plain):.1f} | {max(plain):.0f} | {longest} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
