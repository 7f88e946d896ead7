"""Earlier trials under a space that has more dimensions than the one that they were asked from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hpsearch.log.records import Extension
from hpsearch.log.trial import Trial
from hpsearch.space import active, from_json


def complete(trials: Iterable[Trial], extension: Extension) -> None:
    """Give trials the values that they had in the dimensions which an extension adds."""
    if not extension.earlier:
        return
    space = from_json(extension.declaration["space"])
    for trial in trials:
        params = {**extension.earlier, **trial.params}
        kept = {name: params[name] for name in active(space, params) if name in params}
        trial.ask = replace(trial.ask, params={**trial.params, **kept})
