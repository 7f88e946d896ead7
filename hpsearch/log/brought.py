"""Results from elsewhere as a log holds them: what samplers observe beside the study's own trials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Ended = Literal["COMPLETE", "PRUNED", "FAILED"]


@dataclass(frozen=True)
class Observation:
    """A point that was tried elsewhere, in the space of this study.

    Attributes:
        params: One value per active dimension.
        values: The goal's metrics there, the first one first; the mean over repeats. Empty where nothing was measured.
        state: How it ended.
        epoch: The last epoch that it trained, where that is known, else 0.
        source: Place of its source among the study's.
        curve: The first metric by epoch, as (epoch, value) in the order of the epochs, where the source has it: as it
            was measured, not the best so far; the mean over repeats. An Optuna study may count from 0, or in steps.
        began: When it began, in seconds since 1970, where the source has it, else None.
        ended: When it ended, likewise.
    """

    params: dict[str, Any]
    values: tuple[float, ...] = ()
    state: Ended = "COMPLETE"
    epoch: int = 0
    source: int = 0
    curve: tuple[tuple[int, float], ...] = ()
    began: float | None = None
    ended: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; what is usual is left out."""
        fields: dict[str, Any] = {"params": self.params}
        usual = Observation(self.params)
        for name in ("values", "state", "epoch", "source", "curve", "began", "ended"):
            if (value := getattr(self, name)) != getattr(usual, name):
                fields[name] = list(value) if name == "values" else value
        if self.curve:
            fields["curve"] = [[epoch, value if math.isfinite(value) else str(value)] for epoch, value in self.curve]
        return fields

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Observation:
        """Return the observation that :meth:`to_json` wrote."""
        values = tuple(float(value) for value in fields.get("values", ()))
        curve = tuple((int(epoch), float(value)) for epoch, value in fields.get("curve", ()))
        return cls(**{**fields, "values": values, "curve": curve})


@dataclass(frozen=True)
class Brought:
    """All that a study was told of results from elsewhere.

    Attributes:
        observations: What was tried, source after source, in the order in which each tells it.
        said: What was taken of each source, in a line each.
    """

    observations: tuple[Observation, ...] = ()
    said: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; nothing where there is nothing."""
        if not self.observations and not self.said:
            return {}
        return {"said": list(self.said), "observations": [observation.to_json() for observation in self.observations]}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Brought:
        """Return what :meth:`to_json` wrote."""
        return cls(tuple(map(Observation.of, fields.get("observations", ()))), tuple(fields.get("said", ())))
