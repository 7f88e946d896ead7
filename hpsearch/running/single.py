"""One experiment without a search: an estimator is fitted, and MLflow remembers how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.running.study import Study

HELD_OUT = 0.2
"""Share of the samples that a curve is measured on where no others are given for that."""


def track(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    name: str,
    X_val: Any = None,
    y_val: Any = None,
    repeats: int = 1,
    root: str | Path = "mlruns",
    register: str | None = None,
    tracking: bool = True,
    tracking_uri: str | None = None,
    quiet: bool = False,
    **study: Any,
) -> Any:
    """Fit an estimator, with its curve, data and environment in MLflow, and return it fitted.

    It is a study with an empty space: it can be shown, compared, reported and exported as any other. The same call
    again trains nothing that was trained already; another estimator, or other data, need another name.

    Args:
        estimator: Any scikit-learn estimator or pipeline; it is left as it is.
        X: Samples, shape (n_samples, n_features).
        y: Targets, shape (n_samples,).
        name: Names the study, and the experiment in MLflow.
        X_val: Samples that the curve is measured on; None holds out a fifth of X for that, stratified by class.
        y_val: Their targets.
        repeats: How often it is fitted, each time with a seed of its own; the best is returned.
        root: Where all state is.
        register: Put the model into MLflow's model registry, as ``NAME`` or ``NAME@ALIAS``.
        tracking: Deliver it to MLflow.
        tracking_uri: MLflow's store; by default MLFLOW_TRACKING_URI, else the root's own.
        quiet: Whether to show nothing while it trains.
        **study: Other settings of a :class:`~hpsearch.running.study.Study`: ``epochs``, ``seed``, ``scoring`` …

    Returns:
        The fitted estimator, as it was after its best epoch, with the id of the study's run in MLflow as ``run_id_``.

    Raises:
        UserError: The study is invalid, or there is another study of this name.
        StudyFailed: The estimator raised an exception; its traceback is in MLflow.
        KeyboardInterrupt: It was interrupted; the same call goes on.

    Examples:
        >>> import numpy as np
        >>> from sklearn.linear_model import LogisticRegression
        >>> from hpsearch import track
        >>> X, y = np.arange(40.0).reshape(40, 1), np.arange(40) >= 20
        >>> model = track(LogisticRegression(), X, y, name="halves", tracking=False, quiet=True)
        >>> model.predict([[0.0], [39.0]])
        array([False,  True])
    """
    declared = Study(
        name,
        estimator,
        data=_data(estimator, X, y, X_val, y_val),
        repeats=repeats,
        **{"pruner": "none", **study},
    )
    if declared.dimensions or callable(declared.space):
        raise UserError(f"study {name!r}: track() fits one estimator; to search a space, run a Study")
    result = declared.run(root, quiet=quiet, register=register, tracking=tracking, tracking_uri=tracking_uri)
    if result.interrupted:
        raise KeyboardInterrupt
    fitted = result.model
    fitted.run_id_ = result.run
    return fitted


def _data(estimator: Any, X: Any, y: Any, X_val: Any, y_val: Any) -> tuple[Any, Any]:
    from hpsearch.tables import door

    if (X_val is None) != (y_val is None):
        raise UserError("X_val and y_val go together: give both or neither")
    if X_val is not None:
        return (X, y), (X_val, y_val)
    divided = door.load((X, y), estimator, split=(1 - HELD_OUT, HELD_OUT, 0.0))
    return (divided.X_train, divided.y_train), (divided.X_valid, divided.y_valid)
