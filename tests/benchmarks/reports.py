"""What a report costs: the handle's switch alone, and a report inside a study, beside a generator's yield.

A switch is measured on the parked code alone, with nothing printed and nothing logged, in seconds of the processor.
Inside a study a report has the log's line, its fsync and the decision with it; a study of one lane and one trial runs
in turn as a generator and by ``trial.report``, and where an earlier version is given, as a generator under that.
Medians, interleaved.

    python tests/benchmarks/reports.py [--rounds 7] [--reports 400] [--before FOLDER]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

STUDY = """
import sys, tempfile, time
from hpsearch import Float, Study

reports, shape = int(sys.argv[1]), sys.argv[2]

def generator(trial):
    for epoch in range(reports):
        yield float(epoch)

def handle(trial):
    for epoch in range(reports):
        trial.report(float(epoch))

study = Study("s", objective={"generator": generator, "handle": handle}[shape], space={"x": Float(0, 1)}, lanes=1,
              metric="score", sampler="random", pruner="none", n_trials=1, epochs=reports)
with tempfile.TemporaryDirectory() as root:
    begun = time.perf_counter()
    study.run(root, quiet=True, tracking=False)
    whole = time.perf_counter() - begun
    begun = time.perf_counter()
    study.run(root, quiet=True, tracking=False)  # nothing is left to do: what opening and ending cost
    print((whole - (time.perf_counter() - begun)) / reports)
"""


def switch(shape: str, reports: int, folder: Path) -> float:
    """Return the processor's seconds of one step of parked code, to its next report."""
    from hpsearch.objectives.output import Output
    from hpsearch.objectives.parked import Parked

    parked: list[Parked] = []

    def generator(trial: Any) -> Iterator[float]:
        for epoch in range(reports + 1):
            yield float(epoch)

    def handle(trial: Any) -> None:
        for epoch in range(reports + 1):
            parked[0].report(float(epoch))

    code: Callable[[Any], Any] = {"generator": generator, "handle": handle}[shape]
    parked.append(Parked(code, Output(folder, 0, 0).capture))
    parked[0].step(None)
    begun = time.process_time()
    for _ in range(reports):
        parked[0].step(None)
    seconds = time.process_time() - begun
    parked[0].stop()
    return seconds / reports


def inside(shape: str, reports: int, version: Path) -> float:
    """Return seconds of one report inside a study of one lane, run by the hpsearch in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", STUDY, str(reports), shape],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(version)},
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure in turn and print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--reports", type=int, default=400)
    parser.add_argument("--before", type=Path, help="the folder of an earlier version")
    options = parser.parse_args()
    here = Path(__file__).resolve().parents[2]
    what: dict[str, Callable[[Path], float]] = {
        "a switch, generator": lambda folder: switch("generator", 20 * options.reports, folder),
        "a switch, trial.report": lambda folder: switch("handle", 20 * options.reports, folder),
        "in a study, generator": lambda folder: inside("generator", options.reports, here),
        "in a study, trial.report": lambda folder: inside("handle", options.reports, here),
    }
    if options.before is not None:
        what["in a study, generator, before"] = lambda folder: inside("generator", options.reports, options.before)
    times: dict[str, list[float]] = {name: [] for name in what}
    for _ in range(options.rounds):
        for name, measure in what.items():
            with tempfile.TemporaryDirectory() as folder:
                times[name].append(measure(Path(folder)))
    print("| a report | ms (median) | ms (least) |\n|---|---|---|")
    for name, values in times.items():
        print(f"| {name} | {1e3 * median(values):.3f} | {1e3 * min(values):.3f} |")
    base = "in a study, generator, before" if options.before is not None else "in a study, generator"
    ratio = median(a / b for a, b in zip(times["in a study, trial.report"], times[base], strict=True))
    print(f"\ntrial.report in a study is {ratio:.2f} times {base!r} (median of the rounds)")


if __name__ == "__main__":
    main()
