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
from hpsearch.tracking.store import check
from hpsearch.tracking.uri import is_server, redact, resolve, sqlite_path

HOST, PORT, TRIES = "127.0.0.1", 5000, 20


def serve(root: Path, uri: str | None = None, port: int = PORT, say: Callable[[str], object] = print) -> None:
    """Run MLflow's user interface until Ctrl-C; where the store is a server that has one, only say its address.

    Args:
        root: The root of all state.
        uri: The tracking URI; None for MLFLOW_TRACKING_URI or the root's own store.
        port: The port to serve on; where it is taken, the next free one.
        say: Shows a line to the user.

    Raises:
        UserError: There is no store yet, no port is free, or MLflow does not start.
    """
    uri = resolve(root, uri)
    if is_server(uri):
        say(f"MLflow is at {redact(uri)}")
        return
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        raise UserError(f"no MLflow store at {path}: run a study first, or name its --root or --tracking-uri")
    check(uri)
    port = _free_port(port)
    address = f"http://{HOST}:{port}"
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
    named = {"MLFLOW_BACKEND_STORE_URI": uri}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env={**quiet, **os.environ, **named}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        # Told to end, end as after Ctrl-C: the server must not outlive this process. A shell that starts this in the
        # background has Ctrl-C ignored; who sends the signal nevertheless means it.
        before = {told: signal.signal(told, signal.default_int_handler) for told in (signal.SIGINT, signal.SIGTERM)}
        try:
            if not _is_up(process, address):
                output.seek(0)
                last = (output.read().decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
                raise UserError(f"MLflow's server did not start: {last}")
            say(f"MLflow is at {address} (Ctrl-C ends it)")
            process.wait()
        except KeyboardInterrupt:
            say("")
        finally:
            for told, handler in before.items():
                signal.signal(told, handler)
            _end(process)


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
