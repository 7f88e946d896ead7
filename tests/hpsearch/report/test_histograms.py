"""Histograms of the winner's network: kept with its model, in the report and in MLflow."""

import json

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from hpsearch import Float, MLPClassifier, MLPRegressor, NetworkClassifier, Study
from hpsearch.models.estimators.histograms import BINS, histograms
from hpsearch.models.layers import Conv2D, Dense
from hpsearch.report.histograms import figures
from hpsearch.report.html import page, write_report
from hpsearch.running.delivery import exhibits

RNG = np.random.default_rng(0)
X, Y = RNG.random((80, 16)), RNG.integers(2, size=80)


def test_every_weight_and_every_activation_is_counted_once():
    model = MLPClassifier((5,), max_epochs=1, random_state=0).fit(X, Y)
    kept = histograms(model, X)
    assert [sum(layer["counts"]) for layer in kept["weights"]] == [16 * 5, 5 * 2]
    assert [sum(layer["counts"]) for layer in kept["biases"]] == [5, 2]
    assert [sum(layer["counts"]) for layer in kept["activations"]] == [80 * 5, 80 * 2]
    weights = model.coefs_[0]
    assert (kept["weights"][0]["low"], kept["weights"][0]["high"]) == (weights.min(), weights.max())
    edges = np.linspace(weights.min(), weights.max(), BINS + 1)
    assert kept["weights"][0]["counts"] == np.histogram(weights, edges)[0].tolist()
    assert histograms(model, X) == kept


def test_a_network_is_found_within_what_wraps_it_and_what_is_none_has_none():
    pipeline = make_pipeline(MinMaxScaler(), MLPClassifier((3,), max_epochs=1, random_state=0)).fit(X, Y)
    assert histograms(pipeline, X) == histograms(pipeline[-1], pipeline[:-1].transform(X))
    wrapped = TransformedTargetRegressor(MLPRegressor((3,), max_epochs=1, random_state=0), transformer=StandardScaler())
    assert histograms(wrapped.fit(X, X[:, 0]), X) is not None
    filters = NetworkClassifier([Conv2D(2, 2), Dense(3)], max_epochs=1, random_state=0).fit(X, Y)
    assert [sum(layer["counts"]) for layer in histograms(filters, X)["weights"]] == [2 * 4, 18 * 3, 3 * 2]
    assert histograms(LogisticRegression().fit(X, Y), X) is None


def test_alike_values_have_a_histogram_too():
    start = [np.full((16, 2), 0.5)], [np.zeros(2)]
    model = MLPClassifier((), weight_init=start, learning_rate=1e-30, max_epochs=1).fit(X, Y)
    weights = histograms(model, X)["weights"][0]
    assert (weights["low"], weights["high"], sum(weights["counts"])) == (0.0, 1.0, 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a study that went to MLflow, with its history."""
    root = tmp_path_factory.mktemp("root")
    study = Study(
        "shown",
        model=MLPClassifier((4,), max_epochs=2),
        space={"l2": Float(0, 1)},
        data=(X, Y),
        sampler="random",
        n_trials=2,
    )
    result = study.run(root=root, quiet=True, model=True)
    return root / "studies" / "shown", result


def test_they_go_to_the_report_and_to_mlflow(folder, tmp_path):
    study_dir, result = folder
    kept = json.loads((study_dir / "model" / "histograms.json").read_text())
    assert sum(kept["weights"][0]["counts"]) == 16 * 4
    write_report(result.history, tmp_path / "with.html", study_dir)
    assert "Weights of the winner" in (tmp_path / "with.html").read_text()
    assert "Weights of the winner" not in page(result.history)
    sent = exhibits().draw(result.history, study_dir)
    assert json.loads(sent["histograms.json"]) == kept
    assert b"Activations of the winner" in sent["report.html"]
    assert exhibits().draw(result.history, study_dir) == sent


def test_without_a_model_there_are_no_figures_of_it(tmp_path):
    assert figures(None) == []
    assert "histograms.json" not in exhibits().draw(_plain(tmp_path), tmp_path)


def _plain(root):
    study = Study("plain", model=MLPClassifier((2,), max_epochs=1), space={}, data=(X, Y), n_trials=1)
    return study.run(root=root, quiet=True, tracking=False).history
