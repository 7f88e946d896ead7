import pickle

import numpy as np
import pytest
from scikit_checks import with_checks
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from hpsearch.models import MLPClassifier, datasets

MINI_BATCHES = "a mini-batch of ten repeated samples is another mini-batch than that of the weighted ones"


def expected_failures(estimator):
    if estimator.batch_size == "all":
        return {}
    names = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")
    return dict.fromkeys(names, MINI_BATCHES)


# float64 where weights must equal repetitions to 1e-7: single precision rounds at 1e-7 in every one of 100 steps
@with_checks(
    [MLPClassifier(), MLPClassifier(batch_size="all", max_epochs=100, dtype="float64")],
    expected_failures,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def test_digits_with_defaults_beat_97_percent():
    data = datasets.load("digits")
    scores = []
    for seed in range(3):
        model = MLPClassifier(random_state=seed).fit(data.X_train, data.y_train)
        scores.append(model.score(data.X_test, data.y_test))
    assert min(scores) > 0.97
    assert model.n_iter_ == model.best_epoch_ == 30
    assert [len(model.history_[k]) for k in ("train_cost", "train_accuracy", "learning_rate")] == [30] * 3
    assert "val_cost" not in model.history_


@pytest.mark.parametrize(
    ("output", "cost"), [("sigmoid", "cross_entropy"), ("softmax", "log_likelihood"), ("tanh", "quadratic")]
)
def test_probabilities_sum_to_one_and_agree_with_predict(output, cost, digits):
    X, y = digits
    model = MLPClassifier(output=output, cost=cost, max_epochs=2, learning_rate=0.1, random_state=0).fit(X, y)
    probabilities = model.predict_proba(X * 50)  # saturated
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-12)
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(1)], model.predict(X * 50))


def test_coefs_are_the_network(digits):
    X, y = digits
    model = MLPClassifier(hidden_layer_sizes=(8, 6), dtype="float64", max_epochs=2, random_state=0).fit(X, y)
    a = X
    for w, b in zip(model.coefs_, model.intercepts_, strict=True):
        a = 1 / (1 + np.exp(-(a @ w + b)))
    np.testing.assert_allclose(model.predict_proba(X), a / a.sum(1, keepdims=True), rtol=1e-10)
    assert [w.shape for w in model.coefs_] == [(64, 8), (8, 6), (6, 10)]


def test_ten_partial_fits_are_a_fit_of_ten_epochs_bit_for_bit(digits):
    X, y = digits
    uninterrupted = MLPClassifier(max_epochs=10, random_state=3, optimizer="momentum", l2=0.1).fit(X, y)
    by_parts = clone(uninterrupted)
    for _ in range(10):
        by_parts.partial_fit(X, y)
    assert by_parts.history_ == uninterrupted.history_
    for ours, theirs in zip(
        by_parts.coefs_ + by_parts.intercepts_, uninterrupted.coefs_ + uninterrupted.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_validation_data_is_followed_epoch_by_epoch(digits):
    X, y = digits
    model = MLPClassifier(max_epochs=3, random_state=0).fit(X[:900], y[:900], X_val=X[900:], y_val=y[900:])
    assert len(model.history_["val_cost"]) == 3
    assert model.history_["val_accuracy"][-1] == model.score(X[900:], y[900:])


def test_early_stopping_restores_the_best_epoch(digits):
    X, y = digits
    model = MLPClassifier(early_stopping="patience", patience=3, random_state=0, max_epochs=100)
    model.fit(X[:900], y[:900], X_val=X[900:], y_val=y[900:])
    curve = model.history_["val_accuracy"]
    assert model.n_iter_ == len(curve) == model.best_epoch_ + 3
    assert model.best_epoch_ == 1 + int(np.argmax(curve))
    assert model.score(X[900:], y[900:]) == max(curve)


def test_early_stopping_holds_out_a_part_by_itself(digits):
    X, y = digits
    model = MLPClassifier(early_stopping="patience", patience=2, validation_fraction=0.25, random_state=0).fit(X, y)
    steps = np.array(model.history_["val_accuracy"]) * 450
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)


def test_labels_may_be_words_and_the_validation_part_needs_no_class_of_its_own():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = MLPClassifier(random_state=0, learning_rate=0.1, max_epochs=60).fit(
        X / 8, names, X_val=X[:5], y_val=names[:5]
    )
    assert model.score(X / 8, names) > 0.9
    with pytest.raises(ValueError, match="labels that are not in classes"):
        model.fit(X, names, X_val=X[:1], y_val=["rose"])


def test_it_works_in_pipelines_searches_and_pickles(digits):
    X = digits[0][:300] * 16
    y = digits[1][:300]
    pipeline = make_pipeline(MinMaxScaler(), MLPClassifier(max_epochs=5, random_state=0))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.5
    search = GridSearchCV(pipeline, {"mlpclassifier__learning_rate": [1e-6, 0.5]}, cv=3).fit(X, y)
    assert search.best_params_ == {"mlpclassifier__learning_rate": 0.5}
    best = search.best_estimator_
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(best)).predict_proba(X), best.predict_proba(X))


def test_a_fit_that_diverges_is_an_error_that_names_the_epoch_and_leaves_no_model(digits):
    X, y = digits
    model = MLPClassifier(learning_rate=1e6, l2=100.0)
    with pytest.raises(ValueError, match=r"diverged at epoch 1: .* \(learning_rate=1e\+06 is probably too large\)"):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, X, y: m.fit(X, np.zeros(len(X))), "at least 2 classes"),
        (lambda m, X, y: m.fit(X[:1], y[:1]), "class"),
        (lambda m, X, y: m.fit(np.where(X > 0.9, np.inf, X), y), "Input X contains infinity"),
        (lambda m, X, y: m.fit(X[0], y), "Expected 2D array, got 1D array"),
        (lambda m, X, y: m.fit(X[:0], y[:0]), "Found array with 0 sample"),
        (
            lambda m, X, y: m.fit(X, y, sample_weight=-np.ones(len(y))),
            "Negative values in data passed to `sample_weight`",
        ),
        (lambda m, X, y: m.fit(X, y, sample_weight=np.ones(3)), "sample_weight"),
        (lambda m, X, y: m.fit(X, y, sample_weight=np.zeros(len(y))), "at least one non-zero number|not all 0"),
        (lambda m, X, y: m.fit(X[:, :60], y, X_val=X, y_val=y), "X has 64 features, but MLPClassifier is expecting 60"),
        (lambda m, X, y: m.set_params(dropout=1).fit(X, y), "dropout=1 must be a number in"),
        (lambda m, X, y: m.set_params(optimizer="adm").fit(X, y), "did you mean 'adam'"),
        (
            lambda m, X, y: m.set_params(class_weight="balance").fit(X, y),
            "class_weight='balance' must be None, 'balanced'",
        ),
        (lambda m, X, y: m.set_params(warm_start=1).fit(X, y), "warm_start=1 must be True or False"),
        (lambda m, X, y: m.fit(X * np.nan, y), "NaN"),
        (lambda m, X, y: m.fit(X, y[:-1]), "inconsistent numbers of samples"),
        (lambda m, X, y: m.fit(X, X[:, 20]), "Unknown label type"),
        (lambda m, X, y: m.fit(X, y, X_val=X), "X_val and y_val go together"),
        (lambda m, X, y: m.set_params(l2=-1.0).fit(X, y), "l2=-1.0 must be"),
        (lambda m, X, y: m.set_params(early_stopping="patience").partial_fit(X, y), "no validation data"),
        (lambda m, X, y: m.partial_fit(X, y, classes=[0, 1]), "not in classes"),
        (lambda m, X, y: m.fit(X, y).partial_fit(X, y, classes=[0, 1]), "differ from those of the first call"),
        (lambda m, X, y: m.fit(X, y).predict(X[:, :3]), "features"),
    ],
)
def test_bad_input_is_refused_before_any_training(call, message, digits):
    with pytest.raises(ValueError, match=message):
        call(MLPClassifier(max_epochs=1), *digits)


def test_verbose_prints_a_line_an_epoch(digits, capsys):
    MLPClassifier(max_epochs=2, verbose=1, random_state=0).fit(*digits)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2"]
    assert "train_cost" in lines[0]


def test_random_states(digits):
    X, y = digits
    first, again, other = (MLPClassifier(max_epochs=1, random_state=s).fit(X, y).coefs_[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    stream = np.random.RandomState(0)
    drawn = [MLPClassifier(max_epochs=1, random_state=stream).fit(X, y).coefs_[0] for _ in range(2)]
    assert not np.array_equal(*drawn)
    fresh = [MLPClassifier(max_epochs=1).fit(X, y).coefs_[0] for _ in range(2)]
    assert not np.array_equal(*fresh)
