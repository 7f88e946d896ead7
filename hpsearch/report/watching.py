"""``hpsearch watch``: a local web page that follows the logs of a root, and changes nothing in it."""

from __future__ import annotations

import errno
import json
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.log.history import Goal, History
from hpsearch.log.lines import read
from hpsearch.log.records import Header
from hpsearch.report import watched
from hpsearch.report.figures import asset

HOST = "127.0.0.1"

PORT = 8008

TRIES = 20
"""Ports that are tried, from the wanted one on."""

POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:"
"""The content security policy of all answers: the page loads from and sends to this server alone."""

FILES = {
    "/": ("watch/watch.html", "text/html"),
    "/report.css": ("report.css", "text/css"),
    "/watch.css": ("watch/watch.css", "text/css"),
    "/watch.js": ("watch/watch.js", "text/javascript"),
    "/panels.js": ("watch/panels.js", "text/javascript"),
    "/figures.js": ("watch/figures.js", "text/javascript"),
    "/uPlot.js": ("watch/uPlot.iife.min.js", "text/javascript"),
    "/uPlot.css": ("watch/uPlot.min.css", "text/css"),
}
"""The page's own files with their media types, by their addresses."""


class Followed:
    """A study whose log is followed: each line is folded once.

    Args:
        folder: The study's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / catalogue.LOG
        self._lock = threading.Lock()
        self._history: History | None = None
        self._offset = self._inode = 0

    def history(self) -> tuple[History, int]:
        """Return the fold of the log up to now, and the log's length: while that stays the same, nothing has changed.

        Raises:
            UserError: The log is damaged, or holds nothing yet.
        """
        with self._lock:
            status = self._path.stat()
            if status.st_ino != self._inode or status.st_size < self._offset:  # removed, and begun again
                self._history = None
                self._offset = 0
                self._inode = status.st_ino
            for record, offset in read(self._path, self._offset):
                if self._history is None:
                    if not isinstance(record, Header):
                        raise UserError(f"{self._path}: does not begin with a header; run `hpsearch doctor`")
                    self._history = History(Goal.of(record.declaration))
                self._history.apply(record)
                self._offset = offset
            if self._history is None:
                raise UserError(f"{self._path}: holds no record yet")
            return self._history, self._offset


class Watched:
    """The studies of a root; each is followed from the first time that it is asked for.

    Args:
        root: The root of all state.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._followed: dict[str, Followed] = {}

    def _of(self, name: str) -> Followed:
        if name not in catalogue.studies(self.root):
            raise UserError(f"no study {name!r} in {self.root}")
        return self._followed.setdefault(name, Followed(self.root / "studies" / name))

    def answer(self, path: str, query: dict[str, list[str]]) -> object | None:
        """Return the data at an address; None where nothing has changed since the page asked last.

        Args:
            path: ``/api/studies``, ``/api/study/NAME`` or ``/api/trial/NAME/N``.
            query: ``at``: the length of the log that the page has.

        Raises:
            UserError: There is no such study or trial, or its log cannot be read.
            LookupError: There is no such address.
        """
        segments = [unquote(segment) for segment in path.split("/")[2:]]
        if segments == ["studies"]:
            names = catalogue.studies(self.root)
            histories = {}
            for name in names:
                with suppress(UserError):  # one that is just about to begin, or damaged: `hpsearch ls` says which
                    histories[name] = self._of(name).history()[0]
            return watched.overview(names, histories)
        if len(segments) == 2 and segments[0] == "study":
            history, length = self._of(segments[1]).history()
            if query.get("at") == [str(length)]:
                return None
            return {"at": length, **watched.study_data(segments[1], history)}
        if len(segments) == 3 and segments[0] == "trial" and segments[2].isdigit():
            history, _ = self._of(segments[1]).history()
            return watched.trial_data(segments[1], history, int(segments[2]), self.root / "studies" / segments[1])
        raise LookupError(path)


class Server(ThreadingHTTPServer):
    """Serves the page of a root, to this machine alone."""

    daemon_threads = True

    def __init__(self, root: Path, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.watched = Watched(root)

    def handle_error(self, request: object, client_address: object) -> None:
        """Show what went wrong, but not that a page was closed during an answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def address(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the name is http.server's
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            # A page from elsewhere whose host name was made to resolve to this machine (DNS rebinding).
            self._send(HTTPStatus.FORBIDDEN, b"this page is for this machine", "text/plain")
            return
        address = urlsplit(self.path)
        if address.path in FILES:
            name, content_type = FILES[address.path]
            self._send(HTTPStatus.OK, asset(name).encode(), content_type)
            return
        try:
            answer = self.server.watched.answer(address.path, parse_qs(address.query))
        except UserError as error:
            self._send_json(HTTPStatus.NOT_FOUND, {"error": str(error)})
        except LookupError:
            self._send(HTTPStatus.NOT_FOUND, b"there is no such page", "text/plain")
        else:
            if answer is None:
                self._send(HTTPStatus.NO_CONTENT, b"", "text/plain")
            else:
                self._send_json(HTTPStatus.OK, answer)

    def _send_json(self, status: HTTPStatus, value: object) -> None:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        self._send(status, text.encode("utf-8", "backslashreplace"), "application/json")

    def _send(self, status: HTTPStatus, content: bytes, content_type: str) -> None:
        with suppress(ConnectionError):  # the page was closed meanwhile
            self.send_response(status)
            self.send_header("Content-Type", f"{content_type}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a page asks every second."""


def serve(root: Path, study: str | None, port: int = PORT, say: Callable[[str], object] = print) -> None:
    """Serve the page until Ctrl-C.

    Args:
        root: The root of all state.
        study: The study that the page opens with; None for the one that ran last.
        port: The port to serve on; where it is taken, the next free one.
        say: Shows a line to the user.

    Raises:
        UserError: There is no such study, or no port is free.
    """
    name = "" if study is None else catalogue.find(root, study).name
    catalogue.studies(root)  # raises at once where there is no such root
    server = _bound(root, port)
    with server:
        say(f"watching {name or root} at {server.address}{f'#{name}' if name else ''} (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")


def _bound(root: Path, wanted: int) -> Server:
    ports = range(wanted, min(wanted + TRIES, 1 << 16))
    for port in ports:
        try:
            return Server(root, port)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise UserError(f"--port: none from {ports[0]} to {ports[-1]} is free for you; choose another")
