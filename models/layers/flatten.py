"""From an image to a row of numbers."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Layer
from .declared import Declared, Site
from .shapes import Flat


@dataclass(frozen=True)
class Flatten(Declared):
    """The numbers of an image in a row: (rows, columns, channels), channels innermost. Dense does so by itself.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Conv2D, Flatten, NetworkRegressor
        >>> X, y = np.ones((32, 64)), np.ones(32)  # images of 8 by 8 pixels
        >>> model = NetworkRegressor(layers=[Conv2D(4, 3), Flatten()], max_epochs=1, random_state=0).fit(X, y)
        >>> model.coefs_[-1].shape  # 6 by 6 places of 4 channels
        (144, 1)
    """

    def build(self, site: Site) -> list[Layer]:
        """Return nothing: the numbers lie in a row already."""
        site.shape = Flat(site.shape.width)
        return []
