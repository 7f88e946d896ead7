"""The samplers' share of a study's randomness: a stream per point, apart from every other stream of the study."""

from __future__ import annotations

import numpy as np

_STREAM = 0x53414D50
"""Keeps the samplers' streams apart from those of data and networks, which begin with the same seed."""


def point_sequence(seed: int, point: int, attempt: int = 0) -> np.random.SeedSequence:
    """Return the seed sequence of a point, or of a further attempt at it where the first ones violated a constraint."""
    return np.random.SeedSequence((seed, _STREAM, point, attempt) if attempt else (seed, _STREAM, point))


def point_seed(seed: int, point: int, attempt: int = 0) -> int:
    """Return the seed of an attempt at a point as an integer in [0, 2³¹)."""
    return int(point_sequence(seed, point, attempt).generate_state(1)[0]) & 0x7FFFFFFF
