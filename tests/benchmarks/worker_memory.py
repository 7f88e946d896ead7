"""The memory of a run and its workers: the most that it takes at a time, shared pages counted once (Linux).

    HPSEARCH_DATA=… python tests/benchmarks/worker_memory.py [--workers 1,2,16] [--data mnist] [--epochs 6]

A study of 64 lanes trains 64 networks of 30 hidden neurons. Twice a second the proportional sizes (PSS) of the run's
processes are added up; beside the highest sum stands what the largest of its workers has for itself (USS).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STUDY = Path(__file__).parents[2] / "studies" / "eta_lambda.py"


def family(root: int) -> list[int]:
    """Return a process and its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError):  # it has ended meanwhile
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    processes = [root]
    for process in processes:
        processes += children.get(process, [])
    return processes


def sizes(process: int) -> tuple[int, int]:
    """Return what a process takes, shared pages in parts, and what it has for itself, in kilobytes."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    except OSError:  # it has ended meanwhile
        return 0, 0
    kilobytes = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return kilobytes["Pss"], kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]


def measured(workers: int, data: str, epochs: int) -> tuple[int, int, int]:
    """Return the processes, the megabytes of all and those of the largest worker, when they took most."""
    most = (0, 0, 0)
    with tempfile.TemporaryDirectory() as root:
        setting = ["--lanes", "64", "--trials", "64", "--sampler", "random", "--pruner", "none", "--no-tracking"]
        options = ["--data", data, "--epochs", str(epochs), "--workers", str(workers), "--root", root]
        command = [sys.executable, "-m", "hpsearch", "run", str(STUDY), *setting, *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as run:
            while run.poll() is None:
                taken = [sizes(process) for process in family(run.pid)]
                own = max((private for _, private in taken[1:]), default=0)
                most = max(most, (sum(shared for shared, _ in taken) // 1024, len(taken), own // 1024))
                time.sleep(0.5)
        if run.returncode:
            raise SystemExit(f"the run with {workers} workers failed")
    return most[1], most[0], most[2]


def main() -> None:
    """Measure and print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=lambda text: [int(word) for word in text.split(",")], default=[1, 2, 16])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    print("| workers | processes | MB in all | MB of the largest worker alone |\n|---|---|---|---|")
    for workers in options.workers:
        processes, total, own = measured(workers, options.data, options.epochs)
        print(f"| {workers} | {processes} | {total:,} | {own if workers > 1 else ''} |", flush=True)


if __name__ == "__main__":
    main()
