"""`load`: a name, a path or arrays become a Dataset."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from . import catalogue, cifar, idx, pickled, tabular
from .dataset import Dataset, DatasetError, Part, as_part, assemble
from .split import DEFAULT_SPLIT, Split, split_indices, weights

PAIR_NAMES = (("X_train", "y_train"), ("X_valid", "y_valid"), ("X_test", "y_test"))


def load(
    data: object,
    *,
    data_dir: str | Path | None = None,
    split: Split = DEFAULT_SPLIT,
    seed: int = 0,
    keep_dtype: bool = False,
    regression: bool = False,
) -> Dataset:
    """Load data from wherever it is into the one format.

    What `data` may be:

    - a name of `names()`: "digits" comes with scikit-learn; "mnist", "fashion_mnist" and "cifar10" are looked for in
      `data_dir`, or else in HPSEARCH_DATA and then in the cache that `fetch` fills; the last 10,000 training images
      validate;
    - a path to a csv file (`tabular.read_csv`), an npz archive (`tabular.read_npz`) or a folder of idx files
      (`idx.read_folder`) or of CIFAR-10's binary ones or their tar archive (`cifar.read_cifar`), or the pickle of
      arrays that *Neural Networks and Deep Learning* comes with (`pickled.read_pickle`); a text that is a name is never
      taken as a path: write ./mnist for a folder called so;
    - ``(X, y)``, split by `split` and `seed`, stratified unless y holds floats;
    - ``((X, y), (X_valid, y_valid))``, or with a third pair as the test set; the pairs are tuples;
    - a Dataset, which is returned as it is.

    Data that comes with its own validation part keeps it. An npz archive of training and test data alone gives up the
    share valid / (train + valid) of its training samples.

    Args:
        data: See above; arrays are anything np.asarray takes.
        data_dir: A folder that holds named sets, in folders of their names or itself.
        split: Fractions (train, valid, test) that add up to 1; a test fraction of 0 leaves no test set.
        seed: Seed of the split, >= 0.
        keep_dtype: Whether arrays keep their dtype, and sparse ones stay sparse; images of named sets are float32.
        regression: Whether targets of arrays are numbers to predict, whole ones too: they are not stratified.

    Returns:
        The data set. Named sets and uint8 images are scaled to [0, 1]; other features keep their scale.

    Raises:
        DatasetError: One line that says what is wrong with the data and, where there is one, the cure.

    Examples:
        >>> from hpsearch.models.datasets import load
        >>> digits = load("digits")
        >>> digits.X_train.shape, digits.X_valid.shape, digits.image_shape
        ((1078, 64), (360, 64), (8, 8))
    """
    if isinstance(data, Dataset):
        _refuse(split, data.name)
        return data
    if isinstance(data, str) and data in catalogue.CATALOGUE:
        return _load_named(data, data_dir, split, seed)
    if isinstance(data, str | os.PathLike):
        return _load_path(data, split, seed, keep_dtype, regression)
    if isinstance(data, tuple | list) and len(data) in (2, 3):
        if all(isinstance(pair, tuple) and len(pair) == 2 for pair in data):
            parts = [
                as_part(pair[0], pair[1], "data", names, keep_dtype=keep_dtype, regression=regression)
                for pair, names in zip(data, PAIR_NAMES, strict=False)
            ]
            _refuse(split, "data")
            return assemble("memory", "memory", parts[0], parts[1], parts[2] if len(parts) == 3 else None)
        if len(data) == 2:
            part = as_part(data[0], data[1], "data", keep_dtype=keep_dtype, regression=regression)
            return _divide("memory", "memory", part, split, seed)
    raise DatasetError(
        "data: expected a name, a path, (X, y), ((X, y), (X_valid, y_valid)) or three such pairs, "
        f"found {type(data).__name__}" + (f" of {len(data)}" if isinstance(data, tuple | list) else "")
    )


def _load_named(name: str, data_dir: str | Path | None, split: Split, seed: int) -> Dataset:
    entry = catalogue.CATALOGUE[name]
    if entry.embedded:
        return _divide(name, "embedded", entry.embedded(), split, seed)
    _refuse(split, name)
    folder, (train, valid, test) = catalogue.read_named(entry, data_dir)
    return assemble(name, str(folder), train, valid, test)


def _load_path(data: str | os.PathLike[str], split: Split, seed: int, keep_dtype: bool, regression: bool) -> Dataset:
    path = Path(data).expanduser()
    name = path.resolve().stem
    source = str(path)
    if path.is_dir():
        _refuse(split, source)
        read = cifar.read_cifar if cifar.is_cifar(path) else idx.read_folder
        return assemble(path.resolve().name, source, *read(path))
    suffix = path.suffix.lower()
    if not path.exists():
        if isinstance(data, str) and not suffix and path.name == data:
            catalogue.entry_of(data)  # a bare word that is neither a file nor a name: raises with a suggestion
        raise DatasetError(f"{source}: no such file or folder")
    if path.name.lower().endswith((".tar", ".tar.gz", ".tgz")):
        _refuse(split, source)
        return assemble(path.name.partition(".tar")[0], source, *cifar.read_cifar(path))
    if path.name.lower().endswith(pickled.ENDINGS):
        _refuse(split, source)
        return assemble(name.removesuffix(".pkl"), source, *pickled.read_pickle(path))
    if suffix == ".csv":
        return _divide(name, source, tabular.read_csv(path), split, seed)
    if suffix == ".npz":
        parts = tabular.read_npz(path, keep_dtype=keep_dtype, regression=regression)
        if "all" in parts:
            return _divide(name, source, parts["all"], split, seed)
        if "valid" in parts:
            _refuse(split, source)
            return assemble(name, source, parts["train"], parts["valid"], parts.get("test"))
        train, valid, _ = split_indices(parts["train"].y, _without_test(split), seed, source)
        return assemble(name, source, parts["train"].take(train), parts["train"].take(valid), parts.get("test"))
    raise DatasetError(
        f"{source}: expected a .csv file, an .npz archive, mnist.pkl.gz, CIFAR-10's .tar.gz, or a folder of idx or "
        f"CIFAR-10 files, found {suffix or path.name!r}"
    )


def _divide(name: str, source: str, part: Part, split: Split, seed: int) -> Dataset:
    train, valid, test = split_indices(part.y, split, seed, source if source != "memory" else "data")
    dataset = assemble(name, source, part.take(train), part.take(valid), part.take(test) if len(test) else None)
    return replace(dataset, places=(train, valid))


def _without_test(split: Split) -> Split:
    train, valid, _ = weights(split)
    return train / (train + valid), valid / (train + valid), 0.0


def _refuse(split: Split, where: str) -> None:
    if weights(split) != weights(DEFAULT_SPLIT):
        raise DatasetError(
            f"{where}: comes with a validation part of its own, so split={split!r} cannot be; leave it out"
        )
