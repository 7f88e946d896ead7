import numpy as np
import pytest
from optimizers import going_along
from scikit_checks import with_checks
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from hpsearch.models import MLPRegressor
from hpsearch.models.optimizers import OPTIMIZERS

MINI_BATCHES = "a mini-batch of ten repeated samples is another mini-batch than that of the weighted ones"


def expected_failures(estimator):
    if estimator.batch_size == "all":
        return {}
    names = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")
    return dict.fromkeys(names, MINI_BATCHES)


@with_checks(
    [MLPRegressor(), MLPRegressor(batch_size="all", max_epochs=60, learning_rate=0.03, dtype="float64")],
    expected_failures,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def friedman():
    X, y = make_friedman1(600, random_state=0)
    return X, (y - y.mean()) / y.std()


def test_defaults_learn_what_a_line_cannot(friedman):
    X, y = friedman
    model = MLPRegressor(max_epochs=100, random_state=0).fit(X[:400], y[:400])
    assert model.score(X[400:], y[400:]) > LinearRegression().fit(X[:400], y[:400]).score(X[400:], y[400:]) + 0.05


def test_predictions_are_the_weighted_inputs_of_the_last_layer(friedman):
    X, y = friedman
    model = MLPRegressor(dtype="float64", activation="tanh", max_epochs=3, random_state=0).fit(X, y)
    w1, w2 = model.coefs_
    b1, b2 = model.intercepts_
    np.testing.assert_allclose(model.predict(X), (np.tanh(X @ w1 + b1) @ w2 + b2)[:, 0], rtol=1e-10)


def test_the_cost_is_half_the_squared_error_and_r2_is_scikit_learns(friedman):
    X, y = friedman
    model = MLPRegressor(dtype="float64", max_epochs=4, random_state=0, exact_train_metrics=True)
    model.fit(X[:400], y[:400], X_val=X[400:], y_val=y[400:])
    error = model.predict(X[400:]) - y[400:]
    assert model.history_["val_cost"][-1] == pytest.approx((error**2).mean() / 2)
    assert model.history_["val_r2"][-1] == pytest.approx(model.score(X[400:], y[400:]))
    assert model.history_["train_r2"][-1] == pytest.approx(model.score(X[:400], y[:400]))


def test_several_targets_keep_their_shape(friedman):
    X, y = friedman
    Y = np.column_stack([y, -y, y**2])
    model = MLPRegressor(max_epochs=3, random_state=0).fit(X, Y)
    assert model.predict(X).shape == Y.shape
    assert model.n_outputs_ == 3
    column = MLPRegressor(max_epochs=3, random_state=0).fit(X, Y[:, :1])
    flat = MLPRegressor(max_epochs=3, random_state=0).fit(X, y)
    assert column.predict(X).shape == (600, 1)
    np.testing.assert_array_equal(column.predict(X)[:, 0], flat.predict(X))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ten_partial_fits_are_a_fit_of_ten_epochs_bit_for_bit(optimizer, friedman):
    X, y = friedman
    shared = {"random_state": 3, "l2": 0.1, "max_epochs": 10, "lr_schedule": "cosine"}
    params = going_along({"optimizer": optimizer, **shared})
    uninterrupted = MLPRegressor(**params).fit(X, y)
    by_parts = MLPRegressor(**params)
    for _ in range(10):
        by_parts.partial_fit(X, y)
    assert by_parts.history_ == uninterrupted.history_
    np.testing.assert_array_equal(by_parts.predict(X), uninterrupted.predict(X))


def test_sample_weights_say_what_matters(friedman):
    X, y = friedman
    Y = np.concatenate([y, -y])
    sign = np.repeat([1.0, 0.0], 600)
    model = MLPRegressor(max_epochs=100, random_state=0).fit(np.vstack([X, X]), Y, sample_weight=sign)
    assert model.score(X, y) > 0.7
    with pytest.raises(ValueError, match="Negative values"):
        model.fit(X, y, sample_weight=-np.ones(600))


def test_early_stopping_keeps_the_epoch_of_least_cost(friedman):
    X, y = friedman
    model = MLPRegressor(early_stopping="patience", patience=3, learning_rate=0.03, max_epochs=200, random_state=0)
    model.fit(X[:400], y[:400], X_val=X[400:], y_val=y[400:])
    assert model.best_epoch_ == 1 + int(np.argmin(model.history_["val_cost"]))
    assert ((model.predict(X[400:]) - y[400:]) ** 2).mean() / 2 == pytest.approx(
        min(model.history_["val_cost"]), rel=1e-5
    )
    held_out = MLPRegressor(early_stopping="patience", patience=3, random_state=0).fit(X, y)
    assert len(held_out.history_["val_r2"]) == held_out.n_iter_


def test_it_works_in_pipelines_and_searches():
    X, y = load_diabetes(return_X_y=True)
    network = make_pipeline(MinMaxScaler(), MLPRegressor(max_epochs=40, random_state=0))
    model = TransformedTargetRegressor(network, transformer=StandardScaler())
    assert cross_val_score(model, X, y, cv=3).mean() > 0.4
    grid = {"regressor__mlpregressor__learning_rate": [1e-6, 0.003]}
    best = GridSearchCV(model, grid, cv=3).fit(X, y).best_params_
    assert best == {"regressor__mlpregressor__learning_rate": 0.003}


def test_a_fit_that_diverges_is_an_error_that_names_the_epoch_and_leaves_no_model(friedman):
    X, y = friedman
    model = MLPRegressor(learning_rate=100.0, optimizer="sgd", activation="relu")
    with pytest.raises(
        ValueError, match=r"training diverged at epoch 1: .* \(learning_rate=100 is probably too large\)"
    ):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, X, y: m.fit(X, y * np.nan), "Input y contains NaN"),
        (lambda m, X, y: m.fit(X, y * 1e300), "Input y contains a value too large"),
        (
            lambda m, X, y: m.fit(X[:400], y[:400], X_val=X[400:], y_val=np.column_stack([y, y])[400:]),
            "y_val has another",
        ),
        (lambda m, X, y: m.partial_fit(X, y).partial_fit(X, np.column_stack([y, y])), "y has 2 targets"),
        (lambda m, X, y: m.set_params(augmentation="elastic").fit(X, y), "needs square images"),
        (lambda m, X, y: m.set_params(learning_rate=-1).fit(X, y), "learning_rate=-1 must be a positive number"),
        (lambda m, X, y: m.fit(X, y).predict(X * 3e38), "its outputs overflow float32"),
    ],
)
def test_bad_input_is_refused(call, message, friedman):
    with pytest.raises(ValueError, match=message):
        call(MLPRegressor(max_epochs=1, activation="relu", random_state=0), *friedman)
