"""Networks as ONNX files: another runtime computes what the estimator says."""

import json

import numpy as np
import pytest
from chains import CHAINS
from docstrings import examples_of, failures
from sklearn.exceptions import NotFittedError

from hpsearch import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor, save_onnx
from hpsearch.models.activations import ACTIVATIONS
from hpsearch.models.estimators import onnx_file
from hpsearch.models.layers import Conv2D, Dense

RNG = np.random.default_rng(0)
X = RNG.random((40, 64)).astype(np.float32)
Y = RNG.integers(3, size=40)
SHARED = {"max_epochs": 2, "random_state": 0}


@pytest.fixture(autouse=True)
def packages():
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: it is a peer to compare with")
    pytest.importorskip("onnx", reason="onnx is not installed: it is an extra")


def run(model, path):
    """Return what the runtime makes of X, by the name of the output."""
    import onnxruntime

    save_onnx(model, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (output,) = session.get_outputs()
    return output.name, session.run(None, {"X": X})[0], session.get_modelmeta().custom_metadata_map


@pytest.mark.parametrize("name", CHAINS)
def test_every_chain_computes_the_same_probabilities(name, tmp_path):
    model = NetworkClassifier(CHAINS[name], **SHARED).fit(X, Y)
    output, by_onnx, _ = run(model, tmp_path / "model.onnx")
    assert output == "probabilities"
    np.testing.assert_allclose(by_onnx, model.predict_proba(X), atol=2e-5)


def test_colours_are_turned_where_single_numbers_are_seen(tmp_path):
    import onnxruntime

    from hpsearch.models.layers import BatchNorm, Flatten, GroupNorm, Residual

    colours = RNG.random((40, 48)).astype(np.float32)
    chain = [Conv2D(2, 2), Flatten(), GroupNorm(3), BatchNorm(), Residual([Dense(18)]), Dense(4)]
    model = NetworkClassifier(chain, **SHARED).fit(colours, Y)
    save_onnx(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"X": colours})[0], model.predict_proba(colours), atol=2e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_the_same_function(activation, tmp_path):
    model = MLPRegressor((5, 4), activation=activation, **SHARED).fit(X, X[:, :2])
    output, by_onnx, metadata = run(model, tmp_path / "model.onnx")
    assert (output, metadata) == ("predictions", {"model": "MLPRegressor"})
    np.testing.assert_allclose(by_onnx, model.predict(X), atol=1e-5)


@pytest.mark.parametrize(
    "params",
    [
        {"output": "sigmoid"},
        {"output": "softmax"},
        {"output": "tanh"},
        {"batch_norm": True, "dtype": "float64"},
        {"dropout": 0.2, "input_dropout": 0.1, "ema": 0.9},
    ],
    ids=str,
)
def test_every_output_says_what_the_estimator_says(params, tmp_path):
    words = np.array(["a", "b", "c"])[Y]
    model = MLPClassifier((5,), **params, **SHARED).fit(X, words)
    _, by_onnx, metadata = run(model, tmp_path / "model.onnx")
    np.testing.assert_allclose(by_onnx, model.predict_proba(X), atol=1e-5)
    assert json.loads(metadata["classes"]) == ["a", "b", "c"]


def test_scores_and_several_labels_are_as_they_are(tmp_path):
    svm = MLPClassifier((5,), output="linear", **SHARED).fit(X, Y)
    output, by_onnx, _ = run(svm, tmp_path / "svm.onnx")
    assert output == "scores"
    np.testing.assert_allclose(by_onnx, svm.decision_function(X), atol=1e-5)
    for kind in ("sigmoid", "tanh"):
        several = MLPClassifier((5,), output=kind, **SHARED).fit(X, np.eye(3, dtype=int)[Y])
        _, by_onnx, _ = run(several, tmp_path / "several.onnx")
        np.testing.assert_allclose(by_onnx, several.predict_proba(X), atol=1e-5)
    numbers = NetworkRegressor([Conv2D(2, 3), Dense(4)], **SHARED).fit(X, X[:, 0])
    _, by_onnx, _ = run(numbers, tmp_path / "numbers.onnx")
    np.testing.assert_allclose(by_onnx[:, 0], numbers.predict(X), atol=1e-5)


def test_an_estimator_must_be_fitted(tmp_path):
    with pytest.raises(NotFittedError):
        save_onnx(MLPClassifier(), tmp_path / "model.onnx")


def test_the_examples_give_what_they_show():
    tests = examples_of(onnx_file)
    assert tests
    assert not list(failures(tests))
