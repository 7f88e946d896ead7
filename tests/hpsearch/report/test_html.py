from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import logs
import numpy as np
import pytest

from hpsearch.errors import UserError
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Header, Row, Tick
from hpsearch.report.html import page, write_report

Searched = Callable[..., History]


def figures(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def numbers(packed: dict[str, str]) -> list[float]:
    return np.frombuffer(base64.b64decode(packed["bdata"]), dtype=f"<{packed['dtype']}").tolist()


class Table(HTMLParser):
    """The cells of the page's table, row by row; and every address that any element would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self._cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def history(searched: Searched) -> History:
    return searched(40)


@pytest.fixture(scope="module")
def html(history: History) -> str:
    return page(history)


def test_the_same_study_gives_the_same_page(html: str, searched: Searched) -> None:
    assert page(searched(40)) == html


def test_the_page_fetches_nothing(html: str) -> None:
    table = Table(html)
    assert table.addresses == []
    assert "link" not in table.tags
    assert "default-src 'none'" in html


def test_the_page_says_what_the_study_found(html: str, history: History) -> None:
    summary = re.search(r'<p class="summary">(.*?)</p>', html)
    assert summary is not None
    best = history.best
    assert best is not None
    for text in (f"The best is trial {best.number}", "40 trials", "Pruning saved", "learning_rate matters most"):
        assert text in summary[1]


def test_every_figure_of_the_report_is_there(html: str) -> None:
    drawn = figures(html)
    assert list(drawn) == ["best", "savings", "map", "importance", "parallel", "curves", "elapsed", "lanes"]
    for key in drawn:
        assert f'id="{key}"' in html


def test_all_curves_are_drawn_for_every_metric(html: str, history: History) -> None:
    drawn = figures(html)["curves"]
    names = [name for name, _ in drawn["choices"]]
    assert names[0] == "val_accuracy"
    assert len(names) == 6
    for name, traces in drawn["choices"]:
        shown = sorted(value for trace in traces for value in numbers(trace) if not math.isnan(value))
        known = [value for trial in history.trials for value in trial.curve(name) if math.isfinite(value)]
        assert shown == pytest.approx(sorted(known), rel=1e-6)


def test_pruned_curves_are_fainter_than_complete_ones(html: str) -> None:
    opacity = {trace["name"]: trace.get("opacity", 1) for trace in figures(html)["curves"]["data"]}
    assert opacity["pruned"] < opacity["complete"]


def test_curves_too_many_to_draw_are_thinned_but_keep_best_and_last(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hpsearch.report import curves

    history = searched(12, 20)
    monkeypatch.setattr(curves, "MOST_NUMBERS", 300)
    drawn = curves.curves(history)
    assert "each" in drawn.caption
    names = [trace["name"] for trace in drawn.data]
    epochs, values = drawn.data[names.index("complete")]["x"], drawn.choices[0][1][names.index("complete")]
    assert len(numbers(epochs)) < 6 * 20
    shown = {np.float32(value) for value in numbers(values)}
    for trial in history.ended("COMPLETE"):
        if trial is not history.best:
            assert np.float32(trial.value) in shown
            assert np.float32(trial.curve("val_accuracy")[-1]) in shown


def test_the_incumbents_line_ends_at_the_best_value(html: str, history: History) -> None:
    (line,) = [trace for trace in figures(html)["best"]["data"] if trace["name"] == "best so far"]
    assert history.best is not None
    assert line["y"][-1] == pytest.approx(history.best.value, rel=1e-4)
    assert line["x"][-1] == sum(trial.epoch for trial in history.trials)
    assert line["y"] == sorted(line["y"])


def test_trained_and_saved_epochs_add_up_to_what_was_planned(html: str, history: History) -> None:
    trained, saved = figures(html)["savings"]["data"]
    assert sum(trained["y"]) == sum(trial.epoch for trial in history.trials)
    assert sum(saved["y"]) == sum(6 - trial.epoch for trial in history.ended("PRUNED"))


def test_training_time_compares_the_sizes_of_mini_batches(html: str) -> None:
    drawn = figures(html)["elapsed"]["data"]
    assert [trace["name"] for trace in drawn][1:] == ["batch_size = 1", "batch_size = 10", "batch_size = 100"]
    last = [numbers(trace["x"])[-1] for trace in drawn[1:]]
    assert last == sorted(last, reverse=True)  # in the made-up study small mini-batches take longer


def test_the_map_is_of_the_two_numbers_that_matter_most(html: str) -> None:
    drawn = figures(html)["map"]
    assert drawn["layout"]["xaxis"]["title"]["text"].startswith("learning_rate")
    assert {trace["type"] for trace in drawn["data"]} == {"contour", "scatter"}
    heights = [z for row in drawn["data"][0]["z"] for z in row if z is not None]
    assert 0 < min(heights) <= max(heights) < 1


def test_the_table_holds_every_trial_best_first(html: str, history: History) -> None:
    head, *rows = Table(html).rows
    assert head[:5] == ["trial", "state", "val_accuracy", "at epoch", "epochs"]
    ranked = [str(trial.number) for trial in history.ranked()]
    assert [row[0] for row in rows][: len(ranked)] == ranked
    assert sorted(int(row[0]) for row in rows) == list(range(40))


def test_what_trials_say_of_themselves_stands_in_the_table(searched: Searched) -> None:
    history = searched(n_trials=4)
    history.trials[0].attributes |= {"layers": 3, "state": "<odd>"}
    history.trials[2].attributes |= {"layers": 12}
    head, *rows = Table(page(history)).rows
    assert head[-5:] == ["layers", "attributes.state", "curve", "diagnosis", "why"]
    said = {int(row[0]): row[-5:-3] for row in rows}
    assert said == {0: ["3", "<odd>"], 1: ["–", "–"], 2: ["12", "–"], 3: ["–", "–"]}


def test_what_a_user_wrote_cannot_become_part_of_the_page() -> None:
    evil = "</script><script>alert(1)</script><b>&"
    header = Header(evil.replace("/", "|"), "u", {"metric": evil, "direction": "maximize"}, {"cpu": evil}, {}, 0.0)
    asks = tuple(Ask(i, i, {evil: evil if i else "plain", "x": float(i)}, i) for i in range(13))
    rows = tuple(Row(i, i, 1, {evil: float(i)}, finished=True) for i in range(13))
    decisions = tuple(Decision(i, "complete", evil, "epochs") for i in range(13))
    shown = page(History.fold([header, Tick(0, 1.0, asks, rows, decisions)], Goal(evil, "maximize")))
    assert evil not in shown
    assert "<script>alert" not in shown
    table = Table(shown)
    assert table.tags.count("script") == 3
    assert any(evil in row for row in table.rows)


@pytest.mark.parametrize(
    "n_ticks",
    [0, 1],
    ids=["before the first tick", "after the first tick"],
)
def test_a_study_that_has_just_begun_has_a_page(search: Callable[..., list[Any]], n_ticks: int) -> None:
    made = search(40)[: 1 + n_ticks]
    shown = page(History.fold(made, Goal("val_accuracy", "maximize")))
    assert ("best" in figures(shown)) == bool(n_ticks)


def test_a_study_without_a_space_has_a_page_without_maps(search: Callable[..., list[Any]]) -> None:
    header = Header("one", "u", {"metric": "loss", "direction": "minimize", "space": {}}, {}, {}, 0.0)
    tick = Tick(0, 1.0, (Ask(0, 0, {}, 0),), (Row(0, 0, 1, {"loss": 0.5}, finished=True),),
                (Decision(0, "complete", "done", "epochs"),))  # fmt: skip
    shown = page(History.fold([header, tick], Goal("loss", "minimize")))
    assert list(figures(shown)) == ["best", "savings", "curves", "elapsed", "lanes"]


def test_only_trials_on_the_full_problem_are_drawn_and_all_are_in_the_table() -> None:
    stages = [{"train": 100}, {}]
    header = Header("s", "u", {"metric": "m", "direction": "maximize", "stages": stages}, {}, {}, 0.0)
    asks = tuple(Ask(i, i, {"x": float(i)}, i, stage=int(i > 3)) for i in range(6))
    rows = tuple(Row(i, i, 1, {"m": 9.0 - i}, finished=True) for i in range(6))
    decisions = tuple(Decision(i, "complete", "done", "epochs") for i in range(6))
    shown = page(History.fold([header, Tick(0, 1.0, asks, rows, decisions)], Goal("m", "maximize")))
    values = [value for trace in figures(shown)["curves"]["choices"][0][1] for value in numbers(trace)]
    assert sorted(value for value in values if not math.isnan(value)) == [4.0, 5.0]
    ladder, rows = Table(shown.split('<section class="card wide" id="trials">')[0]).rows, Table(shown).rows
    head, *rows_shown = rows[len(ladder) :]
    assert head[1] == "stage"
    assert len(rows_shown) == 6


def test_the_ladder_is_a_table_of_its_stages_with_cost_and_agreement() -> None:
    history = History.fold(logs.two_stages(lambda i: -float(i)), Goal("val_accuracy", "maximize"))
    shown = page(history)
    head, small, full, *_ = Table(shown[shown.index('id="stages"') :]).rows
    assert head[:3] == ["stage", "what it is", "trials"]
    assert small[:5] == ["0", "2 classes, 100 training samples", "8", "8", "8.0"]
    assert small[5] == "-1.00 [-1.00, -1.00], 8 points"
    assert small[6].startswith("0% [0%, ")
    assert full[:3] == ["1", "the full problem", "8"]
    assert full[5:] == ["–", "–"]
    assert "this shortcut misleads here" in shown
    assert "stage 0 misleads here: planted" in shown
    figure = figures(shown)["calibration"]
    assert [trace["name"] for trace in figure["data"]] == ["ρ of all", "best third in common"]
    assert figure["data"][0]["x"] == [-1.0]
    assert figure["data"][0]["y"] == ["stages 0 and 1, ρ of all"]


def test_a_flat_study_has_no_stages_to_show(html: str) -> None:
    assert 'id="stages"' not in html
    assert "calibration" not in figures(html)


def test_a_report_that_stands_there_is_replaced_whole(history: History, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(history, path)
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_report_that_cannot_be_written_is_a_users_mistake(history: History, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_report(history, tmp_path / "absent" / "report.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        write_report(history, tmp_path / "folder")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


@pytest.mark.slow
def test_a_thousand_trials_of_fifty_epochs_and_six_metrics_fit_in_eight_megabytes(searched: Searched) -> None:
    assert len(page(searched(1000, 50, 8)).encode()) < 8e6
