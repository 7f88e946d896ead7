"""``hpsearch watch``: a page on this machine that follows the logs of a root, and changes nothing in it."""

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

HOST, PORT, TRIES = "127.0.0.1", 8008, 20

POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:"
"""Nothing comes from elsewhere, and nothing goes there."""

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
"""The page's own files, by the addresses at which they are."""


class Followed:
    """A study whose log is followed: what was folded is not folded again.

    Args:
        folder: The study's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / catalogue.LOG
        self._lock = threading.Lock()
        self._history: History | None = None
        self._offset = self._inode = 0

    def history(self) -> tuple[History, int]:
        """Return the fold of the log up to now, and how long the log is: as long as that stays, nothing has changed.

        Raises:
            UserError: The log is damaged, or holds nothing yet.
        """
        with self._lock:
            found = self._path.stat()
            if found.st_ino != self._inode or found.st_size < self._offset:  # removed, and begun again
                self._history, self._offset, self._inode = None, 0, found.st_ino
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
    """The studies of a root, each followed from when it is first asked for.

    Args:
        root: Where all state is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._followed: dict[str, Followed] = {}

    def _of(self, name: str) -> Followed:
        if name not in catalogue.studies(self.root):
            raise UserError(f"no study {name!r} in {self.root}")
        return self._followed.setdefault(name, Followed(self.root / "studies" / name))

    def answer(self, path: str, query: dict[str, list[str]]) -> object | None:
        """Return what the page is told at an address; None where nothing has changed since it asked last.

        Args:
            path: ``/api/studies``, ``/api/study/NAME`` or ``/api/trial/NAME/N``.
            query: ``at``: the length of the log that the page has.

        Raises:
            UserError: There is no such study or trial, or its log cannot be read.
            LookupError: There is no such address.
        """
        parts = [unquote(part) for part in path.split("/")[2:]]
        if parts == ["studies"]:
            names, histories = catalogue.studies(self.root), {}
            for name in names:
                with suppress(UserError):  # one that is just about to begin, or damaged: `hpsearch ls` says which
                    histories[name] = self._of(name).history()[0]
            return watched.overview(names, histories)
        if len(parts) == 2 and parts[0] == "study":
            history, length = self._of(parts[1]).history()
            if query.get("at") == [str(length)]:
                return None
            return {"at": length, **watched.study_data(parts[1], history)}
        if len(parts) == 3 and parts[0] == "trial" and parts[2].isdigit():
            history, _ = self._of(parts[1]).history()
            return watched.trial_data(parts[1], history, int(parts[2]), self.root / "studies" / parts[1])
        raise LookupError(path)


class Server(ThreadingHTTPServer):
    """Serves the page of a root on this machine alone."""

    daemon_threads = True

    def __init__(self, root: Path, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.watched = Watched(root)

    def handle_error(self, request: object, client_address: object) -> None:
        """Show what went wrong, but not that a page was closed while it was being told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the name is http.server's
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            # A page from elsewhere whose name was made to mean this machine.
            self._send(HTTPStatus.FORBIDDEN, b"this page is for this machine", "text/plain")
            return
        at = urlsplit(self.path)
        if at.path in FILES:
            name, kind = FILES[at.path]
            self._send(HTTPStatus.OK, asset(name).encode(), kind)
            return
        try:
            found = self.server.watched.answer(at.path, parse_qs(at.query))
        except UserError as error:
            self._send_json(HTTPStatus.NOT_FOUND, {"error": str(error)})
        except LookupError:
            self._send(HTTPStatus.NOT_FOUND, b"there is no such page", "text/plain")
        else:
            if found is None:
                self._send(HTTPStatus.NO_CONTENT, b"", "text/plain")
            else:
                self._send_json(HTTPStatus.OK, found)

    def _send_json(self, status: HTTPStatus, value: object) -> None:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        self._send(status, text.encode("utf-8", "backslashreplace"), "application/json")

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        with suppress(ConnectionError):  # the page was closed meanwhile
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a page asks every second."""


def serve(root: Path, study: str | None, port: int = PORT, say: Callable[[str], object] = print) -> None:
    """Serve the page until Ctrl-C.

    Args:
        root: The root of all state.
        study: The study that it opens with; None: the one that ran last.
        port: The port to serve on; where it is taken, the next free one.
        say: Shows a line to the user.

    Raises:
        UserError: There is no such study, or no port is free.
    """
    name = "" if study is None else catalogue.find(root, study).name
    catalogue.studies(root)  # that there is no such root is said at once
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
