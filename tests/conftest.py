"""Settings of the whole suite."""

from __future__ import annotations

from hypothesis import settings

# An example's time says more about the machine's other work than about the code: Hypothesis's deadline of 200 ms an
# example fails tests that are right. What a test costs is bounded by its number of examples.
settings.register_profile("hpsearch", deadline=None)
settings.load_profile("hpsearch")
