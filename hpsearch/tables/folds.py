"""The rows of each fold of a cross-validation: nothing that a fold is measured on reaches what is fitted in it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.models.datasets import Dataset
from hpsearch.models.datasets.catalogue import CATALOGUE
from hpsearch.study.cross_validation import Pair, Splits
from hpsearch.study.table import Table
from hpsearch.tables import door
from hpsearch.tables.given import was_divided
from hpsearch.tables.join import with_validation
from hpsearch.tables.split import divide

FOLDS = 4
"""Purpose of the stream, default_rng((seed, FOLDS)), that a splitter which shuffles draws from."""


@dataclass(frozen=True)
class Folds:
    """A data set that is cross-validated.

    Attributes:
        whole: All rows but those of the test, as the training part, in the order in which they were given.
        pairs: Of each fold the rows of it that train and those that it is measured on.
    """

    whole: Dataset
    pairs: tuple[Pair, ...]

    def __len__(self) -> int:
        return len(self.pairs)

    def at(self, fold: int) -> Dataset:
        """Return the data of a fold, its parts as copies; the test part is that of all folds."""
        from sklearn.utils import _safe_indexing

        parts: dict[str, Any] = {}
        for part, rows in zip(("train", "valid"), self.pairs[fold], strict=True):
            for name in ("X", "y", "w"):
                all_rows = getattr(self.whole, f"{name}_train")
                parts[f"{name}_{part}"] = None if all_rows is None else _safe_indexing(all_rows, rows)
        return replace(self.whole, **parts)


def load(data: Any, model: Any, cv: Any, groups: Any, seed: int, reader: int) -> Dataset:
    """Return the data of a cross-validated study.

    Of data in one piece a part is held out for the test as usual, and no group is on both sides; nothing is held out
    where ``cv`` lists the rows of each fold, which count all rows.

    Args:
        data: What the study is given.
        model: Its model.
        cv: How it is divided.
        groups: A group for each row, or None.
        seed: The study's seed.
        reader: The rules by which data are read.

    Raises:
        UserError: The data cannot be used.
    """
    if isinstance(cv, Splits) and _in_one_piece(data):
        return door.load(data, model, reader=reader, split=(0.8, 0.2, 0.0))
    if groups is None or not was_divided(data):
        return door.load(data, model, reader=reader)
    from sklearn.utils import _safe_indexing

    X, y = data
    targets = np.asarray(y)
    if len(groups) != len(targets):
        raise UserError(f"groups: there are {len(groups):,} groups for {len(targets):,} rows; give one for each row")
    rows = divide(targets, None, seed, "data", groups)
    parts = tuple((_safe_indexing(X, part), _safe_indexing(y, part)) for part in rows[:3])
    return replace(door.load(parts, model, reader=reader), own_split=True, places=(rows.train, rows.valid))


def _in_one_piece(data: Any) -> bool:
    """Return whether we divide the data: named sets are divided already, and other data may come in parts."""
    if isinstance(data, Table):
        return data.split is None
    if isinstance(data, tuple | list):
        return was_divided(data)
    return not isinstance(data, Dataset) and not (isinstance(data, str) and data in CATALOGUE)


def folds_of(dataset: Dataset, cv: Any, groups: Any, seed: int, *, classifies: bool) -> Folds:
    """Return the folds of a data set.

    Args:
        dataset: Its training and validation part together are divided; the test part is left as it is.
        cv: A number of folds, a splitter of scikit-learn or :class:`~hpsearch.study.cross_validation.Splits`.
        groups: A group for each row, of the data as given or of those that are divided; None: those of the data.
        seed: The study's seed, for splitters that shuffle and have no ``random_state``.
        classifies: Whether the targets are classes, by which a number of folds is stratified.

    Raises:
        UserError: The rows cannot be divided so.
    """
    from sklearn.model_selection import check_cv

    from hpsearch.tables.layout import laid_out  # imports scikit-learn

    whole, order = development(dataset)
    if isinstance(cv, Splits):
        _check_rows(cv.pairs, len(whole.y_train))
        return Folds(laid_out(whole), cv.pairs)
    splitter = _seeded(check_cv(cv, whole.y_train, classifier=classifies), seed)
    groups = _groups(dataset, groups, order)
    try:
        pairs = tuple(splitter.split(whole.X_train, whole.y_train, groups))
    except ValueError as error:
        raise UserError(f"cv: {error}") from error
    if len(pairs) < 2:
        raise UserError(f"cv: {cv!r} divides the rows into {len(pairs)} fold; it takes at least 2")
    return Folds(laid_out(whole), tuple((np.asarray(train), np.asarray(valid)) for train, valid in pairs))


def development(dataset: Dataset) -> tuple[Dataset, Any]:
    """Return a data set whose training part holds all rows but those of the test, in the order of the data as given.

    Its validation part stays as it was. The order is returned too: for each row its position among the training rows
    and, behind these, the validation rows.
    """
    n = len(dataset.y_train) + len(dataset.y_valid)
    if not len(dataset.y_valid):
        return dataset, np.arange(n)
    joined = with_validation(dataset)
    if dataset.places is None:
        return joined, np.arange(n)
    from sklearn.utils import _safe_indexing

    order = np.argsort(np.concatenate(dataset.places), kind="stable")
    weights = None if joined.w_train is None else joined.w_train[order]
    X, y = _safe_indexing(joined.X_train, order), joined.y_train[order]
    return replace(joined, X_train=X, y_train=y, w_train=weights), order


def _groups(dataset: Dataset, groups: Any, order: Any) -> Any:
    """Return the group of each row that is divided, or None."""
    groups = dataset.groups if groups is None else groups
    if groups is None:
        return None
    n = len(order)
    if dataset.places is not None:
        places = np.concatenate(dataset.places)
        if len(groups) > places.max():
            return groups[places[order]]
    if len(groups) != n:
        raise UserError(f"groups: there are {len(groups):,} groups for {n:,} rows; give one for each row")
    return groups


def _seeded(splitter: Any, seed: int) -> Any:
    """Return a copy of a splitter that shuffles the same way each time."""
    shuffles = getattr(splitter, "shuffle", True)
    if getattr(splitter, "random_state", seed) is not None or not shuffles:
        return copy.deepcopy(splitter)
    seeded = copy.copy(splitter)
    seeded.random_state = int(np.random.SeedSequence((seed, FOLDS)).generate_state(1)[0])
    return seeded


def _check_rows(pairs: Sequence[Pair], n: int) -> None:
    for fold, pair in enumerate(pairs):
        for rows in pair:
            if rows.min() < -n or rows.max() >= n:
                raise UserError(f"cv[{fold}] names row {rows.max()}, but there are {n:,} rows")
