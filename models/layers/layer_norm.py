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

    There is one γ and one β per neuron, or per channel of an image: with images that is a group norm of one group.
    After weights it stands between them and their activation.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Dense, LayerNorm, NetworkRegressor
        >>> X, y = np.random.default_rng(0).random((32, 5)), np.ones(32)
        >>> model = NetworkRegressor(layers=[Dense(8, "identity"), LayerNorm()], max_epochs=1, random_state=0).fit(X, y)
        >>> model.predict(X).shape
        (32,)
    """

    goes_before: ClassVar[Literal["", "implied", "monotone"]] = "implied"
    by_place: ClassVar[bool] = True

    def build(self, site: Site) -> list[Layer]:
        """Return the layer."""
        channels = site.shape.channels
        return [GroupNormLayer(site.number("norm"), 1, channels, site.shape.width // channels)]
