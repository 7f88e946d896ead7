"""A browser without a window, told what to do through its DevTools: open a page, wait, look, take a picture."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tornado.websocket import WebSocketClientConnection

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WHY_NOT = "needs a browser: apt-get install chromium"

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
    # A page within a page is looked into like the page itself.
    "--disable-site-isolation-trials",
    "--disable-features=IsolateSandboxedIframes,IsolateOrigins,site-per-process",
)


class Browser:
    """One tab.

    Args:
        folder: For the browser's own files.
        size: Width and height of the window, in pixels.
        options: More of the browser's options.
    """

    def __init__(self, folder: Path, size: tuple[int, int] = (1400, 900), *options: str) -> None:
        from tornado.websocket import websocket_connect

        assert CHROMIUM is not None, WHY_NOT
        profile = folder / "profile"
        shape = f"--window-size={size[0]},{size[1]}"
        command = [CHROMIUM, *OPTIONS, shape, f"--user-data-dir={profile}", *options, "about:blank"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
        self._loop = asyncio.new_event_loop()
        self._count = 0
        port = self._port(profile / "DevToolsActivePort")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
            page = next(target for target in json.load(answer) if target["type"] == "page")

        async def connect() -> WebSocketClientConnection:
            return await websocket_connect(page["webSocketDebuggerUrl"], max_message_size=1 << 28)

        self._socket: WebSocketClientConnection = self._do(connect())
        self.ask("Page.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._do(asyncio.sleep(0))
        self._process.terminate()
        self._process.wait(30)
        self._loop.close()

    def open(self, url: str) -> None:
        """Go to a page."""
        self.ask("Page.navigate", url=url)

    def see(self, script: str, frame: str | None = None) -> Any:
        """Return what an expression comes to, in the page or in a page within it whose address begins so."""
        where = {} if frame is None else {"contextId": self._context(frame)}
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, **where)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script: str, frame: str | None = None, seconds: float = 120.0) -> Any:
        """Return what an expression comes to as soon as it is true."""
        end = time.monotonic() + seconds
        problem = ""
        while time.monotonic() < end:
            try:
                if value := self.see(script, frame):
                    return value
            except (AssertionError, StopIteration) as error:  # a page that is not there yet
                problem = str(error)
            self._do(asyncio.sleep(0.25))
        visible_text = self.see("document.body.innerText")[:2000]
        raise AssertionError(f"not within {seconds:.0f} s: {script} {problem} {visible_text}")

    def picture(self, path: Path, **clip: float) -> None:
        """Write what is seen as a PNG image; of a part alone where x, y, width and height are given."""
        part = {"clip": {**clip, "scale": 1}} if clip else {}
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png", **part)["data"]))

    def ask(self, method: str, **params: Any) -> Any:
        """Send a DevTools command and return its result."""
        self._count += 1
        return self._do(self._ask(self._count, method, params))

    async def _ask(self, number: int, method: str, params: dict[str, Any]) -> Any:
        await self._socket.write_message(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = await asyncio.wait_for(self._socket.read_message(), 120)
            assert message is not None, "the browser has ended"
            answer = json.loads(message)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _context(self, frame: str) -> int:
        def all_of(tree: dict[str, Any]) -> list[dict[str, Any]]:
            return [tree["frame"], *(frame for child in tree.get("childFrames", ()) for frame in all_of(child))]

        frames = all_of(self.ask("Page.getFrameTree")["frameTree"])
        frame_id = next(shown["id"] for shown in frames if shown["url"].startswith(frame))
        return int(self.ask("Page.createIsolatedWorld", frameId=frame_id)["executionContextId"])

    def _do(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    def _port(self, path: Path) -> int:
        end = time.monotonic() + 60
        while not path.exists() or not path.read_text().strip():
            assert self._process.poll() is None, "the browser does not start"
            assert time.monotonic() < end, "the browser does not answer"
            time.sleep(0.1)
        return int(path.read_text().split()[0])
