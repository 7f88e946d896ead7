"""The number of training samples as a trial's resource, and the penalties that are rescaled with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hpsearch.errors import UserError, did_you_mean

ResourceName = Literal["auto", "epochs", "iterations", "samples", "fit"]
RESOURCES: tuple[ResourceName, ...] = ("auto", "epochs", "iterations", "samples", "fit")


@dataclass(frozen=True)
class Samples:
    """At epoch r of R a model is fitted anew to the first r/R of the training samples, stratified and nested.

    A penalty that suits few samples is too strong for many. With these parameters named, a trial is regularised on
    each part as its values mean it on all n samples, by the rule that keeps ηλ/n: on n' samples

    - ``proportional`` ones are multiplied by n'/n (a λ that is weighed against a sum over samples, as ``alpha`` of
      Ridge),
    - ``inverse`` ones by n/n' (what weighs that sum, as ``C`` of LogisticRegression and SVC).

    A penalty that is weighed against a mean over samples, as ``alpha`` of SGDClassifier, stays as it is.

    Attributes:
        proportional: Names of the model's parameters, in a pipeline such as ``"ridge__alpha"``.
        inverse: Likewise.

    Examples:
        >>> from hpsearch import Samples
        >>> Samples(inverse="C").rescaled({"C": 1.0}, share=0.25)  # a quarter of the samples
        {'C': 4.0}
    """

    proportional: Sequence[str] = ()
    inverse: Sequence[str] = ()

    def __post_init__(self) -> None:
        for kind in ("proportional", "inverse"):
            names = getattr(self, kind)
            names = (names,) if isinstance(names, str) else tuple(names)
            if not all(isinstance(name, str) and name for name in names):
                raise UserError(f"Samples({kind}={names!r}): give the names of parameters, such as 'C'")
            object.__setattr__(self, kind, names)
        if both := set(self.proportional) & set(self.inverse):
            raise UserError(f"Samples: {min(both)!r} is named as proportional and as inverse")

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters that are rescaled."""
        return (*self.proportional, *self.inverse)

    def rescaled(self, params: Mapping[str, Any], share: float) -> dict[str, Any]:
        """Return the parameters that have to change where a model is fitted to a part of the samples.

        Args:
            params: Parameters by name, as they suit all samples.
            share: The part, n'/n.

        Returns:
            The changed ones, by name; the others are left out.
        """
        changed: dict[str, Any] = {}
        for name in self.names:
            value = params.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                changed[name] = value * share if name in self.proportional else value / share
        return changed


def check_resource(resource: Any, model: Any) -> None:
    """Raise a UserError where a study's resource is unknown, or does not go with its model."""
    if isinstance(resource, Samples):
        params = {} if model is None else model.get_params(deep=True)
        for name in resource.names:
            if name not in params:
                hint = did_you_mean(name, params)
                raise UserError(f"resource: {type(model).__name__} has no parameter {name!r}{hint}")
    elif resource not in RESOURCES:
        raise UserError(f"unknown resource {resource!r}{did_you_mean(str(resource), RESOURCES)}, or give Samples(…)")
    if model is None and resource != "auto":
        raise UserError("resource= goes with model=; an objective yields its own epochs")
