"""The table of a comparison, its plots and its page, from made-up logs."""

from __future__ import annotations

import math
import statistics
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import logs
import pytest
from scipy import stats

from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.report import markdown, plot, tables
from hpsearch.report.comparison import (
    PointRow,
    cells,
    comparison_table,
    mean_of,
    published_text,
    shown_value,
    with_unit,
)
from hpsearch.study.comparison import Against, Comparison, Curves, Published

ACCURACIES = {(0, 0): 0.90, (1, 0): 0.95, (0, 1): 0.92, (1, 1): 0.96, (0, 2): 0.94, (1, 2): 0.94}
"""Best validation accuracy by (point, repeat); on the test set each is 0.01 lower."""

FACTORS = [{"l2": 0.0, "hidden_layer_sizes": [30]}, {"l2": 5.0, "hidden_layer_sizes": [30]}]


def made(comparison: Comparison | None, repeats: int = 3, data: str = "digits", **further: Any) -> History:
    """Two points, three repeats, three epochs of which the second is the best; then the accuracy falls by 0.1."""
    settings = {} if comparison is None else {"comparison": comparison.to_json()}
    header = logs.header("compared", repeats=repeats, measure_test=True, **settings, **further)
    history = History(Goal("val_accuracy", "maximize"))
    history.apply(type(header)(**{**vars(header), "dataset": {"name": data, "sizes": {"train": 5}}}))
    asks = tuple(Ask(i, i, FACTORS[point], point, repeat) for i, (point, repeat) in enumerate(ACCURACIES))
    for epoch, less in enumerate((0.05, 0.0, 0.1), start=1):
        rows, decisions = [], []
        for i, best in enumerate(ACCURACIES.values()):
            metrics = {"val_accuracy": best - less, "test_accuracy": best - less - 0.01, "train_cost": 1 / epoch}
            rows.append(Row(i, i, epoch, metrics, 0.5, epoch == 3))
            decisions += [Decision(i, "complete", "done", "epochs")] if epoch == 3 else []
        history.apply(Tick(epoch - 1, 0.0, asks if epoch == 1 else (), tuple(rows), tuple(decisions)))
    return history


def test_the_interval_is_students_over_the_repeats() -> None:
    values = [1.0, 2.0, 4.0]
    low, high = stats.t.interval(0.95, 2, statistics.fmean(values), stats.sem(values))
    found = mean_of(values)
    assert found.half is not None
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high))
    assert mean_of([3.0]).half is None


@pytest.mark.parametrize(
    ("reported", "metric", "shown"),
    [
        ({"test_accuracy": 0.98}, "test_error", ("test_error (%)", 2.0)),
        ({"test_accuracy": 0.98}, "test_accuracy", ("test_accuracy (%)", 98.0)),
        ({"test_error": 0.012, "test_accuracy": 0.98}, "test_error", ("test_error (%)", 1.2)),
        ({"mean_squared_error": 0.25}, "mean_squared_error", ("mean_squared_error", 0.25)),
        ({"train_cost": 0.25}, "train_cost", ("train_cost", 0.25)),
    ],
)
def test_a_metric_that_is_labelled_percent_is_in_percent(
    reported: dict[str, float], metric: str, shown: tuple[str, float]
) -> None:
    name, value = shown
    assert with_unit(metric) == name
    assert shown_value(Row(0, 0, 1, reported, 0.5, finished=True), metric) == pytest.approx(value)


def test_a_line_per_point_read_at_the_epoch_that_validation_chose() -> None:
    table = comparison_table(made(Comparison("test_error")))
    assert table is not None
    assert table.factors == ("l2",)
    errors = [[100 * (1 - (a - 0.01)) for (p, _), a in ACCURACIES.items() if p == point] for point in (0, 1)]
    assert [point.means["test_error"].mean for point in table.points] == pytest.approx([*map(statistics.fmean, errors)])
    assert [len(point.trials) for point in table.points] == [3, 3]
    assert (table.points[0].epochs, table.points[0].seconds) == (3, 1.5)


@pytest.mark.parametrize(("seconds", "shown"), [(0.0033456, "0.00335"), (47.81, "47.8"), (1026.4, "1,026")])
def test_seconds_are_written_as_people_read_them(monkeypatch: pytest.MonkeyPatch, seconds: float, shown: str) -> None:
    monkeypatch.setattr(PointRow, "seconds", seconds)
    table = comparison_table(made(Comparison("test_error")))
    assert table is not None
    assert [row[-1] for row in cells(table)[1]] == [shown, shown]


def test_at_the_last_epoch_where_that_is_declared() -> None:
    best, last = (comparison_table(made(Comparison("test_error", at=at))) for at in ("best", "last"))  # type: ignore[arg-type]
    assert best is not None
    assert last is not None
    assert last.points[0].means["test_error"].mean == pytest.approx(best.points[0].means["test_error"].mean + 10)


def test_a_study_that_repeats_has_a_table_without_asking() -> None:
    table = comparison_table(made(None))
    assert table is not None
    assert table.metrics == ("test_error",)
    assert comparison_table(made(None, repeats=1)) is None


def test_published_figures_stand_beside_the_points_that_they_belong_to() -> None:
    figures = [Published(7.0, {"l2": 0.0}, "slides", within=2.5), Published(1.0, {"l2": 5.0}, "slides", within=0.5)]
    table = comparison_table(made(Comparison("test_error", published=figures), data="mnist"))
    assert table is not None
    columns, rows = cells(table)
    column_index = [column.name for column in columns].index("published")
    assert [row[column_index] for row in rows] == [
        "7 (slides), missed by 2.00, within 2.5",
        "1 (slides), missed by 5.00",
    ]


@pytest.mark.parametrize(
    ("metric", "ours", "figure", "said"),
    [
        ("test_error", 5.0, Published(4.6, within=0.5), "4.6, missed by 0.40, within 0.5"),
        ("test_error", 5.2, Published(4.6, within=0.5), "4.6, missed by 0.60"),
        ("test_accuracy", 98.0, Published(98.1, within=0.2), "98.1, missed by 0.10, within 0.2"),
        ("test_accuracy", 97.8, Published(98.1, within=0.2), "98.1, missed by 0.30"),
        ("test_accuracy", 97.8, Published(98.1), "98.1"),
        ("test_accuracy", 97.8, Published(98.1, within=0.2, data="cifar"), "98.1, on cifar"),
    ],
)
def test_a_figure_is_reached_where_ours_is_no_worse_than_allowed(
    metric: str, ours: float, figure: Published, said: str
) -> None:
    assert published_text(figure, mean_of([ours]), metric, "mnist") == said


def test_a_metric_that_no_trial_reports_is_named() -> None:
    history = made(Comparison(["test_error", "test_eror"]))
    shown = "\n".join(block for block in tables.show_blocks("compared", history) if isinstance(block, str))
    assert "no trial reports 'test_eror'" in shown


def test_json_holds_the_means() -> None:
    compared = tables.show_json("compared", made(Comparison("test_accuracy")))["comparison"]
    assert [point["params"]["l2"] for point in compared] == [0.0, 5.0]
    assert compared[0]["means"]["test_accuracy"]["n"] == 3


PLOTS = [Curves("test_error"), Curves(["val_accuracy", "train_cost"], over="seconds", log=True), Against("l2")]


@pytest.mark.parametrize(("declared", "count"), list(zip(PLOTS, (2, 4, 1), strict=True)), ids=repr)
def test_a_plot_is_small_and_sound_svg_with_a_line_per_point(declared: Curves | Against, count: int) -> None:
    ((_, text),) = plot.plots(made(Comparison("test_error", plots=[declared])))
    tree = ET.fromstring(text)
    lines = tree.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == count
    numbers = [float(n) for line in lines for pair in line.attrib["points"].split() for n in pair.split(",")]
    assert all(map(math.isfinite, numbers))
    assert len(text) < 60_000


def test_the_page_shows_what_the_files_say_the_tables_the_plots_and_the_commands(tmp_path: Path) -> None:
    figures = [Published(7.0, {"l2": 0.0}, "slides", within=2.5)]
    history = made(
        Comparison("test_error", published=figures, plots=[Curves("test_error")], note="A note."), data="mnist"
    )
    history.header = type(history.header)(**{**vars(history.header), "name": "compared@mnist"})
    path = tmp_path / "docs" / "results.md"
    (path.parent / "images" / "results").mkdir(parents=True)
    (path.parent / "images" / "results" / "old.svg").write_text("old")
    section = markdown.Section(Path("studies/compared.py"), "What it teaches.", (history,))
    markdown.write(path, [section], "hpsearch run studies/", ["studies/b.py: broken"])
    page = path.read_text()
    for words in (
        "What it teaches.",
        "7 (slides), missed by 2.00, within 2.5",
        "A note.",
        "studies/b.py: broken",
        "9.00 ± ",
    ):
        assert words in page, words
    assert "`hpsearch run studies/compared.py --data mnist`" in page
    drawn = list((path.parent / "images" / "results").iterdir())
    assert [file.name for file in drawn] == ["compared-mnist.svg"]
    assert f"(images/results/{drawn[0].name})" in page


def test_the_same_study_gives_the_same_page() -> None:
    sections = [markdown.Section(Path("a.py"), "", (made(Comparison("test_error", plots=PLOTS)),))]
    assert markdown.render(sections, "c", "images") == markdown.render(sections, "c", "images")
