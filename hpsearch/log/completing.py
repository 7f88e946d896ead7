"""Earlier trials under a wider space: they get the values that they had in the dimensions which were added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hpsearch.log.brought import Brought
from hpsearch.log.records import Extension
from hpsearch.log.trial import Trial
from hpsearch.space import active, from_json


def complete(trials: Iterable[Trial], brought: Brought, extension: Extension) -> Brought:
    """Add to earlier points the values that they had in the dimensions which an extension adds.

    Args:
        trials: The trials so far; their asks are replaced.
        brought: Results from elsewhere.
        extension: What says the values (``earlier``); where it says none, nothing changes.

    Returns:
        The results from elsewhere with the same values added.
    """
    if not extension.earlier:
        return brought
    space = from_json(extension.declaration["space"])

    def completed(params: dict[str, Any]) -> dict[str, Any]:
        all_params = {**extension.earlier, **params}
        return params | {name: all_params[name] for name in active(space, all_params) if name in all_params}

    for trial in trials:
        trial.ask = replace(trial.ask, params=completed(trial.params))
    return replace(
        brought,
        observations=tuple(
            replace(observation, params=completed(observation.params)) for observation in brought.observations
        ),
    )
