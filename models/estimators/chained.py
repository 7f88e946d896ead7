"""An estimator whose network is a chain of layers: what is within the layers counts among its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from .. import chain
from ..layers import Declared


class Chained:
    """Reads and sets what is within layers by names such as ``layers__0__filters``."""

    layers: Sequence[Declared]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; where deep, the layers and their fields too.

        Args:
            deep: Whether what is within layers is named.
        """
        params: dict[str, Any] = super().get_params(deep=False)  # type: ignore[misc]
        return {**params, **chain.parameters_of(params["layers"])} if deep else params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, also those within layers; the layers themselves are values, which are replaced.

        Args:
            params: Values by name.

        Raises:
            ValueError: There is no such parameter, or no such place in a layer.
        """
        inner = {name: value for name, value in params.items() if name.startswith("layers__")}
        super().set_params(**{name: value for name, value in params.items() if name not in inner})  # type: ignore[misc]
        if inner:
            self.layers = chain.with_parameters(self.layers, inner)
        return self
