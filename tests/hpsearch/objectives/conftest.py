from __future__ import annotations

import pytest

from hpsearch.models import datasets
from hpsearch.models.datasets import Dataset


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """300 training samples of digits."""
    whole = datasets.load("digits")
    return datasets.load(((whole.X_train[:300], whole.y_train[:300]), (whole.X_valid[:150], whole.y_valid[:150])))
