"""Max pooling: the largest number of each window of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ..kernels import Array, Op
from ..operations import add, assign, equal, maximum, multiply, subtract
from .base import Gradient, Layer, Workspace
from .declared import Declared, Site
from .pooling import PoolLayer, build_pool, check_pool


@dataclass(frozen=True)
class MaxPool2D(Declared):
    """The largest number of each window, for each channel.

    Attributes:
        size: Rows and columns of a window: an integer, or a pair.
        stride: Steps between windows; None for windows side by side.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Conv2D, MaxPool2D, NetworkRegressor
        >>> X, y = np.ones((32, 64)), np.ones(32)  # images of 8 by 8 pixels
        >>> layers = [Conv2D(4, 3), MaxPool2D(2)]
        >>> model = NetworkRegressor(layers=layers, max_epochs=1, random_state=0).fit(X, y)
        >>> model.coefs_[-1].shape  # 4 channels of 3 by 3 places
        (36, 1)
    """

    size: int | tuple[int, int] = 2
    stride: int | tuple[int, int] | None = None
    goes_before: ClassVar[Literal["", "implied", "monotone"]] = "monotone"
    pools: ClassVar[bool] = True

    def check(self) -> None:
        """Raise a ValueError for numbers that are out of range."""
        check_pool(self)

    def build(self, site: Site) -> list[Layer]:
        """Return the layer."""
        return build_pool(self, site, MaxPoolLayer)


@dataclass(frozen=True)
class MaxPoolLayer(PoolLayer):
    """p = max over the window; the error goes to the first of its pixels that is the largest."""

    keeps_output: ClassVar[bool] = True

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit the maximum."""
        largest = workspace.buffer("pool", self.index, width=self.n_out)
        views = self.windows.views(x)
        flat = self.windows.flat(largest)
        if len(views) == 1:
            return [assign(views[0], out=flat)], largest
        return [maximum(views[0], views[1], out=flat), *(maximum(flat, view, out=flat) for view in views[2:])], largest

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
        """Emit the error below, pixel by pixel of the window: who has it takes it from what is left."""
        windows = self.windows
        below = workspace.buffer("d_pool", self.index, width=windows.image.width)
        remaining = windows.flat(delta)
        largest = windows.flat(out)
        is_largest = np.empty(remaining.shape, bool)
        taken = np.empty_like(remaining) if windows.overlap else None
        ops: list[Op] = [(below.fill, (0,))] if windows.overlap else []
        values = windows.views(x)
        errors = windows.views(below)
        for value, error in zip(values[:-1], errors[:-1], strict=True):
            share = error if taken is None else taken
            ops += [
                equal(value, largest, out=is_largest),
                multiply(remaining, is_largest, out=share),
                subtract(remaining, share, out=remaining),
            ]
            if taken is not None:
                ops.append(add(error, taken, out=error))
        last = errors[-1]
        ops.append(assign(remaining, out=last) if taken is None else add(last, remaining, out=last))
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
        """Emit R{p}: that of the first pixel that is the largest."""
        if tangent is None:
            return [], None
        moved = workspace.buffer("r_pool", self.index, width=self.n_out)
        windows = self.windows
        flat = self.windows.flat(moved)
        largest = windows.flat(out)
        is_largest = np.empty(flat.shape, bool)
        *others, last = zip(windows.views(x), windows.views(tangent), strict=True)
        ops: list[Op] = [assign(last[1], out=flat)]
        for value, change in reversed(others):
            ops += [
                equal(value, largest, out=is_largest),
                assign(change, out=flat, where=is_largest),
            ]
        return ops, moved
