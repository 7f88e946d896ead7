"""From an image to a row of numbers."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Layer
from .declared import Declared, Site
from .shapes import Flat


@dataclass(frozen=True)
class Flatten(Declared):
    """The numbers of an image in a row: (rows, columns, channels), channels innermost. Dense does so by itself."""

    def build(self, site: Site) -> list[Layer]:
        """Return nothing: the numbers lie in a row already."""
        site.shape = Flat(site.shape.width)
        return []
