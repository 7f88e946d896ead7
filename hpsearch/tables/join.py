"""Training and validation rows together, for a model that is trained once more when the search is done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hpsearch.models.datasets import Dataset


def with_validation(dataset: Dataset) -> Dataset:
    """Return a data set whose training part holds the validation rows too, behind its own; no test row is touched."""
    weights = dataset.w_train
    if weights is not None and dataset.w_valid is not None:
        weights = np.concatenate([weights, dataset.w_valid])
    return replace(
        dataset,
        X_train=_joined(dataset.X_train, dataset.X_valid),
        y_train=np.concatenate([dataset.y_train, dataset.y_valid]),
        w_train=weights,
    )


def _joined(train: Any, valid: Any) -> Any:
    if hasattr(train, "columns"):
        import pandas as pd

        return pd.concat([train, valid], ignore_index=True)
    if hasattr(train, "toarray"):
        from scipy import sparse

        return sparse.vstack([train, valid], format="csr")
    return np.concatenate([train, valid])
