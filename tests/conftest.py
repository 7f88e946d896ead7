"""Settings of the whole suite."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# An example's time says more about the machine's other work than about the code: Hypothesis's deadline of 200 ms an
# example, and its check that examples are not drawn too slowly, fail tests that are right. What a test costs is bounded
# by its number of examples.
settings.register_profile("hpsearch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hpsearch")


@pytest.fixture(autouse=True)
def import_path() -> Iterator[None]:
    """Take back what a test has put on the import path: the folder of a study file stays there in its process."""
    before = list(sys.path)
    yield
    sys.path[:] = before
