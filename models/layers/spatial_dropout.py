"""Spatial dropout: each sample leaves out whole channels of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..kernels import Array, Op
from ..operations import multiply
from .base import Defaults, Gradient, Layer, Workspace
from .declared import Declared, Site, as_written, check_fraction
from .shapes import image_of


@dataclass(frozen=True)
class SpatialDropout(Declared):
    """Each sample leaves out other channels at every step, at all places at once (Tompson et al. 2015).

    Neighbouring places tell nearly the same, so that leaving out single ones leaves out little.

    Attributes:
        rate: p, the fraction of channels that is left out.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Conv2D, NetworkRegressor, SpatialDropout
        >>> X, y = np.ones((32, 64)), np.ones(32)
        >>> layers = [Conv2D(4, 3), SpatialDropout(0.25)]
        >>> NetworkRegressor(layers=layers, max_epochs=1, random_state=0).fit(X, y).predict(X).shape
        (32,)
    """

    rate: float = 0.2
    by_place: ClassVar[bool] = True

    def check(self) -> None:
        """Raise a ValueError for a number that is no fraction."""
        check_fraction(self, "rate")

    def group(self) -> Declared:
        """Return the layer with a fraction that stands for any but 0."""
        return SpatialDropout(0.5 if self.rate else 0.0)

    def build(self, site: Site) -> list[Layer]:
        """Return the layer; nothing where nothing is left out."""
        image = image_of(site.shape, as_written(self))
        return [SpatialDropoutLayer(site.dropped(self.rate), image.channels, image.places)] if self.rate else []


@dataclass(frozen=True)
class SpatialDropoutLayer(Defaults):
    """y = x·m, with one number m per channel: 0 with probability p, else 1/(1 − p).

    Attributes:
        index: How many dropout layers stand below; also the purpose of its random stream.
        channels: Channels of the image.
        places: Its places.
    """

    index: int
    channels: int
    places: int
    repeats: ClassVar[bool] = False  # each step has a mask of its own
    passes_on: ClassVar[bool] = True

    @property
    def n_out(self) -> int:
        """Width of the output."""
        return self.channels * self.places

    @property
    def mask_width(self) -> int:
        """One number per channel."""
        return self.channels

    def _times(self, workspace: Workspace, x: Array, out: Array) -> list[Op]:
        mask = workspace.masks[self.index]
        shape = (-1, workspace.batch, self.places, self.channels)
        return [multiply(x.reshape(shape), mask[:, :, None], out=out.reshape(shape))]

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit y ← x·m beside x; without a mask hand x on."""
        if self.index not in workspace.masks:
            return [], x
        kept = workspace.buffer("kept", self.index, width=self.n_out)
        return self._times(workspace, x, kept), kept

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
        if first or self.index not in workspace.masks:
            return [], delta, []
        return self._times(workspace, delta, delta), delta, []

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
        if tangent is None or self.index not in workspace.masks:
            return [], tangent
        return self._times(workspace, tangent, tangent), tangent
