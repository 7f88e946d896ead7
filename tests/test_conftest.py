"""The settings that hold for the whole suite."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import HealthCheck, settings


def test_no_example_of_a_property_fails_because_the_machine_was_busy() -> None:
    own = re.compile(r"\b(?:settings\([^)]*deadline|register_profile|load_profile)")
    ours = [
        path for path in Path(__file__).parent.rglob("*.py") if path.name not in ("conftest.py", Path(__file__).name)
    ]
    assert settings.default is not None
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check
    assert not [path.name for path in ours if own.search(path.read_text(encoding="utf-8"))], "one profile for all"
