"""What a study that named no sampler or no pruner goes by: said in words, and kept once its log has begun."""

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
    parts = {name: getattr(study, name) for name in ("sampler", "pruner")}
    other = {name: part for name, part in parts.items() if isinstance(part, Unsaid) and part.rule != rule}
    kept: dict[str, Any] = {name: Unsaid(part, rule) for name, part in other.items()}
    return replace(study, **kept) if kept else study


def derived(study: Study, **changes: Any) -> Study:
    """Return a study that is made of another for its own work, such as a stage of it.

    It keeps the sampler and the pruner: a default is chosen for what the user declared, not for the parts of that.

    Args:
        study: The study.
        **changes: What is different in the other.
    """
    parts = {name: getattr(study, name) for name in ("sampler", "pruner")}
    chosen = {name: str(part) for name, part in parts.items() if isinstance(part, Unsaid)}
    return replace(study, **{**chosen, **changes})


def in_words(study: Study) -> str | None:
    """Return in a line what was taken for a study that named no sampler or no pruner; None where that says nothing."""
    sampler, pruner = study.sampler, study.pruner
    unsaid = [each for each in (sampler, pruner) if isinstance(each, Unsaid)]
    if not unsaid:
        return None
    pair = default_of(about(study), unsaid[0].rule)
    if not isinstance(pruner, Unsaid):
        return f"sampler {sampler}: the default for {pair.kind} beside a pruner that was named (docs/search.md)"
    if not isinstance(sampler, Unsaid):
        if pauses(sampler):
            return None  # it stops its trials itself
        return f"pruner {pruner}: the default beside a sampler that was named (docs/search.md)"
    both = f"sampler {sampler}" if sampler in PAUSING else f"sampler {sampler}, pruner {pruner}"
    return f"{both}: the default for {pair.kind}, as {pair.why} (docs/search.md)"


def about(study: Study) -> About:
    """Return what of a study decides its kind."""
    return About(*(getattr(study, name) for name in About._fields))
