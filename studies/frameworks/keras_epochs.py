"""Keras, a report after each epoch; the backend is the one that KERAS_BACKEND names."""

from hpsearch import Float, Int, Study


def objective(trial):
    import keras

    from hpsearch.integrations import keras_callback

    keras.utils.set_random_seed(trial.number)
    data = trial.data
    layers = [keras.layers.Dense(trial["units"], "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    rate = keras.optimizers.Adam(trial["learning_rate"])
    model.compile(rate, "sparse_categorical_crossentropy", metrics=["accuracy"])
    valid = (data.X_valid, data.y_valid)
    report = [keras_callback(trial)]
    model.fit(data.X_train, data.y_train, validation_data=valid, epochs=5, verbose=0, callbacks=report)


space = {"learning_rate": Float(1e-4, 0.1, log=True), "units": Int(8, 64, log=True)}
study = Study("keras_epochs", objective=objective, space=space, data="digits", epochs=5, n_trials=4, lanes=2)
