import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from hpsearch.models import MLPClassifier, MLPRegressor

callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")


class Recorder:
    """Follows scikit-learn's FitCallback protocol; stops where it is told to."""

    def __init__(self, stop_after=None):
        self.events = []
        self.scores = []
        self.weights = []
        self._stop_after = stop_after

    def setup(self, estimator, context):
        self.events.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.events.append(f"end {context.task_name} {context.task_id}")
        self.scores.append(fitted_estimator.score(X, y))
        self.weights.append(metadata)
        return context.task_name == "epoch" and context.task_id + 1 == self._stop_after

    def teardown(self, estimator, context):
        self.events.append("teardown")


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X / 8, y


def test_every_epoch_is_a_task_with_a_fitted_estimator(iris):
    recorder = Recorder()
    model = MLPClassifier(max_epochs=2, random_state=0).set_callbacks(recorder).fit(*iris)
    epochs = [f"{what} epoch {i}" for i in range(2) for what in ("begin", "end")]
    assert recorder.events == ["setup", "begin fit 0", *epochs, "end fit 0", "teardown"]
    expected = [MLPClassifier(max_epochs=e, random_state=0).fit(*iris).score(*iris) for e in (1, 2, 2)]
    assert recorder.scores == expected
    assert model.score(*iris) == expected[-1]


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_a_callback_may_stop_training(estimator, iris):
    model = estimator(max_epochs=20, random_state=0).set_callbacks(Recorder(stop_after=3)).fit(*iris)
    assert model.n_iter_ == model.best_epoch_ == 3


def test_callbacks_change_no_bit_and_see_the_training_part_alone(iris):
    params = {"max_epochs": 4, "random_state": 0, "early_stopping": "patience"}
    weights = np.arange(150) + 1.0
    recorder = Recorder()
    with_callbacks = MLPClassifier(**params).set_callbacks(recorder).fit(*iris, sample_weight=weights)
    plain = MLPClassifier(**params).fit(*iris, sample_weight=weights)
    np.testing.assert_array_equal(with_callbacks.predict_proba(iris[0]), plain.predict_proba(iris[0]))
    assert {len(metadata["sample_weight"]) for metadata in recorder.weights} == {135}


def test_a_failed_fit_is_torn_down(iris):
    recorder = Recorder()
    with pytest.raises(ValueError, match="diverged"):
        MLPClassifier(learning_rate=1e6, l2=1e6).set_callbacks(recorder).fit(*iris)
    assert recorder.events[-1] == "teardown"


def test_scikit_learns_own_monitor_scores_every_epoch_of_a_pipeline(iris):
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = make_pipeline(MinMaxScaler(), MLPClassifier(max_epochs=3, random_state=0).set_callbacks(monitor))
    model.fit(*iris)
    accuracies = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(accuracies) == 3
    assert accuracies[-1] == model.score(*iris)
