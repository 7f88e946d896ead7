from __future__ import annotations

import pytest

from hpsearch.models import datasets
from hpsearch.models.datasets import Dataset


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """300 training samples of digits."""
    all_digits = datasets.load("digits")
    return datasets.load(
        ((all_digits.X_train[:300], all_digits.y_train[:300]), (all_digits.X_valid[:150], all_digits.y_valid[:150]))
    )
