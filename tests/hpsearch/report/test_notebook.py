"""What a notebook shows of a study, its result and a trial."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import logs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch import Float, Study
from hpsearch.errors import UserError
from hpsearch.log.cell import curves_svg
from hpsearch.log.history import Goal, History
from hpsearch.running.result import Result
from hpsearch.running.spoken import in_python

GOAL = Goal("val_accuracy", "maximize")


class Page(HTMLParser):
    """The tags that are open, the tables' cells and the texts of a piece of HTML; fails where a tag is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "polyline"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open[-1:] == ["td"]:
            self.cells.append(data)


def history(**settings: Any) -> History:
    return History.fold(logs.records(**settings), GOAL)


def result(history: History, *, interrupted: bool = False) -> Result:
    return Result("eta_lambda", history, interrupted)


def test_a_result_shows_its_best_trials_their_curves_and_what_to_write_next() -> None:
    page = Page(result(history())._repr_html_())
    assert page.text.startswith("eta_lambda: 4 trials (2 complete, 1 pruned, 1 failed); best val_accuracy 0.9000")
    assert page.cells[:4] == ["3", "complete", "0.9000", "2/3"]
    assert "val_accuracy by epoch, from 0.1 to 0.9" in page.text
    assert "the first that failed was trial 2: cost is nan" in page.text
    assert "result.trials" in page.text
    assert "study.run()" not in page.text
    assert "study.run()" in result(history(), interrupted=True)._repr_html_()


def test_a_result_without_a_value_says_why() -> None:
    failing = [
        replace(record, rows=tuple(replace(row, metrics={}, failure="no luck") for row in record.rows))
        if hasattr(record, "rows")
        else record
        for record in logs.records()
    ]
    page = Page(result(History.fold(failing[:1], GOAL))._repr_html_())
    assert "no trial has a val_accuracy yet" in page.text


def test_a_trial_shows_its_parameters_curve_and_end() -> None:
    page = Page(history().trials[0]._repr_html_())
    assert page.text.startswith("trial 0: complete, 0.8 at epoch 3 of 3")
    assert page.cells == ["learning_rate", "0.1", "l2", "5"]
    assert page.text.endswith("all 3 epochs done")
    running = Page(History.fold(logs.records()[:2], GOAL).trials[0]._repr_html_())
    assert running.text.startswith("trial 0: running")


def test_a_study_shows_what_it_searches() -> None:
    study = Study("mine", objective=print, space={"<b>": Float(0.1, 1)}, metric="loss", direction="minimize")
    page = Page(study._repr_html_())
    assert page.text.startswith("study mine (objective): minimize loss; sampler tpe, pruner asha")
    assert page.cells[0] == "<b>"
    assert "study.run()" in page.text
    assert "study.ask()" in Study("asks", space={"x": Float(0, 1)}, metric="y")._repr_html_()


@given(st.lists(st.lists(st.floats(), max_size=30), min_size=1, max_size=4))
def test_a_picture_of_curves_holds_finite_places_alone(curves: list[list[float]]) -> None:
    svg = curves_svg(curves, 'a <b> "c"')
    if not any(math.isfinite(value) for curve in curves for value in curve):
        assert svg == ""
        return
    Page(svg)
    for number in re.findall(r"[-\d.einfa]+(?=[, \"])", " ".join(re.findall(r'points="([^"]*)"', svg)) + " "):
        assert math.isfinite(float(number))


def test_mistakes_speak_python_where_python_was_called(tmp_path: Path) -> None:
    def objective(trial: Any) -> float:
        return float(trial["x"])

    one = Study("s", objective=objective, space={"x": Float(0, 1)}, metric="y", n_trials=2, sampler="random")
    one.run(tmp_path, quiet=True, tracking=False)
    with pytest.raises(UserError) as raised:
        replace(one, space={"x": Float(0, 2)}).run(tmp_path, quiet=True, tracking=False)
    assert "--" not in str(raised.value)
    assert "extend=True" in str(raised.value)


def test_commands_stay_commands() -> None:
    assert in_python("`hpsearch doctor --fix` or --fix lr=1") == "`hpsearch doctor --fix` or fix=… lr=1"
