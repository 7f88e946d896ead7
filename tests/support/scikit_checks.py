"""Scikit-learn's own checks of an estimator, one test for each, as strict as its version can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

# A check that is expected to fail and passes is a failure, from scikit-learn 1.8 on.
_STRICT = {"xfail_strict": True} if "xfail_strict" in signature(parametrize_with_checks).parameters else {}


def with_checks(
    estimators: Sequence[Any], expected_failures: Callable[[Any], dict[str, str]] | None = None
) -> pytest.MarkDecorator:
    """Parametrise a test ``(estimator, check)`` as ``parametrize_with_checks`` does, but describe an estimator once.

    Scikit-learn describes it for each of some seventy checks, which took a second of the collection of tests.

    Args:
        estimators: Those that are checked.
        expected_failures: The names of the checks that an estimator fails, each with the reason.
    """
    mark = parametrize_with_checks(estimators, expected_failed_checks=expected_failures, **_STRICT)
    describe = mark.kwargs["ids"]
    descriptions = {id(estimator): describe(estimator) for estimator in estimators}

    def name_of(argument: Any) -> str:
        return descriptions.get(id(argument)) or describe(argument)

    return pytest.mark.parametrize(*mark.args, ids=name_of)
