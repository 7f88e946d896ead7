"""A fetch puts whole, checked files in place or nothing, against a real server on the loopback."""

import gzip
import hashlib
import importlib
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from hpsearch.models.datasets import DatasetError, catalogue, fetch, load

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx_bytes(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, dtype=">u4").tobytes() + values.tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, size=(60, 40, 40), dtype=np.uint8)
LABELS = (np.arange(60) % 3).astype(np.uint8)
CONTENT = {
    f"{name}.gz": idx_bytes(values)
    for name, values in zip(FILES, (IMAGES, LABELS, IMAGES[:12], LABELS[:12]), strict=True)
}
SERVED = {name: gzip.compress(body, mtime=0) for name, body in CONTENT.items()}


def tiny_set(of: str) -> catalogue.NamedSet:
    bodies = CONTENT if of == "content" else SERVED
    return catalogue.NamedSet(
        name="tiny",
        n_samples=(50, 10, 12),
        n_classes=3,
        image_shape=(40, 40),
        files=tuple(catalogue.RemoteFile(name, hashlib.sha256(body).hexdigest(), of) for name, body in bodies.items()),
        mirrors=("http://127.0.0.1:9/never/",),
        first_labels=(0, 1, 2, 0),
    )


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        mirror, name = self.path.strip("/").split("/")
        self.server.requests.append((mirror, name))
        self.server.behaviours[mirror](self, name)

    def give(self, body: bytes, announced: int | None = None, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.end_headers()

    def log_message(self, *args):
        pass


BEHAVIOURS: dict[str, Callable[[Handler, str], None]] = {
    "good": lambda self, name: self.give(SERVED[name]),
    "recompressed": lambda self, name: self.give(gzip.compress(CONTENT[name], compresslevel=0)),
    "wrong": lambda self, name: self.give(gzip.compress(b"another file")),
    "page": lambda self, name: self.give(b"<html>please log in</html>"),
    "missing": lambda self, name: self.send_error(404),
    "truncated": lambda self, name: self.give(SERVED[name][:-9], announced=len(SERVED[name])),
    "cut": lambda self, name: self.give(SERVED[name][:-9]),
    "dropped": lambda self, name: self.connection.close(),
    "moved": lambda self, name: self.redirect(f"/good/{name}"),
    "to_file": lambda self, name: self.redirect("file:///etc/hostname"),
    "to_ftp": lambda self, name: self.redirect(f"ftp://127.0.0.1:9/{name}"),
}


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.behaviours = BEHAVIOURS
        server.requests = []
        server.handle_error = lambda request, address: None  # a dropped connection is this test's purpose
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def mirrors(server, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return lambda *names: [f"http://127.0.0.1:{server.server_port}/{name}" for name in names]


@pytest.fixture(params=["content", "file"], autouse=True)
def tiny(request, monkeypatch):
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny", tiny_set(request.param))
    return request.param


def names_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_fetched_set_loads(mirrors, tmp_path):
    folder = fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("good"))
    assert folder == tmp_path / "tiny"
    assert names_in(folder) == sorted(SERVED)
    dataset = load("tiny", data_dir=tmp_path)
    np.testing.assert_array_equal(np.rint(dataset.X_test * 255), IMAGES[:12].reshape(12, -1))


def test_the_cache_of_the_platform_is_filled_and_found(mirrors, tmp_path, monkeypatch):
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DatasetError, match="`hpsearch data fetch tiny`"):
        load("tiny")
    assert fetch("tiny", mirrors=mirrors("good")) == tmp_path / "hpsearch" / "tiny"
    assert load("tiny").source == str(tmp_path / "hpsearch" / "tiny")


@pytest.mark.parametrize("bad", sorted(BEHAVIOURS.keys() - {"good", "moved", "recompressed"}))
def test_a_bad_mirror_is_passed_over_for_a_good_one(mirrors, tmp_path, bad):
    fetch("tiny", cache_dir=tmp_path, mirrors=mirrors(bad, "good"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "tiny").iterdir()} == SERVED


def test_a_redirect_is_followed(mirrors, tmp_path):
    fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("moved"))
    assert names_in(tmp_path) == sorted(SERVED)


def test_a_recompressed_copy_is_taken_only_where_the_content_is_checked(mirrors, tmp_path, tiny):
    if tiny == "content":
        fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("recompressed"))
        assert load("tiny", data_dir=tmp_path).name == "tiny"
    else:
        with pytest.raises(DatasetError, match=r"wrong checksum: expected sha256 .* of its file"):
            fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("recompressed"))


def test_when_all_mirrors_fail_each_is_listed_with_its_reason_and_nothing_is_left(mirrors, tmp_path):
    bad = mirrors("missing", "wrong", "truncated", "dropped", "to_file", "to_ftp")
    with pytest.raises(DatasetError) as caught:
        fetch("tiny", cache_dir=tmp_path, mirrors=[*bad, "http://127.0.0.1:9/"])
    text = str(caught.value)
    size = len(SERVED["train-images-idx3-ubyte.gz"])
    reasons = (
        "HTTP 404 Not Found",
        "wrong checksum: expected sha256",
        f"{size - 9} bytes read, 9 more expected",
        "RemoteDisconnected",
        "No connection adapters were found for 'file:///etc/hostname'",
        "No connection adapters were found for 'ftp://127.0.0.1:9/",
        "Connection refused",
    )
    failures = text.split(": ", 1)[1].split("; ")
    for address, reason, failure in zip([*bad, "http://127.0.0.1:9"], reasons, failures, strict=True):
        assert failure.startswith(f"{address}/: ")
        assert reason in failure
    assert "could not fetch train-images-idx3-ubyte.gz" in text
    assert "\n" not in text
    assert names_in(tmp_path) == []


def test_a_file_cut_short_that_claims_to_be_whole_is_refused(mirrors, tmp_path, tiny):
    with pytest.raises(DatasetError, match="not a whole gzip file" if tiny == "content" else "wrong checksum"):
        fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("cut"))
    assert names_in(tmp_path) == []


def test_an_interrupted_fetch_leaves_only_whole_files_and_goes_on_when_run_again(server, mirrors, tmp_path):
    def interrupt(name, received, total):
        if name.startswith("t10k-images"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("good"), progress=interrupt)
    assert names_in(tmp_path) == sorted(f"{name}.gz" for name in FILES[:2])
    server.requests.clear()
    fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("good"))
    assert [name for _, name in server.requests] == [f"{name}.gz" for name in FILES[2:]]


def test_a_whole_set_is_not_fetched_again_and_a_damaged_file_is(server, mirrors, tmp_path):
    folder = fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("good"))
    server.requests.clear()
    damaged = folder / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:-3])
    fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("good"))
    assert server.requests == [("good", damaged.name)]
    assert damaged.read_bytes() == SERVED[damaged.name]


def test_a_partial_file_of_a_killed_fetch_is_never_used(mirrors, tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / ".train-images-idx3-ubyte.gz.123.part").write_bytes(b"half")
    assert catalogue.find(catalogue.CATALOGUE["tiny"], tmp_path) is None
    fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("good"))
    assert load("tiny", data_dir=tmp_path).name == "tiny"


def test_progress_counts_every_file_to_its_announced_end(mirrors, tmp_path):
    seen = {}

    def progress(name, received, total):
        seen.setdefault(name, []).append((received, total))

    fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("good"), progress=progress)
    assert {name: calls[-1] for name, calls in seen.items()} == {n: (len(b), len(b)) for n, b in SERVED.items()}
    assert all(calls == sorted(calls) for calls in seen.values())
    assert len(seen["train-images-idx3-ubyte.gz"]) > 1


@pytest.mark.parametrize("address", ["file:///tmp", "ftp://host/x", "/local/folder", "host/x"])
def test_only_http_and_https_mirrors_are_taken(tmp_path, address):
    with pytest.raises(DatasetError, match=r"mirror .*: expected an http or https address"):
        fetch("tiny", cache_dir=tmp_path, mirrors=[address])
    assert not list(tmp_path.iterdir())


def test_a_mirror_that_sends_without_end_is_left(mirrors, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module(fetch.__module__), "MAX_BYTES", 1000)
    with pytest.raises(DatasetError, match="sent more than 1000 bytes"):
        fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("good"))
    assert names_in(tmp_path) == []


def test_a_fetched_file_may_be_read_by_whom_the_umask_allows(mirrors, tmp_path):
    (tmp_path / "plain").touch()
    folder = fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("good"))
    modes = {path.stat().st_mode for path in [tmp_path / "plain", *folder.iterdir()]}
    assert len(modes) == 1


def test_a_file_comes_as_it_lies_on_the_server_and_not_unpacked_on_the_way(server, mirrors, tmp_path):
    def pack_for_the_way(self, name):
        self.send_response(200)
        packed = "gzip" in self.headers["Accept-Encoding"]
        body = gzip.compress(SERVED[name]) if packed else SERVED[name]
        self.send_header("Content-Length", str(len(body)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)
        seen.append(packed)

    seen: list[bool] = []
    server.behaviours = BEHAVIOURS | {"packing": pack_for_the_way}
    folder = fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("packing"))
    assert seen == [False] * len(FILES)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == SERVED


def test_a_folder_that_cannot_be_written_is_named(mirrors, tmp_path):
    (tmp_path / "tiny").write_text("a file where the folder should be")
    with pytest.raises(DatasetError, match=r"tiny: cannot be written: File exists"):
        fetch("tiny", cache_dir=tmp_path, mirrors=mirrors("good"))


def test_an_unknown_or_embedded_set_cannot_be_fetched(tmp_path):
    with pytest.raises(DatasetError, match=r"unknown data set 'minst' \(did you mean 'mnist'\?\)"):
        fetch("minst", cache_dir=tmp_path)
    with pytest.raises(DatasetError, match="data set 'digits' is embedded"):
        fetch("digits", cache_dir=tmp_path)


def test_every_remote_set_has_checksums_and_mirrors_on_the_web():
    remote = [entry for name, entry in catalogue.CATALOGUE.items() if entry.files and name != "tiny"]
    assert {entry.name: len(entry.files) for entry in remote} == {"mnist": 4, "fashion_mnist": 4, "cifar10": 1}
    for entry in remote:
        if not entry.is_archive:
            assert [file.name for file in entry.files] == [f"{name}.gz" for name in FILES]
        assert len({file.sha256 for file in entry.files}) == len(entry.files)
        assert all(len(bytes.fromhex(file.sha256)) == 32 for file in entry.files)
        assert all(mirror.startswith(("https://", "http://")) and mirror.endswith("/") for mirror in entry.mirrors)


@pytest.mark.skipif("HPSEARCH_DATA" not in os.environ, reason="HPSEARCH_DATA names no folder with MNIST")
def test_the_genuine_mnist_passes_its_checksums(server, mirrors, tmp_path):
    source = catalogue.find(catalogue.CATALOGUE["mnist"])

    def give_genuine(self, name):
        self.give((source / name).read_bytes())

    server.behaviours = BEHAVIOURS | {"genuine": give_genuine}
    fetch("mnist", cache_dir=tmp_path, mirrors=mirrors("wrong", "genuine"))
    assert load("mnist", data_dir=tmp_path).digest == load("mnist").digest
