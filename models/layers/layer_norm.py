"""Layer normalisation: each sample's numbers are normalised by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from .base import Layer
from .declared import Declared, Site
from .group_norm import GroupNormLayer


@dataclass(frozen=True)
class LayerNorm(Declared):
    """All numbers of a sample are normalised together (Ba, Kiros and Hinton 2016).

    γ and β are one a neuron, or one a channel of an image: with images that is a group norm of one group. After weights
    it stands between them and their activation.
    """

    goes_before: ClassVar[Literal["", "implied", "monotone"]] = "implied"
    by_place: ClassVar[bool] = True

    def build(self, site: Site) -> list[Layer]:
        """Return the layer."""
        channels = site.shape.channels
        return [GroupNormLayer(site.number("norm"), 1, channels, site.shape.width // channels)]
