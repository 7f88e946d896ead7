"""CatBoost, a report after each round: a model that falls behind is stopped."""

from hpsearch import Float, Int, Study


def objective(trial):
    from catboost import CatBoostClassifier

    from hpsearch.integrations import catboost_callback

    data = trial.data
    model = CatBoostClassifier(
        **trial.params,
        iterations=20,
        loss_function="MultiClass",
        custom_metric=["Accuracy"],
        thread_count=1,
        random_seed=trial.number,
        allow_writing_files=False,
        verbose=False,
    )
    valid = (data.X_valid, data.y_valid)
    model.fit(data.X_train, data.y_train, eval_set=valid, callbacks=[catboost_callback(trial)])


study = Study(
    "catboost_rounds",
    objective=objective,
    space={"learning_rate": Float(0.02, 0.5, log=True), "depth": Int(2, 5)},
    data="digits",
    metric="validation_Accuracy",
    epochs=20,
    n_trials=8,
    lanes=4,
)
