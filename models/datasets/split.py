"""The seeded split of one set of samples into training, validation and test part."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from .dataset import Array, DatasetError

Split = tuple[float, float, float]
DEFAULT_SPLIT: Split = (0.6, 0.2, 0.2)


def split_indices(y: Array, split: Split, seed: int, where: str) -> tuple[Array, Array, Array]:
    """Divide the samples 0 … n−1 into training, validation and test indices.

    Labels are stratified: of the n_c samples of a class, each part gets its fraction of n_c rounded up or down, and a
    class too small for all parts goes into training first. Float targets (regression) are divided without strata.
    Every part is in random order, so that its first m samples are a random sample of it.

    Args:
        y: ndarray of shape (n,) or (n, n_outputs), labels or float targets.
        split: Fractions (train, valid, test) that add up to 1; only the test fraction may be 0.
        seed: Seed of the shuffle.
        where: What an error names.

    Returns:
        Three integer arrays that together hold each index once; the test indices are empty for a test fraction of 0.

    Raises:
        DatasetError: The fractions make no sense, or there are too few samples for them.
    """
    proportion = weights(split)
    n = len(y)
    order = np.random.default_rng(seed).permutation(n)
    codes = np.zeros(n, dtype=np.intp) if y.dtype.kind == "f" else np.unique(y, return_inverse=True)[1]
    by_class = order[np.argsort(codes[order], kind="stable")]
    shares = allot([int(count) for count in np.bincount(codes)], proportion)
    part_of = np.empty(n, dtype=np.intp)
    part_of[by_class] = np.repeat(np.tile(np.arange(3), len(shares)), np.ravel(shares))
    train, valid, test = (order[part_of[order] == part] for part in range(3))
    for part, weight, label in zip((train, valid, test), proportion, ("training", "validation", "test"), strict=True):
        if weight and not len(part):
            raise DatasetError(f"{where}: {n} samples are too few for the split {split}: the {label} part is empty")
    return train, valid, test


def allot(counts: list[int], proportion: tuple[int, int, int]) -> list[list[int]]:
    """Share out each class's samples among the parts, each share its exact quota rounded up or down.

    Which parts of a class are rounded up is decided by what each part lacks over the classes so far, so that the sizes
    of the parts stay near their fractions too.

    Args:
        counts: Number of samples of each class.
        proportion: Whole-number proportion of the parts.

    Returns:
        For each class the number of samples of each part.
    """
    total = sum(proportion)
    lacking = [0] * len(proportion)  # in units of 1/total samples, so that all arithmetic is exact
    shares = []
    for count in counts:
        share = [count * weight // total for weight in proportion]
        lacking = [
            owed + count * weight - n_given * total
            for owed, weight, n_given in zip(lacking, proportion, share, strict=True)
        ]
        open_parts = [part for part, weight in enumerate(proportion) if count * weight % total]
        for _ in range(count - sum(share)):
            # A class without training samples could not be learnt.
            part = 0 if 0 in open_parts and not share[0] else max(open_parts, key=lacking.__getitem__)
            open_parts.remove(part)
            share[part] += 1
            lacking[part] -= total
        shares.append(share)
    return shares


def weights(split: Split) -> tuple[int, int, int]:
    """Return the fractions (train, valid, test) as whole numbers in the same proportion, or raise a DatasetError."""
    try:
        train, valid, test = (float(fraction) for fraction in split)
    except (TypeError, ValueError) as error:
        raise DatasetError(
            f"split={split!r}; expected three numbers (train, valid, test) such as (0.6, 0.2, 0.2)"
        ) from error
    if not (train > 0 and valid > 0 and test >= 0 and abs(train + valid + test - 1) < 1e-6):
        raise DatasetError(f"split={split!r}; expected fractions that add up to 1, of which only the test's may be 0")
    fractions = [Fraction(value).limit_denominator(1_000_000) for value in (train, valid, test)]
    scale = math.lcm(*(fraction.denominator for fraction in fractions))
    train_weight, valid_weight, test_weight = (int(fraction * scale) for fraction in fractions)
    return train_weight, valid_weight, test_weight
