"""The delivery's own process: beside the study, beyond its death, never twice."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hpsearch.log.records import Record
from hpsearch.tracking import cursor
from hpsearch.tracking.deliver import LOCK
from hpsearch.tracking.delivery_report import DeliveryReport
from hpsearch.tracking.process import Delivery
from hpsearch.tracking.sync import sync
from hpsearch.tracking.uri import resolve

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy

Records = Callable[..., list[Record]]
Write = Callable[..., Path]
Stored = Callable[..., dict[str, Any]]


def pid_of(delivery: Delivery) -> int:
    assert delivery._process is not None
    return delivery._process.pid


def wait_until_released(folder: Path, seconds: float = 60.0) -> None:
    """Wait until no process holds the delivery's lock, which it takes for all its life."""
    end = time.monotonic() + seconds
    with (folder / LOCK).open("a") as lock:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            assert time.monotonic() < end, "the delivery does not end"
            time.sleep(0.05)


def finish(delivery: Delivery) -> DeliveryReport:
    report = delivery.finish(timeout=90)
    assert report.message is None, report.message
    assert report.delivered
    return report


def test_the_coordinator_imports_nothing_heavy() -> None:
    modules = "process, hpsearch.tracking.sync, hpsearch.tracking.ui, hpsearch.tracking.deliver"
    heavy = ("mlflow", "numpy", "pandas", "sqlalchemy")
    code = f"import sys, hpsearch.tracking.{modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_study_that_does_not_come_to_be_leaves_nothing_behind(tmp_path: Path) -> None:
    with Delivery(None, tmp_path) as delivery:
        pid = pid_of(delivery)
        time.sleep(0.2)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_study_is_delivered_while_it_runs(
    root: Path, records: Records, write: Write, stored: Stored, expected: Stored
) -> None:
    made = records(n_trials=9)
    folder = write(made[:1])
    begin = time.monotonic()
    delivery = Delivery(None, root)
    delivery.start(folder)
    assert stored()["runs"] == []  # the coordinator is not kept waiting for it
    write(made[1:3], mode="ab")
    while not any(name == "trial 0002" for name, *_ in stored()["points"]):
        assert time.monotonic() - begin < 60
        time.sleep(0.1)
    assert {(name, status) for name, status, *_ in stored()["runs"]} >= {
        ("eta_lambda", "RUNNING"),
        ("trial 0000", "RUNNING"),
    }
    write(made[3:], mode="ab")
    report = finish(delivery)
    assert stored() == expected(made)
    assert (report.ticks, report.url) == (0, None)
    assert not cursor.is_pending(folder, resolve(root))


@pytest.mark.slow
def test_a_coordinator_killed_leaves_an_interrupted_study_that_the_next_one_finishes(
    root: Path, records: Records, write: Write, stored: Stored, expected: Stored, alive: Callable[[int], bool]
) -> None:
    made = records(n_trials=9)
    folder = write(made[:5])
    code = (
        "import os, signal, sys; from pathlib import Path; from hpsearch.tracking.process import Delivery\n"
        "delivery = Delivery(None, Path(sys.argv[2])); delivery.start(Path(sys.argv[1]))\n"
        "child = os.fork()\n"  # a worker that holds the pipe open beyond its coordinator's death
        "if child == 0:\n    import time; os.close(1); time.sleep(120); os._exit(0)\n"
        "print(child, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", code, str(folder), str(root)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=60)
    worker = int(done.stdout)
    try:
        assert done.returncode == -signal.SIGKILL
        assert alive(worker)
        second = Delivery(None, root)  # may start while the first still delivers the rest
        second.start(folder)
        time.sleep(6.0)
        write(made[5:], mode="ab")
        finish(second)
    finally:
        os.kill(worker, signal.SIGKILL)
    assert stored() == expected(made)


@pytest.mark.slow
def test_the_rest_of_a_killed_study_s_log_is_delivered_without_anybody(
    root: Path, records: Records, write: Write, stored: Stored
) -> None:
    folder = write(records(n_trials=9)[:5])
    code = (
        "import os, signal, sys; from pathlib import Path; from hpsearch.tracking.process import Delivery\n"
        "delivery = Delivery(None, Path(sys.argv[2])); delivery.start(Path(sys.argv[1]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder), str(root)], check=False, timeout=60)
    end = time.monotonic() + 60
    while cursor.is_pending(folder, resolve(root)):
        assert time.monotonic() < end
        time.sleep(0.1)
    wait_until_released(folder)
    assert "RUNNING" not in {status for _, status, *_ in stored()["runs"]}
    assert ("eta_lambda", "hpsearch.state", "INTERRUPTED") in stored()["tags"]


def written(root: Path) -> int:
    """When the store last changed: the file itself, or the log that is written ahead of it."""
    return max(file.stat().st_mtime_ns for file in root.glob("mlflow.db*") if not file.name.endswith("-shm"))


@pytest.mark.slow
def test_killed_at_any_moment_and_started_again_each_point_is_there_once(
    root: Path, records: Records, write: Write, stored: Stored, expected: Stored
) -> None:
    made = records(n_trials=40, lanes=8, epochs=6)
    folder = write(made[:1])
    stream = random.Random(5)
    n_writes = 4
    for step in range(n_writes):
        write(made[1 + step * len(made) // n_writes : 1 + (step + 1) * len(made) // n_writes], mode="ab")
        before = written(root)
        delivery = Delivery(None, root)
        delivery.start(folder)
        while written(root) == before:
            time.sleep(0.001)
        time.sleep(stream.uniform(0.0, 0.3))  # it is writing now
        os.kill(pid_of(delivery), signal.SIGKILL)
        assert delivery._process is not None
        delivery._process.communicate()
        if step % 2:
            (folder / cursor.FILE).unlink(missing_ok=True)
    assert cursor.is_pending(folder, resolve(root))
    delivery = Delivery(None, root)
    delivery.start(folder)
    finish(delivery)
    assert stored() == expected(made)


@pytest.mark.slow
def test_a_delivery_killed_under_way_is_started_once_more_at_the_end(
    root: Path, records: Records, write: Write, stored: Stored, expected: Stored
) -> None:
    made = records()
    delivery = Delivery(None, root)
    delivery.start(write(made))
    os.kill(pid_of(delivery), signal.SIGKILL)
    finish(delivery)
    assert stored() == expected(made)


@pytest.mark.slow
def test_ctrl_c_is_the_coordinator_s_to_answer(
    root: Path, records: Records, write: Write, stored: Stored, expected: Stored
) -> None:
    made = records()
    delivery = Delivery(None, root)
    delivery.start(write(made))
    assert os.getsid(pid_of(delivery)) != os.getsid(0)  # a terminal's Ctrl-C does not reach it
    time.sleep(1.0)
    os.kill(pid_of(delivery), signal.SIGINT)
    finish(delivery)
    assert stored() == expected(made)


@pytest.mark.slow
def test_a_module_of_the_user_s_beside_the_study_stands_in_for_none_of_mlflow_s(
    root: Path, records: Records, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "requests.py").write_text("raise RuntimeError('not this one')\n", encoding="utf-8")
    monkeypatch.chdir(root)
    delivery = Delivery(None, root)
    delivery.start(write(records()))
    finish(delivery)


@pytest.mark.slow
def test_two_studies_that_make_a_root_s_store_at_the_same_moment_are_both_delivered(
    tmp_path: Path, records: Records, write: Write, stored: Stored
) -> None:
    (tmp_path / "mlflow.db").unlink(missing_ok=True)
    names = ("eta", "lambda", "momentum")
    folders = [write(records(name=name), name) for name in names]
    deliveries = [Delivery(None, tmp_path) for _ in names]
    for delivery, folder in zip(deliveries, folders, strict=True):
        delivery.start(folder)
    for delivery in deliveries:
        finish(delivery)
    assert len(stored()["runs"]) == 3 * 7


@pytest.mark.slow
def test_without_a_server_the_study_ends_and_says_what_lacks_and_what_to_type(
    root: Path, records: Records, write: Write, stored: Stored, expected: Stored
) -> None:
    made = records()
    folder = write(made)
    delivery = Delivery("http://me:secret@127.0.0.1:9", root)
    delivery.start(folder)
    begin = time.monotonic()
    while delivery.problem() is None:
        assert time.monotonic() - begin < 60
        time.sleep(0.1)
    report = delivery.finish(timeout=60)
    assert not report.delivered
    assert report.ticks == len(made)
    message = report.message or ""
    assert message.startswith(
        f"eta_lambda: {len(made)} lines of the log not yet in MLflow at http://127.0.0.1:9 (no server"
    )
    assert message.endswith("deliver with `hpsearch sync`")
    assert "secret" not in message
    assert "secret" not in (folder / cursor.FILE).read_text(encoding="utf-8")
    (report,) = sync([folder])
    assert report.delivered
    assert stored() == expected(made)


def test_sync_leaves_a_study_alone_that_another_process_delivers(root: Path, records: Records, write: Write) -> None:
    folder = write(records())
    with (folder / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (report,) = sync([folder], patience=0.5)
    assert not report.delivered
    assert "another process is delivering it" in (report.message or "")


def test_sync_does_not_call_a_running_study_interrupted(
    root: Path, records: Records, write: Write, stored: Stored
) -> None:
    folder = write(records()[:3])
    code = "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.flock(f, 2); f.write('process 1'); f.flush()"
    code += "; print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(folder / "lock")], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        (report,) = sync([folder])
        holder.kill()
    assert report.delivered
    assert ("eta_lambda", "hpsearch.state", "RUNNING") in stored()["tags"]
    (report,) = sync([folder])  # now its holder was killed
    assert ("eta_lambda", "hpsearch.state", "INTERRUPTED") in stored()["tags"]


def test_a_damaged_log_is_reported_and_delivered_up_to_the_damage(
    root: Path, records: Records, write: Write, stored: Stored
) -> None:
    folder = write(records())
    log = folder / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:3], lines[3].replace(b"0.1", b"0.2", 1), *lines[4:]]))
    (report,) = sync([folder])
    assert "line 4 is damaged" in (report.message or "")
    assert "hpsearch doctor" in (report.message or "")
