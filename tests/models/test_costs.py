"""The hinge cost: by hand, beside PyTorch's, and as a support vector machine that people use."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.utils import get_tags

from hpsearch.models import Dense, MLPClassifier, NetworkClassifier
from hpsearch.models.costs import HEADS
from hpsearch.models.estimators.loading import load
from hpsearch.models.kernels import run

HINGE = HEADS["linear", "hinge"]


def hinge(z, y):
    """Return the cost of each sample and the error δ, shape (n,) and (n, C)."""
    z = np.asarray(z, float)[None]
    t = np.eye(z.shape[-1])[y]
    delta = np.empty_like(z)
    scratch = np.empty_like(z)
    run(HINGE.delta(z, t, delta, scratch))
    return HINGE.value(z, z, t).sum(-1)[0], delta[0]


def test_the_hinge_cost_is_that_of_the_course_notes():
    # cs231n, lecture 3: scores of a cat, a car and a frog. The cat: max(0, 5.1 − 3.2 + 1) + max(0, −1.7 − 3.2 + 1);
    # the car stands more than 1 above both others; the frog: (2.2 + 3.1 + 1) + (2.5 + 3.1 + 1).
    cost, delta = hinge([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]], [0, 1, 2])
    np.testing.assert_allclose(cost, [2.9, 0, 12.9], rtol=1e-12)
    np.testing.assert_array_equal(delta, [[-1, 1, 0], [0, 0, 0], [1, 1, -2]])


def test_the_hinge_cost_and_its_slope_are_those_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: it is a peer to compare with, not a need")
    rng = np.random.default_rng(0)
    z = rng.normal(size=(50, 6))
    y = rng.integers(6, size=50)
    theirs = torch.tensor(z, requires_grad=True)
    loss = 6 * torch.nn.functional.multi_margin_loss(theirs, torch.tensor(y), reduction="none")  # it divides by C
    loss.sum().backward()
    cost, delta = hinge(z, y)
    np.testing.assert_allclose(cost, loss.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(delta, theirs.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    "network",
    [MLPClassifier((20,), activation="relu", weight_init="he"), NetworkClassifier([Dense(20)])],
    ids=["perceptron", "chain"],
)
def test_a_network_of_linear_outputs_is_a_classifier_by_scores(network, tmp_path):
    X, y = load_digits(return_X_y=True)
    X = X / 16
    names = np.array(list("abcdefghij"))[y]
    network.set_params(output="linear", optimizer="adam", learning_rate=0.003, max_epochs=8, random_state=0)
    model = network.fit(X[:1200], names[:1200], X_val=X[1200:], y_val=names[1200:])
    scores = model.decision_function(X)
    assert scores.shape == (len(X), 10)
    np.testing.assert_array_equal(model.predict(X), model.classes_[scores.argmax(1)])
    assert model.score(X[1200:], names[1200:]) == pytest.approx(model.history_["val_accuracy"][-1])
    assert model.history_["val_accuracy"][-1] > 0.85
    right = scores[np.arange(len(y)), y]
    margins = np.maximum(0, scores - right[:, None] + 1).sum(1) - 1
    assert model.history_["val_cost"][-1] == pytest.approx(margins[1200:].mean(), rel=1e-5)
    model.save(tmp_path / "model.npz")
    again = load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.decision_function(X), scores)


def test_scores_are_no_probabilities():
    X, y = load_digits(n_class=2, return_X_y=True)
    model = MLPClassifier((), output="linear", max_epochs=2, random_state=0).fit(X / 16, y)
    assert not hasattr(model, "predict_proba")
    assert not hasattr(model, "predict_log_proba")
    score = model.decision_function(X / 16)
    assert score.shape == y.shape
    np.testing.assert_array_equal(model.predict(X / 16), 1 * (score > 0))
    assert not hasattr(MLPClassifier(), "decision_function")
    with pytest.raises(ValueError, match="picks one class a sample, not several labels"):
        model.fit(X / 16, np.eye(2, dtype=int)[y])


def test_only_outputs_that_can_hold_several_labels_tell_scikit_learn_so():
    several = {
        output: get_tags(MLPClassifier(output=output)).classifier_tags.multi_label
        for output in ("sigmoid", "tanh", "softmax", "linear")
    }
    assert several == {"sigmoid": True, "tanh": True, "softmax": False, "linear": False}
