"""The chapter's ladder of smaller problems: what a stage leaves out, and what an epoch of it costs.

The λ rule keeps the weight decay of one update the same: an update multiplies weights by 1 − ηλ/n, so that
ηλ/n = ηλ'/n' gives λ' = λ·n'/n for a stage that trains on n' of n samples; l1, whose update subtracts ηλ/n, goes the
same way. What is searched and logged is always the full problem's λ, and the stage translates it. The rule does *not*
keep the decay of an epoch, which has n'/batch_size updates in place of n/batch_size; and for an optimizer that rescales
its gradient (adam, rmsprop), where ηλ/n is not what a weight loses in an update, it is a convention.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from hpsearch.models.datasets import Dataset

MISLED = ("widen", "skip", "keep")
"""The values of ``if_misleading``: what may be done with the next stage where one misleads."""

LEVERS = ("classes", "hidden_layer_sizes", "train", "valid", "epochs", "image_size")
"""What makes a stage smaller than the full problem."""

DECAYS = ("l1", "l2")
"""Parameters that the λ rule translates."""

AUTO_TRAIN = (1_000, 5_000)
"""Training samples of the small stages of ``stages="auto"``: of 50,000 a fiftieth and a tenth, steps of equal size."""

AUTO_VALID = 2_000
"""Most validation samples of a small stage: with more, it would validate for longer than it trains."""

AUTO_EPOCHS = 8
"""Most epochs of a small stage after the first: it only has to rank, and its last epochs cost the most."""

AUTO_PROMOTE = 0.25
"""What a small stage promotes to another small one, where a point is still cheap."""

AUTO_RATIO = 4
"""A stage of ``stages="auto"`` has at most one in so many of the training samples: otherwise it would save little."""


@dataclass(frozen=True)
class Scale:
    """One stage of the ladder; what is None is as in the full problem.

    Attributes:
        classes: Labels that are kept, such as ``(0, 1)``.
        hidden_layer_sizes: In place of the model's; ``()`` for no hidden layer.
        train: Training samples that are kept.
        valid: Validation samples that are kept.
        epochs: Most epochs of a trial.
        image_size: Side, or rows and columns, that images are averaged to.
        lambda_rule: Whether l1 and l2 are multiplied by n'/n, the stage's share of the training samples.
        trials: Trials of this stage, repeats counted; None: its share of those that are left, by 1/√cost.
        promote: How many of its best points enter the next stage: a count, a fraction (a float) of its points, or a
            confidence such as ``"95%"``: all that it cannot tell from the best.
        calibration: Points drawn at random from the others that enter the next stage beside them, to measure how well
            this stage ranks.
        margin: How far the next stage's space reaches beyond the points that it is drawn around, as a fraction of the
            study's space in each dimension.
        if_misleading: What happens to the next stage once it shows, by its interval, that this one misleads: ``widen``
            (it goes on in a wider space), ``skip`` (it goes on as if this stage had been left out) or ``keep`` (it
            goes on around what this stage promoted, whatever that is worth there).

    Raises:
        UserError: A value is invalid.

    Examples:
        >>> from hpsearch import Float, MLPClassifier, Scale, Study
        >>> stages = [Scale(classes=(0, 1), train=100, epochs=2, promote=2), Scale()]
        >>> study = Study("ladder", MLPClassifier((8,), max_epochs=5), space={"learning_rate": Float(0.01, 1)},
        ...               data="digits", stages=stages)
        >>> study.stages[0].train, study.stages[1].train
        (100, None)
    """

    classes: Sequence[Any] | None = None
    hidden_layer_sizes: Sequence[int] | None = None
    train: int | None = None
    valid: int | None = None
    epochs: int | None = None
    image_size: int | Sequence[int] | None = None
    lambda_rule: bool = True
    trials: int | None = None
    promote: int | float | str = 0.125
    calibration: int = 4
    margin: float = 0.1
    if_misleading: Literal["widen", "skip", "keep"] = "widen"

    def __post_init__(self) -> None:
        for key in ("train", "valid", "epochs", "trials"):
            self._whole(key, getattr(self, key), 1, optional=True)
        self._whole("calibration", self.calibration, 0)
        if self.if_misleading not in MISLED:
            hint = did_you_mean(str(self.if_misleading), MISLED)
            raise UserError(f"Scale: if_misleading={self.if_misleading!r} must be one of {', '.join(MISLED)}{hint}")
        if isinstance(self.promote, str):
            confidence(self.promote)
        elif isinstance(self.promote, float):
            if not 0 < self.promote <= 1:
                raise UserError(
                    f"Scale: promote={self.promote!r} must be a fraction in (0, 1], a whole number or a text as '95%'"
                )
        else:
            self._whole("promote", self.promote, 1)
        if isinstance(self.margin, bool) or not isinstance(self.margin, int | float) or not 0 <= self.margin <= 1:
            raise UserError(f"Scale: margin={self.margin!r} must be a fraction in [0, 1]")
        for key in ("classes", "hidden_layer_sizes"):
            value = getattr(self, key)
            if value is None:
                continue
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise UserError(f"Scale: {key}={value!r} must be a tuple")
            object.__setattr__(self, key, tuple(value))
        if self.image_size is not None:
            size = self.image_size
            sides = (size, size) if isinstance(size, int) else tuple(size)
            if len(sides) != 2:
                raise UserError(f"Scale: image_size={size!r} must be one number, or rows and columns")
            for side in sides:
                self._whole("image_size", side, 1)
            object.__setattr__(self, "image_size", sides)

    @property
    def is_full(self) -> bool:
        """Whether it is the full problem."""
        return all(getattr(self, key) is None for key in LEVERS)

    def to_json(self) -> dict[str, Any]:
        """Return the stage as JSON values; what has its default is left out."""
        changed = {item.name: value for item in fields(self) if (value := getattr(self, item.name)) != item.default}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in changed.items()}

    def _whole(self, key: str, value: Any, lowest: int, *, optional: bool = False) -> None:
        if value is None and optional:
            return
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise UserError(f"Scale: {key}={value!r} must be a whole number of at least {lowest}")


def confidence(text: str) -> float:
    """Return the confidence that a text such as ``95%`` says, as a share.

    Raises:
        UserError: It says none between 50 and 100 %.
    """
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = math.nan
    if not text.endswith("%") or not 0.5 < share < 1:
        raise UserError(f"Scale: promote={text!r} must be a confidence above 50% and below 100%, such as '95%'")
    return share


Stages = Sequence[Scale] | Literal["auto"]


def check_stages(stages: Any) -> tuple[Scale, ...] | Literal["auto"]:
    """Return declared stages as a tuple of scales, or the word auto.

    Raises:
        UserError: They are something else, or do not end with the full problem.
    """
    if isinstance(stages, str) and stages == "auto":
        return "auto"
    if isinstance(stages, str) or not isinstance(stages, Sequence) or not stages:
        raise UserError(f"stages must be 'auto' or a list such as [Scale(train=1000), Scale()], not {stages!r}")
    for i, scale in enumerate(stages):
        if not isinstance(scale, Scale):
            raise UserError(f"stages[{i}]: {scale!r} is no Scale(…)")
        if scale.is_full and i + 1 < len(stages):
            raise UserError(f"stages[{i}]: Scale() is the full problem; only the last stage is")
    if not stages[-1].is_full:
        raise UserError("stages: the last one must be the full problem, Scale()")
    return tuple(stages)


def auto(dataset: Dataset) -> tuple[Scale, ...]:
    """Return a ladder that suits the size of a data set: 1,000, then 5,000 training samples, then all.

    A small set has one small stage, of a quarter of its samples. A stage validates on as many samples as it trains on,
    where there are so many, up to 2,000: with fewer, the grain of an accuracy hides what is to be ranked. λ is taken as
    it is.
    """
    n, m = len(dataset.y_train), len(dataset.y_valid)
    sizes = [size for size in AUTO_TRAIN if size * AUTO_RATIO <= n] or [n // AUTO_RATIO]
    fewest = 1 if dataset.classes is None else len(dataset.classes)
    # Without the λ rule: so measured, a small problem ranks λ better (docs/scaled-down.md).
    small = [Scale(train=size, valid=min(size, AUTO_VALID, m), lambda_rule=False) for size in sizes if size >= fewest]
    small[:-1] = [replace(scale, promote=AUTO_PROMOTE) for scale in small[:-1]]
    small[1:] = [replace(scale, epochs=AUTO_EPOCHS, calibration=3) for scale in small[1:]]
    return (*small, Scale())


def settle(stages: Stages, dataset: Dataset, seed: int) -> tuple[Scale, ...]:
    """Return stages with the sizes of their training and validation parts filled in, except the full problem's.

    Args:
        stages: What the study declares.
        dataset: Its data.
        seed: The study's seed.

    Raises:
        UserError: The data do not have what a stage wants.
    """
    settled = []
    for i, scale in enumerate(auto(dataset) if stages == "auto" else stages):
        if scale.is_full:
            settled.append(scale)
            continue
        try:
            small = reduced(scale, dataset, seed)
        except ValueError as error:
            raise UserError(f"stages[{i}]: {error}") from error
        settled.append(replace(scale, train=len(small.y_train), valid=len(small.y_valid)))
    return tuple(settled)


def reduced(scale: Scale, dataset: Dataset, seed: int) -> Dataset:
    """Return the part of a data set that a stage trains on; the whole set for the full problem."""
    from hpsearch.models.datasets.subset import subset

    size = scale.image_size
    assert size is None or not isinstance(size, int), "a Scale keeps rows and columns"
    sides = None if size is None else (size[0], size[1])
    return subset(dataset, seed, classes=scale.classes, train=scale.train, valid=scale.valid, image_size=sides)


def translated(scale: Scale, params: Mapping[str, Any], n: int) -> dict[str, Any]:
    """Return parameters of the full problem as a stage trains with them.

    Args:
        scale: The stage, settled.
        params: Parameters by name; in a pipeline a name ends in ``__l2`` and the like.
        n: Training samples of the full problem.
    """
    share = 1.0 if scale.train is None else scale.train / n
    translated_params = {}
    for name, value in params.items():
        bare_name = name.rpartition("__")[2]
        if bare_name == "hidden_layer_sizes" and scale.hidden_layer_sizes is not None:
            value = tuple(scale.hidden_layer_sizes)
        elif bare_name == "max_epochs" and scale.epochs is not None:
            value = min(int(value), scale.epochs)
        elif bare_name in DECAYS and scale.lambda_rule and share != 1 and isinstance(value, int | float):
            value = value * share
        translated_params[name] = value
    return translated_params


def scale_text(scale: Scale) -> str:
    """Return in words what a stage is: ``2 classes, no hidden layer, 1,000 training samples``."""
    words = []
    if scale.classes is not None:
        words.append(f"{len(scale.classes)} classes")
    if scale.hidden_layer_sizes is not None:
        sizes = "x".join(map(str, scale.hidden_layer_sizes))
        words.append(f"hidden layers {sizes}" if sizes else "no hidden layer")
    if scale.train is not None:
        words.append(f"{scale.train:,} training samples")
    if scale.valid is not None:
        words.append(f"{scale.valid:,} validation samples")
    if scale.epochs is not None:
        words.append(f"{scale.epochs} epochs")
    if scale.image_size is not None and not isinstance(scale.image_size, int):
        words.append(f"{scale.image_size[0]}x{scale.image_size[1]} pixels")
    return ", ".join(words) or "the full problem"
