"""The door for data: whatever a study is given becomes one checked data set that the rest of the house trusts."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.log.lines import header_at
from hpsearch.models import datasets
from hpsearch.models.datasets import Dataset
from hpsearch.models.datasets.catalogue import CATALOGUE
from hpsearch.models.datasets.split import DEFAULT_SPLIT, Split
from hpsearch.study.table import Table
from hpsearch.tables import given
from hpsearch.tables.reader import READER
from hpsearch.tables.task import kind_of_model


def load(data: Any, model: Any = None, *, seed: int = 0, reader: int = READER, split: Split | None = None) -> Dataset:
    """Return a study's data as a data set.

    Args:
        data: A name, a path, a :class:`~hpsearch.study.table.Table`, a data frame, a Bunch of scikit-learn, ``(X, y)``,
            or pairs of training, validation and test data; see docs/tables.md.
        model: The study's model: with the target it decides the task, and what is done to the columns; None where there
            is none.
        seed: Seed of the split.
        reader: The rules; 1 for a log that was begun by version 0.1.
        split: Fractions (train, valid, test) of data that come in one piece; None: the usual ones.

    Raises:
        UserError: The data cannot be used; one line that names the place and the fix.
    """
    try:
        if isinstance(data, Dataset):
            return data
        if reader == 1:
            dataset = datasets.load(data, seed=seed)
            return replace(dataset, own_split=_divided_here(data, dataset))
        if isinstance(data, str) and data in CATALOGUE:
            return datasets.load(data, seed=seed)
        if isinstance(data, str | os.PathLike) and _is_old_kind(Path(data)):
            return _arrays(data, model, seed, split, reader)
        if isinstance(data, Table | str | os.PathLike) or given.is_frame(data) or given.is_bunch(data):
            return _table(data, model, seed, split, reader)
        if given.holds_tables(data):
            return _table(data, model, seed, split, reader)
        return _arrays(data, model, seed, split, reader)
    except ValueError as error:
        raise UserError(str(error)) from error


def load_as(data: Any, model: Any, digest: str | None) -> Dataset:
    """Return a study's data, read by the rules under which they have this digest, or by today's where none does.

    Raises:
        UserError: The data cannot be used.
    """
    dataset = load(data, model)
    if digest in (None, dataset.digest) or dataset.reader == 1:
        return dataset
    for reader in range(READER - 1, 0, -1):
        try:
            by_its_rules = load(data, model, reader=reader)
        except UserError:
            continue  # version 0.1 could not have read it
        if by_its_rules.digest == digest:
            return by_its_rules
    return dataset


def reader_of(log: Path) -> int:
    """Return the rules by which a log's data were read: those that it names, or today's where there is no log."""
    header = header_at(log)
    if header is None or not header.dataset:
        return READER
    return int(header.dataset.get("reader", 1))


def _is_old_kind(path: Path) -> bool:
    """Return whether a path is read as arrays: npz, a pickle, a folder of images, or a word that is no file."""
    path = path.expanduser()
    arrays = path.name.lower().endswith((".npz", ".pkl", ".pkl.gz", ".pickle"))
    return path.is_dir() or arrays or (not path.suffix and not path.exists())


def _table(data: Any, model: Any, seed: int, split: Split | None, reader: int) -> Dataset:
    from hpsearch.tables.settle import settle  # imports pandas

    frame, table, source = given.frame_of(data)
    table = table if split is None else replace(table, split=split)
    return settle(frame, table, source, model, seed, reader)


def _arrays(data: Any, model: Any, seed: int, split: Split | None, reader: int) -> Dataset:
    """Return arrays as they are, with a regressor's targets as numbers, in the dtype that the model takes."""
    task = kind_of_model(model)
    is_ours = model is None or given.is_our_network(model)
    regression = task == "regression"
    dataset = datasets.load(
        data, seed=seed, split=split or DEFAULT_SPLIT, keep_dtype=not is_ours, regression=regression
    )
    changed = not is_ours or (regression and given.has_whole_targets(data))
    if _has_gaps(dataset) and model is not None:
        if isinstance(data, tuple | list):
            return _table(given.as_frames(data), model, seed, split, reader)
        settled = _table(given.as_frames(_pairs(dataset)), model, seed, split, reader)
        return replace(settled, name=dataset.name, source=dataset.source, own_split=_divided_here(data, dataset))
    from hpsearch.tables.checks import unscaled  # imports pandas

    return replace(
        dataset,
        reader=reader if changed else 1,
        own_split=_divided_here(data, dataset),
        warnings=tuple(unscaled(dataset.X_train, model)),
    )


def _divided_here(data: Any, dataset: Dataset) -> bool:
    """Return whether validation rows were taken from the training rows by us."""
    if dataset.source == "embedded":
        return False
    return given.was_divided(data) or (isinstance(data, str | os.PathLike) and Path(data).suffix.lower() == ".csv")


def _has_gaps(dataset: Dataset) -> bool:
    """Return whether a value is missing in the inputs of any part."""
    inputs = (dataset.X_train, dataset.X_valid, dataset.X_test)
    return any(isinstance(X, np.ndarray) and X.dtype.kind == "f" and bool(np.isnan(X).any()) for X in inputs)


def _pairs(dataset: Dataset) -> tuple[tuple[Any, Any], ...]:
    """Return the parts of a data set as pairs of inputs and targets."""
    test = [] if dataset.y_test is None else [(dataset.X_test, dataset.y_test)]
    return ((dataset.X_train, dataset.y_train), (dataset.X_valid, dataset.y_valid), *test)
