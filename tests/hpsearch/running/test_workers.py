"""What a study file, a script or a notebook defines trains in worker processes as it does in one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HELPER = "def height(x, slope):\n    return -slope * abs(x - 3.0)\n"
LATE = "def bump(epoch):\n    return 0.1 * epoch\n"

STUDY = """
import helper
from hpsearch import Float, Study

def make(slope):
    class Hill:
        def climb(self, trial):
            return helper.height(trial["x"], slope)
    hill = Hill()
    def objective(trial):
        from late import bump
        for epoch in range(3):
            yield {"score": hill.climb(trial) + bump(epoch), "noise": float(trial.rng.random())}
    return objective

study = Study(
    name="hills", objective=make(2.0), space={"x": Float(0.0, 9.0)}, metric="score", epochs=3,
    sampler="random", pruner="none", n_trials=6, lanes=3, seed=0,
)
"""

ESTIMATOR = """
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from hpsearch import Choice, Float, Study

class Nearest(ClassifierMixin, BaseEstimator):
    def __init__(self, power=2.0, random_state=None):
        self.power = power
        self.random_state = random_state
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        noise = np.random.default_rng(self.random_state).normal(0, 0.1, X.shape[1])
        self.means_ = np.stack([X[y == c].mean(axis=0) for c in self.classes_]) + noise
        return self
    def predict(self, X):
        distance = (np.abs(X[:, None] - self.means_) ** self.power).sum(axis=2)
        return self.classes_[distance.argmin(axis=1)]

def errors(estimator, X, y):
    return -float((estimator.predict(X) != y).sum())

study = Study(
    name="hills", model=make_pipeline(StandardScaler(), Nearest()), data="digits", scoring=errors, epochs=3,
    space={"nearest__power": Float(0.5, 3.0), "standardscaler__with_std": Choice([True, False])},
    sampler="random", pruner="median", n_trials=6, lanes=3,
)
"""

PIPELINE = """
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from hpsearch import Choice, Float, MLPClassifier, Study

study = Study(
    name="hills", model=make_pipeline(PCA(), MLPClassifier(hidden_layer_sizes=(8,), max_epochs=3)), data="digits",
    space={"pca__n_components": Choice([10, 20]), "mlpclassifier__learning_rate": Float(0.1, 3.0, log=True)},
    sampler="tpe", pruner="asha", n_trials=8, lanes=4,
)
"""


def python(folder: Path, *args: str) -> bytes:
    completed = subprocess.run([sys.executable, *args], cwd=folder, capture_output=True, timeout=120)
    assert (completed.returncode, completed.stderr) == (0, b""), completed.stderr.decode()
    return completed.stdout


def export(folder: Path, root: str) -> bytes:
    return python(folder, "-m", "hpsearch", "export", "hills", "--curves", "--root", root)


@pytest.mark.slow
@pytest.mark.parametrize("study", [STUDY, ESTIMATOR, PIPELINE], ids=["closure", "estimator", "pipeline"])
def test_what_a_study_file_defines_and_imports_reaches_the_workers(tmp_path: Path, study: str) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    for name, text in (("hills.py", study), ("helper.py", HELPER), ("late.py", LATE)):
        (folder / name).write_text(text)
    for root, workers in (("one", "1"), ("two", "2")):
        python(
            tmp_path,
            "-m",
            "hpsearch",
            "run",
            "studies/hills.py",
            "--no-tracking",
            "--quiet",
            "--root",
            root,
            "--workers",
            workers,
        )
    assert export(tmp_path, "one") == export(tmp_path, "two")
    assert export(tmp_path, "one").count(b"\n") > 6


@pytest.mark.slow
def test_a_script_may_run_its_study_on_workers_without_a_guard(tmp_path: Path) -> None:
    for name, text in (("helper.py", HELPER), ("late.py", LATE)):
        (tmp_path / name).write_text(text)
    script = STUDY + "import sys\nstudy.run(sys.argv[1], quiet=True, tracking=False, workers=int(sys.argv[2]))\n"
    (tmp_path / "script.py").write_text(script + "print(__file__, __name__)\n")
    for root, workers in (("one", "1"), ("two", "2")):
        output = python(tmp_path, "script.py", root, workers).decode()
        assert output.split() == [str(tmp_path / "script.py"), "__main__"]
    assert export(tmp_path, "one") == export(tmp_path, "two")


@pytest.mark.slow
def test_what_cannot_be_sent_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "hills.py").write_text(
        "import threading\n"
        "from hpsearch import Float, Study\n"
        "lock = threading.Lock()\n"
        "def objective(trial):\n    return float(lock.locked())\n"
        "study = Study('hills', objective=objective, space={'x': Float(0, 1)}, metric='score')\n"
    )
    command = [sys.executable, "-m", "hpsearch", "run", "hills.py", "--no-tracking", "--quiet", "--workers", "2"]
    completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert completed.returncode == 2
    assert completed.stderr.startswith("error: the objective cannot be sent to workers (TypeError")
    assert completed.stderr.endswith("; make lock inside of the function\n")
    assert completed.stderr.count("\n") == 1
