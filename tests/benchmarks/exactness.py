"""The same bytes on any number of workers, whatever becomes of them: a table of studies and disturbances.

    HPSEARCH_DATA=… python tests/benchmarks/exactness.py [--times N] [--only NAME …] [--studies NAME …] [--seed N]

Each study runs once in one process. Then it runs under each disturbance, several times, on workers of this machine
or of a cluster that is started here, is killed where that is due, and is resumed until it is done. The export with
curves and what MLflow holds are compared with those of the one process. Nothing pins a thread. A line of the table says
how many runs were disturbed at how many moments, how many came out the same, and the longest time without a line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

LIMIT = 600.0
"""A run that takes longer counts as one that hangs."""

STUDIES = {
    "mixed": """
from hpsearch import Choice, MLPClassifier, Study
study = Study(
    name="s", model=MLPClassifier(max_epochs=60), data="digits", lanes=4, n_trials=10, sampler="tpe", pruner="median",
    space={"hidden_layer_sizes": Choice([(30,), (100,), (200,)]), "batch_size": Choice([4, 5, 8, 10])},
)
""",
    "mnist": """
from hpsearch import Choice, Float, MLPClassifier, Scale, Study
study = Study(
    name="s", model=MLPClassifier(max_epochs=10), data="mnist", lanes=4, n_trials=8, sampler="tpe", pruner="asha",
    space={"hidden_layer_sizes": Choice([(30,), (100,)]), "learning_rate": Float(0.1, 3, log=True)},
)
""",
    "sklearn": """
from sklearn.linear_model import SGDClassifier
from hpsearch import Float, Study
study = Study(
    name="s", model=SGDClassifier(loss="log_loss"), data="digits", lanes=4, n_trials=12, epochs=30, sampler="tpe",
    pruner="median", space={"alpha": Float(1e-6, 1e-1, log=True), "eta0": Float(0.01, 1, log=True)},
)
""",
    "generator": """
import numpy as np
from hpsearch import Float, Study
def climb(trial):
    matrix = trial.rng.normal(size=(300, 300)) / 20
    vector = trial.rng.normal(size=300) * trial["x"]
    for _ in range(25):
        for _ in range(20):
            matrix = np.tanh(matrix @ matrix + 0.01)
        yield {"score": float((matrix @ vector).sum()), "norm": float(np.linalg.norm(matrix))}
study = Study(
    name="s", objective=climb, space={"x": Float(0.1, 9, log=True)}, metric="score", epochs=25, lanes=4, n_trials=12,
    sampler="tpe", pruner="median",
)
""",
}

STUDIES["virtual"] = """
import random, time
from hpsearch import Float, Study
def climb(trial):
    delays = random.SystemRandom()  # another order of arrivals each time
    value = -abs(trial["x"] - 3.0)
    for _ in range(12):
        time.sleep(delays.uniform(0, 0.2))
        value += float(trial.rng.random())
        yield {"score": value}
study = Study(
    name="s", objective=climb, space={"x": Float(0.1, 9, log=True)}, metric="score", epochs=12, lanes=16, n_trials=60,
    sampler="tpe", pruner="asha", cost=lambda params: params["x"],
)
"""
STUDIES["lookback"] = STUDIES["virtual"].replace("lanes=16", "lanes=16, lookback=2")
STUDIES["estimated"] = STUDIES["mixed"].replace("lanes=4, n_trials=10", 'lanes=8, n_trials=20, cost="estimated"')


@dataclass
class Run:
    """A study's run in a root, as often as it takes.

    Attributes:
        folder: Where the study file and the root are.
        stalls: Longest time in which the log did not grow, in seconds.
        moments: How often something was killed, stopped or started.
        complaints: What it printed that is not one line of ours.
    """

    folder: Path
    root: str
    stalls: float = 0.0
    moments: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.folder / self.root / "studies" / "s" / "log.jsonl"

    def start(self, *flags: str) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "hpsearch",
            "run",
            "study.py",
            "--root",
            self.root,
            "--quiet",
            "--verify",
            *flags,
        ]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def follow(self, process: subprocess.Popen[str], disturb: Callable[[], None] | None, pace: float) -> int:
        """Wait for a run, disturb it about every ``pace`` seconds, and return its exit code; -99 where it hangs."""
        begun = grown = time.monotonic()
        size, due = self.size(), begun + pace
        begun_at = size
        while process.poll() is None:
            time.sleep(0.05)
            now = time.monotonic()
            if self.size() != size:
                size, grown = self.size(), now
            self.stalls = max(self.stalls, now - grown)
            if disturb is not None and now > due and size > begun_at + 2000:  # it trains, its workers have started
                disturb()
                self.moments += 1
                due = time.monotonic() + pace
            if now - begun > LIMIT:
                process.kill()
                process.communicate()
                return -99
        out, err = process.communicate()
        if process.returncode > 0:
            print(f"    exit {process.returncode}: {(out + err)[-500:].strip()}", file=sys.stderr, flush=True)
        # Of a process that was killed with SIGKILL, Python's resource tracker tells what it cleans up behind it.
        if "Traceback" in out + err or (process.returncode >= 0 and len(err.splitlines()) > 1):
            self.complaints.append(out + err)
        return process.returncode


def export(run: Run) -> bytes:
    command = [sys.executable, "-m", "hpsearch", "export", "s", "--curves", "--root", run.root]
    return subprocess.run(command, cwd=run.folder, capture_output=True, check=True).stdout


def failed(run: Run) -> list[str]:
    """Return why trials failed; in these studies none does by itself."""
    command = [sys.executable, "-m", "hpsearch", "show", "s", "--json", "--root", run.root]
    shown = subprocess.run(command, cwd=run.folder, capture_output=True, check=False).stdout
    trials = json.loads(shown)["trials"] if shown else []
    return [f"trial {trial['trial']}: {trial.get('reason')}" for trial in trials if trial["state"] == "FAILED"]


def mlflow_content(run: Run) -> list[tuple[object, ...]]:
    """Return runs by trial number with their states, parameters and points, without ids and times."""
    base = sqlite3.connect(run.folder / run.root / "mlflow.db")
    with suppress(sqlite3.OperationalError), base:
        trial = dict(base.execute("select run_uuid, value from tags where key = 'hpsearch.trial'"))
        rows: list[tuple[object, ...]] = [
            (trial.get(r), s) for r, s in base.execute("select run_uuid, status from runs")
        ]
        rows += [(trial[r], k, v) for r, k, v in base.execute("select run_uuid, key, value from params") if r in trial]
        points = "select run_uuid, key, step, value, is_nan from metrics"
        rows += [(trial[r], *rest) for r, *rest in base.execute(points) if r in trial and "seconds" not in rest[0]]
        return sorted(rows, key=repr)
    return []


@contextmanager
def cluster(workers: int, *flags: str) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and workers with nannies, and yield its address and the processes, the scheduler first."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        env = {
            **os.environ,
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "10s",
            "DASK_DISTRIBUTED__WORKER__DAEMON": "false",
        }
        parts = [_dask(["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"], file, folder, env)]
        parts += [_worker(file, folder, env, *flags) for _ in range(workers)]
        while not file.exists():
            time.sleep(0.05)
        try:
            yield json.loads(file.read_text())["address"], parts
        finally:
            for part in parts:
                _kill_tree(part.pid)


def _dask(words: list[str], file: Path, folder: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dask", *words, "--scheduler-file", str(file)]
    return subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _worker(file: Path, folder: str, env: dict[str, str], *flags: str) -> subprocess.Popen[bytes]:
    words = ["worker", "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard", *flags]
    return _dask(words, file, folder, env)


def _kill_tree(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        for part in [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]:
            with suppress(psutil.NoSuchProcess):
                part.kill()


def _workers_of(parts: list[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    """Return the worker processes below nannies."""
    found: list[psutil.Process] = []
    for part in parts[1:]:
        with suppress(psutil.NoSuchProcess):
            found += [c for c in psutil.Process(part.pid).children() if "spawn_main" in " ".join(c.cmdline())]
    return found


def _local_workers(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [
            c
            for c in psutil.Process(pid).children(recursive=True)
            if "hpsearch.engine.local_worker" in " ".join(c.cmdline())
        ]
    return []


def _signal_one(found: list[psutil.Process], what: signal.Signals, rng: random.Random) -> None:
    if found:
        with suppress(psutil.NoSuchProcess):
            rng.choice(found).send_signal(what)


def undisturbed(run: Run, rng: random.Random, workers: int = 1) -> int:
    return run.follow(run.start("--workers", str(workers)), None, 0)


def external(run: Run, rng: random.Random) -> int:
    with cluster(2) as (address, _):
        return run.follow(run.start("--scheduler", address), None, 0)


def local_worker_killed(run: Run, rng: random.Random) -> int:
    process = run.start("--workers", str(rng.choice([2, 5])))
    return run.follow(
        process, lambda: _signal_one(_local_workers(process.pid), signal.SIGKILL, rng), rng.uniform(10, 20)
    )


def worker_killed(run: Run, rng: random.Random) -> int:
    with cluster(2) as (address, parts):
        kill = lambda: _signal_one(_workers_of(parts), signal.SIGKILL, rng)  # noqa: E731
        return run.follow(run.start("--scheduler", address), kill, rng.uniform(10, 20))


def nanny_killed(run: Run, rng: random.Random, *, both: bool = False) -> int:
    """Kill a nanny, or it and its worker, and start another."""
    with cluster(2) as (address, parts):
        file, folder, env = Path(parts[1].args[-1]), "/", dict(os.environ)  # type: ignore[index]

        def disturb() -> None:
            victim = rng.choice(parts[1:])
            (_kill_tree if both else lambda pid: os.kill(pid, signal.SIGKILL))(victim.pid)
            victim.wait()
            parts.remove(victim)
            parts.append(_worker(file, folder, env))

        return run.follow(run.start("--scheduler", address), disturb, rng.uniform(10, 20))


def worker_stopped(run: Run, rng: random.Random) -> int:
    """Stop a worker (SIGSTOP); the scheduler counts it out after ten seconds."""
    with cluster(3) as (address, parts):
        return run.follow(
            run.start("--scheduler", address),
            lambda: _signal_one(_workers_of(parts)[1:], signal.SIGSTOP, rng),
            rng.uniform(10, 20),
        )


def joined_and_left(run: Run, rng: random.Random) -> int:
    with cluster(1) as (address, parts):
        file, env = Path(parts[1].args[-1]), dict(os.environ)  # type: ignore[index]

        def disturb() -> None:
            if len(parts) > 3:
                parts.pop(1).terminate()
            else:
                parts.append(_worker(file, "/", env))

        return run.follow(run.start("--scheduler", address), disturb, rng.uniform(5, 10))


def scheduler_killed(run: Run, rng: random.Random) -> int:
    """Kill the scheduler twice, each time in mid-study; the study is resumed on a new cluster."""
    for _ in range(2):
        with cluster(2) as (address, parts):
            process = run.start("--scheduler", address)
            code = run.follow(process, lambda parts=parts: parts[0].kill(), rng.uniform(4, 8))  # type: ignore[misc]
        if code not in (0, 2):
            return code
    return undisturbed(run, rng, 2)


def coordinator_killed(run: Run, rng: random.Random) -> int:
    for number in range(3):
        process = run.start("--workers", str(rng.choice([1, 2, 5])))
        code = run.follow(process, process.kill, rng.uniform(3, 9))
        if code == 0:
            return 0
        assert code == -signal.SIGKILL, code
        print(f"    killed {number + 1}", flush=True)
    return undisturbed(run, rng, 2)


def little_memory(run: Run, rng: random.Random) -> int:
    """One worker of two has too little memory: it is given up, and the study goes on with the other."""
    with cluster(1) as (address, parts):
        parts.append(_worker(Path(parts[1].args[-1]), "/", dict(os.environ), "--memory-limit", "150MB"))  # type: ignore[index]
        run.moments += 1
        return run.follow(run.start("--scheduler", address), None, 0)


def two_on_one_cluster(run: Run, rng: random.Random) -> int:
    other = Run(run.folder, run.root + "-other")
    with cluster(2) as (address, _):
        beside = other.start("--scheduler", address)
        code = run.follow(run.start("--scheduler", address), None, 0)
        return code or other.follow(beside, None, 0) or (export(run) != export(other))


DISTURBANCES: dict[str, tuple[int, Callable[[Run, random.Random], int]]] = {
    "2 workers": (1, lambda run, rng: undisturbed(run, rng, 2)),
    "3 workers": (1, lambda run, rng: undisturbed(run, rng, 3)),
    "5 workers": (1, lambda run, rng: undisturbed(run, rng, 5)),
    "12 workers": (1, lambda run, rng: undisturbed(run, rng, 12)),
    "cluster": (1, external),
    "two studies on a cluster": (1, two_on_one_cluster),
    "coordinator killed": (2, coordinator_killed),
    "local worker killed": (2, local_worker_killed),
    "cluster worker killed": (2, worker_killed),
    "nanny killed": (1, nanny_killed),
    "nanny and worker killed": (1, lambda run, rng: nanny_killed(run, rng, both=True)),
    "worker stopped (SIGSTOP)": (1, worker_stopped),
    "workers join and leave": (1, joined_and_left),
    "scheduler killed, resumed": (1, scheduler_killed),
    "a worker without memory": (1, little_memory),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=1, help="how often each disturbance is repeated, times its own")
    parser.add_argument("--studies", nargs="*", default=list(STUDIES))
    parser.add_argument("--only", nargs="*", default=list(DISTURBANCES))
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    print(
        "| study | disturbance | runs | moments | the same bytes | MLflow the same | longest silence, s | complaints |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    wrong = 0
    for name in asked.studies:
        if name == "mnist" and "HPSEARCH_DATA" not in os.environ:
            continue
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "study.py").write_text(STUDIES[name])
            alone = Run(folder, "alone")
            assert undisturbed(alone, rng) == 0, alone.complaints
            curves, content = export(alone), mlflow_content(alone)
            for what in asked.only:
                own, disturb = DISTURBANCES[what]
                runs = [Run(folder, f"{what}-{i}".replace(" ", "-")) for i in range(own * asked.times)]
                codes = [disturb(run, rng) for run in runs]
                same = sum(code == 0 and export(run) == curves for code, run in zip(codes, runs, strict=True))
                kept = sum(code == 0 and mlflow_content(run) == content for code, run in zip(codes, runs, strict=True))
                complaints = [text for run in runs for text in run.complaints]
                wrong += (same != len(runs)) + (kept != len(runs)) + bool(complaints)
                moments, silence = sum(run.moments for run in runs), max(run.stalls for run in runs)
                counts = f"{len(runs)} | {moments} | {same} | {kept} | {silence:.1f} | {len(complaints)}"
                print(f"| {name} | {what} | {counts} |", flush=True)
                failures = [reason for run in runs for reason in failed(run)]
                for text in complaints + [f"exit {code}" for code in codes if code] + failures:
                    print(text[-2000:], file=sys.stderr, flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
