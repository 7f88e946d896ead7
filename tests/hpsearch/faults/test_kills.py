"""Killed at any moment or out of disk at any write, a study that is run again is the same to the byte, MLflow too."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import moments
import pytest
from roots import rows_of

from hpsearch.log.catalogue import load_history

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
]

MOMENTS = 15
"""At so many moments of each of two studies, spread over all that there are, each attack is made."""

NETWORKS = """
from hpsearch import Choice, Float, MLPClassifier, Study

study = Study(
    name="small", model=MLPClassifier(hidden_layer_sizes=(8,), max_epochs=4, batch_size=100),
    space={"learning_rate": Float(0.01, 10, log=True), "batch_size": Choice([50, 100])},
    data="digits", sampler="tpe", pruner="asha", n_trials=9, lanes=3, seed=1,
)
"""

FUNCTION = """
from hpsearch import Float, Study

def climb(trial):
    value = -abs(trial["x"] - 3.0)
    for _ in range(4):
        value += float(trial.rng.random()) / (1 + trial.number)
        yield {"score": value}

study = Study(
    name="small", objective=climb, space={"x": Float(0.0, 9.0)}, metric="score", epochs=4, sampler="tpe",
    pruner="median", n_trials=9, lanes=3, seed=0,
)
"""

PAUSING = """
from hpsearch import Choice, Float, MLPClassifier, Study
from hpsearch.samplers import FreezeThaw

study = Study(
    name="small", model=MLPClassifier(hidden_layer_sizes=(8,), max_epochs=6, batch_size=100),
    space={
        "optimizer": Choice(["sgd", "momentum"]), "momentum": Float(0.5, 0.999, when={"optimizer": "momentum"}),
        "learning_rate": Float(0.1, 300, log=True),
    },
    data="digits", metric="val_cost", direction="minimize", sampler=FreezeThaw(n_startup=4), n_trials=9, lanes=3,
    seed=1,
)
"""
"""Trials are paused with their state, go on in another lane or on another worker, and some diverge."""

VIRTUAL = FUNCTION.replace("lanes=3", 'lanes=3, cost=lambda params: 1 + params["x"]')
LOOKBACK = VIRTUAL.replace("lanes=3", "lanes=3, lookback=2")


def attacked(folder: Path, store: Path, study: str, attack: str, most: int = MOMENTS) -> list[Any]:
    """Attack a study at so many moments; check that each of them was finished, and is what the whole one is."""
    (folder / "study.py").write_text(study)
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-W", "ignore", moments.__file__, str(folder), str(store), attack, str(most)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    count = min(most, told["total"])
    assert [each["then"] for each in told["ends"]] == [[0, 0, 0]] * (count + 1), told
    whole = folder / "whole"
    stored = rows_of(whole / "mlflow.db", times=False)
    assert len(stored["runs"]) == 10
    for number in range(count):
        root = folder / f"attacked-{number}"
        for name in ("export-0.csv", "export-1.csv"):
            assert (root / name).read_bytes() == (whole / name).read_bytes(), told["ends"][1 + number]
        assert rows_of(root / "mlflow.db", times=False) == stored, told["ends"][1 + number]
    attacks: list[Any] = told["ends"][1:]
    return attacks


@pytest.mark.parametrize(
    ("study", "most"),
    [(NETWORKS, MOMENTS), (FUNCTION, MOMENTS), (VIRTUAL, MOMENTS), (LOOKBACK, MOMENTS), (PAUSING, 7)],
    ids=["networks", "function", "virtual", "lookback", "pausing"],
)
def test_a_coordinator_that_is_killed_at_any_moment_loses_nothing(
    tmp_path: Path, whole_store: Path, study: str, most: int
) -> None:
    ends = attacked(tmp_path, whole_store, study, "kill", most)
    ended = [each["ended"] for each in ends]
    assert len(ended) == most
    # Checkpoints go by the clock: a run that was slower than the attacked one had moments more, which do not come.
    assert ended.count(-signal.SIGKILL) >= most - 2
    assert set(ended) <= {-signal.SIGKILL, 0}


@pytest.mark.parametrize("study", [NETWORKS, FUNCTION], ids=["networks", "function"])
def test_a_disk_that_is_full_at_any_write_is_one_line_or_costs_nothing(
    tmp_path: Path, whole_store: Path, study: str
) -> None:
    ends = attacked(tmp_path, whole_store, study, "full")
    assert len(ends) > 10
    for each in ends:
        assert each["ended"] in (0, 2), each["said"]
        if each["ended"] == 2:  # else what lacked was a cache, and the study was done all the same
            assert "No space left on device" in each["said"]
            assert "run the same command again" in each["said"]
            assert len(each["said"].splitlines()) == 1


@pytest.mark.parametrize("study", [NETWORKS, FUNCTION, LOOKBACK], ids=["networks", "function", "lookback"])
def test_a_worker_that_is_killed_in_mid_epoch_costs_no_result(tmp_path: Path, whole_store: Path, study: str) -> None:
    ends = attacked(tmp_path, whole_store, study, "worker")
    assert len(ends) > 5
    assert [each["ended"] for each in ends] == [0] * len(ends)


def spawned(pid: int) -> list[int]:
    """The worker processes below a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            found += [child] if b"hpsearch.engine.local_worker" in command else []
            found += spawned(child)
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="workers are found in /proc")
def test_worker_processes_that_are_killed_again_and_again_cost_no_result(tmp_path: Path) -> None:
    kills, stream = 3, random.Random(3)
    (tmp_path / "small.py").write_text(NETWORKS.replace("n_trials=9", "n_trials=120"))
    command = [sys.executable, "-m", "hpsearch", "run", "small.py", "--no-tracking", "--quiet"]
    subprocess.run([*command, "--root", "alone"], cwd=tmp_path, check=True, timeout=120)
    log = tmp_path / "spread" / "studies" / "small" / "log.jsonl"
    with subprocess.Popen(
        [*command, "--root", "spread", "--workers", "2"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        done = 0
        while done < kills and process.poll() is None:
            size = log.stat().st_size if log.exists() else 0
            while process.poll() is None and (not log.exists() or log.stat().st_size == size):
                time.sleep(0.002)  # it trains
            if not (workers := spawned(process.pid)):
                continue
            time.sleep(stream.uniform(0.0, 0.02))
            os.kill(stream.choice(workers), signal.SIGKILL)
            done += 1
        _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert done == kills, "the study was over before the last kill"
    for more in ([], ["--curves"]):
        one, other = (
            subprocess.run(
                [sys.executable, "-m", "hpsearch", "export", "small", "--root", root, *more],
                cwd=tmp_path, check=True, capture_output=True, timeout=60,
            ).stdout
            for root in ("alone", "spread")
        )  # fmt: skip
        assert one == other


def test_a_coordinator_of_two_workers_that_is_killed_again_and_again_decides_the_same(tmp_path: Path) -> None:
    """Which trials are paused, and how far they go on, is decided by what the log says, whoever trained them."""
    (tmp_path / "small.py").write_text(PAUSING.replace("n_trials=9", "n_trials=16"))
    command = [sys.executable, "-m", "hpsearch", "run", "small.py", "--no-tracking", "--quiet"]
    subprocess.run([*command, "--root", "alone"], cwd=tmp_path, check=True, timeout=120)
    alone, log = (tmp_path / root / "studies" / "small" / "log.jsonl" for root in ("alone", "spread"))
    total = len(alone.read_bytes().splitlines())
    for share in (0.15, 0.4, 0.7):
        with subprocess.Popen([*command, "--root", "spread", "--workers", "2"], cwd=tmp_path) as process:
            while process.poll() is None and (not log.exists() or log.read_bytes().count(b"\n") < share * total):
                time.sleep(0.001)
            process.kill()
        assert process.returncode == -signal.SIGKILL, "the study was over before it was killed"
    subprocess.run([*command, "--root", "spread", "--workers", "2"], cwd=tmp_path, check=True, timeout=120)
    one, other = (decided(path) for path in (alone, log))
    assert one == other
    assert any(trial["resumes"] for trial in one)
    assert {trial["state"] for trial in one} >= {"COMPLETE", "PRUNED"}


def decided(log: Path) -> list[dict[str, Any]]:
    """All that a log says of its trials but the times."""
    return [
        {
            "ask": repr(trial.ask), "resumes": [repr(each) for each in trial.resumes], "state": trial.state,
            "rows": [(row.epoch, dict(row.metrics)) for row in trial.rows], "ticks": list(trial.ticks),
            "decision": repr(trial.decision), "pauses": repr(trial.pauses),
        }
        for trial in load_history(log.parent).trials
    ]  # fmt: skip
