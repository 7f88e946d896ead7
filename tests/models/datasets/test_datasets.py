"""Every way to name data ends in the one format, divided reproducibly, or in one line that says what is wrong."""

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hpsearch.models import datasets
from hpsearch.models.datasets import Dataset, DatasetError, load
from hpsearch.models.datasets.catalogue import CATALOGUE
from hpsearch.models.datasets.split import DEFAULT_SPLIT, split_indices

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 3))
Y = np.arange(50) % 5

SPLITS = st.sampled_from(
    [(0.6, 0.2, 0.2), (0.7, 0.2, 0.1), (0.5, 0.5, 0.0), (1 / 3, 1 / 3, 1 / 3), (0.8, 0.1, 0.1), (0.29, 0.7, 0.01)]
)
LABELS = hnp.arrays(np.int64, st.integers(110, 200), elements=st.integers(0, 12))


def parts(dataset: Dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    pairs = [(dataset.X_train, dataset.y_train), (dataset.X_valid, dataset.y_valid)]
    return pairs if dataset.X_test is None else [*pairs, (dataset.X_test, dataset.y_test)]


@given(LABELS, SPLITS, st.integers(0, 2**32))
def test_a_split_is_a_partition(y, split, seed):
    indices = split_indices(y, split, seed, "data")
    assert sorted(np.concatenate(indices).tolist()) == list(range(len(y)))


@given(LABELS, SPLITS, st.integers(0, 2**32))
def test_a_split_is_stratified_within_one_sample_of_every_class(y, split, seed):
    for indices, fraction in zip(split_indices(y, split, seed, "data"), split, strict=True):
        for label, count in zip(*np.unique(y, return_counts=True), strict=True):
            assert abs(np.sum(y[indices] == label) - count * fraction) < 1 + 1e-9


@given(LABELS, SPLITS, st.integers(0, 2**32))
def test_every_class_is_in_the_training_part(y, split, seed):
    assert set(y[split_indices(y, split, seed, "data")[0]]) == set(y)


@given(LABELS, SPLITS, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_split(y, split, seed):
    for one, other in zip(split_indices(y, split, seed, "a"), split_indices(y, split, seed, "b"), strict=True):
        np.testing.assert_array_equal(one, other)


@given(st.integers(110, 300), SPLITS)
def test_regression_targets_are_divided_within_one_sample_of_the_fractions(n, split):
    for indices, fraction in zip(split_indices(np.arange(n) / 2, split, 0, "data"), split, strict=True):
        assert abs(len(indices) - n * fraction) < 1 + 1e-9


def test_another_seed_gives_another_split():
    assert load((X, Y), seed=0).digest != load((X, Y), seed=1).digest


def test_the_sizes_of_the_parts_stay_near_their_fractions_over_many_classes():
    y = np.repeat(np.arange(40), 7)  # each class alone would round 1.4 down twice
    sizes = [len(indices) for indices in split_indices(y, DEFAULT_SPLIT, 0, "data")]
    np.testing.assert_allclose(sizes, [168, 56, 56], atol=3)


def test_rows_stay_with_their_labels():
    features = np.repeat(np.arange(100), 2).reshape(100, 2)
    for part_X, part_y in parts(load((features, np.arange(100) % 4))):
        np.testing.assert_array_equal(part_X[:, 0] % 4, part_y)


def test_digits_are_the_embedded_set_scaled_and_as_described():
    digits = load("digits")
    info = datasets.describe("digits")
    assert [len(y) for _, y in parts(digits)] == [info.n_train, info.n_valid, info.n_test] == [1078, 360, 359]
    assert (digits.X_train.min(), digits.X_train.max()) == (0, 1)
    assert (digits.source, digits.image_shape, info.found) == ("embedded", (8, 8), "embedded")
    assert (digits.X_train.shape[1], len(digits.classes)) == (info.n_features, info.n_classes) == (64, 10)


def test_digits_are_the_same_in_another_process():
    code = "from hpsearch.models.datasets import load; print(load('digits', seed=3).digest)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == load("digits", seed=3).digest


def polars_frame(features):
    import polars

    return polars.DataFrame(features)


def polars_series(labels):
    import polars

    return polars.Series(labels)


CONTAINERS = {
    "arrays": lambda: (X, Y),
    "lists": lambda: (X.tolist(), Y.tolist()),
    "pandas": lambda: (pd.DataFrame(X, columns=["a", "b", "c"]), pd.Series(Y)),
    "objects": lambda: (pd.DataFrame(X).astype(object), pd.Series(Y).astype(object)),
    "column": lambda: (pd.DataFrame(X), pd.DataFrame({"y": Y})),
    "polars": lambda: (polars_frame(X), polars_series(Y)),
    "fortran": lambda: (np.asfortranarray(X), Y.astype(np.uint8)),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_the_same_data(name):
    features, labels = CONTAINERS[name]()
    dataset = load((features, labels))
    assert dataset.digest == load((X, Y)).digest
    for part_X, part_y in parts(dataset):
        assert part_X.dtype == np.float32
        assert part_X.flags.c_contiguous
        assert part_y.dtype == np.int64


@pytest.mark.parametrize("wrap", [np.array, list, pd.Series, polars_series, lambda y: pd.Series(y, dtype="category")])
def test_string_labels_come_as_given(wrap):
    dataset = load((X, wrap(["ham", "spam"] * 25)))
    assert dataset.classes.tolist() == ["ham", "spam"]
    assert dataset.digest == load((X, ["ham", "spam"] * 25)).digest


def test_boolean_labels_come_as_given():
    assert load((X, Y > 2)).classes.tolist() == [False, True]


def test_float_targets_mean_regression_and_have_no_classes():
    dataset = load((X, Y / 2))
    assert dataset.classes is None
    assert dataset.y_train.dtype == np.float64


def test_several_regression_outputs_are_kept():
    assert load((X, X[:, :2])).y_train.shape == (30, 2)


def test_a_test_fraction_of_zero_leaves_no_test_set():
    dataset = load((X, Y), split=(0.8, 0.2, 0))
    assert dataset.X_test is None
    assert dataset.y_test is None
    assert len(dataset.y_train) == 40


def test_given_pairs_are_taken_as_they_stand():
    dataset = load(((X[:30], Y[:30]), (X[30:40], Y[30:40]), (X[40:], Y[40:])))
    for (part_X, part_y), rows in zip(parts(dataset), (slice(30), slice(30, 40), slice(40, None)), strict=True):
        np.testing.assert_array_equal(part_X, X[rows].astype(np.float32))
        np.testing.assert_array_equal(part_y, Y[rows])
    assert load(((X[:30], Y[:30]), (X[30:40], Y[30:40]))).X_test is None


def test_uint8_images_are_scaled_and_flattened_and_others_keep_their_scale():
    images = rng.integers(0, 256, size=(50, 4, 5), dtype=np.uint8)
    dataset = load((images, Y))
    assert dataset.image_shape == (4, 5)
    assert set(np.unique(dataset.X_train)) <= set((np.arange(256) / 255).astype(np.float32))
    assert load((images.astype(float), Y)).X_train.max() > 1
    assert load((images.reshape(50, 20), Y)).X_train.max() > 1


def test_missing_features_pass():
    features = X.copy()
    features[0, 0] = np.nan
    dataset = load((features, Y))
    assert sum(np.isnan(part_X).sum() for part_X, _ in parts(dataset)) == 1


def test_a_data_set_cannot_be_changed_by_a_trial():
    dataset = load((X, Y))
    with pytest.raises(ValueError, match="read-only"):
        dataset.X_train[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.name = "other"


def test_the_users_own_arrays_stay_writable():
    features = X.astype(np.float32)
    load(((features, Y), (features, Y)))
    features[0, 0] = 0


@given(st.integers(0, 49), st.integers(0, 2))
def test_the_digest_changes_with_any_value(row, column):
    changed = X.copy()
    changed[row, column] += 1
    assert load((changed, Y)).digest != load((X, Y)).digest


def test_the_digest_knows_shapes_and_parts():
    flat = np.zeros((12, 2))
    y = np.zeros(12, dtype=int)
    digests = {
        load(((flat, y), (flat, y))).digest,
        load(((flat, y), (flat[:6], y[:6]), (flat[6:], y[6:]))).digest,
        load(((np.zeros((12, 4)), y), (np.zeros((12, 4)), y))).digest,
    }
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("digitz", r"unknown data set 'digitz' \(did you mean 'digits'\?\)"),
        ("MNIST", r"did you mean 'mnist'\?"),
        ("qqq", r"unknown data set 'qqq' \(known: .*digits, fashion_mnist, .*mnist.*; or a path"),
        ("no/such.csv", r"no/such\.csv: no such file or folder"),
        (None, r"data: expected a name, a path, .* found NoneType"),
        ((X, Y, X, Y), r"found tuple of 4"),
        ((X, Y[:10]), r"X has 50 samples, but y has 10"),
        ((X[:, 0], Y), r"X has shape \(50,\); expected \(samples, features\)"),
        ((np.empty((0, 3)), []), r"X has shape \(0, 3\)"),
        (([["a", "b"]] * 50, Y), r"X has dtype <U1; expected numbers"),
        ((pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), [0, 1]), r"X holds something that is not a number: .*'x'"),
        (([[1, 2], [3]], [0, 1]), r"X is not an array"),
        ((np.where(X[7, 1] == X, np.inf, X), Y), r"X is infinite, .* in row 7, column 1"),
        ((np.where(X[7, 1] == X, 1e300, X), Y), r"X is infinite, or too large for float32, in row 7, column 1"),
        ((X.astype(complex), Y), r"X has dtype complex128"),
        ((X, np.where(Y == 0, np.nan, Y)), r"y has a missing or infinite value"),
        ((X, ["a", None] * 25), r"y mixes or holds values of type NoneType, str"),
        ((X, np.stack([Y, Y], axis=1)), r"y has shape \(50, 2\)"),
        ((X, np.full(50, 2**64 - 1, dtype=np.uint64)), r"y has a label beyond int64"),
        ((X, Y.astype("datetime64[s]")), r"y has dtype datetime64"),
        (((X, Y), (X[:, :2], Y)), r"the validation samples have 2 features, but the training samples have 3"),
        (((X, Y), (X, Y), (X, Y.astype(str))), r"the test targets are strings, but the training targets are integers"),
        ((X[:2], Y[:2]), r"2 samples are too few for the split .*: the .* part is empty"),
    ],
)
def test_unusable_data_gets_one_line_that_names_it(data, message):
    with pytest.raises(DatasetError, match=message) as caught:
        load(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "split", [(0.6, 0.2), (0.6, 0.2, 0.3), (1.0, 0.0, 0.0), (0.9, -0.1, 0.2), 0.5, (0.6, 0.4, np.nan)]
)
def test_a_split_that_makes_no_sense_is_refused(split):
    with pytest.raises(DatasetError, match="split="):
        load((X, Y), split=split)


def test_a_split_of_data_that_is_divided_already_is_refused():
    with pytest.raises(DatasetError, match="comes with a validation part of its own"):
        load(((X, Y), (X, Y)), split=(0.7, 0.2, 0.1))


def test_names_are_sorted_and_describable(monkeypatch, tmp_path):
    monkeypatch.setenv("HPSEARCH_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert datasets.names() == sorted(CATALOGUE)
    assert {"digits", "fashion_mnist", "mnist"} <= CATALOGUE.keys()
    where_found = {name: datasets.describe(name).found for name in datasets.names()}
    assert where_found == {name: "embedded" if entry.embedded else None for name, entry in CATALOGUE.items()}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_named_set_is_what_the_catalogue_says(name):
    described = datasets.describe(name)
    if described.found is None:
        pytest.skip(f"{name} is not on this machine (HPSEARCH_DATA, or `hpsearch data fetch {name}`)")
    data = load(name)
    sizes = described.n_train, described.n_valid, described.n_test
    for x, y, n in zip(
        (data.X_train, data.X_valid, data.X_test), (data.y_train, data.y_valid, data.y_test), sizes, strict=True
    ):
        assert x.shape == (n, described.n_features)
        assert y.shape == (n,)
        assert (x.min(), x.max()) == (0, 1), "named sets come scaled to [0, 1]"
    assert sorted(set(data.y_train)) == list(range(described.n_classes))
    assert data.image_shape == described.image_shape
    assert described.n_features == np.prod(described.image_shape)
