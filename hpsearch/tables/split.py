"""Which rows train, validate and test: stratified, random, by groups or by time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpsearch.errors import UserError
from hpsearch.models.datasets import DatasetError
from hpsearch.models.datasets.split import DEFAULT_SPLIT, Split, split_indices, weights

Array = NDArray[Any]

ENOUGH = 30
"""Validation rows below which an estimate is coarse."""

FEW_GROUPS = 10
"""Validation groups below which an estimate is coarse: rows of a group are no independent evidence."""


class Parts(NamedTuple):
    """The rows of each part.

    Attributes:
        train: Positions of the training rows, shape (n,).
        valid: Those of the validation rows.
        test: Those of the test rows; there may be none.
        words: In words, how the rows were divided.
    """

    train: Array
    valid: Array
    test: Array
    words: str


def fractions(n: int, split: Split | None) -> Split:
    """Return the fractions of a split: what the user says, else 60, 20 and 20 %, of small tables more to validate.

    A table of less than 150 rows gives up to a third of them for validation, so that there are 30 if that allows it.
    """
    if split is not None:
        return split
    if n * DEFAULT_SPLIT[1] >= ENOUGH:
        return DEFAULT_SPLIT
    valid = max(min(ENOUGH, n // 3), 1)
    test = max(min(round(0.2 * n), n - valid - n // 2), 0)
    return (n - valid - test) / n, valid / n, test / n


def divide(
    y: Array, split: Split | None, seed: int, where: str, groups: Array | None = None, time: Array | None = None
) -> Parts:
    """Divide rows into training, validation and test rows.

    Args:
        y: Targets, shape (n,): labels are stratified, float targets are not.
        split: Fractions, or None.
        seed: Of the shuffle.
        where: Where the data are, for messages.
        groups: A group for each row; rows of a group stay together.
        time: A time for each row: the earliest train, the latest test.

    Raises:
        UserError: There are too few rows, groups or times.
    """
    n = len(y)
    shares = fractions(n, split)
    try:
        if groups is not None and time is not None:
            raise UserError(f"{where}: groups and time divide rows in two ways; name one of them")
        if groups is not None:
            return _by_groups(y, shares, seed, where, groups)
        if time is not None:
            return _by_time(shares, where, time)
        train, valid, test = split_indices(y, shares, seed, where)
    except DatasetError as error:
        raise UserError(str(error)) from error
    return Parts(train, valid, test, "at random" if y.dtype.kind == "f" else "at random, stratified by class")


def _by_groups(y: Array, shares: Split, seed: int, where: str, groups: Array) -> Parts:
    """Give each group, the largest first, to the part that lacks most of the classes which the group has."""
    codes, group_of = np.unique(groups, return_inverse=True)
    targets = np.array(weights(shares), float)
    targets /= targets.sum()
    n_parts = int((targets > 0).sum())
    if len(codes) < n_parts:
        raise UserError(f"{where}: {len(codes)} groups cannot be divided into {n_parts} parts")
    labels = np.zeros(len(y), np.intp) if y.dtype.kind == "f" else np.unique(y, return_inverse=True)[1]
    counts = np.zeros((len(codes), int(labels.max()) + 1))
    np.add.at(counts, (group_of, labels), 1)
    total = np.maximum(counts.sum(axis=0), 1)
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    allotted = np.zeros((3, counts.shape[1]))
    part_of = np.empty(len(codes), np.intp)
    for n_allotted, group in enumerate(order):
        lacking = targets[:, None] - allotted / total
        # A part that is still empty goes first once there are no more groups left than such parts.
        empty = [part for part in range(3) if targets[part] and not allotted[part].any()]
        choice = empty if len(codes) - n_allotted <= len(empty) else [part for part in range(3) if targets[part]]
        part = max(choice, key=lambda part: (float((lacking[part] * counts[group]).sum()), -part))
        part_of[group] = part
        allotted[part] += counts[group]
    rows = np.random.default_rng(seed).permutation(len(y))
    train, valid, test = (rows[part_of[group_of[rows]] == part] for part in range(3))
    n_groups = [int((part_of == part).sum()) for part in range(3)]
    words = (
        f"by {len(codes)} groups, none on two sides ({n_groups[0]} train, {n_groups[1]} validate, {n_groups[2]} test)"
    )
    if n_groups[1] < FEW_GROUPS:
        words += f"; {n_groups[1]} groups are few, so what is measured on them is coarse"
    return Parts(train, valid, test, words)


def _by_time(shares: Split, where: str, time: Array) -> Parts:
    """Cut the rows in the order of time where the fractions say; rows of one time stay together."""
    order = np.argsort(time, kind="stable")
    ordered = time[order]
    train_share, valid_share, test_share = shares
    cuts = []
    for share in (train_share, train_share + valid_share):
        cut = round(share * len(time))
        while 0 < cut < len(time) and ordered[cut] == ordered[cut - 1]:
            cut += 1
        cuts.append(min(cut, len(time)))
    train, valid, test = order[: cuts[0]], order[cuts[0] : cuts[1]], order[cuts[1] :]
    if not len(train) or not len(valid) or (test_share and not len(test)):
        raise UserError(f"{where}: too few different times to divide {len(time)} rows by")
    return Parts(train, valid, test, "by time, the earliest train, the latest test")
