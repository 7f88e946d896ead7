"""mnist.pkl.gz is read without running what it says, and CIFAR-10 in its binary form."""

import gzip
import os
import pickle
import subprocess

import numpy as np
import pytest

from hpsearch.models.datasets import load
from hpsearch.models.datasets.dataset import DatasetError

RNG = np.random.default_rng(0)


def pair(n):
    return RNG.random((n, 16)).astype(np.float32), np.arange(n) % 3


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["mnist.pkl.gz", "mnist.pkl"])
def test_three_pairs_of_arrays_are_training_validation_and_test(name, protocol, tmp_path):
    pairs = pair(30), pair(12), pair(9)
    content = pickle.dumps(pairs, protocol)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    dataset = load(tmp_path / name)
    assert dataset.name == "mnist"
    np.testing.assert_array_equal(dataset.X_train, pairs[0][0])
    np.testing.assert_array_equal(dataset.y_valid, pairs[1][1])
    np.testing.assert_array_equal(dataset.X_test, pairs[2][0])


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "harm",
    [
        (os.system, "touch harm"),
        (eval, "1"),
        (subprocess.call, ["touch", "harm"]),
        (np.load, "harm.npy"),
        (getattr, 1, "real"),
    ],
    ids=lambda harm: harm[0].__name__,
)
def test_a_pickle_that_asks_for_more_is_refused_before_it_is_run(harm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps((pair(5), Calls(*harm))))
    with pytest.raises(DatasetError, match="it asks for"):
        load(tmp_path / "bad.pkl")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", b"nonsense", pickle.dumps([1, 2]), pickle.dumps("text"), gzip.compress(b"\x80", mtime=0)],
)
def test_what_is_no_such_pickle_is_one_line(content, tmp_path):
    (tmp_path / "bad.pkl.gz").write_bytes(content)
    with pytest.raises(DatasetError):
        load(tmp_path / "bad.pkl.gz")


def test_objects_within_an_array_are_refused(tmp_path):
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(((np.array([[1], ["x"]], object), np.arange(2)), pair(3))))
    with pytest.raises(DatasetError, match="expected arrays of numbers"):
        load(tmp_path / "bad.pkl")


def write_cifar(folder, n=6):
    images = {}
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        pixels = RNG.integers(0, 256, (n, 3, 32, 32), np.uint8)
        labels = (np.arange(n) % 3).astype(np.uint8)
        (folder / name).write_bytes(np.concatenate([labels[:, None], pixels.reshape(n, -1)], axis=1).tobytes())
        images[name] = pixels
    return images


def test_cifar_comes_with_its_channels_innermost_and_its_fifth_file_validates(tmp_path):
    images = write_cifar(tmp_path)
    dataset = load(tmp_path)
    assert dataset.X_train.shape == (24, 3072)
    first_image = dataset.X_train[0].reshape(32, 32, 3)
    np.testing.assert_allclose(first_image, images["data_batch_1.bin"][0].transpose(1, 2, 0) / 255, rtol=1e-6)
    np.testing.assert_allclose(
        dataset.X_valid[2].reshape(32, 32, 3)[..., 1], images["data_batch_5.bin"][2, 1] / 255, rtol=1e-6
    )
    assert len(dataset.X_test) == 6


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data_batch_2.bin", None, "lacks data_batch_2.bin"),
        ("data_batch_1.bin", b"123", "are not whole rows"),
        ("test_batch.bin", bytes([77]) * 3073, "label 77"),
    ],
)
def test_damaged_files_are_named(name, content, message, tmp_path):
    write_cifar(tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        load(tmp_path)
