"""Results that a study's samplers know before its first trial: of other studies, a table of points, an Optuna study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.space import Space, SpaceFunction, check_value
from hpsearch.space.dimensions import json_value


@dataclass(frozen=True)
class WarmStart:
    """Results from elsewhere, which samplers take for observations: no trials of the study, and never its best.

    Attributes:
        source: Where they are: the name of a study in the same root; the path of a study's folder in any root, of a csv
            file of points and values, or of an Optuna journal or sqlite file; the URL of an Optuna storage, with
            ``#NAME`` where it holds several studies; or an Optuna study.
        earlier: Values that its points had in dimensions which they do not tell. What is not given here is the source's
            own model's value, where it is a study of a model, else that of the study's model.
        first: Try its best points, so many, as the study's first trials too.

    Raises:
        UserError: The source is none of these, or ``first`` is no number of points.

    Examples:
        >>> import pandas as pd
        >>> from hpsearch import Float, Study, WarmStart
        >>> pd.DataFrame({"x": [0.2, 0.7], "value": [0.5, 0.9]}).to_csv("earlier.csv", index=False)
        >>> def objective(trial):
        ...     return trial["x"]
        >>> study = Study("warm", objective=objective, space={"x": Float(0, 1)}, n_trials=2, metric="value", lanes=1,
        ...               warm_start=WarmStart("earlier.csv", first=1))
        >>> study.run(tracking=False, quiet=True).trials["params.x"].tolist()[0]  # the best of the file comes first
        0.7
    """

    source: Any
    earlier: Mapping[str, Any] = field(default_factory=dict)
    first: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.source, Path):
            object.__setattr__(self, "source", str(self.source))
        if not (isinstance(self.source, str) and self.source) and not is_optuna(self.source):
            raise UserError(f"warm_start: {self.source!r} is no name, path, URL or Optuna study")
        if not isinstance(self.earlier, Mapping):
            raise UserError(f"warm_start: earlier must be a dict of values by name, not {self.earlier!r}")
        if isinstance(self.first, bool) or not isinstance(self.first, int) or self.first < 0:
            raise UserError(f"warm_start: first must be a number of points, not {self.first!r}")

    @property
    def name(self) -> str:
        """What the source is called: what was given, an address without user, password and query."""
        if not isinstance(self.source, str):
            return f"Optuna study {self.source.study_name!r}"
        if "://" not in self.source:
            return self.source
        scheme, _, location = self.source.partition("://")
        address, sign, study = location.partition("#")
        host, slash, path = address.partition("?")[0].partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}{sign}{study}"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON values that a log holds of it."""
        earlier = {name: json_value(value, f"warm_start: earlier {name}") for name, value in self.earlier.items()}
        return {
            "source": self.name,
            **({"earlier": earlier} if earlier else {}),
            **({"first": self.first} if self.first else {}),
        }


def is_optuna(source: Any) -> bool:
    """Return whether something is an Optuna study, without importing Optuna."""
    return hasattr(source, "study_name") and hasattr(source, "get_trials") and hasattr(source, "directions")


def check_warm_start(sources: Any, space: Space | SpaceFunction, stages: Any) -> tuple[WarmStart, ...]:
    """Return the sources of a study's results from elsewhere as a tuple of :class:`WarmStart`.

    Args:
        sources: A source, a :class:`WarmStart`, a list of either, or nothing.
        space: What is searched.
        stages: The study's stages, or None.

    Raises:
        UserError: A source is none of these, or does not go with the space or the stages.
    """
    if sources is None:
        return ()
    alone = isinstance(sources, str | Path | WarmStart) or is_optuna(sources) or not isinstance(sources, Sequence)
    warm_starts = tuple(
        source if isinstance(source, WarmStart) else WarmStart(source) for source in ([sources] if alone else sources)
    )
    if warm_starts and stages is not None:
        raise UserError("warm_start goes without stages=: the values of a smaller problem are on another scale")
    if callable(space):
        if any(source.first for source in warm_starts):
            raise UserError("warm_start: first= needs a space of dimensions, not a function")
        return warm_starts
    for source in warm_starts:
        for name, value in source.earlier.items():
            check_value(space, name, value, "warm_start: earlier")
    return warm_starts
