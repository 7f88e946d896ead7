"""The live page: what its server tells, to whom, and what it costs; and the page itself in a real browser."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import logs
import pytest
from browser import CHROMIUM, WHY_NOT, Browser

from hpsearch.cli import main
from hpsearch.log.history import Goal, History
from hpsearch.log.lines import encode, key_of
from hpsearch.log.records import Ask, Header, Row, Tick
from hpsearch.report import frozen, watched, watching

GOAL = Goal("val_accuracy", "maximize")
MEGABYTE = 1_000_000


@contextmanager
def serving(root: Path) -> Iterator[watching.Server]:
    with watching.Server(root, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def get(server: watching.Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=30)  # type: ignore[arg-type]
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_the_page_is_told_of_all_studies_and_follows_a_log_as_it_grows(tmp_path: Path) -> None:
    records = logs.records("grows")
    logs.write(tmp_path, records[:2])
    logs.write(tmp_path, logs.records("other"))
    with serving(tmp_path) as server:
        lines = json.loads(get(server, "/api/studies")[2])
        assert [(line["study"], line["running"]) for line in lines] == [("grows", True), ("other", False)]
        first = json.loads(get(server, "/api/study/grows")[2])
        assert first["trials"]["state"] == "RPRR"
        assert get(server, f"/api/study/grows?at={first['at']}")[0] == 204, "nothing has changed"
        assert isinstance(records[0], Header)
        with (tmp_path / "studies/grows/log.jsonl").open("ab") as file:
            for record in records[2:]:
                file.write(encode(record, key_of(records[0])))
        second = json.loads(get(server, f"/api/study/grows?at={first['at']}")[2])
        assert second["trials"]["state"] == "CPFC"
        assert second["best"]["trial"] == 3
        assert second["trials"]["value"] == [0.8, 0.2, 0.3, 0.9]


def test_a_study_that_was_removed_and_begun_again_is_read_anew(tmp_path: Path) -> None:
    logs.write(tmp_path, logs.records("again"))
    with serving(tmp_path) as server:
        assert len(json.loads(get(server, "/api/study/again")[2])["trials"]["number"]) == 4
        shutil.rmtree(tmp_path / "studies/again")
        logs.write(tmp_path, logs.records("again")[:1])
        assert json.loads(get(server, "/api/study/again")[2])["trials"]["number"] == []


def test_a_trial_is_told_whole(tmp_path: Path) -> None:
    logs.write(tmp_path, logs.records("s"))
    with serving(tmp_path) as server:
        trial = json.loads(get(server, "/api/trial/s/2")[2])
    assert (trial["state"], trial["why"]) == ("FAILED", 'cost is nan, "diverged"')
    assert trial["curves"]["val_accuracy"] == [[1, 2], [0.3, None]]
    assert set(trial["curves"]) == {"val_accuracy", "cost"}
    assert trial["shown"] == {"learning_rate": "1e+06", "l2": "0.1"}


def test_the_page_is_for_this_machine_and_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    logs.write(tmp_path, logs.records("s"))
    with serving(tmp_path) as server:
        assert server.server_address[0] == "127.0.0.1"
        status, headers, content = get(server, "/")
        assert status == 200
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert b"http" not in content.replace(b"http-equiv", b"")
        assert get(server, "/", Host="evil.example")[0] == 403
        assert all(get(server, path)[0] == 200 for path in watching.FILES)
        assert get(server, "/api/study/none")[0] == 404
        assert get(server, "/api/trial/s/99")[0] == 404
        assert get(server, "/../../etc/passwd")[0] == 404
        assert get(server, "/api/study/..%2F..")[0] == 404
        assert get(server, "/api/studies", "POST")[0] == 501, "there is nothing to change"


def test_a_page_that_is_closed_while_it_asks_is_no_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logs.write(tmp_path, logs.records("s"))
    with serving(tmp_path) as server:
        asking = socket.create_connection(server.server_address[:2])
        asking.sendall(b"GET /api/st")
        # Closed at once and not in order, as a tab is that goes away: the server reads a reset.
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        asking.close()
        assert get(server, "/api/studies")[0] == 200
    server.server_close()
    assert capfd.readouterr().err == ""


def test_what_is_told_is_less_than_a_megabyte_however_many_trials(tmp_path: Path) -> None:
    def size(trials: int, params: int) -> int:
        history = History.fold(logs.many(trials, 1, params), GOAL)
        return len(json.dumps(watched.study_data("big", history), separators=(",", ":"), allow_nan=False))

    assert size(1_200, 60) < MEGABYTE
    # It grows by what each trial brings to the columns, and by nothing else.
    assert size(1_000, 4) + 9 * (size(2_000, 4) - size(1_000, 4)) < MEGABYTE, "10,000 trials with 4 parameters"


def test_the_page_in_a_file_holds_all_it_needs_in_two_megabytes(tmp_path: Path) -> None:
    tricky = logs.header("s", note="</script><script>alert(1)</script>")
    logs.write(tmp_path, [tricky, *logs.records("s")[1:]])
    path = tmp_path / "now.html"
    assert main(["watch", "s", "--root", str(tmp_path), "-o", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:)', text)
    assert "alert(1)</script>" not in text
    told = json.loads(re.search(r'id="frozen">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert told["study"]["trials"]["state"] == "CPFC"
    assert told["trials"]["2"]["why"] == 'cost is nan, "diverged"'
    # What it holds of a study is at most a megabyte (test_html.py), and so are its own files.
    assert len(text) - len(json.dumps(told)) + frozen.MOST_BYTES < 2 * MEGABYTE


def test_values_that_json_cannot_hold_are_gaps(tmp_path: Path) -> None:
    row = Row(0, 0, 1, {"val_accuracy": float("inf")}, 0.1)
    history = History.fold([logs.header(), Tick(0, 1.0, (Ask(0, 0, {"x": 1.0}, 0),), (row,), ())], GOAL)
    data = json.loads(json.dumps(watched.study_data("s", history), allow_nan=False))
    assert data["curves"]["0"] == [[1], [None]]
    assert data["so_far"] == [[], [], []]


def test_a_study_that_is_not_there_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.write(tmp_path, logs.records("s"))
    assert main(["watch", "t", "--root", str(tmp_path)]) == 2
    assert "no study 't'" in capsys.readouterr().err


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "browser", (1280, 900)) as browser:
        yield browser


ROWS = "document.querySelectorAll('#trials tbody tr').length"


def shaped(browser: Browser, width: int, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.ask("Emulation.setEmulatedMedia", features=features)
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)
def test_the_page_in_a_browser_follows_links_and_answers_to_keys(tmp_path: Path, browser: Browser) -> None:
    records = logs.records("grows")
    logs.write(tmp_path, records[:2])
    logs.write(tmp_path, logs.records("other"))
    with serving(tmp_path) as server:
        shaped(browser, 1280, "light")
        browser.open(f"{server.address}#grows")
        browser.wait(f"{ROWS} === 4")
        assert isinstance(records[0], Header)
        with (tmp_path / "studies/grows/log.jsonl").open("ab") as file:
            for record in records[2:]:
                file.write(encode(record, key_of(records[0])))
        browser.wait("document.getElementById('summary').innerText.includes('0.9, trial 3')")
        # A brush on one axis keeps the same trials in every panel.
        browser.see("brush('value', [0.5, 1])")
        assert browser.see(ROWS) == 2
        assert browser.see("document.getElementById('chosen').textContent") == "2 of 4 trials chosen"
        browser.see("document.getElementById('clear').click()")
        assert browser.see(ROWS) == 4
        # By keys: to the filter, down the rows, into a trial, and out of it.
        press(browser, "/")
        assert browser.see("document.activeElement.id") == "filter"
        browser.see("document.activeElement.value = 'failed'; document.activeElement.dispatchEvent(new Event('input'))")
        assert browser.see(ROWS) == 1
        browser.see("document.querySelector('#trials tbody tr').focus()")
        press(browser, "Enter")
        browser.wait("document.getElementById('trial').open")
        assert "cost is nan" in browser.wait("document.getElementById('trialbody').innerText")
        press(browser, "Escape")
        browser.wait("!document.getElementById('trial').open")
        # Compared with another study, there are two lines.
        choose = "const other = document.getElementById('other'); other.value = 'other';"
        browser.see(f"{choose}other.dispatchEvent(new Event('change'))")
        browser.wait("document.getElementById('sofar').innerText.includes('other')")
        shaped(browser, 390, "dark")
        assert browser.wait("document.documentElement.scrollWidth <= innerWidth")
        background = browser.see("getComputedStyle(document.body).backgroundColor")
        assert max(int(part) for part in background[4:-1].split(",")) < 60


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)
def test_the_page_in_a_file_is_the_same_page(tmp_path: Path, browser: Browser) -> None:
    logs.write(tmp_path, logs.records("s"))
    path = tmp_path / "now.html"
    assert main(["watch", "s", "--root", str(tmp_path), "-o", str(path)]) == 0
    shaped(browser, 1280, "dark")
    browser.open(path.as_uri())
    browser.wait(f"{ROWS} === 4")
    browser.see("document.querySelector('#trials tr[data-trial=\"2\"]').click()")
    assert "cost is nan" in browser.wait("document.getElementById('trialbody').innerText")
    browser.see("brush('value', [0.5, 1])")
    assert browser.see(ROWS) == 2


def press(browser: Browser, key: str) -> None:
    text: dict[str, Any] = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
    code = {"Enter": 13, "Escape": 27}.get(key, ord(key[0]))
    for kind in ("keyDown", "keyUp"):
        pressed = text if kind == "keyDown" else {}
        browser.ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **pressed)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)
def test_ten_thousand_trials_are_one_page(tmp_path: Path, browser: Browser) -> None:
    logs.write(tmp_path, logs.many(10_000, 2, 4))
    with serving(tmp_path) as server:
        assert len(get(server, "/api/study/big")[2]) < MEGABYTE
        shaped(browser, 1280, "light")
        browser.open(f"{server.address}#big")
        browser.wait(f"{ROWS} === 300")
        browser.see("brush('value', [0.9, 1])")
        assert 0 < browser.see("state.inside.filter(Boolean).length") < 10_000
