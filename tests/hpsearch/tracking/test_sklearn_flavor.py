"""Models in MLflow as scikit-learn's flavour: the estimator itself, by the package that travels with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tables
from mlflow_client import load_pyfunc
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import hpsearch
from hpsearch import MLPClassifier, MLPRegressor, Study, Table, UserError
from hpsearch.running import winner
from hpsearch.tables.door import load
from hpsearch.tracking.model import FOLDER, read_card, save

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow"),
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def saved(folder: Path, model: Any, data: Any, **study: Any) -> tuple[Any, Path]:
    """Return a study's result and its winner as MLflow keeps it."""
    declared = Study("m", model, data=data, n_trials=1, pruner="none", **study)
    result = declared.run(folder, quiet=True, tracking=False)
    study_dir = folder / "studies" / "m"
    winner.store(study_dir, result.history, load(data, model), lambda: result.trial_model, None)
    card = read_card(study_dir)
    assert card is not None
    save(folder / "saved", study_dir / FOLDER, card)
    return result, folder / "saved"


def load_estimator(uri: str) -> Any:
    """Return a model as MLflow's flavour ``sklearn`` loads it."""
    from mlflow import sklearn

    return sklearn.load_model(uri)


def asked(served: Any, body: str) -> Any:
    """Return what MLflow's server answers to a request in JSON."""
    from mlflow.pyfunc.scoring_server import invocations  # warns while it is imported

    answer = invocations(body, "application/json", served, served.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    return json.loads(answer.response)["predictions"]


@pytest.mark.parametrize(
    "model", [MLPClassifier((4,), max_epochs=2), LogisticRegression()], ids=lambda model: type(model).__name__
)
def test_an_array_of_either_precision_is_taken_and_both_flavours_predict_alike(tmp_path: Path, model: Any) -> None:
    result, model_dir = saved(tmp_path, model, (X, Y))
    expected = result.trial_model.predict(X)
    served, estimator = load_pyfunc(str(model_dir)), load_estimator(str(model_dir))
    for samples in (X, X.astype(np.float64), X.tolist(), pd.DataFrame(X)):
        np.testing.assert_array_equal(served.predict(samples), expected)
    np.testing.assert_array_equal(estimator.predict(X), expected)
    assert type(estimator).__name__ == type(model).__name__
    assert type(hpsearch.load_model(model_dir)) is type(model)
    for body in ('{"inputs": [[0.5, 1, 2, 3]]}', '{"instances": [[0.5, 1, 2, 3]]}'):
        assert asked(served, body) == estimator.predict([[0.5, 1, 2, 3]]).tolist()


def test_a_tables_model_takes_frames_by_all_doors_and_json_over_http(tmp_path: Path) -> None:
    path = tables.write_houses(tmp_path, 150)
    result, model_dir = saved(tmp_path, MLPRegressor((6,), max_epochs=2), Table(path, target="price"), metric="val_r2")
    rows = pd.read_csv(path).head(4)
    expected = result.trial_model.predict(rows)
    served, estimator = load_pyfunc(str(model_dir)), load_estimator(str(model_dir))
    np.testing.assert_array_equal(estimator.predict(rows[rows.columns[::-1]]), expected)
    assert list(estimator.feature_names_in_) == ["area", "year_built", "district", "sold", "garden"]
    assert served.metadata.get_input_schema().input_names() == list(estimator.feature_names_in_)
    body = '{"dataframe_split": ' + rows[list(estimator.feature_names_in_)].to_json(orient="split", index=False) + "}"
    np.testing.assert_allclose(asked(served, body), expected)
    np.testing.assert_array_equal(hpsearch.load_model(model_dir).predict(rows), expected)


def test_a_model_of_sparse_data_is_kept_with_a_sparse_example(tmp_path: Path) -> None:
    model = make_pipeline(TfidfTransformer(), LogisticRegression())
    counts = csr_matrix(RNG.poisson(1, (90, 5)))
    result, model_dir = saved(tmp_path, model, (counts, Y))
    served = load_pyfunc(str(model_dir))
    some = counts[:6].astype(np.float64)
    np.testing.assert_array_equal(served.predict(some), result.trial_model.predict(some))


def test_the_guarded_door_refuses_what_mlflow_lets_a_file_vouch_for(tmp_path: Path) -> None:
    import skops.io

    _, model_dir = saved(tmp_path, LogisticRegression(), (X, Y))
    (file,) = model_dir.rglob("model.skops")
    from sklearn.preprocessing import FunctionTransformer

    trap = make_pipeline(FunctionTransformer(Path.mkdir), LogisticRegression())
    file.write_bytes(skops.io.dumps(trap))
    with pytest.raises(UserError, match=r"types that nobody here vouches for: .*mkdir"):
        hpsearch.load_model(model_dir)
