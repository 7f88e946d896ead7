"""StudySearchCV keeps scikit-learn's contract for estimators, by scikit-learn's own checks."""

from __future__ import annotations

from typing import Any

import pytest
from scikit_checks import with_checks
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from hpsearch import Choice, Float, MLPClassifier, StudySearchCV

pytestmark = pytest.mark.filterwarnings("default")  # the checks give data that any estimator warns of

SEARCHES = [
    StudySearchCV(Ridge(), {"alpha": Float(0.1, 1.0)}, n_trials=2, cv=2, random_state=0),
    StudySearchCV(LogisticRegression(), {"C": Float(0.1, 1.0, log=True)}, n_trials=2, cv=2, random_state=0),
    StudySearchCV(
        make_pipeline(PCA(), LogisticRegression()),
        {"logisticregression__C": Choice([0.1, 1.0])},
        n_trials=2,
        cv=2,
        random_state=0,
        error_score="raise",
    ),
]

NETWORK = StudySearchCV(
    MLPClassifier(hidden_layer_sizes=(8,), max_epochs=60, batch_size="all", optimizer="adam", learning_rate=0.05),
    {"l2": Float(0.01, 0.1, log=True)},
    n_trials=2,
    cv=2,
    pruner="none",
    random_state=0,
)


@with_checks(SEARCHES[:2])
def test_a_search_is_an_estimator(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@with_checks([SEARCHES[2], NETWORK])
def test_a_search_over_a_pipeline_or_a_network_is_an_estimator(estimator: Any, check: Any) -> None:
    check(estimator)
