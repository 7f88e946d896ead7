from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.models.datasets import Dataset, DatasetError, load
from hpsearch.models.datasets.subset import shrink_images, stratified_order, subset


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


def rows_of(part: Dataset, whole: Dataset) -> set[int]:
    row_numbers = {row.tobytes(): i for i, row in enumerate(np.ascontiguousarray(whole.X_train))}
    return {row_numbers[row.tobytes()] for row in np.ascontiguousarray(part.X_train)}


labels = st.lists(st.integers(0, 4), min_size=5, max_size=60).map(lambda few: np.array([*range(5), *few]))


@given(y=labels, seed=st.integers(0, 1000))
def test_an_order_holds_every_sample_once(y: np.ndarray, seed: int) -> None:
    assert sorted(stratified_order(y, (seed,)).tolist()) == list(range(len(y)))


@given(y=labels, seed=st.integers(0, 1000))
def test_every_beginning_holds_each_class_by_its_share(y: np.ndarray, seed: int) -> None:
    order = stratified_order(y, (seed,))
    totals = np.bincount(y, minlength=5)
    for m in range(1, len(y) + 1):
        counts = np.bincount(y[order[:m]], minlength=5)
        # Beginnings grow class by class to the same fraction of each: no class is a sample ahead of another.
        assert (counts - 1 < counts.sum() / len(y) * totals + 1e-9).all()
        assert ((counts - 1)[:, None] * totals[None, :] <= counts[None, :] * totals[:, None]).all()
        assert m < 5 or counts.all()


def test_two_seeds_give_two_orders() -> None:
    y = np.arange(100) % 4
    assert stratified_order(y, (0,)).tolist() != stratified_order(y, (1,)).tolist()


def test_float_targets_are_drawn_without_strata() -> None:
    assert sorted(stratified_order(np.linspace(0, 1, 9), (0,)).tolist()) == list(range(9))


def test_subsets_of_the_same_classes_are_nested(digits: Dataset) -> None:
    small, middle = (subset(digits, 3, train=size, valid=size // 2) for size in (100, 400))
    assert rows_of(small, digits) < rows_of(middle, digits)
    assert (len(small.y_train), len(small.y_valid)) == (100, 50)
    assert np.bincount(small.y_train).min() >= 9


def test_subsets_of_fewer_classes_are_nested_within_each_class(digits: Dataset) -> None:
    two = subset(digits, 3, classes=(0, 1), train=100)
    ten = subset(digits, 3, train=200)
    for label in (0, 1):
        few = {row.tobytes() for row in ten.X_train[ten.y_train == label]}
        many = {row.tobytes() for row in two.X_train[two.y_train == label]}
        assert few < many


def test_fewer_classes_leave_the_others_out_of_every_part(digits: Dataset) -> None:
    part = subset(digits, 0, classes=(3, 7))
    assert part.X_test is not None
    assert part.y_test is not None
    assert all(set(y.tolist()) == {3, 7} for y in (part.y_train, part.y_valid, part.y_test))
    assert len(part.X_test) == len(part.y_test)
    assert len(part.y_train) == int(np.isin(digits.y_train, (3, 7)).sum())


def test_nothing_left_out_is_the_set_itself(digits: Dataset) -> None:
    assert subset(digits, 0) is digits


def test_a_subset_is_the_same_in_every_process_and_another_for_another_seed(digits: Dataset) -> None:
    assert subset(digits, 5, train=50).digest == subset(digits, 5, train=50).digest
    assert subset(digits, 5, train=50).digest != subset(digits, 6, train=50).digest


def test_small_images_are_means_of_blocks() -> None:
    image = np.arange(16, dtype=np.float32).reshape(1, 16)
    assert shrink_images(image, (4, 4), (2, 2)).tolist() == [[2.5, 4.5, 10.5, 12.5]]
    assert shrink_images(image, (4, 4), (4, 1)).tolist() == [[1.5, 5.5, 9.5, 13.5]]


def test_the_images_of_all_parts_shrink(digits: Dataset) -> None:
    part = subset(digits, 0, image_size=(4, 4))
    assert part.X_test is not None
    assert part.image_shape == (4, 4)
    assert {part.X_train.shape[1], part.X_valid.shape[1], part.X_test.shape[1]} == {16}
    assert part.X_train.dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"classes": (0, 12)}, "no class 12"),
        ({"classes": (3,)}, "at least two"),
        ({"train": 10_000}, "train=10,000 is more than"),
        ({"valid": 3}, "less than one sample of each"),
        ({"image_size": (3, 3)}, "must divide"),
    ],
)
def test_what_cannot_be_is_named(digits: Dataset, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        subset(digits, 0, **wrong)  # type: ignore[arg-type]
