"""A model's folder cannot vouch for itself: what it is made of is on the reader's list, or named by the user."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import hpsearch
from hpsearch import MLPClassifier, UserError
from hpsearch.models.estimators import serving

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def malicious(folder: Path, function: str) -> Path:
    """A folder of a pipeline whose first step calls an installed function when it predicts, vouching for itself."""
    import os

    import skops.io  # imports PyTorch where it is installed, which takes longer than collecting the tests

    model = make_pipeline(FunctionTransformer(os.path.basename, validate=False), LogisticRegression())
    model[-1].fit(X, Y)
    content = skops.io.dumps(model)
    folder.mkdir()
    plain = folder / "plain.zip"
    plain.write_bytes(content)
    module, _, name = function.rpartition(".")
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(folder / serving.SKOPS, "w") as new:
        for entry in old.namelist():
            part = old.read(entry)
            if entry == "schema.json":
                part = part.replace(b'"basename"', f'"{name}"'.encode()).replace(b'"posixpath"', f'"{module}"'.encode())
                assert name.encode() in part
            new.writestr(entry, part)
    plain.unlink()
    (folder / serving.TRUSTED).write_text(json.dumps([function, "posixpath.basename", "sklearn.pipeline.Pipeline"]))
    return folder


@pytest.mark.parametrize("function", ["os.system", "subprocess.getoutput", "builtins.eval", "shutil.rmtree"])
def test_a_folder_that_names_an_installed_function_is_refused_before_anything_of_it_is_made(
    tmp_path: Path, function: str
) -> None:
    folder = malicious(tmp_path / "model", function)
    with pytest.raises(UserError, match="nobody here vouches for") as caught:
        hpsearch.load(folder)
    assert function in str(caught.value).replace("posix.system", "os.system")
    assert "\n" not in str(caught.value)


def test_mlflow_s_loader_of_ours_refuses_it_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nobody here vouches for"):
        serving._load_pyfunc(str(malicious(tmp_path / "model", "os.system")))


def test_the_user_widens_the_list_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_pipeline(FunctionTransformer(np.log1p), FunctionTransformer(np.fliplr), LogisticRegression())
    model.fit(abs(X), Y)
    serving.write(model, tmp_path, abs(X))
    with pytest.raises(UserError, match=r"numpy\.fliplr"):
        hpsearch.load(tmp_path)
    assert (hpsearch.load(tmp_path, trusted=["numpy.fliplr"]).predict(abs(X)) == model.predict(abs(X))).all()
    monkeypatch.setenv("HPSEARCH_TRUSTED_TYPES", "a.B, numpy.fliplr")
    assert (serving._load_pyfunc(str(tmp_path)).predict(abs(X)) == model.predict(abs(X))).all()


def test_naming_one_type_trusts_no_other(tmp_path: Path) -> None:
    folder = malicious(tmp_path / "model", "os.system")
    with pytest.raises(UserError, match="nobody here vouches for"):
        hpsearch.load(folder, trusted=["numpy.fliplr"])


@pytest.mark.parametrize("data", ["../elsewhere", "/etc", "."])
def test_a_description_that_leads_out_of_its_folder_is_refused(tmp_path: Path, data: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(f"flavors:\n  python_function:\n    data: {data}\n")
    with pytest.raises(UserError, match="outside its folder"):
        hpsearch.load(folder)


def estimators() -> list[Any]:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.feature_selection import SelectKBest
    from sklearn.gaussian_process import GaussianProcessClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier as Theirs
    from sklearn.svm import SVC

    return [
        make_pipeline(StandardScaler(), MLPClassifier(max_epochs=1)),
        make_pipeline(SelectKBest(k=2), LogisticRegression()),
        CalibratedClassifierCV(LogisticRegression()),
        GradientBoostingClassifier(n_estimators=2),
        HistGradientBoostingClassifier(max_iter=2),
        RandomForestClassifier(2),
        GaussianProcessClassifier(),
        KNeighborsClassifier(algorithm="kd_tree"),
        Theirs((3,), max_iter=400, tol=1e-2),
        SVC(),
    ]


@pytest.mark.parametrize(
    "model", [pytest.param(each, id=type(each).__name__ + str(i)) for i, each in enumerate(estimators())]
)
def test_what_scikit_learn_and_hpsearch_make_is_read_without_a_word(tmp_path: Path, model: Any) -> None:
    model.fit(X, Y)
    serving.write(model, tmp_path, X)
    (tmp_path / serving.TRUSTED).unlink(missing_ok=True)
    assert (hpsearch.load(tmp_path).predict(X) == model.predict(X)).all()


def test_lightgbm_is_read_without_a_word(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(X, Y)
    serving.write(model, tmp_path, X)
    assert (hpsearch.load(tmp_path).predict(X) == model.predict(X)).all()


@pytest.mark.parametrize("source", ["nowhere.npz", "no/folder"])
def test_what_is_not_there_is_one_line(source: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such model"):
        hpsearch.load(tmp_path / source)


def test_a_file_that_an_estimator_saved_opens_by_the_same_door(tmp_path: Path) -> None:
    model = MLPClassifier(max_epochs=1).fit(X, Y)
    model.save(tmp_path / "net.npz")
    assert (hpsearch.load(tmp_path / "net.npz").predict(X) == model.predict(X)).all()
    (tmp_path / "net.npz").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(UserError, match=r"net\.npz"):
        hpsearch.load(tmp_path / "net.npz")
