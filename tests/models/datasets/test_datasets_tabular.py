"""csv and npz files come back as written; a bad one is named, with the line and what was expected."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hpsearch.models.datasets import DatasetError, load
from hpsearch.models.datasets.tabular import read_csv, read_npz

FLOATS = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 8), st.integers(1, 4)), elements=st.floats(-1e6, 1e6, width=32)
)


def write_csv(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@given(FLOATS, st.data())
def test_csv_comes_back_as_written(tmp_path_factory, X, data):
    kind = st.sampled_from([st.integers(-9, 9), st.floats(-9, 9), st.sampled_from(["a,b", 'say "x"', "ü"])])
    y = data.draw(kind.flatmap(lambda cell: st.lists(cell, min_size=len(X), max_size=len(X))))
    header = [f"x{column}" for column in range(X.shape[1])] + ["y"]
    path = write_csv(
        tmp_path_factory.getbasetemp() / "values.csv",
        header,
        [[*row, label] for row, label in zip(X.tolist(), y, strict=True)],
    )
    part = read_csv(path)
    np.testing.assert_array_equal(part.X, X)
    assert part.y.tolist() == y


@pytest.mark.parametrize(
    ("header", "target"),
    [("a,b,c", [3, 6]), ("a,Label,c", [2, 5]), ("y,b,c", [1, 4]), ("class,b,c", [1, 4]), ("a, target ,c", [2, 5])],
)
def test_the_target_is_the_column_named_so_or_the_last(tmp_path, header, target):
    path = tmp_path / "t.csv"
    path.write_text(f"\ufeff{header}\n1,2,3\n\n4,5,6\n", encoding="utf-8")
    part = read_csv(path)
    assert part.y.tolist() == target
    assert sorted(part.X.ravel().tolist() + target) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header .* found nothing"),
        ("a\n1\n", "at least one feature and a target, separated by commas, found 'a'"),
        ("a;b\n1;2\n", "separated by commas, found 'a;b'"),
        ("1,2\n3,4\n", "line 1: expected a header with the names of the columns, found numbers"),
        ("a,b\n", "expected rows under the header"),
        ("y,a,label\n1,2,3\n", "line 1: which column is the target\\? 'y' and 'label'"),
        ("a,b\n1,0\n1,2,3\n", "line 3: expected 2 cells, found 3"),
        ("a,b\n1,0\n1\n", "line 3: expected 2 cells, found 1"),
        ("a,b,y\n1,2,0\n1,red,0\n", "line 3: column 'b' holds 'red'; expected a number"),
        ('a,b\n"1\n",0\nx,1\n', "line 4: column 'a' holds 'x'"),
        ("a,y,b\n1,0,\n", "line 2: column 'b' is empty; expected a number, or nan"),
        ("a,b\n1,0\n\n1,\n", "line 4: column 'b' is empty; every row needs a target"),
        ("a,b\n1,nan\n", "line 2: column 'b' is nan; every row needs a target"),
        ("y,a\n1,2\n1,inf\n", "line 3: column 'a' is infinite"),
        ("y,a\n1,2\n1,1e300\n", "line 3: column 'a' is infinite, or too large for float32"),
        ('a,b\n"1,0\n', "line 2: unexpected end of data"),
        ("a,b\n\xff,1\n", "not a UTF-8 text file: .* at byte 4"),
    ],
)
def test_a_bad_csv_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "100%.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DatasetError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_csv_splits_like_its_arrays(tmp_path):
    X = np.arange(60.0).reshape(30, 2)
    y = np.arange(30) % 3
    path = write_csv(tmp_path / "table.csv", ["a", "b", "y"], [[*row, label] for row, label in zip(X, y, strict=True)])
    dataset = load(str(path), seed=4)
    assert dataset.digest == load((X, y), seed=4).digest
    assert (dataset.name, dataset.source) == ("table", str(path))


X = np.arange(120.0).reshape(60, 2)
Y = np.arange(60) % 3


def test_npz_of_one_part_splits_like_its_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    assert load(tmp_path / "a.npz", seed=2).digest == load((X, Y), seed=2).digest


@pytest.mark.parametrize("valid", ["X_valid y_valid", "X_val y_val", "x_val Y_val"])
def test_npz_of_three_parts_comes_back_as_written(tmp_path, valid):
    X_valid, y_valid = valid.split()
    arrays = {
        "X_train": X[:30],
        "y_train": Y[:30],
        X_valid: X[30:50],
        y_valid: Y[30:50],
        "X_test": X[50:],
        "y_test": Y[50:],
    }
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    assert load(tmp_path / "a.npz").digest == load(((X[:30], Y[:30]), (X[30:50], Y[30:50]), (X[50:], Y[50:]))).digest


def test_npz_in_the_manner_of_keras_gives_up_a_stratified_part_of_its_training_images(tmp_path):
    images = np.arange(60 * 4, dtype=np.uint8).reshape(60, 2, 2)
    np.savez(tmp_path / "k.npz", x_train=images, y_train=Y.astype(np.uint8), x_test=images[:9], y_test=Y[:9])
    dataset = load(tmp_path / "k.npz")
    assert [len(y) for y in (dataset.y_train, dataset.y_valid, dataset.y_test)] == [45, 15, 9]
    assert np.bincount(dataset.y_valid).tolist() == [5, 5, 5]
    assert dataset.image_shape == (2, 2)
    assert dataset.X_train.max() <= 1


def test_npz_of_training_and_test_data_refuses_a_split_that_makes_no_sense(tmp_path):
    np.savez(tmp_path / "k.npz", X_train=X, y_train=Y, X_test=X, y_test=Y)
    with pytest.raises(DatasetError, match="split="):
        load(tmp_path / "k.npz", split=(0.0, 0.0, 1.0))


def test_npz_keeps_no_pickles(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=np.array([{"a": 1}] * 60, dtype=object))
    with pytest.raises(DatasetError, match="not a readable npz archive: Object arrays cannot be loaded"):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([], "found nothing"),
        (["data", "labels"], "expected X and y, or X_train and y_train .* found data, labels"),
        (["X"], "X lacks its partner y"),
        (["X_train", "y_train", "y_test"], "y_test lacks its partner X_test"),
        (["X_valid", "y_valid"], "expected X and y, or X_train and y_train"),
        (["X", "y", "X_train", "y_train"], "expected X and y, or X_train"),
        (["X", "x", "y"], "the keys X and x mean the same"),
    ],
)
def test_npz_with_other_keys_says_which_it_needs(tmp_path, keys, message):
    np.savez(tmp_path / "a.npz", **{key: X if key[0] in "Xx" else Y for key in keys})
    with pytest.raises(DatasetError, match=message):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04rubbish", b"no archive at all"])
def test_a_file_that_is_no_archive_is_named(tmp_path, damage):
    (tmp_path / "a.npz").write_bytes(damage)
    with pytest.raises(DatasetError, match=r"a\.npz: expected an npz archive, found no or half a zip file"):
        load(tmp_path / "a.npz")


def test_a_truncated_npz_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:900])
    with pytest.raises(DatasetError, match=r"a\.npz: expected an npz archive, found no or half a zip file"):
        load(tmp_path / "a.npz")


def test_an_npz_with_a_flipped_byte_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, X=X, y=Y)
    body = bytearray(path.read_bytes())
    body[600] ^= 1
    path.write_bytes(body)
    with pytest.raises(DatasetError, match="not a readable npz archive"):
        load(path)


def test_a_single_array_is_not_an_npz(tmp_path):
    np.save(tmp_path / "a.npy", X)
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(DatasetError, match="expected an npz archive, found no or half a zip file"):
        load(tmp_path / "a.npz")


def test_another_kind_of_file_says_what_is_taken(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(
        DatasetError, match=r"expected a \.csv file, an \.npz archive, .* or a folder of .* files, found '\.xlsx'"
    ):
        load(tmp_path / "a.xlsx")
