"""Dropout: each sample leaves out a random part of the neurons below, another at every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..kernels import Array, Op
from ..operations import multiply
from .base import Defaults, Gradient, Layer, Workspace
from .declared import Declared, Site, check_fraction

GRAIN = 65536
"""A neuron's fate is drawn from 16 bits: probabilities are multiples of 1/GRAIN."""


@dataclass(frozen=True)
class Dropout(Declared):
    """Each sample leaves out another part of what comes in at every step.

    Attributes:
        rate: p, the fraction that is left out.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Dense, Dropout, NetworkRegressor
        >>> X, y = np.ones((32, 5)), np.ones(32)
        >>> model = NetworkRegressor(layers=[Dense(8), Dropout(0.5)], max_epochs=1, random_state=0).fit(X, y)
        >>> bool((model.predict(X) == model.predict(X)).all())  # prediction leaves nothing out
        True
    """

    rate: float = 0.5
    by_place: ClassVar[bool] = True

    def group(self) -> Declared:
        """Return the layer with a fraction that stands for any but 0."""
        return Dropout(0.5 if self.rate else 0.0)

    def check(self) -> None:
        """Raise a ValueError for a number that is no fraction."""
        check_fraction(self, "rate")

    def build(self, site: Site) -> list[Layer]:
        """Return the layer; nothing where nothing is left out."""
        return [DropoutLayer(site.dropped(self.rate), site.shape.width)] if self.rate else []


@dataclass(frozen=True)
class DropoutLayer(Defaults):
    """y = x·m with m = 0 with probability p, else 1/(1 − p): inverted dropout, nothing to do outside training.

    (The chapter's slides call p both the dropped fraction and the factor at test time; that agrees at ½ only. Here p is
    the dropped fraction. Srivastava et al. 2014.)

    Attributes:
        index: 0 for the input, else that of the hidden layer below, from 1 (in a chain of layers: how many such layers
            stand below); also the purpose of its random stream.
        n_out: Number of neurons.
    """

    index: int
    n_out: int
    repeats: ClassVar[bool] = False  # each step has a mask of its own
    passes_on: ClassVar[bool] = True

    @property
    def mask_width(self) -> int:
        """One number per neuron."""
        return self.n_out

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit y ← x·m beside x, whose activation still needs it; without a mask hand x on."""
        mask = workspace.masks.get(self.index)
        if mask is None:
            return [], x
        kept = workspace.buffer("kept", self.index, width=self.n_out)
        return [multiply(x, mask, out=kept)], kept

    def backward(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        x: Array,
        out: Array,
        delta: Array,
        scale: float,
        first: bool,
    ) -> tuple[list[Op], Array, list[Gradient]]:
        """Emit δ ← δ·m in place."""
        mask = workspace.masks.get(self.index)
        return [] if mask is None or first else [multiply(delta, mask, out=delta)], delta, []

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Emit R{y} ← R{x}·m in place."""
        mask = workspace.masks.get(self.index)
        return [] if mask is None or tangent is None else [multiply(tangent, mask, out=tangent)], tangent


def draw_mask(rng: np.random.Generator, dropped: float, out: Array) -> None:
    """Draw a mask: 0 with probability p, else 1/(1 − p).

    A sample takes a fixed number of words of the stream, so that masks do not depend on how many are drawn at once.

    Args:
        rng: The lane's stream.
        dropped: p, rounded to a multiple of 1/65536.
        out: Receives the mask, shape (s, b, n).
    """
    steps, batch, width = out.shape
    threshold = min(round(dropped * GRAIN), GRAIN - 1)
    words = rng.bit_generator.random_raw(steps * batch * -(-width // 4)).view(np.uint16)
    kept = words.reshape(steps, batch, -1)[..., :width] >= np.uint16(threshold)
    np.multiply(kept, out.dtype.type(GRAIN / (GRAIN - threshold)), out)
