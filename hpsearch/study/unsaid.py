"""The defaults of a study that named no sampler or no pruner: told in words, and kept once its log has begun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hpsearch.study.checks import pauses
from hpsearch.study.defaults import PAUSING, About, Unsaid, default_of
from hpsearch.study.study import Study


def under(study: Study, rules: Mapping[str, int] | None) -> Study:
    """Return a study with the defaults under which its log was begun.

    Args:
        study: The study.
        rules: The rules that its log names; None where there is no log: the study is as it is.
    """
    if rules is None:
        return study
    rule = rules.get("defaults", 1)
    changes: dict[str, Any] = {
        name: Unsaid(default, rule)
        for name in ("sampler", "pruner")
        if isinstance(default := getattr(study, name), Unsaid) and default.rule != rule
    }
    return replace(study, **changes) if changes else study


def derived(study: Study, **changes: Any) -> Study:
    """Return a study that is made of another for its own work, such as a stage of it.

    It keeps the sampler and the pruner by their names: a default is chosen for what the user declared, not for what is
    derived from it.

    Args:
        study: The study.
        **changes: What is different in the other.
    """
    defaults = {
        name: str(default) for name in ("sampler", "pruner") if isinstance(default := getattr(study, name), Unsaid)
    }
    return replace(study, **{**defaults, **changes})


def in_words(study: Study) -> str | None:
    """Return in a line what was taken for a study that named no sampler or no pruner; None where that says nothing."""
    sampler, pruner = study.sampler, study.pruner
    defaults = [name for name in (sampler, pruner) if isinstance(name, Unsaid)]
    if not defaults:
        return None
    pair = default_of(about(study), defaults[0].rule)
    if not isinstance(pruner, Unsaid):
        return f"sampler {sampler}: the default for {pair.kind} beside a pruner that was named (docs/search.md)"
    if not isinstance(sampler, Unsaid):
        if pauses(sampler):
            return None  # it stops its trials itself
        return f"pruner {pruner}: the default beside a sampler that was named (docs/search.md)"
    both = f"sampler {sampler}" if sampler in PAUSING else f"sampler {sampler}, pruner {pruner}"
    return f"{both}: the default for {pair.kind}, as {pair.why} (docs/search.md)"


def about(study: Study) -> About:
    """Return the fields of a study by which its kind is told."""
    return About(*(getattr(study, name) for name in About._fields))
