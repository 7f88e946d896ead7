"""The report in a real browser: figures are drawn, and the table sorts and filters, in light and in dark."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from hpsearch.log.history import History
from hpsearch.report.html import page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium"),
]

DARK = ("--blink-settings=preferredColorScheme=0",)


@pytest.fixture(scope="module")
def html(searched: Callable[..., History]) -> str:
    return page(searched(60))


@pytest.fixture
def browse(html: str, tmp_path: Path) -> Callable[..., Any]:
    """Open the page, run a script at its end, and give back what the script's last expression was, as JSON."""

    def browse(script: str, *options: str) -> Any:
        assert CHROMIUM is not None
        watched = '<script>const errors = []; addEventListener("error", (e) => errors.push(e.message));</script>'
        policy = '<script>addEventListener("securitypolicyviolation", (e) => errors.push(e.blockedURI));</script>'
        asked = f"<script>document.title = JSON.stringify([errors, eval({json.dumps(script)})]);</script>"
        path = tmp_path / "page.html"
        shown = html.replace("<title>", f"{watched}{policy}<title>", 1).replace("</body>", f"{asked}</body>")
        path.write_text(shown, encoding="utf-8")
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
        command += [*options, "--virtual-time-budget=20000", "--dump-dom", path.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
        title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
        assert title is not None
        errors, found = json.loads(unescape(title[1]))
        assert errors == []
        return found

    return browse


@pytest.mark.parametrize("options", [(), DARK], ids=["light", "dark"])
def test_every_figure_is_drawn_without_an_error_or_a_fetch(browse: Callable[..., Any], options: tuple[str]) -> None:
    drawn = browse(
        "Object.fromEntries([...document.querySelectorAll('.figure')].map((f) => [f.id, f.querySelectorAll("
        "'path.js-line, path.point, .bars path, .contourlayer path, canvas').length]))",
        *options,
    )
    assert list(drawn) == ["best", "savings", "map", "importance", "parallel", "curves", "elapsed", "lanes"]
    assert all(count > 0 for count in drawn.values()), drawn


def test_dark_and_light_have_colours_of_their_own(browse: Callable[..., Any]) -> None:
    asked = (
        "[getComputedStyle(document.body).backgroundColor, "
        "document.querySelector('#curves path.js-line').style.stroke, "
        "document.querySelector('#curves .xtick text').style.fill]"
    )
    light, dark = browse(asked), browse(asked, *DARK)
    assert all(a != b for a, b in zip(light, dark, strict=True)), (light, dark)


def test_the_table_sorts_and_filters(browse: Callable[..., Any]) -> None:
    shown = "rows.filter((each) => !each.row.hidden).map((each) => each.values[0])"
    first, down, up, pruned, compared = browse(
        f"""
        const head = (name) => heads.find((each) => each.textContent === name);
        const type = (text) => {{ search.value = text; search.dispatchEvent(new Event("input")); }};
        const asIs = {shown};
        head("trial").click(); const upwards = {shown};
        head("trial").click(); const downwards = {shown};
        type("pruned"); const states = new Set(rows.filter((e) => !e.row.hidden).map((e) => e.values[1]));
        type("learning_rate>1 complete");
        const rates = rows.filter((e) => !e.row.hidden).map((e) => Number(e.values[5]));
        [asIs, downwards, upwards, [...states], rates]
        """
    )
    numbers = sorted(range(60))
    assert [int(number) for number in up] == numbers
    assert [int(number) for number in down] == numbers[::-1]
    assert first != up
    assert pruned == ["PRUNED"]
    assert compared
    assert min(compared) > 1


def test_another_metric_can_be_looked_at(browse: Callable[..., Any]) -> None:
    before, after = browse(
        """
        const line = () => document.querySelector("#curves path.js-line").getAttribute("d");
        const select = document.querySelector("select");
        const was = line();
        select.selectedIndex = 1; select.dispatchEvent(new Event("change"));
        [was, line()]
        """
    )
    assert before != after
