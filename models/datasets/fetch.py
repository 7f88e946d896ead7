"""Download of named data sets with pooch: several mirrors, checked before use, moved into place whole."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from .catalogue import RemoteFile, entry_of
from .dataset import DatasetError
from .places import cache_root

Progress = Callable[[str, int, int | None], None]
TIMEOUT = 30.0  # seconds without a byte before the next mirror is tried
MAX_BYTES = 1 << 28  # a mirror that sends more than any data set has is broken or hostile
CHUNK = 1 << 16
UNCOMPRESSED = {"Accept-Encoding": "identity"}  # else requests decompresses what the server compressed for the transfer


class _MirrorError(Exception):
    """A mirror cannot give the file; the text says why."""


def fetch(
    name: str,
    *,
    cache_dir: str | Path | None = None,
    mirrors: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Download a named data set into the cache, unless it is there already.

    Each file is tried on the mirrors in order, checked by sha256 and only then renamed into place; a file that is in
    place and whole is not fetched again, so an interrupted fetch goes on when it is run again.

    Args:
        name: A set of `names()` that is not embedded.
        cache_dir: The folder to fill instead of the platform's cache; the files go to cache_dir/name.
        mirrors: http or https addresses of folders, tried in order instead of the known ones.
        progress: Called as progress(file name, bytes so far, bytes in all or None) while a file comes in.

    Returns:
        The folder with the files.

    Raises:
        DatasetError: The set is unknown or embedded, the folder cannot be written, or every mirror failed (the message
            lists each with its reason).

    Examples:
        >>> from hpsearch.models.datasets import fetch, load
        >>> folder = fetch("mnist")  # doctest: +SKIP
        >>> load("mnist").X_train.shape  # doctest: +SKIP
        (50000, 784)
    """
    entry = entry_of(name)
    if entry.embedded:
        raise DatasetError(f"data set {name!r} is embedded: there is nothing to fetch")
    folder = (cache_root() if cache_dir is None else Path(cache_dir).expanduser()) / name
    addresses = [address.rstrip("/") + "/" for address in (entry.mirrors if mirrors is None else mirrors)]
    for address in addresses:
        if urlsplit(address).scheme not in ("http", "https"):
            raise DatasetError(f"mirror {address}: expected an http or https address")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in entry.files:
            if not (folder / file.name).exists() or _fault(folder / file.name, file):
                _fetch_file(file, folder, addresses, progress)
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return folder


def _fetch_file(file: RemoteFile, folder: Path, mirrors: Sequence[str], progress: Progress | None) -> None:
    partial = folder / f".{file.name}.{os.getpid()}.part"
    failures = []
    for mirror in mirrors:
        try:
            with partial.open("wb") as out:
                _download(mirror + file.name, out, file.name, progress)
                os.fsync(out.fileno())
            if fault := _fault(partial, file):
                raise _MirrorError(fault)
            partial.replace(folder / file.name)
            return
        except _MirrorError as error:
            failures.append(f"{mirror}: {error}")
        finally:
            partial.unlink(missing_ok=True)
    raise DatasetError(f"could not fetch {file.name} into {folder}: {'; '.join(failures) or 'no mirror given'}")


def _download(url: str, out: IO[bytes], name: str, progress: Progress | None) -> None:
    """Write what lies at an address into a file; every way in which a server can fail is a _MirrorError."""
    import pooch  # with requests, slow to import, and only a fetch needs it
    import requests

    bar = _Received(name, progress)
    download = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT, headers=UNCOMPRESSED)
    try:
        download(url, out, None)
    except requests.HTTPError as error:
        answer = error.response
        why = _root_of(error) if answer is None else f"HTTP {answer.status_code} {answer.reason}"
        raise _MirrorError(why) from error
    except (requests.RequestException, ValueError) as error:
        raise _MirrorError(_root_of(error)) from error
    if out.tell() < bar.total:  # urllib3 before 2.0 does not mind
        raise _MirrorError(f"truncated: {out.tell()} of {bar.total} bytes")


def _root_of(error: BaseException) -> str:
    """Return what went wrong first, in one line: requests wraps it in layers that repeat the address."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class _Received:
    """What pooch takes for a progress bar: tells how much has come, and refuses what no data set is.

    Args:
        name: The file's name.
        progress: Told, where anybody wants to know.
    """

    def __init__(self, name: str, progress: Progress | None) -> None:
        self.total = 0  # set by pooch: what the server announced, 0 where it said nothing
        self._name = name
        self._progress = progress
        self._received = 0

    def update(self, size: int) -> None:
        """Take note of a chunk; the last one may be smaller than pooch says."""
        self._received += size
        if self._received - size > MAX_BYTES:
            raise _MirrorError(f"sent more than {MAX_BYTES} bytes")
        if self._progress is not None:
            received = min(self._received, self.total) if self.total else self._received
            self._progress(self._name, received, self.total or None)

    def reset(self) -> None:
        """Begin to count again: pooch says the whole once more at the end."""
        self._received = 0

    def close(self) -> None:
        """Keep nothing open."""


def _fault(path: Path, file: RemoteFile) -> str | None:
    """Return what is wrong with a file, or None where its checksum is right."""
    hasher = hashlib.sha256()
    try:
        with (gzip.open if file.of == "content" else open)(path, "rb") as stream:
            while chunk := stream.read(1 << 20):
                hasher.update(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return f"not a whole gzip file ({error})"
    if hasher.hexdigest() != file.sha256:
        return f"wrong checksum: expected sha256 {file.sha256} of its {file.of}, found {hasher.hexdigest()}"
    return None
