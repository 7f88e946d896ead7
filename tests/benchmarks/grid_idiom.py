"""The 16-point grid that a user writes today, against the same grid as a study: whole processes, start-up included.

The idiom: Optuna's GridSampler over scikit-learn's MLPClassifier.partial_fit, a curve per trial in MLflow, sqlite
stores, n_jobs=1. The study: the same points, images, epochs and curves, one worker. Both run in turn, in processes of
their own, in fresh folders; the table gives medians.

    HPSEARCH_DATA=folder python tests/benchmarks/grid_idiom.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

IDIOM = """
import mlflow, optuna, numpy as np
from sklearn.neural_network import MLPClassifier
from hpsearch.models.datasets import load

data = load("mnist")
X, y = data.X_train[:10_000], data.y_train[:10_000]
Xv, yv = data.X_valid, data.y_valid
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("grid")
space = {"eta": [0.1, 0.3, 1.0, 3.0], "lmbda": [0.1, 1.0, 3.0, 10.0]}

def objective(trial):
    eta = trial.suggest_categorical("eta", space["eta"])
    lmbda = trial.suggest_categorical("lmbda", space["lmbda"])
    net = MLPClassifier((30,), activation="logistic", solver="sgd", momentum=0.0, batch_size=10,
                        learning_rate_init=eta, alpha=lmbda * 10 / len(X), random_state=trial.number)
    with mlflow.start_run(run_name=str(trial.number)):
        mlflow.log_params({**net.get_params(), "eta": eta, "lmbda": lmbda})
        for epoch in range(5):
            net.partial_fit(X, y, classes=np.arange(10))
            accuracy = net.score(Xv, yv)
            mlflow.log_metrics({"train_cost": net.loss_, "val_accuracy": accuracy}, step=epoch + 1)
            trial.report(accuracy, epoch + 1)
    return accuracy

study = optuna.create_study(storage="sqlite:///optuna.db", direction="maximize",
                            sampler=optuna.samplers.GridSampler(space, seed=0))
study.optimize(objective, n_trials=16)
"""

STUDY = """
from hpsearch import Choice, MLPClassifier, Study
from hpsearch.models.datasets import load

data = load("mnist")
study = Study(
    name="grid",
    model=MLPClassifier(hidden_layer_sizes=(30,), max_epochs=5),
    space={"learning_rate": Choice([0.1, 0.3, 1.0, 3.0]), "l2": Choice([0.1, 1.0, 3.0, 10.0])},
    data=((data.X_train[:10_000], data.y_train[:10_000]), (data.X_valid, data.y_valid)),
    sampler="grid", pruner="none", lanes=16,
)
"""


PEERS_BEST = {"OPENBLAS_NUM_THREADS": "1"}
"""With more threads scikit-learn's network is slower at this shape; hpsearch runs as its users run it."""


def seconds(command: list[str], folder: Path, **settings: str) -> float:
    """Return how long a process takes from its start to its end, with such settings in its environment."""
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **settings}
    environment.pop("MLFLOW_TRACKING_URI", None)
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - begun


def main() -> None:
    """Run both in turn and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {"Optuna + partial_fit + MLflow": [], "hpsearch": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "idiom.py").write_text(IDIOM)
            (folder / "grid.py").write_text(STUDY)
            times["Optuna + partial_fit + MLflow"].append(seconds([sys.executable, "idiom.py"], folder, **PEERS_BEST))
            times["hpsearch"].append(seconds([sys.executable, "-m", "hpsearch", "run", "grid.py"], folder))
    print("| 16 points × 5 epochs × 10,000 images, whole process | s (median) | ratio |\n|---|---|---|")
    base = median(times["Optuna + partial_fit + MLflow"])
    for what, values in times.items():
        print(f"| {what} | {median(values):.1f} | {base / median(values):.1f}× |")


if __name__ == "__main__":
    main()
