"""Results from elsewhere as a log holds them: what samplers observe beside the study's own trials."""

from __future__ import annotations

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
    """

    params: dict[str, Any]
    values: tuple[float, ...] = ()
    state: Ended = "COMPLETE"
    epoch: int = 0
    source: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; what is usual is left out."""
        told: dict[str, Any] = {"params": self.params}
        usual = Observation(self.params)
        for name in ("values", "state", "epoch", "source"):
            if (value := getattr(self, name)) != getattr(usual, name):
                told[name] = list(value) if name == "values" else value
        return told

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Observation:
        """Return the observation that :meth:`to_json` wrote."""
        return cls(**{**told, "values": tuple(float(value) for value in told.get("values", ()))})


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
        return {"said": list(self.said), "observations": [each.to_json() for each in self.observations]}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Brought:
        """Return what :meth:`to_json` wrote."""
        return cls(tuple(map(Observation.of, told.get("observations", ()))), tuple(told.get("said", ())))
