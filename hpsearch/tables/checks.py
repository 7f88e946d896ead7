"""What looks wrong in a table before anything trains: warnings, one line each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hpsearch.models.preprocessing import values
from hpsearch.models.preprocessing.columns import NUMBER, TEXT
from hpsearch.tables.roles import Roles
from hpsearch.tables.split import Parts

Array = NDArray[Any]

REPEATED = 0.02
"""The share of validation rows that equal a training row, from which on it is warned of."""

NEARLY = 0.9
"""The share of a text column's cells that are numbers, from which on the others are warned of."""

ALIKE = 0.9
"""Rows look like repeats where they are nearer to a training row than 3 · (1 − ALIKE) of the distance by chance."""


def warnings_of(typed: pd.DataFrame, y: Array, roles: Roles, parts: Parts, warnings: list[str]) -> list[str]:
    """Return warnings: classes that are too small, a target that leaks, rows on both sides of the split.

    Args:
        typed: The features of all rows.
        y: Targets of all rows.
        roles: What the columns are for.
        parts: The rows of each part.
        warnings: Those that there are already; they come first.
    """
    warnings = list(warnings)
    texts = {name: typed[name] for name, kind in roles.kinds.items() if kind == TEXT}
    if y.dtype.kind == "U":
        texts[roles.target] = pd.Series(y)
    warnings += [warning for name, column in texts.items() if (warning := _nearly_numbers(column, name))]
    for name in typed.columns:
        if _is_target(typed[name], y):
            warnings.append(
                f"column {name!r} says the target {roles.target!r} in other words: leave it out (drop), unless it is "
                "known before the target is"
            )
    both = _on_both_sides(typed, parts)
    if both and both >= REPEATED * len(parts.valid):
        warnings.append(
            f"{both:,} of {len(parts.valid):,} validation rows are equal to a training row: the score shows how well "
            "rows are remembered; leave repeats out, or name what they have in common by groups"
        )
    elif roles.groups is None and _look_like_repeats(typed, roles, parts):
        warnings.append(
            "most validation rows have a near copy among the training rows: if several rows are of one person or "
            "thing, name the column that says which by groups, or the score is too good"
        )
    return warnings


def _nearly_numbers(column: pd.Series[Any], name: str) -> str | None:
    """Return a warning where nearly all cells of a text column are numbers."""
    counts = column.value_counts()
    if sum(_is_number(cell) for cell in counts.index[:LOOKED_AT]) < min(len(counts), LOOKED_AT) / 2:
        return None
    odd = [str(cell) for cell in counts.index if not _is_number(cell)]
    cells, strange = int(counts.sum()), int(counts[odd].sum())
    if not odd or cells - strange < NEARLY * cells:
        return None
    listed = ", ".join(map(repr, odd[:3])) + (" …" if len(odd) > 3 else "")
    return (
        f"column {name!r} is taken as text, as {strange:,} of its {cells:,} cells {'is' if strange == 1 else 'are'} no "
        f"number ({listed}); if that stands for a missing value, say so by na (--na)"
    )


LOOKED_AT = 200
"""Different cells in which it is seen whether a column may be one of numbers."""


def _is_number(cell: Any) -> bool:
    try:
        values.number(cell)
    except (ValueError, TypeError):
        return False
    return True


def _is_target(column: pd.Series[Any], y: Array) -> bool:
    """Return whether a column and the target determine each other, row by row."""
    codes, different = pd.factorize(column)
    if (codes < 0).any():
        return False
    targets, classes = pd.factorize(y)
    if len(different) != len(classes) or len(classes) < 2:
        return False
    if y.dtype.kind == "f" and len(classes) > len(y) / 2:
        # Where nearly all are different, any column of different values is one to one: compare the numbers themselves.
        numbers = column.to_numpy()
        if numbers.dtype.kind not in "iuf" or not np.std(numbers):
            return False
        return bool(abs(np.corrcoef(numbers.astype(float), y)[0, 1]) > 1 - 1e-9)
    return len({*zip(codes.tolist(), targets.tolist(), strict=True)}) == len(classes)


def _on_both_sides(typed: pd.DataFrame, parts: Parts) -> int:
    hashed = pd.util.hash_pandas_object(typed, index=False).to_numpy()
    return int(np.isin(hashed[parts.valid], hashed[parts.train]).sum())


def _look_like_repeats(typed: pd.DataFrame, roles: Roles, parts: Parts) -> bool:
    """Return whether validation rows are far nearer to a training row than training rows would be by chance.

    For the comparison with chance each column is shuffled by itself. Three to a hundred columns of mostly different
    numbers are looked at, in at most 1,000 training and 300 validation rows.
    """
    names = [name for name, kind in roles.kinds.items() if kind == NUMBER and typed[name].nunique() > len(typed) / 2]
    if not 3 <= len(names) <= 100 or len(parts.train) < 50:
        return False
    X = typed[names].to_numpy(np.float64)
    X = (X - np.nanmean(X, axis=0)) / np.maximum(np.nanstd(X, axis=0), 1e-300)
    X = np.nan_to_num(X)
    train, valid = X[parts.train[:1000]], X[parts.valid[:300]]
    rng = np.random.default_rng(0)
    shuffled = np.column_stack([rng.permutation(column) for column in valid.T])
    near, chance = (np.median(_nearest(rows, train)) for rows in (valid, shuffled))
    return bool(near < (1 - ALIKE) * 3 * chance)


def _nearest(rows: Array, train: Array) -> Array:
    squares = (rows**2).sum(1)[:, None] + (train**2).sum(1)[None, :] - 2 * rows @ train.T
    distances: Array = np.sqrt(np.maximum(squares.min(axis=1), 0.0))
    return distances


LARGE = 20.0
"""Inputs beyond this are far from what the initial weights of a network are made for."""


def unscaled(X: Any, model: Any, names: list[str] | None = None) -> list[str]:
    """Return a warning where a bare network is to learn from inputs of very different or large scales.

    Args:
        X: Training inputs, array or frame of shape (n, n_features); of a sparse matrix nothing is said.
        model: The study's model.
        names: The names of the columns; None: their positions.
    """
    if not type(model).__name__.startswith("MLP") or hasattr(X, "toarray"):
        return []
    largest = np.nanmax(np.abs(np.asarray(X, np.float64)), axis=0)
    large = np.flatnonzero(largest > LARGE)
    if not len(large):
        return []
    listed = ", ".join(f"{names[i] if names else i} ({largest[i]:.3g})" for i in large[:4])
    more = f" and {len(large) - 4} more" if len(large) > 4 else ""
    warning = (
        f"a network learns badly from inputs that are not scaled: columns {listed}{more} are large; write "
        f"make_pipeline(StandardScaler(), {type(model).__name__}(…))"
    )
    return [warning]
