from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import logs
import numpy as np
import pytest

from hpsearch.errors import UserError
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Header, Row, Tick
from hpsearch.report import columns, pictures, watched
from hpsearch.report.html import drawings, page, ranked_axes, write_report
from hpsearch.report.importance import Importance

Searched = Callable[..., History]


def page_data(html: str) -> dict[str, Any]:
    """What the page holds of its study."""
    match = re.search(r'<script type="application/json" id="frozen">(.*?)</script>', html, re.DOTALL)
    assert match is not None
    return dict(json.loads(match[1]))


def figures(html: str) -> dict[str, Any]:
    return dict(page_data(html)["figures"])


def column(html: str, name: str) -> list[Any]:
    (column,) = [column for column in page_data(html)["study"]["columns"] if column["name"] == name]
    return [column["names"][index] for index in column["of"]] if "names" in column else list(column["values"])


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
    assert Table(html).addresses == ["data:,"], "an icon, so that none is asked for"
    assert not re.search(r"url\((?!#)|@import|src=", html)
    # Names of a language and of a library's home, which nothing follows.
    assert set(re.findall(r"https?://[^\s\"')]+", html)) <= {
        "http://www.w3.org/2000/svg",
        "https://github.com/leeoniya/uPlot",
    }
    assert "default-src 'none'" in unescape(html)


def test_the_page_says_what_the_study_found(html: str, history: History) -> None:
    summary = re.search(r'<p class="summary"[^>]*>(.*?)</p>', html)
    assert summary is not None
    best = history.best
    assert best is not None
    for text in (f"The best is trial {best.number}", "40 trials", "Pruning saved", "learning_rate matters most"):
        assert text in summary[1]


def test_every_panel_and_figure_of_the_report_is_there(html: str) -> None:
    assert list(figures(html)) == ["savings", "importance", "elapsed"]
    panels = ("sofar", "curves", "parallel", "map", "lanes", "trials", "explained")
    for key in (*panels, *figures(html)):
        assert html.count(f'id="{key}"') == 1, key


def test_all_curves_are_there_for_every_metric(html: str, history: History) -> None:
    study = page_data(html)["study"]
    curves = {"val_accuracy": study["curves"], **study["other_curves"]}
    assert len(curves) == 6
    for name, curve in curves.items():
        for trial in history.trials:
            epochs, values = curve[str(trial.number)]
            assert epochs == trial.rows.epochs
            reported = [row.metrics[name] for row in trial.rows]
            assert [value is None for value in values] == [not math.isfinite(value) for value in reported]
            pairs = [pair for pair in zip(values, reported, strict=True) if pair[0] is not None]
            assert [value for value, _ in pairs] == pytest.approx([value for _, value in pairs], rel=1e-4)


def test_of_many_curves_of_other_metrics_fewer_points_are_told(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = searched(30, 40)
    whole = watched.study_data("made", history)["other_curves"]
    assert len(whole["norm"]["0"][0]) == len(history.trials[0].rows)
    monkeypatch.setattr(watched, "MOST_OTHER_POINTS", 1000)
    few = watched.study_data("made", history)["other_curves"]
    assert list(few) == list(whole)
    assert sum(len(curve[0]) for curves in few.values() for curve in curves.values()) <= 1500
    for trial in history.trials[:: len(history.trials) // len(few["norm"]) + 1]:
        if str(trial.number) in few["norm"]:
            assert few["norm"][str(trial.number)][0][-1] == trial.epoch, "the last is always among them"


def test_each_trial_is_a_dot_where_it_was_at_its_best(html: str, history: History) -> None:
    study = page_data(html)["study"]
    at, places = study["dots"]
    assert sorted(places) == [trial.number for trial in history.trials if trial.best_epoch is not None]
    assert len(set(at)) == len(at)
    dot = dict(zip(places, at, strict=True))
    reached = {number: count for count, number in zip(study["so_far"][0], study["so_far"][2], strict=False)}
    assert all(dot[number] >= count for number, count in reached.items())


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
    epochs, values, who = page_data(html)["study"]["so_far"]
    assert history.best is not None
    assert values[-1] == pytest.approx(history.best.value, rel=1e-4)
    assert who[-1] == history.best.number
    assert epochs[-1] == sum(trial.epoch for trial in history.trials)
    assert values == sorted(values)


def test_trained_and_saved_epochs_add_up_to_what_was_planned(html: str, history: History) -> None:
    trained, saved = figures(html)["savings"]["data"]
    assert sum(trained["y"]) == sum(trial.epoch for trial in history.trials)
    assert sum(saved["y"]) == sum(6 - trial.epoch for trial in history.ended("PRUNED"))


def test_training_time_compares_the_sizes_of_mini_batches(html: str) -> None:
    drawn = figures(html)["elapsed"]["data"]
    assert [trace["name"] for trace in drawn][1:] == ["batch_size = 1", "batch_size = 10", "batch_size = 100"]
    last = [numbers(trace["x"])[-1] for trace in drawn[1:]]
    assert last == sorted(last, reverse=True)  # in the made-up study small mini-batches take longer


def test_the_map_begins_with_the_two_numbers_that_matter_most(html: str, history: History) -> None:
    assert page_data(html)["important"][:2] == ["learning_rate", "l2"]
    drawn = {
        figure.key: figure for figure in pictures.pictured(history, ranked_axes(history, drawings(history).importances))
    }
    assert list(drawn) == ["best", "map", "curves"]
    assert drawn["map"].layout["xaxis"]["title"]["text"].startswith("learning_rate")
    assert {trace["type"] for trace in drawn["map"].data} == {"contour", "scatter"}
    heights = [z for row in drawn["map"].data[0]["z"] for z in row if z is not None]
    assert 0 < min(heights) <= max(heights) < 1


def test_the_table_says_of_every_trial_how_it_went_and_why_it_ended(html: str, history: History) -> None:
    assert [column["name"] for column in page_data(html)["study"]["columns"]] == ["diagnosis", "curve", "why"]
    assert page_data(html)["study"]["trials"]["number"] == list(range(40))
    for trial, why, curve in zip(history.trials, column(html, "why"), column(html, "curve"), strict=True):
        assert trial.decision is not None
        assert trial.decision.reason in why
        assert bool(curve) == (trial.state != "FAILED")
    assert "unclear" in column(html, "diagnosis")


def test_columns_for_which_there_is_no_room_are_left_out(history: History) -> None:
    whole = columns.columns(history, 10**6)
    few = columns.columns(history, 1000)
    assert 0 < len(few) < len(whole)
    assert few == whole[: len(few)]
    assert len(json.dumps(few)) <= 1000


def test_what_trials_say_of_themselves_stands_in_the_table(searched: Searched) -> None:
    history = searched(n_trials=4)
    history.trials[0].attributes |= {"layers": 3, "state": "<odd>"}
    history.trials[2].attributes |= {"layers": 12}
    html = page(history)
    assert column(html, "layers") == [3, None, 12, None]
    assert column(html, "attributes.state") == ["<odd>", "–", "–", "–"]


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
    assert table.tags.count("script") == 5, "the data, and four scripts of ours"
    assert evil in [axis["name"] for axis in page_data(shown)["study"]["axes"]]
    assert page_data(shown)["study"]["metric"] == evil


@pytest.mark.parametrize(
    "n_ticks",
    [0, 1],
    ids=["before the first tick", "after the first tick"],
)
def test_a_study_that_has_just_begun_has_a_page(search: Callable[..., list[Any]], n_ticks: int) -> None:
    made = search(40)[: 1 + n_ticks]
    shown = page(History.fold(made, Goal("val_accuracy", "maximize")))
    assert ("savings" in figures(shown)) == bool(n_ticks)
    assert bool(page_data(shown)["study"]["curves"]) == bool(n_ticks)


def test_a_study_without_a_space_has_a_page_without_maps(search: Callable[..., list[Any]]) -> None:
    header = Header("one", "u", {"metric": "loss", "direction": "minimize", "space": {}}, {}, {}, 0.0)
    row = Row(0, 0, 1, {"loss": 0.5}, finished=True)
    tick = Tick(0, 1.0, (Ask(0, 0, {}, 0),), (row,), (Decision(0, "complete", "done", "epochs"),))
    shown = page(History.fold([header, tick], Goal("loss", "minimize")))
    assert list(figures(shown)) == ["savings", "elapsed"]
    assert page_data(shown)["study"]["axes"] == []


def test_only_trials_on_the_full_problem_are_drawn_and_all_are_in_the_table() -> None:
    stages = [{"train": 100}, {}]
    header = Header("s", "u", {"metric": "m", "direction": "maximize", "stages": stages}, {}, {}, 0.0)
    asks = tuple(Ask(i, i, {"x": float(i)}, i, stage=int(i > 3)) for i in range(6))
    rows = tuple(Row(i, i, 1, {"m": 9.0 - i}, finished=True) for i in range(6))
    decisions = tuple(Decision(i, "complete", "done", "epochs") for i in range(6))
    shown = page(History.fold([header, Tick(0, 1.0, asks, rows, decisions)], Goal("m", "maximize")))
    study = page_data(shown)["study"]
    assert [curve[1] for curve in study["curves"].values()] == [[5.0], [4.0]]
    assert study["so_far"][1] == [5.0, 5.0]
    assert study["trials"]["stage"] == [0, 0, 0, 0, 1, 1]
    assert (study["stage"], len(study["stages"])) == (1, 2)


def test_before_the_full_problem_is_reached_the_largest_one_so_far_is_drawn() -> None:
    stages = [{"train": 100}, {}]
    header = Header("s", "u", {"metric": "m", "direction": "maximize", "stages": stages}, {}, {}, 0.0)
    tick = Tick(0, 1.0, (Ask(0, 0, {"x": 1.0}, 0),), (Row(0, 0, 1, {"m": 9.0}),), ())
    study = page_data(page(History.fold([header, tick], Goal("m", "maximize"))))["study"]
    assert (study["stage"], study["stages"]) == (0, [])
    assert study["curves"] == {"0": [[1], [9.0]]}


def test_the_ladder_is_a_table_of_its_stages_with_cost_and_agreement() -> None:
    history = History.fold(logs.two_stages(lambda i: -float(i)), Goal("val_accuracy", "maximize"))
    shown = page(history)
    head, small, full, *_ = Table(shown[shown.index('id="stages"') : shown.index('id="explained"')]).rows
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


def test_half_a_character_in_a_name_does_not_keep_a_report_from_being_written(tmp_path: Path) -> None:
    header = Header("\udc80", "u", {"metric": "m", "direction": "maximize"}, {}, {}, 0.0)
    tick = Tick(0, 1.0, (Ask(0, 0, {"\udc80": 1.0}, 0),), (Row(0, 0, 1, {"m": 0.5}, finished=True),), ())
    write_report(History.fold([header, tick], Goal("m", "maximize")), tmp_path / "report.html")
    assert page_data((tmp_path / "report.html").read_text(encoding="utf-8"))["study"]["study"] == "\udc80"


@pytest.mark.slow
@pytest.mark.parametrize(("n_trials", "epochs", "n_params"), [(10_000, 2, 12), (600, 50, 3)])
def test_a_report_of_many_trials_is_a_megabyte_of_data_and_two_in_all(
    n_trials: int, epochs: int, n_params: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hpsearch.report import html

    important = f"p{n_params - 1}"
    # A forest of 10,000 trials takes longer than all else.
    monkeypatch.setattr(html, "importances", lambda *_: [Importance(important, 0.5, 0.4, 0.6)])
    monkeypatch.setattr(html, "ranked_axes", lambda *_: [])
    history = History.fold(logs.many(n_trials, epochs, n_params), Goal("val_accuracy", "maximize"))
    text = page(history)
    data = re.search(r'id="frozen">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert len(data[1].encode()) < 1e6
    assert len(text.encode()) < 2e6
    study = page_data(text)["study"]
    assert len(study["trials"]["number"]) == n_trials
    assert [column["name"] for column in study["columns"]] == ["diagnosis", "curve", "why"]
    assert important in [axis["name"] for axis in study["axes"]], "what matters has an axis before the rest"
    assert len(page_data(text)["trials"]) == watched.MOST_BEST, "the best are told whole"
