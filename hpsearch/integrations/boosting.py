"""Boosting: a report after each round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def lightgbm_callback(trial: Any) -> Callable[[Any], None]:
    """Return a callback for ``lightgbm.train(callbacks=[…])`` or an estimator's ``fit``.

    Metrics are called as LightGBM calls them, such as ``valid_0_multi_error``.

    Args:
        trial: The trial that the objective is given.
    """

    def callback(env: Any) -> None:
        if not trial.report({f"{each[0]}_{each[1]}": each[2] for each in env.evaluation_result_list or ()}):
            from lightgbm.callback import EarlyStopException

            raise EarlyStopException(env.iteration, env.evaluation_result_list)

    return callback


def xgboost_callback(trial: Any) -> Any:
    """Return a callback for ``xgboost.train(callbacks=[…])`` or an estimator's ``callbacks``.

    Metrics are called by the set and the metric, such as ``valid_merror``.

    Args:
        trial: The trial that the objective is given.
    """
    from xgboost.callback import TrainingCallback

    class Report(TrainingCallback):  # type: ignore[misc,unused-ignore]  # Any where xgboost is not installed
        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Any]]) -> bool:
            newest = {f"{data}_{name}": log[-1] for data, logs in evals_log.items() for name, log in logs.items()}
            # Of a cross-validation a metric is its mean and its deviation.
            means = {name: value[0] if isinstance(value, tuple) else value for name, value in newest.items()}
            return not trial.report(means)

    return Report()


def catboost_callback(trial: Any) -> Any:
    """Return a callback for ``fit(callbacks=[…])`` of CatBoost's models.

    Metrics are called by the set and the metric, such as ``validation_MultiClass`` or ``learn_Accuracy``.

    Args:
        trial: The trial that the objective is given.
    """

    class Report:
        def after_iteration(self, info: Any) -> bool:
            newest = {f"{data}_{name}": log[-1] for data, logs in info.metrics.items() for name, log in logs.items()}
            return bool(trial.report(newest))

    return Report()
