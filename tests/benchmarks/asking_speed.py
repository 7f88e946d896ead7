"""Measures how long a sampler takes to answer, from the first trial to the five-hundredth.

Six parameters of every kind, one trial at a time, one thread. "Between refits" is the median of the last fifty asks;
gp refits its kernel at none of them. The longest ask is one at which it does, or the first, which imports. Times are
those of the processor, so that other programs on the machine do not count.

    python tests/benchmarks/asking_speed.py [--quick]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from hpsearch import Choice, Float, Int, Study, samplers
from hpsearch.log.history import History
from hpsearch.log.records import Ask, Decision, Row, Tick

SPACE = {
    "rate": Float(1e-4, 1, log=True),
    "share": Float(0, 1),
    "l2": Float(1e-3, 10, log=True),
    "width": Int(1, 64, log=True),
    "depth": Int(0, 9),
    "kind": Choice(["x", "y", "z"]),
}


def value_of(params: dict[str, Any]) -> float:
    """Return a made-up accuracy."""
    bent = (np.log10(params["rate"]) + 2) ** 2 / 4 + params["share"] ** 2 + np.log10(params["l2"]) ** 2 / 9
    return float(-bent + 0.1 * params["depth"] / 9 + 0.2 * (params["kind"] == "y"))


def half(params: dict[str, Any]) -> bool:
    """A constraint that half of the space meets."""
    return bool(params["share"] <= 0.5)


def main() -> None:
    """Print a markdown table of milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a hundred trials")
    trials = 100 if parser.parse_args().quick else 500
    print(f"| ms per ask, {trials} trials | mean | last 50, between refits | longest |")
    print("|---|---|---|---|")
    two = {"metric": ["value", "width"], "direction": ["maximize", "minimize"]}
    cases: list[tuple[str, dict[str, Any]]] = [
        ("random", {}),
        ("tpe", {}),
        ("gp", {}),
        ("tpe, two metrics", two),
        ("tpe, a constraint", {"constraints": half}),
        ("gp, a constraint", {"constraints": half}),
    ]
    for name, fields in cases:
        sampler_name = name.partition(",")[0]
        study = Study(
            "asking", **{"objective": value_of, "space": SPACE, "metric": "value", "sampler": sampler_name, **fields}
        )
        sampler = samplers.build(study)
        history = History(study.goal)
        taken = []
        for trial in range(trials):
            start = time.process_time()
            ask = Ask(trial, 0, sampler.ask(history, trial), trial)
            taken.append(1000 * (time.process_time() - start))
            metrics = {"value": value_of(ask.params), "width": float(ask.params["width"])}
            rows = (Row(trial, 0, 1, metrics, 0.1, True),)
            history.apply(Tick(trial, 0.0, (ask,), rows, (Decision(trial, "complete", "done", "epochs"),)))
        print(f"| {name} | {np.mean(taken):.1f} | {np.median(taken[-50:]):.1f} | {max(taken):.0f} |", flush=True)


if __name__ == "__main__":
    main()
