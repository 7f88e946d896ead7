"""Average pooling: the mean of each window of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..kernels import Array, Op
from ..operations import add, assign, multiply
from .base import Gradient, Layer, Workspace
from .declared import Declared, Site
from .pooling import PoolLayer, build_pool, check_pool


@dataclass(frozen=True)
class AvgPool2D(Declared):
    """The mean of each window, for each channel.

    Attributes:
        size: Rows and columns of a window: an integer, or a pair.
        stride: Steps between windows; None for windows side by side.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import AvgPool2D, Conv2D, NetworkRegressor
        >>> X, y = np.ones((32, 64)), np.ones(32)  # images of 8 by 8 pixels
        >>> layers = [Conv2D(4, 3), AvgPool2D(6)]
        >>> model = NetworkRegressor(layers=layers, max_epochs=1, random_state=0).fit(X, y)
        >>> model.coefs_[-1].shape  # the mean of each of 4 channels
        (4, 1)
    """

    size: int | tuple[int, int] = 2
    stride: int | tuple[int, int] | None = None
    pools: ClassVar[bool] = True

    def check(self) -> None:
        """Raise a ValueError for numbers that are out of range."""
        check_pool(self)

    def build(self, site: Site) -> list[Layer]:
        """Return the layer."""
        return build_pool(self, site, AvgPoolLayer)


@dataclass(frozen=True)
class AvgPoolLayer(PoolLayer):
    """p = mean over the window."""

    def _mean(self, workspace: Workspace, name: str, x: Array) -> tuple[list[Op], Array]:
        mean = workspace.buffer(name, self.index, width=self.n_out)
        first_view, *others = self.windows.views(x)
        flat = self.windows.flat(mean)
        share = np.array(1 / self.windows.count, mean.dtype)
        ops: list[Op] = [assign(first_view, out=flat), *(add(flat, view, out=flat) for view in others)]
        return [*ops, multiply(mean, share, out=mean)], mean

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit the mean."""
        return self._mean(workspace, "pool", x)

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
        """Emit the error below: an equal share for each pixel of the window."""
        windows = self.windows
        below = workspace.buffer("d_pool", self.index, width=windows.image.width)
        share = np.array(1 / windows.count, delta.dtype)
        errors = windows.flat(delta)
        ops: list[Op] = [multiply(delta, share, out=delta)]
        if windows.overlap:
            ops.append((below.fill, (0,)))
        for error in windows.views(below):
            ops.append(add(error, errors, out=error) if windows.overlap else assign(errors, out=error))
        return ops, below, []

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Emit R{p}: the mean of the tangents."""
        return ([], None) if tangent is None else self._mean(workspace, "r_pool", tangent)
