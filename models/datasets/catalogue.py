"""The named data sets: what they are, where they are looked for, and how each becomes parts.

A new set is one entry of `CATALOGUE`: it is embedded (a function gives its samples), or four idx files, or CIFAR-10's
binary archive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from . import cifar, idx
from .dataset import DatasetError, Part, as_part
from .places import ENVIRONMENT, search_path


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch: its name on every mirror, and the sha256 (hex) of its content or of the file as it is served."""

    name: str
    sha256: str
    of: Literal["content", "file"]


@dataclass(frozen=True)
class NamedSet:
    """A data set that goes by a name.

    Args:
        name: The name.
        n_samples: Samples for training, validation and test.
        n_classes: Number of classes.
        image_shape: (rows, columns) of an image.
        embedded: Gives all samples of a set that needs no files; `load` splits them.
        files: What is fetched of any other set: four idx files, or CIFAR-10's archive.
        mirrors: Folders on the web that hold these files, in the order in which they are tried.
        first_labels: The first training labels: they tell apart sets whose files have the same names and shapes.
        channels: Numbers per pixel has.
    """

    name: str
    n_samples: tuple[int, int, int]
    n_classes: int
    image_shape: tuple[int, int]
    embedded: Callable[[], Part] | None = None
    files: tuple[RemoteFile, ...] = ()
    mirrors: tuple[str, ...] = ()
    first_labels: tuple[int, ...] = ()
    channels: int = 1

    @property
    def is_archive(self) -> bool:
        """Whether its files are in one archive, and not idx files."""
        return any(file.name == cifar.ARCHIVE for file in self.files)


@dataclass(frozen=True)
class DatasetInfo:
    """A named set, described without loading it; `found` is "embedded", a folder, or None where it is not fetched.

    Examples:
        >>> from hpsearch.models.datasets import describe
        >>> describe("digits").found
        'embedded'
    """

    name: str
    n_train: int
    n_valid: int
    n_test: int
    n_features: int
    n_classes: int
    image_shape: tuple[int, int]
    found: str | None


def _digits() -> Part:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return as_part(bunch.images / 16, bunch.target, "digits")


CATALOGUE: dict[str, NamedSet] = {
    entry.name: entry
    for entry in (
        NamedSet(
            name="digits",
            n_samples=(1078, 360, 359),
            n_classes=10,
            image_shape=(8, 8),
            embedded=_digits,
        ),
        NamedSet(
            name="mnist",
            n_samples=(50_000, 10_000, 10_000),
            n_classes=10,
            image_shape=(28, 28),
            files=(
                # Copies of MNIST are often compressed anew, so what they hold is checked.
                RemoteFile(
                    "train-images-idx3-ubyte.gz",
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                    "content",
                ),
                RemoteFile(
                    "train-labels-idx1-ubyte.gz",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                    "content",
                ),
                RemoteFile(
                    "t10k-images-idx3-ubyte.gz",
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                    "content",
                ),
                RemoteFile(
                    "t10k-labels-idx1-ubyte.gz",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                    "content",
                ),
            ),
            mirrors=(
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "http://yann.lecun.com/exdb/mnist/",
            ),
            first_labels=(5, 0, 4, 1, 9, 2, 1, 3, 1, 4),
        ),
        NamedSet(
            name="fashion_mnist",
            n_samples=(50_000, 10_000, 10_000),
            n_classes=10,
            image_shape=(28, 28),
            files=(
                # Published for the files as Zalando serves them: a copy that is compressed anew is refused.
                RemoteFile(
                    "train-images-idx3-ubyte.gz",
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                    "file",
                ),
                RemoteFile(
                    "train-labels-idx1-ubyte.gz",
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                    "file",
                ),
                RemoteFile(
                    "t10k-images-idx3-ubyte.gz",
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                    "file",
                ),
                RemoteFile(
                    "t10k-labels-idx1-ubyte.gz",
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                    "file",
                ),
            ),
            mirrors=(
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
            ),
            first_labels=(9, 0, 0, 3, 0, 2, 7, 2, 5, 5),
        ),
        NamedSet(
            name="cifar10",
            n_samples=(40_000, 10_000, 10_000),
            n_classes=10,
            image_shape=(cifar.SIDE, cifar.SIDE),
            files=(
                RemoteFile(
                    cifar.ARCHIVE,
                    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                    "file",
                ),
            ),
            mirrors=("https://www.cs.toronto.edu/~kriz/",),
            first_labels=(6, 9, 9, 4, 1, 1, 2, 7, 8, 3),
            channels=cifar.CHANNELS,
        ),
    )
}


def names() -> list[str]:
    """Return the names of the named data sets, sorted.

    Examples:
        >>> from hpsearch.models.datasets import names
        >>> names()
        ['cifar10', 'digits', 'fashion_mnist', 'mnist']
    """
    return sorted(CATALOGUE)


def entry_of(name: str) -> NamedSet:
    """Return the catalogue's entry, or raise a DatasetError that suggests the nearest name."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    close = get_close_matches(name.lower(), CATALOGUE, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names())}; or a path to a csv, npz or folder"
    raise DatasetError(f"unknown data set {name!r} ({hint})")


def describe(name: str, *, data_dir: str | Path | None = None) -> DatasetInfo:
    """Say what a named data set is and where it was found, without loading its images.

    Args:
        name: One of `names`.
        data_dir: Looked through instead of HPSEARCH_DATA and the cache.

    Returns:
        Its sizes, with the default split for an embedded set, and where it is.

    Raises:
        DatasetError: The name is unknown, or HPSEARCH_DATA is not a folder.

    Examples:
        >>> from hpsearch.models.datasets import describe
        >>> digits = describe("digits")
        >>> digits.n_train, digits.n_features, digits.n_classes
        (1078, 64, 10)
    """
    entry = entry_of(name)
    rows, columns = entry.image_shape
    folder = None if entry.embedded else find(entry, data_dir)
    complete = folder is not None and not _missing(entry, folder)
    found = "embedded" if entry.embedded else str(folder) if complete else None
    return DatasetInfo(
        name, *entry.n_samples, rows * columns * entry.channels, entry.n_classes, entry.image_shape, found
    )


def find(entry: NamedSet, data_dir: str | Path | None = None) -> Path | None:
    """Return the first folder that holds files of a set: FOLDER/name, or FOLDER itself where the files are this set's.

    Args:
        entry: The set.
        data_dir: See `search_path`.

    Returns:
        The folder, or None.

    Raises:
        DatasetError: A folder that was named does not exist, or labels that must be read to tell are damaged.
    """
    for base in search_path(data_dir):
        named = base / entry.name
        if entry.is_archive:
            if (folder_or_archive := cifar.find_cifar(named) or cifar.find_cifar(base)) is not None:
                return folder_or_archive
            continue
        if any(idx.find_idx(named, file.name[:-3]) for file in entry.files):
            return named
        if idx.find_idx(base, idx.TRAIN_LABELS) and _starts_like(entry, base):
            return base
    return None


def _missing(entry: NamedSet, folder: Path) -> list[str]:
    """Return the names of a set's files that are not in the folder where `find` found some."""
    if entry.is_archive:
        return [name for name in cifar.FILES if not (folder / name).exists()] if folder.is_dir() else []
    return [file.name for file in entry.files if not idx.find_idx(folder, file.name[:-3])]


def _starts_like(entry: NamedSet, folder: Path) -> bool:
    return tuple(idx.read_labels(folder)[: len(entry.first_labels)].tolist()) == entry.first_labels


def read_named(entry: NamedSet, data_dir: str | Path | None = None) -> tuple[Path, tuple[Part, Part, Part]]:
    """Find and read a set, and check that it is the one that its name promises.

    Args:
        entry: A set that is not embedded.
        data_dir: See `search_path`.

    Returns:
        The folder, and the training, validation and test parts.

    Raises:
        DatasetError: The files are absent (with the line that gets them), incomplete, damaged or another set's.
    """
    folder = find(entry, data_dir)
    cure = f"run `hpsearch data fetch {entry.name}`, or set {ENVIRONMENT} to a folder that holds {entry.name}/"
    if folder is None:
        searched = ", ".join(str(path) for path in search_path(data_dir))
        raise DatasetError(f"data set {entry.name!r} is not here (searched {searched}): {cure}")
    if missing := _missing(entry, folder):
        raise DatasetError(f"{folder}: lacks {', '.join(missing)} of {entry.name}: {cure}")
    if entry.is_archive:
        return folder, _read_archive(entry, folder)
    if not _starts_like(entry, folder):
        others = (name for name, other in CATALOGUE.items() if other.files and _starts_like(other, folder))
        raise DatasetError(f"{folder}: holds {next(others, 'another data set')}, not {entry.name}; give it as a path")
    train, valid, test = idx.read_folder(folder)
    assert test is not None, "the test files were found above"
    for expected, part in zip(entry.n_samples, (train, valid, test), strict=True):
        if len(part.y) != expected or part.image_shape != entry.image_shape:
            raise DatasetError(
                f"{folder}: {entry.name} has {expected} images of {entry.image_shape}, "
                f"found {len(part.y)} of {part.image_shape}"
            )
    return folder, (train, valid, test)


def _read_archive(entry: NamedSet, path: Path) -> tuple[Part, Part, Part]:
    train, valid, test = cifar.read_cifar(path)
    if test is None:
        raise DatasetError(f"{path}: lacks {cifar.TEST} of {entry.name}")
    sizes = tuple(len(part.y) for part in (train, valid, test))
    if sizes != entry.n_samples or tuple(train.y[: len(entry.first_labels)].tolist()) != entry.first_labels:
        raise DatasetError(
            f"{path}: {entry.name} has {entry.n_samples} images, the first of classes {entry.first_labels}; this is "
            "another data set: give it as a path"
        )
    return train, valid, test
