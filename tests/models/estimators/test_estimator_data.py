"""What the classifier takes for X, y and weights, and where it fits in."""

import subprocess
import sys
import warnings
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from hpsearch.models import Augmentation, MLPClassifier


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X / 8, y


def quick(**params):
    return MLPClassifier(**{"max_epochs": 5, "random_state": 0, **params})


def same(one, other, X):
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_two_classes_have_two_probabilities(iris):
    X = iris[0]
    y = iris[1] == 2
    model = quick(max_epochs=40).fit(X, y)
    assert model.predict_proba(X).shape == (150, 2)
    assert model.predict(X).dtype == bool
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_input_is_the_same_as_dense(form, iris):
    X, y = iris
    X = np.where(X > 0.3, X, 0)
    same(quick().fit(form(X), y), quick().fit(X, y), X)
    same(quick().partial_fit(form(X), y), quick().partial_fit(X, y), form(X))


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_data_frames_give_their_column_names(package, iris):
    frame = import_module(package).DataFrame
    X, y = iris
    names = ["sepal length", "sepal width", "petal length", "petal width"]
    table = frame(dict(zip(names, X.T, strict=True)))
    model = quick().fit(table, y)
    assert model.feature_names_in_.tolist() == names
    same(model, model, table)
    np.testing.assert_array_equal(model.predict_proba(table), quick().fit(X, y).predict_proba(X))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(table[names[::-1]])


def test_labels_of_a_data_frame_are_strings(iris):
    import polars as pl

    X, y = iris
    names = pd.Series(np.array(["setosa", "versicolor", "virginica"])[y])
    for labels in (names, names.astype("category"), pl.Series(names.tolist()), names.tolist()):
        assert set(quick().fit(X, labels).predict(X)) <= {"setosa", "versicolor", "virginica"}


def test_the_models_need_no_pandas():
    code = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'pandas': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "import numpy as np; from models import MLPClassifier, MLPRegressor\n"
        "X = np.eye(20); MLPClassifier(max_epochs=1).fit(X, np.arange(20) % 2).predict(X)\n"
        "MLPRegressor(max_epochs=1).fit(X, np.arange(20.0)).predict(X)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_column_of_labels_is_warned_of(iris):
    X, y = iris
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = quick().fit(X, y[:, None])
    same(model, quick().fit(X, y), X)


def test_several_labels_a_sample():
    X, y = load_digits(return_X_y=True)
    X = X / 16
    Y = np.column_stack([y % 2 == 0, y % 3 == 0, y > 4, y == y]).astype(int)
    model = MLPClassifier(random_state=0).fit(X[:1400], Y[:1400], X_val=X[1400:], y_val=Y[1400:])
    probabilities = model.predict_proba(X[1400:])
    labels = model.predict(X[1400:])
    assert probabilities.shape == labels.shape == (397, 4)
    np.testing.assert_array_equal(labels, probabilities > 0.5)
    assert (labels == Y[1400:]).mean() > 0.9
    assert model.history_["val_accuracy"][-1] == pytest.approx(model.score(X[1400:], Y[1400:]))
    assert model.classes_.tolist() == [0, 1, 2, 3]
    same(model, MLPClassifier(random_state=0).fit(X[:1400], sparse.csr_matrix(Y[:1400])), X)


def test_several_labels_with_early_stopping_and_tanh_outputs():
    X, Y = make_multilabel_classification(200, n_classes=3, random_state=0)
    model = quick(early_stopping="patience", patience=2, output="tanh", learning_rate=0.1).fit(X / X.max(), Y)
    probabilities = model.predict_proba(X / X.max())
    assert 0 <= probabilities.min() <= probabilities.max() <= 1
    assert "val_accuracy" in model.history_


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        (
            {"output": "softmax", "cost": "log_likelihood"},
            np.eye(3)[np.arange(30) % 3],
            "output='softmax' picks one class",
        ),
        ({}, np.arange(60).reshape(30, 2) % 5, "Multioutput target data is not supported"),
        ({"output": "identity", "cost": "quadratic"}, np.arange(30) % 2, "output='identity' is for regression"),
    ],
)
def test_targets_that_do_not_suit_the_output_are_refused(params, y, message):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(np.ones((30, 4)), y)


def test_weights_count_like_repetitions_when_the_batch_is_the_whole_set(iris):
    X, y = iris
    times = np.arange(150) % 4
    params = {"batch_size": "all", "dtype": "float64", "max_epochs": 50}
    weighted = quick(**params).fit(X, y, sample_weight=times)
    repeated = quick(**params).fit(X.repeat(times, 0), y.repeat(times))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)


def test_class_weights_multiply_sample_weights(iris):
    X, y = iris
    times = 1.0 + np.arange(150) % 3
    by_class = quick(class_weight={0: 1, 1: 4, 2: 2}).fit(X, y, times)
    by_sample = quick().fit(X, y, times * np.array([1, 4, 2])[y])
    same(by_class, by_sample, X)


def test_balanced_classes_find_the_rare_one():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [570, 30])
    X = rng.normal(0.5 + 0.15 * y[:, None], 0.15, (600, 2))
    plain, balanced = (quick(class_weight=w, max_epochs=30).fit(X, y) for w in (None, "balanced"))
    assert balanced.predict(X)[y == 1].mean() > plain.predict(X)[y == 1].mean() + 0.3


def test_equal_weights_change_no_bit(iris):
    X, y = iris
    same(quick().fit(X, y, sample_weight=np.full(150, 2.5)), quick().fit(X, y), X)


def test_held_out_samples_take_their_weights_along(iris):
    X, y = iris
    params = {"early_stopping": "patience", "patience": 2, "max_epochs": 6}
    weights = np.where(np.arange(150) % 2, 3.0, 1.0)
    model = quick(**params).fit(X, y, weights)
    assert not np.array_equal(model.coefs_[0], quick(**params).fit(X, y).coefs_[0])


def test_a_warm_start_goes_on_exactly(iris):
    X, y = iris
    uninterrupted = quick(max_epochs=8, optimizer="adam").fit(X, y)
    by_parts = quick(max_epochs=4, optimizer="adam", warm_start=True).fit(X, y)
    assert by_parts.fit(X, y).n_iter_ == 8
    same(by_parts, uninterrupted, X)
    cold = quick(max_epochs=4, optimizer="adam").fit(X, y)
    same(cold.fit(X, y), clone(cold).fit(X, y), X)


def test_a_warm_start_may_change_how_it_trains_but_not_the_network(iris):
    X, y = iris
    model = quick(warm_start=True).fit(X, y)
    before = model.history_["train_cost"][-1]
    model.set_params(optimizer="adam", early_stopping="patience", learning_rate=0.001).fit(X, y, X_val=X, y_val=y)
    assert model.history_["train_cost"][5] < before * 1.1
    assert model.best_epoch_ > 5
    with pytest.raises(ValueError, match="its layers have changed"):
        model.set_params(hidden_layer_sizes=(7,)).fit(X, y)
    with pytest.raises(ValueError, match="labels that are not in classes"):
        model.set_params(hidden_layer_sizes=(30,)).fit(X, y + 1)


def test_partial_fit_takes_classes_and_weights(iris):
    X, y = iris
    model = quick().partial_fit(X[:40], y[:40], classes=[0, 1, 2], sample_weight=np.ones(40))
    assert model.partial_fit(X, y).n_iter_ == 2
    assert model.predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match="class_weight='balanced' is not supported for partial_fit"):
        quick(class_weight="balanced").partial_fit(X, y)


def test_a_partial_fit_that_diverges_leaves_the_model_of_the_epoch_before(iris):
    X, y = iris
    model = quick().partial_fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="diverged at epoch 2"):
        model.set_params(learning_rate=1e6, l2=1e5).partial_fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert model.n_iter_ == 1
    assert np.isfinite(model.set_params(learning_rate=0.1, l2=0.0).partial_fit(X, y).predict_proba(X)).all()


def test_outputs_that_overflow_are_an_error_and_no_guess(iris):
    model = quick(activation="relu", learning_rate=0.01).fit(*iris)
    with pytest.raises(ValueError, match="Input X contains a value too large for this network"):
        model.predict(np.full((1, 4), 3e38))


def test_it_works_beside_other_columns_and_under_calibration(iris):
    X, y = iris
    table = pd.DataFrame(X, columns=list("abcd")).assign(colour=np.where(y == 1, "red", "blue"))
    columns = ColumnTransformer([("scale", MinMaxScaler(), list("abcd")), ("encode", OneHotEncoder(), ["colour"])])
    model = make_pipeline(columns, MLPClassifier(max_epochs=20, random_state=0))
    assert model.fit(table, y).score(table, y) > 0.9
    calibrated = CalibratedClassifierCV(model, cv=3).fit(table, y)
    np.testing.assert_allclose(calibrated.predict_proba(table).sum(1), 1)


def test_weights_and_validation_data_reach_it_through_a_pipeline(iris):
    X, X_val, y, y_val = train_test_split(*iris, random_state=0)
    model = make_pipeline(MinMaxScaler(), quick())
    fit_params = {"mlpclassifier__sample_weight": y + 1.0, "mlpclassifier__X_val": X_val, "mlpclassifier__y_val": y_val}
    assert "val_accuracy" in model.fit(X, y, **fit_params)[-1].history_


def test_a_search_over_distortions_and_shapes(iris):
    X, y = iris
    grid = {"augmentation": [None, "affine", Augmentation(rotation=20.0)], "hidden_layer_sizes": [(), (4, 3)]}
    search = GridSearchCV(quick(image_shape=(2, 2)), grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_skops_stores_it_with_no_type_trusted_but_its_own(iris):
    import skops.io  # slow to import

    X, y = iris
    for model in (quick(early_stopping="patience"), quick(augmentation=Augmentation(rotation=5.0), max_norm=3.0)):
        data = skops.io.dumps(model.fit(X, y))
        types = skops.io.get_untrusted_types(data=data)
        assert set(types) <= {
            "hpsearch.models.estimators.classifier.MLPClassifier",
            "hpsearch.models.augmentation.Augmentation",
        }
        same(skops.io.loads(data, trusted=types), model, X)


def test_the_html_repr_shows_parameters_and_whether_it_is_fitted(iris):
    model = quick(l2=0.123)
    html = model._repr_html_()
    assert "MLPClassifier" in html
    assert "0.123" in html
    assert "Not fitted" in html
    assert "Not fitted" not in model.fit(*iris)._repr_html_()


def test_it_says_nothing_unasked(iris, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick().fit(*iris).predict(iris[0])
    assert capsys.readouterr() == ("", "")
