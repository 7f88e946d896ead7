"""A learning curve in one line of characters."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-:=+*#"


def sparkline(values: Sequence[float], width: int = 30, *, ascii_only: bool = False) -> str:
    """Return a curve as block characters, lowest value lowest block.

    A curve longer than the width is cut into equal stretches, each drawn at the mean of its finite values. A stretch
    without a finite value (the trial diverged) is drawn as ``x``, and a constant curve at half height.

    Args:
        values: The curve, of shape (n_epochs,).
        width: Most characters to return.
        ascii_only: Draw for a terminal that cannot show block characters.
    """
    levels = ASCII if ascii_only else BLOCKS
    points = _stretches(values, width)
    finite = [point for point in points if point is not None]
    if not finite:
        return "x" * len(points)
    low, high = min(finite), max(finite)
    return "".join("x" if point is None else _level(point, low, high, levels) for point in points)


def _level(point: float, low: float, high: float, levels: str) -> str:
    if high == low:
        return levels[len(levels) // 2]
    # Halved first: the span of two finite numbers may overflow.
    share = (point / 2 - low / 2) / (high / 2 - low / 2)
    return levels[min(int(share * len(levels)), len(levels) - 1)]


def _stretches(values: Sequence[float], width: int) -> list[float | None]:
    n = min(len(values), width)
    stretches = (values[i * len(values) // n : (i + 1) * len(values) // n] for i in range(n))
    return [_mean([value for value in stretch if math.isfinite(value)]) for stretch in stretches]


def _mean(values: Sequence[float]) -> float | None:
    return sum(value / len(values) for value in values) if values else None
