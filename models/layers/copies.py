"""A copy, where a layer would overwrite what another still needs; the builder of a chain puts it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..kernels import Array, Op
from ..operations import assign
from .base import Defaults, Gradient, Workspace


@dataclass(frozen=True)
class CopyLayer(Defaults):
    """y = x, in memory of its own.

    Attributes:
        index: Names the buffer.
        n_out: Width.
    """

    index: int
    n_out: int

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit the copy."""
        copy = workspace.buffer("copy", self.index, width=self.n_out)
        return [assign(x, out=copy)], copy

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
        """Hand the error on."""
        return [], delta, []

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Hand the tangent on."""
        return [], tangent
