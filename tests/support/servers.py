"""A real MLflow server on loopback that can be taken down, and a proxy before it that misbehaves as it is told."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def pointed_at(uri: str) -> Iterator[None]:
    """MLflow's own functions go to this store; by its variables, as what ``set_tracking_uri`` sets stays set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.setenv("MLFLOW_REGISTRY_URI", uri)
        yield


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """``mlflow server`` on loopback, that can be taken down and brought back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.db'}"]
        command += ["--artifacts-destination", (self.folder / "remote").as_uri()]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        environment.pop("PYTEST_CURRENT_TEST", None)  # MLflow checks itself under it
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=quiet, stderr=quiet)
        wait_for(self.uri)

    def down(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None


def wait_for(uri: str, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=2):
                return
        except OSError:
            assert time.monotonic() < end, f"{uri} does not answer"
            time.sleep(0.2)


class Proxy:
    """Passes requests on to a server, unless told otherwise.

    Attributes:
        failing: Answers every request with 500 instead.
        delay: Seconds that it waits before it passes a request on.
        login: ``user:password`` that a request must bring, or None.
        passed: Requests that it has passed on.
    """

    def __init__(self, port: int) -> None:
        self.failing, self.delay, self.passed = False, 0.0, 0
        self.login: str | None = None
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                time.sleep(proxy.delay)
                credentials = self.headers.get("Authorization")
                if proxy.login is not None:
                    wanted = "Basic " + base64.b64encode(proxy.login.encode()).decode()
                    if credentials != wanted:
                        return self.answer(401, b"You are not authenticated.", "text/plain")
                if proxy.failing:
                    return self.answer(500, b"the proxy was told to fail")
                proxy.passed += 1
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host",)}
                connection.request(self.command, self.path, body, headers)
                response = connection.getresponse()
                self.answer(response.status, response.read(), response.getheader("Content-Type") or "application/json")
                connection.close()
                return None

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
