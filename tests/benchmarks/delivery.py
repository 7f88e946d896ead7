"""How long MLflow's delivery takes: ``python tests/benchmarks/delivery.py [TRIALS EPOCHS METRICS]`` (default 16 5 5).

Writes a made-up log of these sizes (of each five trials one is pruned half-way), then delivers it in one pass to an
existing sqlite store; then once more without the cursor, which must change nothing. Prints seconds of the wall's clock
and, as other programs take their share of that, of the processor. The goal is 100 runs and 5,000 points a second.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from hpsearch.log.lines import encode
from hpsearch.log.records import Ask, Decision, Header, Record, Row, Tick
from hpsearch.tracking import cursor
from hpsearch.tracking.deliver import Deliverer
from hpsearch.tracking.store import Store, settings
from hpsearch.tracking.uri import resolve

LANES = 8
PARAMS = {f"parameter_{number}": number for number in range(28)}


def made_up(trials: int, epochs: int, metrics: int) -> tuple[list[Record], int]:
    """Return the records of a study, and how many points its curves have."""
    declaration = {
        "model": {"class": "x", "params": PARAMS},
        "metric": "m0",
        "direction": "maximize",
        "n_trials": trials,
    }
    records: list[Record] = [Header("eta_lambda", "u", declaration, {}, {"name": "x", "digest": "y"}, 1.0e9)]
    points = tick = 0
    for first in range(0, trials, LANES):
        group = range(first, min(first + LANES, trials))
        for epoch in range(1, epochs + 1):
            busy = [trial for trial in group if trial % 5 != 1 or epoch <= epochs // 2]
            asks = tuple(
                Ask(trial, trial - first, {"parameter_0": 0.5 * trial}, trial) for trial in group if epoch == 1
            )
            values = {f"m{number}": epoch / (2 + number) for number in range(metrics)}
            rows = tuple(Row(trial, trial - first, epoch, values, 0.1) for trial in busy)
            points += metrics * len(rows)
            decisions = [Decision(trial, "complete", "", "epochs") for trial in busy if epoch == epochs]
            if epoch == epochs // 2:
                decisions = [Decision(trial, "prune", "", "asha", {"rank": 3}) for trial in busy if trial % 5 == 1]
            records.append(Tick(tick, 1.0e9 + tick, asks, rows, tuple(decisions)))
            tick += 1
    return records, points


def main() -> None:
    """Measure and print."""
    trials, epochs, metrics = map(int, sys.argv[1:4] or (16, 5, 5))
    with tempfile.TemporaryDirectory() as folder, settings():
        root = Path(folder)
        begin = time.perf_counter()
        Store(resolve(root), root, "other")
        print(f"import mlflow and make its store: {time.perf_counter() - begin:.2f} s")
        study = root / "studies" / "eta_lambda"
        study.mkdir(parents=True)
        records, points = made_up(trials, epochs, metrics)
        (study / "log.jsonl").write_bytes(b"".join(map(encode, records)))
        for what in ("delivered", "delivered again without the cursor"):
            begin = time.perf_counter()
            busy = time.process_time()
            assert Deliverer(study, resolve(root), root).once(alive=False) == 0
            took = time.perf_counter() - begin
            spent = time.process_time() - busy
            rates = ", ".join(f"{number / took:,.0f} {of}" for number, of in ((trials, "runs"), (points, "points")))
            print(f"{trials:,} trials, {points:,} points {what}: {took:.2f} s, {spent:.2f} s of CPU ({rates} a second)")
            (study / cursor.FILE).unlink()


if __name__ == "__main__":
    main()
