"""Earlier trials under a space that has more dimensions than the one that they were asked from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hpsearch.log.brought import Brought
from hpsearch.log.records import Extension
from hpsearch.log.trial import Trial
from hpsearch.space import active, from_json


def complete(trials: Iterable[Trial], brought: Brought, extension: Extension) -> Brought:
    """Give trials the values that they had in the dimensions which an extension adds, and return observations so."""
    if not extension.earlier:
        return brought
    space = from_json(extension.declaration["space"])

    def completed(asked: dict[str, Any]) -> dict[str, Any]:
        params = {**extension.earlier, **asked}
        return asked | {name: params[name] for name in active(space, params) if name in params}

    for trial in trials:
        trial.ask = replace(trial.ask, params=completed(trial.params))
    return replace(
        brought,
        observations=tuple(
            replace(observation, params=completed(observation.params)) for observation in brought.observations
        ),
    )
