"""The pictures beside the report: PNG images of the same figures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hpsearch.log.history import History
from hpsearch.report import axes, html, pictures

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:matplotlib")

Searched = Callable[..., History]


@pytest.mark.slow
def test_best_so_far_map_and_curves_become_images_and_the_same_study_the_same_bytes(searched: Searched) -> None:
    history = searched(30)
    ranked = html.ranked_axes(history, html.drawings(history).importances)
    drawn = pictures.pictures(history, ranked)
    assert list(drawn) == ["best.png", "map.png", "curves.png"]
    assert all(content.startswith(b"\x89PNG\r\n") for content in drawn.values())
    assert all(2_000 < len(content) < 500_000 for content in drawn.values())
    assert pictures.pictures(history, ranked) == drawn


def test_an_image_shows_what_its_figure_holds(searched: Searched) -> None:
    some, more = (pictures.pictures(history, axes.axes(history)) for history in (searched(20), searched(30)))
    assert all(a != b for a, b in zip(some.values(), more.values(), strict=True))


def test_a_title_with_signs_of_markup_is_drawn_as_it_is() -> None:
    line = {"color": "var(--best)", "width": 2}
    trace = {"type": "scatter", "mode": "lines", "x": [1, 2], "y": [1.0, None], "line": line}
    layout = {"xaxis": html.figures.axis("x_1 < $2$"), "yaxis": html.figures.axis("y")}
    figure = html.figures.Figure("best", "a $x$ < b & c", "", [trace], layout)
    assert pictures.picture(figure).startswith(b"\x89PNG")
