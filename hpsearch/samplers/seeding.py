"""The samplers' share of a study's randomness: a stream per point, apart from every other stream of the study."""

from __future__ import annotations

import numpy as np

_STREAM = 0x53414D50
"""Keeps the samplers' streams apart from those of data and networks, which begin with the same seed."""


def point_sequence(seed: int, point: int) -> np.random.SeedSequence:
    """Return the seed sequence of a point."""
    return np.random.SeedSequence((seed, _STREAM, point))


def point_seed(seed: int, point: int) -> int:
    """Return the seed of a point as an integer in [0, 2³¹)."""
    return int(point_sequence(seed, point).generate_state(1)[0]) & 0x7FFFFFFF
