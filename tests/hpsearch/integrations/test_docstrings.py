"""The examples of the callbacks, each where its framework is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
from docstrings import examples_of, failures

from hpsearch import integrations

NEEDS = {
    "lightgbm_callback": ["lightgbm"],
    "xgboost_callback": ["xgboost"],
    "catboost_callback": ["catboost"],
    "keras_callback": ["torch", "keras"],
    "lightning_callback": ["torch", "lightning"],
    "transformers_callback": ["torch", "transformers", "accelerate"],
}
"""The packages that each example needs here: Keras could train with another backend than PyTorch."""

SLOW = {"keras_callback", "lightning_callback", "transformers_callback"}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
"""Of the frameworks: what they warn of changes with their versions."""


def test_every_callback_is_here() -> None:
    assert sorted(NEEDS) == sorted(integrations.__all__)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NEEDS])
def test_the_example_of_a_callback_gives_what_it_shows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    callback: Any = getattr(integrations, name)
    for package in NEEDS[name]:
        if find_spec(package) is None:
            pytest.skip(f"pip install {package}")
    tests = examples_of(callback)
    assert tests
    assert not list(failures(tests))
