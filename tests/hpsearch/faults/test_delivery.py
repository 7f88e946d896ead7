"""A delivery that is killed, locked out or out of disk is made good by the next one, row for row."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from logs import header, ticks
from roots import rows_of

from hpsearch.cli import main
from hpsearch.log.lines import encode
from hpsearch.log.records import Ask, Decision, Record, Row, Tick

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
]

MOMENTS = 30
"""At so many statements, spread over all that a delivery makes, its process is killed."""

DRIVER = """
import json, os, shutil, signal, sys
from pathlib import Path
from hpsearch.tracking.store import Store, settings
from hpsearch.tracking.sync import sync
from hpsearch.tracking.uri import resolve
import sqlalchemy.engine.default as default

place, whole, moments = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
Store.takes_bulk = sys.argv[4] == "bulk"
run, many, steps, last = default.DefaultDialect.do_execute, default.DefaultDialect.do_executemany, 0, None

def counted(plain):
    def execute(self, *args, **options):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(self, *args, **options)
    return execute

default.DefaultDialect.do_execute, default.DefaultDialect.do_executemany = counted(run), counted(many)

def deliver(root, moment):
    global steps, last
    child = os.fork()
    if not child:
        steps, last = 0, moment
        with settings():
            (report,) = sync([root / "studies" / "eta_lambda"])
        (root / "steps").write_text(str(steps))
        os._exit(0 if report.delivered else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

with settings():
    import mlflow.tracking
    import mlflow.store.tracking.sqlalchemy_store

def fresh(name):
    root = place / name
    (root / "studies").mkdir(parents=True)
    shutil.copytree(place / "study", root / "studies" / "eta_lambda")
    shutil.copyfile(whole, root / "mlflow.db")
    return root

reference = fresh("reference")
assert deliver(reference, None) == 0
total = int((reference / "steps").read_text())
ends = []
for number in range(moments):
    root = fresh(f"killed-{number}")
    killed = deliver(root, 2 + number * (total - 2) // moments)
    ends.append((killed, deliver(root, None)))
print(json.dumps({"total": total, "ends": ends}))
"""


def study(n_trials: int = 12) -> list[Record]:
    """Twelve trials in four lanes, of which every fifth is pruned and one fails with a traceback."""
    records: list[Record] = [replace(header(), dataset={"name": "digits", "digest": "d1"})]
    tick = 0
    for first in range(0, n_trials, 4):
        for epoch in (1, 2, 3):
            lanes = [n for n in range(first, first + 4) if n % 5 != 1 or epoch == 1]
            asks = tuple(Ask(n, n - first, {"x": n / 7}, n) for n in range(first, first + 4) if epoch == 1)
            failed = {7} if epoch == 3 else set()
            rows = tuple(
                Row(n, n - first, epoch, {"val_accuracy": n / 20 + epoch / 9}, 0.1,
                    failure="broke" if n in failed else None, traceback="Traceback …" if n in failed else None)
                for n in lanes
            )  # fmt: skip
            decisions = [Decision(n, "fail" if n in failed else "complete", "", "epochs") for n in lanes if epoch == 3]
            decisions += [Decision(n, "prune", "", "asha") for n in lanes if n % 5 == 1]
            records.append(Tick(tick, 1_700_000_000.0 + tick, asks, rows, tuple(decisions)))
            tick += 1
    return records


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "studies" / "eta_lambda"
    folder.mkdir(parents=True)
    (folder / "log.jsonl").write_bytes(b"".join(map(encode, study())))
    return tmp_path


@pytest.mark.parametrize("way", ["bulk", "one by one"])
def test_killed_at_any_statement_and_delivered_anew_the_store_is_the_same(
    tmp_path: Path, whole_store: Path, way: str
) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "log.jsonl").write_bytes(b"".join(map(encode, study())))
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-W", "ignore", "-c", DRIVER, str(tmp_path), str(whole_store), str(MOMENTS), way]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["total"] > MOMENTS
    assert told["ends"] == [[-9, 0]] * MOMENTS
    reference = rows_of(tmp_path / "reference" / "mlflow.db")
    assert len(reference["runs"]) == 13
    for number in range(MOMENTS):
        assert rows_of(tmp_path / f"killed-{number}" / "mlflow.db") == reference


def test_a_store_that_another_process_locks_is_one_line_and_delivered_once_it_is_free(
    made_up: Path, whole_store: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = made_up
    shutil.copyfile(whole_store, root / "mlflow.db")
    with closing(sqlite3.connect(root / "mlflow.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        assert main(["sync", "--root", str(root)]) == 1
        assert "the store is locked by another process" in capfd.readouterr().err.splitlines()[-1]
    assert main(["sync", "--root", str(root)]) == 0
    assert len(rows_of(root / "mlflow.db")["runs"]) == 13


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB: less than an empty store needs."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_full_while_the_store_is_made_leaves_none_and_is_told_of(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = small_disk / "studies" / "eta_lambda"
    folder.mkdir(parents=True)
    (folder / "log.jsonl").write_bytes(b"".join(map(encode, [header(), *ticks()])))
    command = [sys.executable, "-m", "hpsearch", "sync", "--root", str(small_disk)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "no space left on the disk of the store" in done.stderr.splitlines()[-1]
    assert not (small_disk / "mlflow.db").exists()
    assert not list(small_disk.glob(".mlflow*"))


def test_a_full_disk_is_told_of_also_where_nothing_but_errors_is_printed(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small_disk.parent / "bowl.py").write_text(
        "from hpsearch import Float, Study\n"
        "study = Study('bowl', objective=lambda trial: trial['x'], space={'x': Float(0, 1)}, metric='score',\n"
        "              pruner='none', n_trials=4)\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "hpsearch", "run", "bowl.py", "--quiet", "--root", str(small_disk)]
    done = subprocess.run(command, cwd=small_disk.parent, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.startswith("warning: bowl: ")
    assert "no space left on the disk of the store" in done.stderr
    assert len(done.stderr.splitlines()) == 1
