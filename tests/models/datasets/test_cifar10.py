"""CIFAR-10 by its name: fetched as the archive that is served, or found in a folder, and checked to be what it says."""

import hashlib
import io
import tarfile
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from hpsearch.models.datasets import DatasetError, catalogue, describe, fetch, load
from hpsearch.models.datasets.cifar import ARCHIVE, FILES, UNPACKED

ENTRY = catalogue.CATALOGUE["cifar10"]
N = 12
FIRST = ENTRY.first_labels


def contents():
    """Return the bytes of the six files, with few images."""
    rng = np.random.default_rng(0)
    files = {}
    for name in FILES:
        rows = rng.integers(0, 256, (N, 3073), np.uint8)
        rows[:, 0] = np.resize(FIRST, N)
        files[name] = rows.tobytes()
    return files


def archive(files, folder=UNPACKED):
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as tar:
        for name, content in {"readme.html": b"<html>", **files}.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return body.getvalue()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path):
    """Yield a folder and the address under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def small(monkeypatch):
    """Make CIFAR-10 a set of few images, whose archive has this checksum."""

    def known(body):
        file = replace(ENTRY.files[0], sha256=hashlib.sha256(body).hexdigest())
        monkeypatch.setitem(catalogue.CATALOGUE, "cifar10", replace(ENTRY, n_samples=(4 * N, N, N), files=(file,)))

    known(b"")
    return known


def test_it_is_in_the_catalogue_with_its_channels():
    info = describe("cifar10", data_dir="/tmp")
    assert (info.n_train, info.n_valid, info.n_test) == (40_000, 10_000, 10_000)
    assert (info.n_features, info.n_classes, info.found) == (3072, 10, None)


def test_what_is_fetched_is_found_and_read_from_the_archive(served, small, tmp_path):
    folder, address = served
    files = contents()
    body = archive(files)
    (folder / ARCHIVE).write_bytes(body)
    small(body)
    where = fetch("cifar10", cache_dir=tmp_path / "cache", mirrors=[address])
    assert [path.name for path in where.iterdir()] == [ARCHIVE]
    dataset = load("cifar10", data_dir=tmp_path / "cache")
    assert dataset.X_train.shape == (4 * N, 3072)
    assert (dataset.name, dataset.source) == ("cifar10", str(where / ARCHIVE))
    pixels = np.frombuffer(files[FILES[0]], np.uint8).reshape(N, 3073)[0, 1:].reshape(3, 1024)
    np.testing.assert_array_equal(dataset.X_train[0], (pixels.T.reshape(-1) / np.float32(255)).astype(np.float32))
    assert dataset.y_test is not None
    assert describe("cifar10", data_dir=tmp_path / "cache").found == str(where / ARCHIVE)


def test_an_archive_of_another_checksum_is_refused_and_nothing_is_left(served, small, tmp_path):
    folder, address = served
    (folder / ARCHIVE).write_bytes(archive(contents()))
    with pytest.raises(DatasetError, match="wrong checksum: expected sha256"):
        fetch("cifar10", cache_dir=tmp_path / "cache", mirrors=[address])
    assert list((tmp_path / "cache" / "cifar10").iterdir()) == []


@pytest.mark.parametrize("place", ["", "cifar10", UNPACKED, f"cifar10/{UNPACKED}"])
def test_unpacked_files_are_found_wherever_people_put_them(place, small, tmp_path, monkeypatch):
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for name, content in contents().items():
        (tmp_path / place / name).write_bytes(content)
    monkeypatch.setenv("HPSEARCH_DATA", str(tmp_path))
    assert load("cifar10").X_train.shape == (4 * N, 3072)


def test_what_is_lacking_or_something_else_is_said_in_a_line(small, tmp_path, monkeypatch):
    with pytest.raises(DatasetError, match=r"is not here .*hpsearch data fetch cifar10"):
        load("cifar10", data_dir=tmp_path)
    files = contents()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / FILES[2]).unlink()
    assert describe("cifar10", data_dir=tmp_path).found is None
    with pytest.raises(DatasetError, match=f"lacks {FILES[2]} of cifar10"):
        load("cifar10", data_dir=tmp_path)
    turned = np.frombuffer(files[FILES[0]], np.uint8).reshape(N, 3073)[::-1].tobytes()
    for name in FILES:
        (tmp_path / name).write_bytes(turned)
    with pytest.raises(DatasetError, match="is another data set: give it as a path"):
        load("cifar10", data_dir=tmp_path)
    assert load(tmp_path).X_train.shape == (4 * N, 3072)


def test_an_archive_is_data_by_its_path_too_unless_it_is_damaged(tmp_path):
    body = archive(contents(), "elsewhere")
    (tmp_path / "small.tar.gz").write_bytes(body)
    assert load(tmp_path / "small.tar.gz").X_valid.shape == (N, 3072)
    (tmp_path / "small.tar.gz").write_bytes(body[: len(body) // 2])
    with pytest.raises(DatasetError, match=r"small.tar.gz: is no whole tar archive|CIFAR-10 lacks"):
        load(tmp_path / "small.tar.gz")
