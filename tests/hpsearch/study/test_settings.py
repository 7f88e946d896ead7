"""What a field of a study may do is said once, on the field."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from hpsearch.cli import cli
from hpsearch.study.checks import CHECKS
from hpsearch.study.declaration import CONFIRM, EXTENDABLE, LIMITS
from hpsearch.study.declared import Declaration
from hpsearch.study.registry import PRUNERS, SAMPLERS, PrunerName, SamplerName
from hpsearch.study.settings import Setting, flag, having, may, settings
from hpsearch.study.study import SETTINGS, Study
from hpsearch.study.variants import SETTABLE

ROOT = Path(__file__).resolve().parents[3]


def test_what_fields_may_do_is_what_old_logs_and_names_rest_on() -> None:
    """Identities, variants' names and what --extend allows follow from these: they only ever grow."""
    assert LIMITS == ("until", "no_improvement", "budget", "trial_timeout", "trial_memory")
    assert CONFIRM == ("confirm", "confirm_top")
    assert frozenset({"n_trials", *LIMITS, *CONFIRM, "comparison"}) <= EXTENDABLE
    in_names = {name for name in SETTABLE if SETTINGS[name].named}
    assert set(SETTABLE) - in_names >= {"data", "n_trials", "confirm"}
    assert in_names >= {
        "audit",
        "direction",
        "epochs",
        "lanes",
        "metric",
        "pruner",
        "repeats",
        "sampler",
        "seed",
        "value",
    }
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
    recorded = {field.name for field in fields(Declaration)}
    assert recorded >= EXTENDABLE
    assert recorded >= set(SETTABLE)


def test_what_may_change_of_a_study_that_has_begun() -> None:
    extensible = {"sampler", "pruner", "lanes", "epochs", "audit", "space", "warm_start", "duplicates"}
    assert set(having(Study, "extensible")) == extensible
    fixed = {"name", "data", "metric", "direction", "value", "seed", "stages", "cv", "groups", "lookback"}
    assert set(having(Study, "fixed")) == fixed
    code = {"objective", "model", "constraints", "scoring", "sampler", "pruner", "space", "version", "cost"}
    assert set(having(Study, "code")) == code


def test_run_has_an_option_for_each_field_that_is_typed() -> None:
    params = {param.name: param for param in cli.commands["run"].params}
    for name in having(Study, "typed"):
        assert params[name].opts == [flag(name)]
    assert flag("n_trials") == "--trials"


def test_the_page_shows_the_fields_as_they_are() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "fields.py"), "--check"]
    completed = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_a_field_without_properties_may_do_nothing() -> None:
    assert settings(Study)["enqueue"] == Setting()
    with pytest.raises(TypeError):
        may(settabel=True)


def test_each_check_takes_fields_of_a_study() -> None:
    study_fields = {field.name for field in fields(Study)}
    assert all(set(reads) <= study_fields for reads in CHECKS.values())


def test_an_editor_completes_the_names_that_there_are() -> None:
    assert set(get_args(SamplerName)) == set(SAMPLERS)
    assert set(get_args(PrunerName)) == set(PRUNERS)
