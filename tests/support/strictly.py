"""Scikit-learn's own checks, as strict as its version can be."""

from __future__ import annotations

from inspect import signature
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

_KNOWN = signature(parametrize_with_checks).parameters

STRICT: dict[str, Any] = {"xfail_strict": True} if "xfail_strict" in _KNOWN else {}
"""A check that is expected to fail and passes is a failure, from scikit-learn 1.8 on."""
