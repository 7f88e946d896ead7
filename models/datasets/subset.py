"""A smaller problem of the same kind: fewer classes, a part of the samples, smaller images.

Subsets are nested: of two subsets drawn with one seed, each class's samples in the one are among, or include, its
samples in the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .dataset import Array, Dataset, DatasetError, digest

TRAIN_STREAM = 0
VALID_STREAM = 1


def stratified_order(y: Array, seed: tuple[int, ...]) -> Array:
    """Return an order of the samples of which every beginning is a stratified random sample.

    Each class's samples stand in a random order of their own, and sample j of a class of n_c stands at (j − 1)/n_c: so
    the first m samples hold of each class its share of m, rounded up or down but for classes of very different sizes,
    of every class at least one as soon as m is the number of classes, and all samples of any shorter beginning
    (Adams' method of apportionment, which is monotone in m).

    Args:
        y: Labels, shape (n,), or float targets, whose order is simply random.
        seed: Owns the order.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(y))
    if y.dtype.kind == "f":
        return shuffled
    codes, counts = np.unique(y, return_inverse=True, return_counts=True)[1:]
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]  # class by class, each in random order
    position = np.concatenate([np.arange(count) / count for count in counts])
    return order[np.argsort(position, kind="stable")]


def shrink_images(X: Array, image_shape: tuple[int, int], size: tuple[int, int]) -> Array:
    """Return images as means over blocks, shape (n, rows·columns).

    Args:
        X: Images, shape (n, image_shape[0]·image_shape[1]).
        image_shape: Their rows and columns.
        size: Rows and columns of the small images; they divide those of the large ones.

    Raises:
        DatasetError: They do not.
    """
    rows, columns = image_shape
    r, c = size
    if r < 1 or c < 1 or rows % r or columns % c:
        raise DatasetError(f"images of {rows}x{columns} pixels cannot be averaged to {r}x{c}: it must divide them")
    blocks = X.reshape(len(X), r, rows // r, c, columns // c)
    small: Array = np.ascontiguousarray(blocks.mean((2, 4), dtype=np.float64).reshape(len(X), r * c), X.dtype)
    return small


def subset(
    dataset: Dataset,
    seed: int,
    *,
    classes: Sequence[Any] | None = None,
    train: int | None = None,
    valid: int | None = None,
    image_size: tuple[int, int] | None = None,
) -> Dataset:
    """Return a part of a data set; its test part is left as it is, but for classes and image size.

    Args:
        dataset: The whole.
        seed: Draws the samples.
        classes: Labels that are kept; None: all.
        train: Training samples that are kept; None: all of these classes.
        valid: Validation samples that are kept; None: all of these classes.
        image_size: Rows and columns that images are averaged to; None: as they are.

    Returns:
        The part, with a digest of its own; the data set itself where nothing is left out.

    Raises:
        DatasetError: There are no such classes, fewer samples, or no images.

    Examples:
        >>> from hpsearch.models.datasets import load, subset
        >>> part = subset(load("digits"), seed=0, classes=(0, 1), train=100)
        >>> part.X_train.shape, sorted(set(part.y_train.tolist()))
        ((100, 64), [0, 1])
    """
    if classes is None and train is None and valid is None and image_size is None:
        return dataset
    kept = None if classes is None else _labels(dataset, classes)
    rows = _rows(dataset.y_train, kept, train, (seed, TRAIN_STREAM), "train")
    checks = _rows(dataset.y_valid, kept, valid, (seed, VALID_STREAM), "valid")
    tests = None if kept is None or dataset.y_test is None else np.flatnonzero(np.isin(dataset.y_test, kept))
    if dataset.preprocessing:
        return _of_table(dataset, rows, checks, tests, image_size)
    X_train = dataset.X_train[rows]
    X_valid = dataset.X_valid[checks]
    X_test = dataset.X_test
    y_test = dataset.y_test
    if tests is not None and X_test is not None and y_test is not None:
        X_test = X_test[tests]
        y_test = y_test[tests]
    shape = dataset.image_shape
    if image_size is not None:
        if shape is None:
            raise DatasetError(f"image_size={image_size}: the samples of {dataset.name!r} are no images")
        X_train = shrink_images(X_train, shape, image_size)
        X_valid = shrink_images(X_valid, shape, image_size)
        X_test = None if X_test is None else shrink_images(X_test, shape, image_size)
        shape = image_size
    part = replace(
        dataset,
        X_train=X_train,
        y_train=dataset.y_train[rows],
        X_valid=X_valid,
        y_valid=dataset.y_valid[checks],
        X_test=X_test,
        y_test=y_test,
        image_shape=shape,
        places=_kept_places(dataset, rows, checks),
    )
    return replace(part, digest=digest(part))


def _kept_places(dataset: Dataset, rows: Array, checks: Array) -> tuple[Array, Array] | None:
    return None if dataset.places is None else (dataset.places[0][rows], dataset.places[1][checks])


def _of_table(
    dataset: Dataset, rows: Array, checks: Array, tests: Array | None, image_size: tuple[int, int] | None
) -> Dataset:
    """Return some rows of a table; what they are is said by the whole's digest and which they are."""
    if image_size is not None:
        raise DatasetError(f"image_size={image_size}: the samples of {dataset.name!r} are no images")
    from sklearn.utils import _safe_indexing

    changed: dict[str, Any] = {}
    hasher = hashlib.sha256(dataset.digest.encode())
    for part, kept in (("train", rows), ("valid", checks), ("test", tests)):
        hasher.update(f"{part} {'all' if kept is None else len(kept)}\n".encode())
        if kept is None:
            continue
        hasher.update(kept.astype(np.int64).tobytes())
        for name in ("X", "y", "w"):
            rows_before = getattr(dataset, f"{name}_{part}")
            changed[f"{name}_{part}"] = None if rows_before is None else _safe_indexing(rows_before, kept)
    return replace(dataset, **changed, digest=hasher.hexdigest(), places=_kept_places(dataset, rows, checks))


def _labels(dataset: Dataset, classes: Sequence[Any]) -> Array:
    all_classes = dataset.classes
    if all_classes is None:
        raise DatasetError(f"classes={list(classes)}: {dataset.name!r} is a regression problem")
    for label in classes:
        if label not in all_classes.tolist():
            raise DatasetError(f"classes={list(classes)}: {dataset.name!r} has no class {label!r}")
    if len(set(classes)) < 2:
        raise DatasetError(f"classes={list(classes)}: at least two are needed")
    return np.asarray(list(classes), all_classes.dtype)


def _rows(y: Array, kept: Array | None, count: int | None, seed: tuple[int, ...], what: str) -> Array:
    """Return the indices of the samples that are kept, in ascending order."""
    rows = np.arange(len(y))
    if count is not None:
        # The order is drawn within each class, so it can be drawn before classes are left out: nested either way.
        rows = stratified_order(y, seed)
    if kept is not None:
        rows = rows[np.isin(y[rows], kept)]
    if count is not None:
        if count > len(rows):
            raise DatasetError(f"{what}={count:,} is more than the {len(rows):,} samples there are")
        if y.dtype.kind != "f" and count < (lacking := len(np.unique(y[rows]))):
            raise DatasetError(f"{what}={count:,} is less than one sample of each of the {lacking} classes")
        rows = rows[:count]
    return np.sort(rows)
