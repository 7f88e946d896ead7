"""The report in a real browser: its panels are drawn, linked and sorted, in light and in dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, WHY_NOT, Browser

from hpsearch.log.history import History
from hpsearch.report.html import drawings, page

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)]

TRIALS = 100

DRAWN = """
const painted = (canvas) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(Array.from({ length: pixels.length / 4 }, (_, i) => pixels.slice(4 * i, 4 * i + 4).join())).size;
};
const found = {};
for (const id of ["sofar", "curves", "parallel", "map", "lanes"]) {
  const place = document.getElementById(id);
  found[id] = painted(place.matches("canvas") ? place : place.querySelector("canvas"));
}
for (const figure of document.querySelectorAll(".figure")) {
  found[figure.id] = figure.querySelectorAll("path, rect, circle").length;
}
return found;
"""
"""Of each panel, how many colours it has; of each figure, how many lines, bars and dots."""

NUMBERS = "[...document.querySelectorAll('#trials tbody tr')].map((row) => Number(row.dataset.trial))"


def cells(name: str) -> str:
    """What stands in a column of the table, as it is shown."""
    return f"""(() => {{
      const place = [...document.querySelectorAll("#trials th")].findIndex((head) => head.textContent === {name!r});
      return [...document.querySelectorAll("#trials tbody tr")].map((row) => row.cells[place].textContent);
    }})()"""


@pytest.fixture(scope="module")
def html(searched: Callable[..., History]) -> str:
    watched = (
        "<script>const errors = []; addEventListener('error', (event) => errors.push(event.message));"
        "addEventListener('securitypolicyviolation', (event) => errors.push(event.blockedURI));</script>"
    )
    return page(searched(TRIALS)).replace("<title>", f"{watched}<title>", 1)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser"), (1280, 900)) as browser:
        yield browser


@pytest.fixture
def browse(html: str, browser: Browser, tmp_path: Path) -> Callable[..., Callable[[str], Any]]:
    """Opens the page as a file, and gives back how to look into it."""

    def browse(scheme: str = "light", width: int = 1280) -> Callable[[str], Any]:
        browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        path = tmp_path / f"{scheme}-{width}.html"
        path.write_text(html, encoding="utf-8")
        browser.open(path.as_uri())
        browser.wait(f"location.href === {path.as_uri()!r} && {NUMBERS}.length === {TRIALS}")
        assert browser.see("errors") == []
        return browser.see

    return browse


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_panel_is_drawn_within_the_page_without_an_error_or_a_fetch(
    browse: Callable[..., Any], searched: Callable[..., History], scheme: str, width: int
) -> None:
    see = browse(scheme, width)
    figures = [figure.key for figure in drawings(searched(TRIALS)).figures]
    assert {"savings", "importance", "elapsed"} <= set(figures)
    drawn = see(f"(() => {{ {DRAWN} }})()")
    assert list(drawn) == ["sofar", "curves", "parallel", "map", "lanes", *figures]
    assert all(count > 3 for count in drawn.values()), drawn
    assert see("document.documentElement.scrollWidth") <= width
    assert see("errors") == []


def test_dark_and_light_have_colours_of_their_own(browse: Callable[..., Any]) -> None:
    asked = (
        "[getComputedStyle(document.body).backgroundColor, colours().best,"
        " getComputedStyle(document.querySelector('#elapsed path')).stroke,"
        " getComputedStyle(document.querySelector('#elapsed text')).fill]"
    )
    light, dark = browse("light")(asked), browse("dark")(asked)
    assert all(a != b for a, b in zip(light, dark, strict=True)), (light, dark)


def test_the_table_sorts_and_filters(browse: Callable[..., Any]) -> None:
    see = browse()
    values = [float(text) for text in see(cells("val_accuracy")) if text != "–"]
    assert values == sorted(values, reverse=True), "the best first"
    head = "[...document.querySelectorAll('#trials th')].find((head) => head.textContent === 'trial').click()"
    see(head)
    assert see(NUMBERS) == list(range(TRIALS))
    see(head)
    assert see(NUMBERS) == list(range(TRIALS))[::-1]

    def filtered(text: str) -> None:
        see(f"$('filter').value = {text!r}; $('filter').dispatchEvent(new Event('input'))")

    filtered("pruned")
    assert set(see(cells("state"))) == {"pruned"}
    filtered("learning_rate>1 complete")
    rates = see(cells("learning_rate"))
    assert rates
    assert min(map(float, rates)) >= 1
    filtered("nan at epoch 2")
    assert set(see(cells("state"))) == {"failed"}, "the filter knows why trials ended"


def test_another_metric_can_be_looked_at(browse: Callable[..., Any]) -> None:
    see = browse()
    drawn = "state.charts.curves.plot.data.slice(1).flat().filter((value) => value !== null).length"
    assert see(drawn) > TRIALS
    highest = "Math.max(...state.charts.curves.plot.data.slice(1).flat())"
    see("$('metric').value = 'norm'; $('metric').dispatchEvent(new Event('change'))")
    assert see(highest) == TRIALS - 1, "a trial's norm is its number"


def test_a_brush_keeps_the_same_trials_in_every_panel_and_a_click_tells_one_whole(browse: Callable[..., Any]) -> None:
    see = browse()
    see("brush('value', [0.9, 1])")
    kept = see(NUMBERS)
    assert 0 < len(kept) < TRIALS
    assert sorted(kept) == see("state.inside.flatMap((inside, k) => (inside ? [state.data.trials.number[k]] : []))")
    see("$('clear').click()")
    worst = see(NUMBERS)[-1]
    see("document.querySelector('#trials tbody tr').click()")
    assert "all 6 epochs done" in see("new Promise((done) => setTimeout(() => done($('trialbody').innerText), 300))")
    see("$('trial').close()")
    # A trial that the file does not tell whole: the table has why it ended.
    see(f"delete frozen.trials[{worst}]; show({worst})")
    assert "is below 0.4" in see("new Promise((done) => setTimeout(() => done($('trialbody').innerText), 300))")
