"""Which fields of a study are part of what it is: each is changed alone, and docs/engine.md names it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import SGDClassifier

from hpsearch import Float, MLPClassifier, Scale, Study
from hpsearch.study.comparison import Comparison
from hpsearch.study.declaration import declare, identity
from hpsearch.study.samples import Samples

DOCS = Path(__file__).resolve().parents[3] / "docs" / "engine.md"

BASE: dict[str, Any] = {
    "name": "made",
    "model": MLPClassifier((5,), max_epochs=4),
    "space": {"learning_rate": Float(0.1, 1.0)},
    "data": "digits",
    "n_trials": 4,
}
COUNTS: dict[str, dict[str, Any]] = {
    "name": {"name": "other"},
    "model": {"model": MLPClassifier((6,), max_epochs=4)},
    "space": {"space": {"learning_rate": Float(0.1, 2.0)}},
    "data": {"data": "mnist"},
    "metric": {"metric": "val_cost"},
    "direction": {"direction": "minimize"},
    "sampler": {"sampler": "random"},
    "pruner": {"pruner": "none"},
    "epochs": {"epochs": 3},
    "lanes": {"lanes": 2},
    "seed": {"seed": 1},
    "repeats": {"repeats": 2},
    "value": {"value": "last"},
    "constraints": {"constraints": [lambda p: p["learning_rate"] < 0.9]},
    "scoring": {"scoring": "f1_macro"},
    "audit": {"audit": 0.1},
    "stages": {"stages": [Scale(train=100, trials=4), Scale(trials=2)], "n_trials": None},
    "measure_test": {"measure_test": True},
    "threads": {"threads": 2},
    "version": {"version": "2"},
    "enqueue": {"enqueue": [{"learning_rate": 0.5}]},
    "duplicates": {"duplicates": "skip"},
    "warm_start": {"warm_start": "other"},
    "resource": {"resource": Samples(proportional="alpha")},
    "cv": {"cv": 3},
    "cost": {"cost": "estimated"},
    "lookback": {"cost": "estimated", "lookback": 2.0},
}
DOES_NOT: dict[str, dict[str, Any]] = {
    "n_trials": {"n_trials": 8},
    "until": {"until": 0.9},
    "no_improvement": {"no_improvement": 3},
    "budget": {"budget": 100},
    "timeout": {"timeout": 60.0},
    "trial_timeout": {"trial_timeout": 60.0},
    "trial_memory": {"trial_memory": 10**9},
    "confirm": {"confirm": 3},
    "confirm_top": {"confirm": 3, "confirm_top": 2},
    "comparison": {"comparison": Comparison()},
}


def of(**changes: Any) -> str:
    settings = {**BASE, **changes}
    if "cv" in changes or "resource" in changes:
        settings |= {"model": SGDClassifier(), "space": {"alpha": Float(0.1, 1.0)}, "epochs": 4}
    return identity(declare(Study(**settings), "digest"))


@pytest.mark.parametrize("field", COUNTS)
def test_what_decides_a_result_makes_another_study(field: str) -> None:
    plain = {"cv": None} if field in ("cv", "resource") else {}
    assert of(**COUNTS[field]) != of(**plain)


@pytest.mark.parametrize("field", DOES_NOT)
def test_what_decides_how_much_is_computed_does_not(field: str) -> None:
    assert of(**DOES_NOT[field]) == of()


def scored(estimator: Any, X: Any, y: Any) -> float:
    return float(estimator.score(X, y))


def scored_in_another_way(estimator: Any, X: Any, y: Any) -> float:
    return -float(estimator.score(X, y))


def test_a_scorer_counts_by_its_name_or_its_code_and_by_the_column_that_it_fills() -> None:
    scorings = ["f1_macro", "accuracy", {"mine": "f1_macro"}, {"mine": scored}, {"mine": scored_in_another_way}]
    assert len({of(scoring=scoring) for scoring in scorings}) == len(scorings)


def test_a_stage_counts_by_its_samples_its_trials_and_how_many_go_on() -> None:
    scales = [Scale(train=100, trials=4), Scale(train=200, trials=4), Scale(train=100, trials=5)]
    scales += [Scale(train=100, trials=4, promote=1), Scale(train=100, trials=4, classes=(0, 1))]
    assert len({of(stages=[scale, Scale(trials=2)], n_trials=None) for scale in scales}) == len(scales)


def test_every_field_is_known_and_the_page_names_it() -> None:
    others = {"objective", "groups"}  # in place of a model; what cv splits by
    assert {*COUNTS, *DOES_NOT, *others} == {field.name for field in fields(Study) if field.init}
    page = DOCS.read_text()
    start = page.index("## What a study is")
    counting, not_counting = (
        page[start : page.index("| does not count", start)],
        page[page.index("| does not count", start) :],
    )
    page_names = {"constraints": "constraints", "scoring": "scorers", "cv": "cv"}
    for field in COUNTS:
        assert re.search(rf"\b{page_names.get(field, field)}\b", counting), f"{field} is not among what counts"
    for field in DOES_NOT:
        assert re.search(rf"\b{field}\b", not_counting), f"{field} is not among what does not count"
