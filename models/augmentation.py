"""Artificial expansion of the training data: how images may be distorted, and the named distortions.

Affine and elastic distortions after Simard, Steinkraus and Platt, *Best practices for convolutional neural networks
applied to visual document analysis* (2003). `hpsearch.models.training.augmented_images` distorts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any


@dataclass(frozen=True)
class Augmentation:
    """How images are distorted; every amount is drawn anew for every image and epoch.

    Attributes:
        rotation: Largest angle in degrees; angles are uniform in ± that.
        translation: Largest shift in pixels, uniform in ± that, of rows and columns on their own.
        skew: Largest shear, uniform in ± that: columns move by that times the distance from the middle row.
        scale: Largest change of size as a fraction, uniform in ± that, of height and width on their own.
        elastic_sigma: σ, the width in pixels of the Gaussian that smooths the random displacements.
        elastic_alpha: α, the factor on the displacements, which are uniform in ±1 before they are smoothed; 0 for none.

    Raises:
        ValueError: For an amount out of range.

    Examples:
        >>> from hpsearch import Augmentation, MLPClassifier
        >>> shifts = Augmentation(translation=1, rotation=10)  # by up to a pixel and ten degrees
        >>> shifts.affine, MLPClassifier(augmentation=shifts).augmentation.rotation
        (True, 10)
    """

    rotation: float = 0.0
    translation: float = 0.0
    skew: float = 0.0
    scale: float = 0.0
    elastic_sigma: float = 4.0
    elastic_alpha: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value < 0:
                raise ValueError(f"Augmentation: {field.name}={value!r} must be a number ≥ 0")
        if self.scale >= 1:
            raise ValueError(f"Augmentation: scale={self.scale!r} must be below 1")
        if self.elastic_sigma == 0:
            raise ValueError(
                "Augmentation: elastic_sigma=0 must be positive; for no elastic distortion elastic_alpha=0"
            )

    @property
    def affine(self) -> bool:
        """Whether images are rotated, shifted, skewed or scaled."""
        return any((self.rotation, self.translation, self.skew, self.scale))


def _affine(side: int) -> Augmentation:
    return Augmentation(rotation=10.0, translation=side / 28, skew=0.15, scale=0.1)


def _elastic(side: int) -> Augmentation:
    """Return Simard's σ = 4 and α = 34 for 28×28 pixels; a field on a larger grid is wider, and its noise smaller."""
    return Augmentation(elastic_sigma=4.0 * side / 28, elastic_alpha=34.0 * (side / 28) ** 2)


def _affine_elastic(side: int) -> Augmentation:
    elastic = _elastic(side)
    return replace(_affine(side), elastic_sigma=elastic.elastic_sigma, elastic_alpha=elastic.elastic_alpha)


AUGMENTATIONS: dict[str, Callable[[int], Augmentation]] = {
    "affine": _affine,
    "elastic": _elastic,
    "affine_elastic": _affine_elastic,
}
"""Every named augmentation: from the side of an image in pixels to its distortions."""


def validate_augmentation(augmentation: Any, image_shape: Any) -> None:
    """Check what can be checked before the data is seen.

    Args:
        augmentation: None, a name or an `Augmentation`.
        image_shape: None or (rows, columns).

    Raises:
        ValueError: For an unknown name, or a shape that is not square.
    """
    if isinstance(augmentation, str):
        if augmentation not in AUGMENTATIONS:
            close = get_close_matches(augmentation, AUGMENTATIONS, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(AUGMENTATIONS))}"
            raise ValueError(f"augmentation={augmentation!r} is unknown ({hint})")
    elif augmentation is not None and not isinstance(augmentation, Augmentation):
        raise ValueError(f"augmentation={augmentation!r} must be None, 'affine', 'elastic' or an Augmentation")
    if image_shape is None:
        return
    pair = isinstance(image_shape, (tuple, list)) and len(image_shape) == 2
    if not pair or not all(isinstance(s, Integral) and not isinstance(s, bool) and int(s) > 0 for s in image_shape):
        raise ValueError(f"image_shape={image_shape!r} must be two positive integers, such as (28, 28), or None")
    if augmentation is not None and image_shape[0] != image_shape[1]:
        raise ValueError(f"image_shape={tuple(image_shape)!r} is not square: augmentation needs square images")


def image_side(n_features: int, image_shape: tuple[int, int] | None = None) -> int:
    """Return the side of square images in pixels.

    Args:
        n_features: Pixels of an image.
        image_shape: (rows, columns), or None where it is inferred.

    Raises:
        ValueError: The images are not square, or have another number of pixels.
    """
    if image_shape is None:
        side = math.isqrt(n_features)
        if side * side != n_features:
            raise ValueError(f"X has {n_features} features, which is no square: augmentation needs square images")
        return side
    validate_augmentation("affine", image_shape)
    if image_shape[0] * image_shape[1] != n_features:
        raise ValueError(
            f"X has {n_features} features, but image_shape={tuple(image_shape)!r} is expecting "
            f"{image_shape[0] * image_shape[1]} features as input"
        )
    return int(image_shape[0])
