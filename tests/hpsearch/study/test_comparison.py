"""Comparisons: which points a list of grids has, what is trained of them, and what a changed comparison changes."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from searching import make_study

from hpsearch import MLPClassifier, Study, samplers
from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.models.datasets import load, subset
from hpsearch.space import Choice, Int
from hpsearch.study.comparison import Against, Comparison, Curves, Published
from hpsearch.study.declaration import declare, identity
from hpsearch.study.grids import choices_of, points_of

DEFAULTS = {"a": 1.0, "b": 1, "c": "x", "d": None}


def test_a_list_of_grids_has_the_points_of_nested_loops_in_the_order_written() -> None:
    points, objects = points_of([{"a": [1, 2], "c": ["x", "y"]}, {"b": Int(5, 6)}], DEFAULTS)
    assert points == [
        {"a": 1, "c": "x", "b": 1},
        {"a": 1, "c": "y", "b": 1},
        {"a": 2, "c": "x", "b": 1},
        {"a": 2, "c": "y", "b": 1},
        {"a": 1.0, "c": "x", "b": 5},
        {"a": 1.0, "c": "x", "b": 6},
    ]
    assert choices_of(points, objects) == {"a": Choice([1, 2]), "c": Choice(["x", "y"]), "b": Choice([1, 5, 6])}


def test_a_tuple_is_one_value_and_a_list_of_tuples_several() -> None:
    assert len(points_of([{"a": (30, 10)}], DEFAULTS)[0]) == 1
    assert len(points_of([{"a": [(30, 10), (100,)]}], DEFAULTS)[0]) == 2


GRIDS = st.lists(
    st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(2, 9), min_size=1, max_size=3, unique=True)),
    max_size=3,
)


@given(GRIDS)
def test_every_point_has_every_parameter_and_is_a_point_of_the_space(grids: list[dict[str, list[int]]]) -> None:
    # Numbered, so that no point comes twice.
    numbered = [{**grid, "n": number} for number, grid in enumerate(grids)]
    points, _ = points_of(numbered, DEFAULTS)
    assert len(points) == sum(math.prod(len(options) for options in grid.values()) for grid in grids)
    space = choices_of(points, {})
    for point in points:
        assert set(point) == {"n", *(name for grid in grids for name in grid)}
        assert all(space[name].contains(value) for name, value in point.items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"space": [{"a": 1}, 3]}, r"space\[1\]: a list as space holds dicts"),
        ({"space": [{"a": 1}, {"a": 1.0}]}, "comes twice"),
        ({"space": [{"aa": 1}]}, "has no parameter 'aa'"),
        ({"space": [{"a": [1, 2]}], "enqueue": [{"a": 1}]}, "says all points itself"),
        ({"space": [{"a": 1}], "model": None, "objective": len, "measure_test": True}, "measure_test goes with model="),
        ({"measure_test": True, "metric": "test_accuracy"}, "the test set decides nothing"),
        ({"comparison": 3}, r"must be a Comparison\(…\)"),
        ({"space": [{"a": [1, 2]}], "comparison": Comparison(published=Published(1, {"b": 1}))}, "no factor 'b'"),
        ({"space": [{"a": [1, 2]}], "comparison": Comparison(published=Published(1, {"a": 3}))}, "a=3 is not in"),
        ({"space": [{"a": [1, 2]}], "comparison": Comparison(plots=Against("aa"))}, r"did you mean 'a'\?"),
        ({"space": {"a": [1, 2]}, "sampler": "listed"}, "there are none"),
    ],
)
def test_a_wrong_comparison_is_refused_in_one_clear_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        samplers.build(make_study(**settings))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Published(float("nan")),
        lambda: Published(1.0, "a"),  # type: ignore[arg-type]
        lambda: Comparison(at="first"),  # type: ignore[arg-type]
        lambda: Comparison(plots=["curves"]),  # type: ignore[list-item]
        lambda: Comparison([3]),  # type: ignore[list-item]
    ],
)
def test_a_wrong_part_of_a_comparison_is_refused(make: Any) -> None:
    with pytest.raises(UserError):
        make()


def test_a_comparison_and_its_json_say_the_same() -> None:
    declared = Comparison(
        ["test_error", "train_cost"],
        at="last",
        published=[Published(5.53, {"hidden_layer_sizes": (30,)}, "slides", within=0.5)],
        plots=[Curves(["a", "b"], over="seconds", log=True, first=3), Against("l2", log=True)],
        note="why",
    )
    again = Comparison.from_json(declared.to_json())
    assert again.to_json() == declared.to_json()
    assert again.published[0].matches({"hidden_layer_sizes": (30,), "l2": 1})
    assert not again.published[0].matches({"hidden_layer_sizes": (100,)})


def test_what_is_shown_is_no_part_of_what_a_study_is() -> None:
    plain = make_study([{"a": [1, 2]}])
    published = replace(plain, comparison=Comparison(published=Published(1.0)))
    assert identity(declare(plain)) == identity(declare(published))
    assert identity(declare(plain)) != identity(declare(replace(plain, measure_test=True)))


def test_a_comparison_trains_its_points_alone_and_all_of_them_to_the_end() -> None:
    study = make_study([{"a": [1, 2], "b": 3}, {"a": 4}])
    assert (study.sampler, study.pruner, samplers.build(study).size) == ("listed", "none", 3)
    assert make_study({}).pruner == "none"
    assert (make_study({"a": [1, 2]}).sampler, make_study({"a": [1, 2]}).pruner) == ("tpe", "asha")


def compare(root: Path, **settings: Any) -> Study:
    study = Study(
        **{
            "name": "costs",
            "model": MLPClassifier(hidden_layer_sizes=(5,), max_epochs=2),
            "space": [{"cost": ["quadratic", "cross_entropy"], "l2": [0.0, 0.1]}],
            "data": subset(load("digits"), seed=0, train=100),
            "repeats": 2,
            "measure_test": True,
            **settings,
        }
    )
    study.run(root, quiet=True, tracking=False)
    return study


def test_all_points_go_round_once_before_any_is_repeated(tmp_path: Path) -> None:
    compare(tmp_path)
    trials = catalogue.load_history(tmp_path / "studies" / "costs").trials
    assert [(t.ask.point, t.ask.repeat) for t in trials] == [(p, r) for r in range(2) for p in range(4)]
    assert [t.params for t in trials[:4]] == [t.params for t in trials[4:]]
    assert all(t.state == "COMPLETE" and "test_accuracy" in row.metrics for t in trials for row in t.rows)


def test_measuring_the_test_set_changes_no_other_number(tmp_path: Path) -> None:
    compare(tmp_path / "with")
    compare(tmp_path / "without", measure_test=False)
    first, second = (catalogue.load_history(tmp_path / name / "studies" / "costs") for name in ("with", "without"))
    for a, b in zip(first.trials, second.trials, strict=True):
        for one, other in zip(a.rows, b.rows, strict=True):
            assert {k: v for k, v in one.metrics.items() if not k.startswith("test_")} == other.metrics


def test_another_published_figure_goes_on_with_the_same_study(tmp_path: Path) -> None:
    compare(tmp_path)
    folder = tmp_path / "studies" / "costs"
    before = catalogue.load_history(folder)
    study = compare(tmp_path, comparison=Comparison(published=Published(5.0)))
    after = catalogue.load_history(folder)
    assert study.comparison is not None
    assert after.declaration.comparison == study.comparison.to_json()
    assert [trial.rows for trial in after.trials] == [trial.rows for trial in before.trials]


def test_what_cannot_be_measured_on_a_test_set_says_so(tmp_path: Path) -> None:
    digits = load("digits")
    pairs = (digits.X_train, digits.y_train), (digits.X_valid, digits.y_valid)
    with pytest.raises(UserError, match="no test set"):
        compare(tmp_path, data=pairs)
