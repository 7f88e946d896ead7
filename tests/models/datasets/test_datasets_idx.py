"""idx files come back as written, named sets are found and told apart, and damage is named with what was expected."""

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hpsearch.models.datasets import DatasetError, describe, load, places
from hpsearch.models.datasets.idx import DTYPES, read_idx

TYPE_CODES = {np.dtype(dtype).newbyteorder("=").str[1:]: code for code, dtype in DTYPES.items()}
MNIST_START = [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
GENUINE = os.environ.get("HPSEARCH_DATA")
FASHION_START = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]


def idx_bytes(values: np.ndarray) -> bytes:
    header = bytes([0, 0, TYPE_CODES[values.dtype.str[1:]], values.ndim])
    sizes = np.array(values.shape, dtype=">u4").tobytes()
    return header + sizes + values.astype(values.dtype.newbyteorder(">")).tobytes()


def write_set(
    folder: Path, n_train: int, n_test: int, start: list[int], side: int = 28, compress: bool = False
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for stem, n in (("train", n_train), ("t10k", n_test)):
        images = np.zeros((n, side, side), dtype=np.uint8)
        images[:, 0, 0] = np.arange(n) % 256
        images[:, -1, -1] = 255
        labels = np.resize(np.array(start, dtype=np.uint8), n)
        for name, values in ((f"{stem}-images-idx3-ubyte", images), (f"{stem}-labels-idx1-ubyte", labels)):
            if compress:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(values), compresslevel=1))
            else:
                (folder / name).write_bytes(idx_bytes(values))
    return folder


@pytest.fixture
def small(tmp_path):
    return write_set(tmp_path / "small", n_train=60, n_test=10, start=MNIST_START, side=3)


@pytest.fixture(scope="module")
def full_size(tmp_path_factory):
    """A folder with mnist/, of MNIST's shapes and first labels."""
    root = tmp_path_factory.mktemp("data")
    write_set(root / "mnist", 60_000, 10_000, MNIST_START, compress=True)
    return root


@pytest.fixture(autouse=True)
def own_places(monkeypatch, tmp_path):
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@given(
    st.sampled_from(sorted(DTYPES.values())).flatmap(lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes())),
    st.booleans(),
)
def test_idx_comes_back_as_written(tmp_path_factory, values, compress):
    path = tmp_path_factory.getbasetemp() / "values-idx"
    body = idx_bytes(values.astype(values.dtype.newbyteorder("=")))
    path.write_bytes(gzip.compress(body) if compress else body)
    np.testing.assert_array_equal(read_idx(path), values)


def test_an_idx_folder_validates_on_its_last_sixth(small):
    dataset = load(small)
    assert [len(y) for y in (dataset.y_train, dataset.y_valid, dataset.y_test)] == [50, 10, 10]
    np.testing.assert_array_equal(dataset.X_valid[:, 0] * 255, np.arange(50, 60))
    assert (dataset.name, dataset.source, dataset.image_shape) == ("small", str(small), (3, 3))
    assert dataset.X_train.max() == 1


def test_an_idx_folder_may_lack_a_test_set_but_not_half_of_it(small):
    (small / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(DatasetError, match=r"expected the file t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz"):
        load(small)
    (small / "t10k-labels-idx1-ubyte").unlink()
    assert load(small).X_test is None


def test_idx_files_may_have_a_dot_in_their_name(small):
    before = load(small).digest
    for path in list(small.iterdir()):
        path.rename(small / path.name.replace("-idx", ".idx"))
    assert load(small).digest == before


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: cut(p, 0), "not an idx file: .* found nothing"),
        (lambda p: p.write_bytes(b"\x89PNG\r\n"), "not an idx file: expected the magic number 0000 .* found 89504e47"),
        (lambda p: cut(p, 10), "truncated idx file: expected a header of 16 bytes, found 10"),
        (lambda p: cut(p, 500), r"truncated idx file: expected 540 bytes of values for shape \(60, 3, 3\), found 484"),
        (lambda p: p.write_bytes(p.read_bytes() + b"x"), "overlong idx file: expected 540 bytes .* found 541"),
        (lambda p: p.write_bytes(gzip.compress(p.read_bytes())[:-20]), "corrupt or truncated gzip file"),
        (lambda p: p.write_bytes(gzip.compress(p.read_bytes())[:40] + b"??" * 60), "corrupt or truncated gzip file"),
        (
            lambda p: p.write_bytes(idx_bytes(np.zeros((60, 9), np.uint8))),
            r"expected 3 dimensions, found shape \(60, 9\)",
        ),
    ],
    ids=["empty", "png", "header", "body", "overlong", "gzip_cut", "gzip_corrupt", "dimensions"],
)
def test_a_damaged_image_file_is_named_with_what_was_expected_and_found(small, damage, message):
    path = small / "train-images-idx3-ubyte"
    damage(path)
    with pytest.raises(DatasetError, match=message) as caught:
        load(small)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_number_of_labels_is_named(small):
    (small / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(59, np.uint8)))
    with pytest.raises(DatasetError, match=r"train-labels-idx1-ubyte: expected 60 labels, .* found 59"):
        load(small)


def test_a_folder_without_idx_files_says_what_it_expected(tmp_path):
    with pytest.raises(DatasetError, match="expected the file train-images-idx3-ubyte"):
        load(tmp_path)


def test_mnist_is_found_by_the_environment_a_data_dir_a_path_or_the_cache(full_size, monkeypatch, tmp_path):
    by_path = load(full_size / "mnist")
    assert [len(y) for y in (by_path.y_train, by_path.y_valid, by_path.y_test)] == [50_000, 10_000, 10_000]
    assert load("mnist", data_dir=full_size).digest == by_path.digest
    monkeypatch.setenv("HPSEARCH_DATA", str(full_size))
    assert load("mnist").digest == by_path.digest
    monkeypatch.setenv("HPSEARCH_DATA", str(full_size / "mnist"))
    assert load("mnist").source == str(full_size / "mnist") == describe("mnist").found
    monkeypatch.delenv("HPSEARCH_DATA")
    shutil.copytree(full_size, tmp_path / "cache" / "hpsearch")
    assert load("mnist").source == str(tmp_path / "cache" / "hpsearch" / "mnist")


@pytest.mark.skipif(GENUINE is None, reason="HPSEARCH_DATA names no folder with MNIST")
def test_the_genuine_mnist_is_whole():
    mnist = load("mnist", data_dir=GENUINE)
    assert mnist.y_train[:10].tolist() == MNIST_START
    assert np.bincount(mnist.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (mnist.X_train.min(), mnist.X_train.max(), mnist.image_shape) == (0, 1, (28, 28))
    assert mnist.digest == "4ac5b41e8603249d376d8d03c3e666ca087acbd633a498bf6e46a3facf90ff31"


def test_an_absent_set_says_the_line_that_gets_it(tmp_path):
    with pytest.raises(
        DatasetError, match="`hpsearch data fetch mnist`, or set HPSEARCH_DATA to a folder that holds mnist/"
    ):
        load("mnist", data_dir=tmp_path)


def test_an_incomplete_set_names_what_is_missing(small):
    (small / "t10k-labels-idx1-ubyte").unlink()
    small.rename(small.parent / "mnist")
    with pytest.raises(
        DatasetError, match=r"lacks t10k-labels-idx1-ubyte.gz of mnist: run `hpsearch data fetch mnist`"
    ):
        load("mnist", data_dir=small.parent)


def test_one_set_is_never_taken_for_another_with_the_same_file_names(tmp_path):
    write_set(tmp_path, 60, 10, FASHION_START)
    with pytest.raises(DatasetError, match="data set 'mnist' is not here"):
        load("mnist", data_dir=tmp_path)
    write_set(tmp_path / "mnist", 60, 10, FASHION_START)
    with pytest.raises(DatasetError, match="holds fashion_mnist, not mnist"):
        load("mnist", data_dir=tmp_path)


def test_a_named_set_of_the_wrong_size_is_refused(small):
    small.rename(small.parent / "mnist")
    with pytest.raises(DatasetError, match=r"mnist has 50000 images of \(28, 28\), found 50 of \(3, 3\)"):
        load("mnist", data_dir=small.parent)


def test_a_data_folder_that_does_not_exist_is_an_error(monkeypatch):
    monkeypatch.setenv("HPSEARCH_DATA", "/no/such/folder")
    with pytest.raises(DatasetError, match="HPSEARCH_DATA=/no/such/folder: not a folder"):
        load("mnist")


def test_mnist_refuses_a_split(full_size):
    with pytest.raises(DatasetError, match="mnist: comes with a validation part of its own"):
        load("mnist", data_dir=full_size, split=(0.8, 0.1, 0.1))


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, ".cache/hpsearch"),
        ("darwin", {}, "Library/Caches/hpsearch"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, ".cache/hpsearch"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "/x/hpsearch"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(monkeypatch, platform, environ, expected):
    monkeypatch.setattr("sys.platform", platform)
    assert places.cache_root(environ) == Path.home() / expected
