"""``hpsearch ui``: MLflow's user interface on the right store, on this machine only, as light as it goes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from hpsearch.errors import UserError
from hpsearch.log.catalogue import LOG
from hpsearch.log.records import Header
from hpsearch.tracking import cursor
from hpsearch.tracking.installed import demand
from hpsearch.tracking.store import Store, check
from hpsearch.tracking.uri import is_server, redact, resolve, sqlite_path
from hpsearch.tracking.view import TAG, view_json
from hpsearch.tracking.view import runs_address as page

HOST = "127.0.0.1"

PORT = 5000

TRIES = 20
"""Ports that are tried, from the wanted one on."""

PATIENCE = 60.0
"""Seconds after the last line of a log in which its delivery may still have to make the study's run."""


def serve(
    root: Path,
    uri: str | None = None,
    port: int = PORT,
    say: Callable[[str], object] = print,
    study_dir: Path | None = None,
) -> None:
    """Run MLflow's user interface until Ctrl-C; where the store is a server that has one, only say its address.

    Args:
        root: The root of all state.
        uri: The tracking URI; None for MLFLOW_TRACKING_URI or the root's own store.
        port: The port to serve on; where it is taken, the next free one.
        say: Shows a line to the user.
        study_dir: The folder of the study whose runs are to be opened; None: MLflow's own first page.

    Raises:
        UserError: There is no store yet, no port is free, MLflow does not start, or does not hold the study.
    """
    uri = resolve(root, uri)
    ids = None if study_dir is None else _delivered_ids(study_dir, uri)
    if is_server(uri):
        say(_address_line(redact(uri), study_dir, ids))
        return
    demand("`hpsearch ui` (unlike `hpsearch watch`)")
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        raise UserError(f"no MLflow store at {path}: run a study first, or name its --root or --tracking-uri")
    check(uri)
    port = _free_port(port)
    address = f"http://{HOST}:{port}"
    if study_dir is not None and ids is not None:
        _ensure_view(study_dir, uri, root, ids[1])
    address_line = _address_line(address, study_dir, ids)
    command = [sys.executable, "-P", "-m", "mlflow", "server", "--workers", "1"]
    command += [
        "--default-artifact-root",
        (root.absolute() / "artifacts").as_uri(),
        "--host",
        HOST,
        "--port",
        str(port),
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    # The store is no argument: its address may hold a password, and arguments are for all to see.
    store_setting = {"MLFLOW_BACKEND_STORE_URI": uri}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            env={**quiet, **os.environ, **store_setting},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        # Told to end, end as after Ctrl-C: the server must not outlive this process. A shell that starts this in the
        # background has Ctrl-C ignored; who sends the signal nevertheless means it.
        handlers = {
            number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            if not _is_up(process, address):
                output.seek(0)
                last = (output.read().decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
                raise UserError(f"MLflow's server did not start: {last}")
            say(f"{address_line} (Ctrl-C ends it)")
            process.wait()
        except KeyboardInterrupt:
            say("")
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            _end(process)


def _delivered_ids(study_dir: Path, uri: str) -> tuple[str, str]:
    """Return the ids of a study's experiment and run; waits for them while the delivery begins.

    Raises:
        UserError: The store does not hold the study.
    """
    name = study_dir.name
    while True:
        state = cursor.load(study_dir, uri)
        if state.experiment is not None and state.run is not None:
            return state.experiment, state.run
        if time.time() - (study_dir / LOG).stat().st_mtime > PATIENCE:
            break
        time.sleep(0.1)
    raise UserError(f"study {name!r} is not in MLflow at {redact(uri)}: deliver it by `hpsearch sync {name}`")


def _address_line(address: str, study_dir: Path | None, ids: tuple[str, str] | None) -> str:
    """Return a line with the address of a study's runs in MLflow, or of MLflow's first page."""
    if study_dir is None or ids is None:
        return f"MLflow is at {address}"
    return f"{study_dir.name} is at {page(address, ids[0])}"


def _ensure_view(study_dir: Path, uri: str, root: Path, run: str) -> None:
    """Store the view to which a link to a study refers: an earlier version delivered studies without one."""
    from hpsearch.log.lines import read

    header, _ = next(read(study_dir / LOG))
    if isinstance(header, Header):
        Store(uri, root, study_dir.name).tag_experiment(TAG, view_json(header, run))


def _is_up(process: subprocess.Popen[bytes], address: str) -> bool:
    """Wait until the server answers; false where it ended instead."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return True
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    # MLflow passes the signal on to its own server process and waits for it.
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port(wanted: int) -> int:
    ports = range(wanted, min(wanted + TRIES, 1 << 16))
    for port in ports:
        with socket.socket() as probe:
            # As the server will: a port that only lingers from a server before is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise UserError(f"--port: none from {ports[0]} to {ports[-1]} is free for you; choose another")
