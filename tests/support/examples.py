"""How many examples Hypothesis tries: few in the default suite, many under ``--hypothesis-profile=thorough``."""

from __future__ import annotations

from hypothesis import settings

FEW, MANY = 40, 120
"""Examples of a test that does not say how many, under the profiles ``hpsearch`` and ``thorough``."""


def examples(few: int) -> settings:
    """Settings of a test whose examples are dear: so many in the default suite, in proportion under another profile."""
    assert settings.default is not None
    return settings(max_examples=max(1, few * settings.default.max_examples // FEW))
