"""XGBoost, a report after each round: a booster that falls behind is stopped."""

from hpsearch import Float, Int, Study


def objective(trial):
    import xgboost as xgb

    from hpsearch.integrations import xgboost_callback

    data = trial.data
    train, valid = xgb.DMatrix(data.X_train, data.y_train), xgb.DMatrix(data.X_valid, data.y_valid)
    params = {**trial.params, "objective": "multi:softprob", "num_class": 10, "eval_metric": "merror", "nthread": 1}
    report = xgboost_callback(trial)
    xgb.train(params, train, 20, evals=[(valid, "valid")], callbacks=[report], verbose_eval=False)


study = Study(
    "xgboost_rounds",
    objective=objective,
    space={"eta": Float(0.02, 0.5, log=True), "max_depth": Int(2, 6)},
    data="digits",
    metric="valid_merror",
    direction="minimize",
    epochs=20,
    n_trials=8,
    lanes=4,
)
