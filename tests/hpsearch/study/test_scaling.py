from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpsearch import MLPClassifier, Scale, Study
from hpsearch.errors import UserError
from hpsearch.log.records import Ask
from hpsearch.models.datasets import Dataset, load
from hpsearch.models.datasets.subset import subset
from hpsearch.objectives.base import Start
from hpsearch.objectives.staged import prepare
from hpsearch.study.allocation import split
from hpsearch.study.scaling import auto, check_stages, scale_text, settle, translated


def plain_images(n: int) -> Dataset:
    """Samples that are all zero: weights of the first layer have no gradient, and what remains of them is the decay."""
    y = np.arange(n) % 2
    return load(((np.zeros((n, 3)), y), (np.zeros((10, 3)), np.arange(10) % 2)))


def first_weights(dataset: Dataset, scale: Scale | None, l2: float, eta: float, l1: float = 0.0) -> np.ndarray:
    """W of the first layer after one update on the full problem, or on a stage."""
    model = MLPClassifier(hidden_layer_sizes=(4,), batch_size="all", l2=l2, l1=l1, learning_rate=eta, dtype="float64")
    stages = None if scale is None else settle([scale, Scale()], dataset, seed=0)
    study = Study(name="s", model=model, data=dataset_tuple(dataset), stages=stages, confirm=1)
    objective = prepare(study, dataset).make(dataset)
    objective.start(Start(Ask(0, 0, {}, 0, 0, 0)))
    objective.advance([0], 0)
    (saved,) = objective.states()
    assert saved.state is not None
    return saved.state["W0"]


def dataset_tuple(dataset: Dataset) -> tuple[Any, Any]:
    return (dataset.X_train, dataset.y_train), (dataset.X_valid, dataset.y_valid)


@pytest.mark.parametrize("optimizer_rate", [0.5, 2.0])
def test_the_lambda_rule_keeps_the_decay_of_one_update(optimizer_rate: float) -> None:
    dataset, l2 = plain_images(200), 5.0
    expected = 1 - optimizer_rate * l2 / 200
    for scale in (None, Scale(train=50), Scale(train=20)):
        decayed = first_weights(dataset, scale, l2, optimizer_rate)
        free = first_weights(dataset, scale, 0.0, optimizer_rate)
        np.testing.assert_allclose(decayed, free * expected, rtol=1e-12)


@pytest.mark.parametrize("scale", [None, Scale(train=50), Scale(train=20)])
def test_the_lambda_rule_keeps_what_l1_takes_in_one_update(scale: Scale | None) -> None:
    dataset, l1, eta = plain_images(200), 4.0, 0.5
    shrunk = first_weights(dataset, scale, 0.0, eta, l1)
    free = first_weights(dataset, scale, 0.0, eta)
    np.testing.assert_allclose(shrunk, free - eta * l1 / 200 * np.sign(free), rtol=1e-12)


def test_without_the_rule_a_small_stage_decays_more() -> None:
    dataset, l2, eta = plain_images(200), 5.0, 0.5
    scale = Scale(train=50, lambda_rule=False)
    decayed, free = (first_weights(dataset, scale, value, eta) for value in (l2, 0.0))
    np.testing.assert_allclose(decayed, free * (1 - eta * l2 / 50), rtol=1e-12)


def test_parameters_are_translated_also_inside_a_pipeline() -> None:
    scale = Scale(train=100, hidden_layer_sizes=(), epochs=5)
    params = {"mlp__l2": 4.0, "l1": 2.0, "learning_rate": 0.5, "hidden_layer_sizes": [30], "mlp__max_epochs": 9}
    expected = {"mlp__l2": 1.0, "l1": 0.5, "learning_rate": 0.5, "hidden_layer_sizes": (), "mlp__max_epochs": 5}
    assert translated(scale, params, 400) == expected
    assert translated(Scale(), params, 400) == params


def test_auto_suits_the_size_of_the_data() -> None:
    def of(n: int) -> list[int | None]:
        y = np.arange(n) % 2
        return [scale.train for scale in auto(load(((np.zeros((n, 2)), y), (np.zeros((n, 2)), y))))]

    assert of(50_000) == [1_000, 5_000, None]
    assert of(20_000) == [1_000, 5_000, None]
    assert of(10_000) == [1_000, None]
    assert of(1_000) == [250, None]
    assert of(4) == [None]


def test_settled_stages_say_how_large_they_are() -> None:
    digits = load("digits")
    stages = settle([Scale(classes=(0, 1)), Scale(train=200), Scale()], digits, 0)
    subset_of_digits = subset(digits, 0, classes=(0, 1))
    assert (stages[0].train, stages[0].valid) == (len(subset_of_digits.y_train), len(subset_of_digits.y_valid))
    assert (stages[1].train, stages[1].valid) == (200, len(digits.y_valid))
    assert stages[2] == Scale()
    assert Scale(**stages[0].to_json()) == stages[0]


@pytest.mark.parametrize(
    ("declared", "n_trials", "first", "counts"),
    [
        ([None, None, None], 64, None, [44, 14, 6]),
        ([None, None], None, None, [56, 8]),
        ([10, 5, 3], None, None, [10, 5, 3]),
        ([10, None, None], 30, None, [10, 14, 6]),
        ([None, None, None], 80, 64, [44, 14, 22]),
        ([10, 5, 3], 25, 18, [10, 5, 10]),
    ],
)
def test_trials_are_shared_out(
    declared: list[int | None], n_trials: int | None, first: int | None, counts: list[int]
) -> None:
    """By 1/√cost where nothing is said: an epoch costs 0.02, 0.2 and 1 of the full problem's 50,000 samples."""
    sizes = (1_000, 10_000)
    scales = [
        *(Scale(train=n, trials=count) for n, count in zip(sizes, declared[:-1], strict=False)),
        Scale(trials=declared[-1]),
    ]
    assert split(scales, n_trials, first, 64, 50_000) == counts


def test_trials_that_do_not_suffice_are_an_error() -> None:
    with pytest.raises(UserError, match="n_trials=2 cannot be shared out among 3 stages"):
        split([Scale(train=1), Scale(train=2), Scale()], 2, None, 64)
    with pytest.raises(UserError, match="cannot be shared out"):
        split([Scale(train=1, trials=4), Scale(trials=4)], 9, None, 64)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"train": 0}, "train=0"),
        ({"promote": 1.5}, "promote=1.5"),
        ({"promote": True}, "promote=True"),
        ({"margin": -0.1}, "margin=-0.1"),
        ({"calibration": -1}, "calibration=-1"),
        ({"classes": "01"}, "classes='01' must be a tuple"),
        ({"image_size": (1, 2, 3)}, "rows and columns"),
    ],
)
def test_a_wrong_scale_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Scale(**wrong)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "stages must be"),
        ("automatic", "stages must be"),
        ([Scale(train=10)], "the last one must be the full problem"),
        ([Scale(), Scale()], r"stages\[0\]: Scale\(\) is the full problem"),
        ([{"train": 10}, Scale()], r"stages\[0\]"),
    ],
)
def test_wrong_stages_are_named(stages: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_stages(stages)


def test_data_that_do_not_have_what_a_stage_wants_name_the_stage() -> None:
    with pytest.raises(UserError, match=r"stages\[1\]: train=5,000 is more than the 1,078"):
        settle([Scale(train=100), Scale(train=5_000), Scale()], load("digits"), 0)


def test_a_stage_says_in_words_what_it_is() -> None:
    assert scale_text(Scale(classes=(0, 1), hidden_layer_sizes=(), train=1000)) == (
        "2 classes, no hidden layer, 1,000 training samples"
    )
    assert scale_text(Scale()) == "the full problem"


def test_stages_need_a_model() -> None:
    with pytest.raises(UserError, match="stages make the data and the model smaller"):
        Study(name="s", objective=lambda trial: 1.0, stages="auto")
