"""Training that starts from given weights, such as those of another network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .kernels import Array


def started(
    state: Mapping[str, Array], coefs: Sequence[Any] | None, intercepts: Sequence[Any] | None
) -> dict[str, Array]:
    """Return a state with other weights or biases.

    Args:
        state: That of a network which has just begun; see `hpsearch.models.training.population.Member`.
        coefs: Weights of each layer, shape (n_in, n_out), as `coefs_`; None for those of the state.
        intercepts: Biases of each layer, shape (n_out,), as `intercepts_`; None for those of the state.

    Raises:
        ValueError: They are of other shapes than the network's, or not finite.
    """
    new = dict(state)
    for prefix, parameter, start in (("W", "coefs_init", coefs), ("b", "intercepts_init", intercepts)):
        if start is None:
            continue
        names = [name for name in state if name[0] == prefix and name[1:].isdigit()]
        stored = [state[name] for name in sorted(names, key=lambda name: int(name[1:]))]
        wanted = [array.T.shape if prefix == "W" else array[0].shape for array in stored]
        arrays = [np.asarray(array, np.float64) for array in start]
        if [array.shape for array in arrays] != wanted:
            shapes = ", ".join(str(array.shape) for array in arrays)
            wanted_shapes = ", ".join(map(str, wanted))
            raise ValueError(f"{parameter} has shapes {shapes or 'of no layer'}; this network's are {wanted_shapes}")
        for i, array in enumerate(arrays):
            if not np.isfinite(array).all():
                raise ValueError(f"{parameter}[{i}] holds NaN or an infinity")
            stored_form = array.T if prefix == "W" else array[None]
            for name in (f"{prefix}{i}", f"best.{prefix}{i}"):
                if name in state:
                    new[name] = np.ascontiguousarray(stored_form, state[name].dtype)
    return new
