"""The winner's model: the one that the log tells of, in MLflow's hands without pickle, and in its registry."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from mlflow_client import client_of, load_pyfunc
from servers import pointed_at
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from hpsearch import Choice, Float, MLPClassifier, MLPRegressor, Study, UserError, load_model
from hpsearch.cli import main
from hpsearch.judging import confirm
from hpsearch.log import catalogue
from hpsearch.models import datasets
from hpsearch.models.estimators import serving
from hpsearch.running import winner
from hpsearch.running.api import Result
from hpsearch.running.delivery import exhibits
from hpsearch.tracking import cursor
from hpsearch.tracking.model import read_card, version
from hpsearch.tracking.process import Delivery

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow"),
]

RATES = {"learning_rate": Float(0.01, 5, log=True)}


def study_of(model: Any, space: Any, **settings: Any) -> Study:
    plain: dict[str, Any] = {"data": "digits", "sampler": "random", "pruner": "none", "n_trials": 4, "lanes": 4}
    return Study("won", model, space=space, **(plain | settings))


STUDIES: dict[str, Callable[[], Study]] = {
    "a network": lambda: study_of(MLPClassifier((8,), max_epochs=3, l2=0.1), RATES),
    "layers to choose": lambda: study_of(MLPClassifier(max_epochs=2), {"hidden_layer_sizes": Choice([(5,), (6, 4)])}),
    "early stopping": lambda: study_of(MLPClassifier((8,), early_stopping="patience", patience=2, max_epochs=6), RATES),
    "a pipeline around a network": lambda: study_of(
        make_pipeline(MinMaxScaler(), MLPClassifier((8,), max_epochs=2)),
        {"mlpclassifier__learning_rate": Float(0.01, 5, log=True)},
    ),
    "an epoch at a time": lambda: study_of(
        make_pipeline(StandardScaler(), SGDClassifier()),
        {"sgdclassifier__alpha": Float(1e-5, 1e-1, log=True)},
        epochs=3,
    ),
    "shares of the data": lambda: study_of(RandomForestClassifier(5), {"max_depth": Choice([2, 8])}, epochs=2),
    "a whole fit": lambda: study_of(RandomForestClassifier(5), {"max_depth": Choice([2, 8])}),
    "confirmed": lambda: study_of(MLPClassifier((8,), max_epochs=2), RATES, confirm=2, confirm_top=2),
    "stages": lambda: study_of(MLPClassifier((8,), max_epochs=2), RATES, stages="auto"),
}


@pytest.mark.parametrize("which", STUDIES)
def test_the_model_is_the_winner_as_the_log_tells_of_it(which: str, tmp_path: Path) -> None:
    study = STUDIES[which]()
    result = study.run(tmp_path, quiet=True, tracking=False)
    trial, data = confirm.winner(result.history), datasets.load("digits")
    assert trial is not None
    assert trial.best_epoch is not None
    assert result.model.score(data.X_valid, data.y_valid) == pytest.approx(trial.value, abs=1e-7)
    # Trained again along the ticks in the log it is the same, bit for bit.
    again = study.run(tmp_path, quiet=True, tracking=False).model
    assert (again.predict(data.X_valid) == result.model.predict(data.X_valid)).all()
    if isinstance(again, MLPClassifier):
        for one, other in zip(again.coefs_, result.model.coefs_, strict=True):
            assert np.array_equal(one, other)


def test_the_confirmed_points_own_trial_is_the_model_of_a_confirmed_study(tmp_path: Path) -> None:
    history = STUDIES["confirmed"]().run(tmp_path, quiet=True, tracking=False).history
    trial = confirm.winner(history)
    assert trial is not None
    assert trial.ask.stage == history.full_stage + 2, "it was measured on the test set"


def test_a_study_of_a_function_has_no_model(tmp_path: Path) -> None:
    study = Study("f", objective=lambda trial: trial["x"], space={"x": Float(0, 1)}, n_trials=2, metric="x")
    assert study.run(tmp_path, quiet=True, tracking=False).model is None


def test_a_model_that_is_trained_again_to_another_value_is_refused(tmp_path: Path) -> None:
    study = STUDIES["a network"]()
    history = study.run(tmp_path, quiet=True, tracking=False).history
    assert history.best is not None
    history.best.value = 0.123
    with pytest.raises(UserError, match="the log says 0\\.123"):
        winner.fitted(history, None, lambda: _objective(study))


def _objective(study: Study) -> Any:
    from hpsearch.objectives.staged import prepare

    data = datasets.load(study.data)
    return prepare(study, data).make(data)


@pytest.mark.parametrize("model", [MLPRegressor((4,), max_epochs=2), Ridge()], ids=["network", "scikit-learn"])
def test_what_is_written_reads_back_without_pickle(model: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 3)), rng.random(40)
    serving.write(model.fit(X, y), tmp_path, X)
    assert np.array_equal(serving._load_pyfunc(str(tmp_path)).predict(X), model.predict(X))
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".pkl", ".pickle")]


def test_what_needs_pickle_is_named(tmp_path: Path) -> None:
    X = np.ones((4, 2))
    model = make_pipeline(FunctionTransformer(lambda X: X + 1), Ridge()).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="Pipeline cannot be kept without pickle"):
        serving.write(model, tmp_path, X)


def card_after(root: Path, delivered: bool) -> Any:
    """Return the card of a winner that was to be registered, after its study was extended without saying so again."""
    study = STUDIES["a network"]()
    folder, data = root / "studies" / study.name, datasets.load("digits")

    def run(trials: int, register: str | None) -> None:
        result = replace(study, n_trials=trials).run(root, quiet=True, tracking=False)
        winner.store(folder, result.history, data, lambda: result.model, register)

    run(1, "digits@best")
    first = read_card(folder)
    assert first is not None
    if delivered:
        delivered_until = cursor.Cursor(exhibits=f"100:{version(folder)}")
        cursor.save(folder, "http://127.0.0.1:9", delivered_until)
    run(8, None)
    card = read_card(folder)
    assert card is not None
    assert card.trial != first.trial, "another trial is the best"
    return card


def test_a_wish_to_register_that_reached_no_store_holds_for_the_winner_of_now(tmp_path: Path) -> None:
    waiting = card_after(tmp_path / "waiting", delivered=False)
    assert (waiting.register, waiting.alias) == ("digits", "best")
    assert card_after(tmp_path / "shown", delivered=True).register is None


def finished(root: Path, **settings: Any) -> tuple[Result, MlflowClient]:
    result = STUDIES["a network"]().run(root, quiet=True, register="digits@best", **settings)
    return result, client_of(f"sqlite:///{root / 'mlflow.db'}")


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> tuple[Path, Result, MlflowClient]:
    """A study whose winner was registered."""
    root = tmp_path_factory.mktemp("registered")
    shutil.copyfile(empty_store, root / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(Delivery, "finish", partialmethod(Delivery.finish, 600.0))  # however busy the machine is
        return root, *finished(root)


Registered = tuple[Path, Result, "MlflowClient"]


def test_mlflow_holds_the_report_its_pictures_and_the_model(registered: Registered) -> None:
    root, result, client = registered
    assert result.run is not None
    files = {file.path: file.file_size for file in client.list_artifacts(result.run)}
    assert {"report.html", "best.png", "map.png", "curves.png"} <= files.keys()
    report = Path(client.download_artifacts(result.run, "report.html", str(root))).read_text(encoding="utf-8")
    folder = root / "studies" / "won"
    assert report.encode() == exhibits().draw(catalogue.load_history(folder), folder)["report.html"]
    (model,) = client.search_logged_models([client.get_run(result.run).info.experiment_id])
    assert model.name == "model"
    assert model.source_run_id == result.run
    assert model.status == "READY"
    assert [output.model_id for output in client.get_run(result.run).outputs.model_outputs] == [model.model_id]


def load(client: MlflowClient, uri: str) -> Any:
    with pointed_at(client.tracking_uri):
        return load_pyfunc(uri)


@pytest.mark.parametrize(
    "uri", ["runs:/{run}/model", "models:/digits@best", "models:/digits/1", "models:/digits/latest"]
)
def test_the_guarded_door_looks_into_the_roots_own_registry_and_makes_none_elsewhere(
    registered: Registered, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, result, _ = registered
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    model, data = load_model(uri.format(run=result.run), root=root), datasets.load("digits")
    assert np.array_equal(model.predict_proba(data.X_valid), result.model.predict_proba(data.X_valid))
    with pytest.raises(UserError, match="not to be had from MLflow"):
        load_model("models:/nobody@best", root=root)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["runs:/{run}/model", "models:/digits@best", "models:/digits/1"])
def test_mlflow_loads_the_model_from_its_run_and_from_the_registry(registered: Registered, uri: str) -> None:
    _, result, client = registered
    model, data = load(client, uri.format(run=result.run)), datasets.load("digits")
    assert np.array_equal(model.predict(data.X_valid.astype(np.float64)), result.model.predict(data.X_valid))
    assert np.array_equal(model.get_raw_model().predict_proba(data.X_valid), result.model.predict_proba(data.X_valid))
    assert str(model.metadata.signature.inputs) == f"[{', '.join(['double (required)'] * 64)}]"
    assert model.input_example.shape == (3, 64)


def test_delivered_again_there_is_still_one_model_and_one_version(registered: Registered) -> None:
    root, result, client = registered
    (root / "studies" / "won" / "delivered.json").unlink()
    assert main(["sync", "--root", str(root)]) == 0
    experiment = client.get_run(str(result.run)).info.experiment_id
    assert len(client.search_logged_models([experiment])) == 1
    (version,) = client.search_model_versions("name='digits'")
    assert client.get_model_version_by_alias("digits", "best").version == version.version


@pytest.mark.slow
def test_the_model_predicts_from_the_command_line_of_mlflow(registered: Registered) -> None:
    root, result, client = registered
    data, folder = datasets.load("digits"), root / "served"
    (model,) = client.search_logged_models([client.get_run(str(result.run)).info.experiment_id])
    samples = root / "samples.json"
    samples.write_text(json.dumps({"inputs": data.X_valid[:7].tolist()}))
    # Away from this package's folder: what reads the model came along with it.
    folder.mkdir()
    out = folder / "out.json"
    command = [sys.executable, "-m", "mlflow", "models", "predict", "-m", model.model_uri, "--env-manager", "local"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": client.tracking_uri}
    completed = subprocess.run(
        [*command, "-i", str(samples), "-o", str(out)], capture_output=True, text=True, env=environment, cwd=folder
    )
    assert completed.returncode == 0, completed.stderr
    assert json.loads(out.read_text())["predictions"] == result.model.predict(data.X_valid[:7]).tolist()


def test_a_card_says_what_the_model_is(registered: Registered) -> None:
    root, result, _ = registered
    card, best = read_card(root / "studies" / "won"), result.best_trial
    assert card is not None
    assert best is not None
    assert (card.trial, card.epoch, card.value) == (best.number, best.best_epoch, best.value)
    assert f"numpy=={np.__version__}" in card.requirements


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a@", "a@b c", "@b"])
def test_a_name_that_the_registry_does_not_take_is_said_before_anything_is_trained(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="register="):
        STUDIES["a network"]().run(tmp_path, quiet=True, register=name)
    assert not (tmp_path / "studies").exists()
