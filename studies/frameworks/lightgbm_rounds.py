"""LightGBM, a report after each round: a booster that falls behind is stopped."""

from hpsearch import Float, Int, Study


def objective(trial):
    import lightgbm as lgb

    from hpsearch.integrations import lightgbm_callback

    data = trial.data
    train = lgb.Dataset(data.X_train, data.y_train)
    params = {**trial.params, "objective": "multiclass", "num_class": 10, "metric": "multi_error", "verbose": -1}
    params |= {"seed": trial.seed[0], "num_threads": 1, "deterministic": True}
    valid = train.create_valid(data.X_valid, data.y_valid)
    lgb.train(params, train, num_boost_round=30, valid_sets=[valid], callbacks=[lightgbm_callback(trial)])


study = Study(
    "lightgbm_rounds",
    objective=objective,
    space={"learning_rate": Float(0.02, 0.5, log=True), "num_leaves": Int(4, 32, log=True)},
    data="digits",
    metric="valid_0_multi_error",
    direction="minimize",
    epochs=30,
    n_trials=8,
    lanes=4,
)
