"""What a field of a study may do is said once, on the field."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from hpsearch.study.checks import CHECKS
from hpsearch.study.declaration import CONFIRM, EXTENDABLE, LIMITS
from hpsearch.study.declared import Declaration
from hpsearch.study.registry import PRUNERS, SAMPLERS, PrunerName, SamplerName
from hpsearch.study.settings import Setting, having, may, settings
from hpsearch.study.study import SETTINGS, Study
from hpsearch.study.variants import SETTABLE


def test_what_fields_may_do_is_what_old_logs_and_names_rest_on() -> None:
    """Identities, variants' names and what --extend allows follow from these: they only ever grow."""
    assert LIMITS == ("until", "no_improvement", "budget", "trial_timeout", "trial_memory")
    assert CONFIRM == ("confirm", "confirm_top")
    assert frozenset({"n_trials", *LIMITS, *CONFIRM, "comparison"}) <= EXTENDABLE
    named = {name for name in SETTABLE if SETTINGS[name].named}
    assert set(SETTABLE) - named >= {"data", "n_trials", "confirm"}
    assert named >= {"audit", "direction", "epochs", "lanes", "metric", "pruner", "repeats", "sampler", "seed", "value"}
    assert set(having(Study, "trains")) >= {
        "model",
        "objective",
        "scoring",
        "data",
        "metric",
        "epochs",
        "seed",
        "stages",
    }


def test_what_may_change_stands_in_the_log() -> None:
    recorded = {each.name for each in fields(Declaration)}
    assert recorded >= EXTENDABLE
    assert recorded >= set(SETTABLE)


def test_a_field_without_properties_may_do_nothing() -> None:
    assert settings(Study)["enqueue"] == Setting()
    with pytest.raises(TypeError):
        may(settabel=True)


def test_each_check_takes_fields_of_a_study() -> None:
    known = {each.name for each in fields(Study)}
    assert all(set(reads) <= known for reads in CHECKS.values())


def test_an_editor_completes_the_names_that_there_are() -> None:
    assert set(get_args(SamplerName)) == set(SAMPLERS)
    assert set(get_args(PrunerName)) == set(PRUNERS)
