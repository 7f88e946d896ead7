"""Boosting: a report after each round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def lightgbm_callback(trial: Any) -> Callable[[Any], None]:
    """Return a callback for ``lightgbm.train(callbacks=[…])`` or an estimator's ``fit``.

    Metrics are called as LightGBM calls them, such as ``valid_0_multi_error``.

    Args:
        trial: The trial that the objective is given.

    Examples:
        >>> from hpsearch import Float, Study
        >>> from hpsearch.integrations import lightgbm_callback
        >>> def objective(trial):
        ...     import lightgbm
        ...     data = trial.data
        ...     train = lightgbm.Dataset(data.X_train, data.y_train)
        ...     valid = train.create_valid(data.X_valid, data.y_valid)
        ...     params = {**trial.params, "objective": "multiclass", "num_class": 10, "metric": "multi_error"}
        ...     params["verbose"] = -1
        ...     lightgbm.train(params, train, 3, valid_sets=[valid], callbacks=[lightgbm_callback(trial)])
        >>> study = Study("lightgbm", objective=objective, space={"learning_rate": Float(0.1, 0.5)}, data="digits",
        ...               metric="valid_0_multi_error", direction="minimize", epochs=3, n_trials=1)
        >>> study.run(tracking=False, quiet=True).best_trial.epoch
        3
    """

    def callback(env: Any) -> None:
        results = env.evaluation_result_list or ()
        # LightGBM's results are tuples: data set, metric, value, and more.
        if not trial.report({f"{result[0]}_{result[1]}": result[2] for result in results}):
            from lightgbm.callback import EarlyStopException

            raise EarlyStopException(env.iteration, env.evaluation_result_list)

    return callback


def xgboost_callback(trial: Any) -> Any:
    """Return a callback for ``xgboost.train(callbacks=[…])`` or an estimator's ``callbacks``.

    Metrics are called by the set and the metric, such as ``valid_merror``.

    Args:
        trial: The trial that the objective is given.

    Examples:
        >>> from hpsearch import Float, Study
        >>> from hpsearch.integrations import xgboost_callback
        >>> def objective(trial):
        ...     import xgboost
        ...     data = trial.data
        ...     train = xgboost.DMatrix(data.X_train, data.y_train)
        ...     valid = xgboost.DMatrix(data.X_valid, data.y_valid)
        ...     params = {**trial.params, "objective": "multi:softprob", "num_class": 10, "eval_metric": "merror"}
        ...     report = xgboost_callback(trial)
        ...     xgboost.train(params, train, 3, evals=[(valid, "valid")], callbacks=[report], verbose_eval=False)
        >>> study = Study("xgboost", objective=objective, space={"eta": Float(0.1, 0.5)}, data="digits",
        ...               metric="valid_merror", direction="minimize", epochs=3, n_trials=1)
        >>> study.run(tracking=False, quiet=True).best_trial.epoch
        3
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

    Examples:
        >>> from hpsearch import Float, Study
        >>> from hpsearch.integrations import catboost_callback
        >>> def objective(trial):
        ...     from catboost import CatBoostClassifier
        ...     data = trial.data
        ...     model = CatBoostClassifier(**trial.params, iterations=3, loss_function="MultiClass",
        ...                                custom_metric=["Accuracy"], allow_writing_files=False, verbose=False)
        ...     valid = (data.X_valid, data.y_valid)
        ...     model.fit(data.X_train, data.y_train, eval_set=valid, callbacks=[catboost_callback(trial)])
        >>> study = Study("catboost", objective=objective, space={"learning_rate": Float(0.1, 0.5)}, data="digits",
        ...               metric="validation_Accuracy", epochs=3, n_trials=1)
        >>> study.run(tracking=False, quiet=True).best_trial.epoch
        3
    """

    class Report:
        def after_iteration(self, info: Any) -> bool:
            newest = {f"{data}_{name}": log[-1] for data, logs in info.metrics.items() for name, log in logs.items()}
            return bool(trial.report(newest))

    return Report()
