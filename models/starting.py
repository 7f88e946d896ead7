"""Training that starts from weights which are given, as those of another network."""

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
    for kind, called, given in (("W", "coefs_init", coefs), ("b", "intercepts_init", intercepts)):
        if given is None:
            continue
        names = [name for name in state if name[0] == kind and name[1:].isdigit()]
        stored = [state[name] for name in sorted(names, key=lambda name: int(name[1:]))]
        wanted = [array.T.shape if kind == "W" else array[0].shape for array in stored]
        arrays = [np.asarray(each, np.float64) for each in given]
        if [array.shape for array in arrays] != wanted:
            shapes, own_shapes = (", ".join(map(str, each)) for each in ((array.shape for array in arrays), wanted))
            raise ValueError(f"{called} has shapes {shapes or 'of no layer'}; this network's are {own_shapes}")
        for i, array in enumerate(arrays):
            if not np.isfinite(array).all():
                raise ValueError(f"{called}[{i}] holds NaN or an infinity")
            own = array.T if kind == "W" else array[None]
            for name in (f"{kind}{i}", f"best.{kind}{i}"):
                if name in state:
                    new[name] = np.ascontiguousarray(own, state[name].dtype)
    return new
