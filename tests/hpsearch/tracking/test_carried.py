"""A model in MLflow carries what reads it: it opens wherever mlflow does, whatever is or is not installed there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from hpsearch.models.estimators import serving
from hpsearch.tracking.example import ARRAY
from hpsearch.tracking.model import copy_package, read_card, save

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow"),
]

WRITTEN = Path(__file__).parents[2] / "fixtures" / "v0_1"
KINDS = ("mlp", "pipeline")

SERVE = """\
import json, sys
{before}
from mlflow import pyfunc

answers = {{}}
for name, folder in json.loads(sys.argv[1]).items():
    model = pyfunc.load_model(folder)
    answers[name] = [model.predict(model.input_example).tolist(), type(model.get_raw_model()).__module__]
{after}
print(json.dumps(answers))
"""

WITHOUT = "sys.modules['hpsearch'] = None  # as if it were not installed"


def serve(folders: Mapping[str, Path], cwd: Path, before: str, after: str = "") -> dict[str, tuple[list[int], str]]:
    """Return what each model predicts of its example in a process of its own, and the module of its class."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    folders_json = json.dumps({name: str(folder) for name, folder in folders.items()})
    command = [sys.executable, "-W", "ignore", "-c", SERVE.format(before=before, after=after), folders_json]
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answers: dict[str, tuple[list[int], str]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def right(folders: Mapping[str, Path], answers: Mapping[str, tuple[list[int], str]]) -> bool:
    return all(
        answers[name][0] == np.load(WRITTEN / "mlflow" / f"{name.split()[-1]}.predicted.npy").tolist()
        for name in folders
    )


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """MLflow's folders of two winners as today's code writes them, and as it takes them from a folder of 0.1."""
    folder = tmp_path_factory.mktemp("new")
    for kind in KINDS:
        study = WRITTEN / "studies" / kind
        aged, fresh = study / "model", folder / f"{kind}-model"
        card = read_card(study)
        assert card is not None
        fresh.mkdir()
        serving.write(serving.read(aged), fresh, np.load(aged / ARRAY))
        shutil.copy(aged / ARRAY, fresh / ARRAY)
        save(folder / kind, fresh, card)
        save(folder / f"aged {kind}", aged, card)
    return {name: folder / name for kind in KINDS for name in (kind, f"aged {kind}")}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """MLflow's folders of the models of version 0.1, which carry the folder models/."""
    folder = tmp_path_factory.mktemp("old")
    for kind in KINDS:
        with zipfile.ZipFile(WRITTEN / "mlflow" / f"{kind}.zip") as archive:
            archive.extractall(folder / kind)
    return {f"old {kind}": folder / kind for kind in KINDS}


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A project with packages of its own that are called as ours, of which none has what a model needs."""
    for package in ("models", "hpsearch", "studies", "tests", "hpsearch/models"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f"MINE = {package!r}\n__version__ = '9.9'\n", encoding="utf-8")
    return tmp_path


def test_without_hpsearch_and_old_beside_new(new: dict[str, Path], old: dict[str, Path], tmp_path: Path) -> None:
    answers = serve(old | new, tmp_path, WITHOUT)
    assert right(old | new, answers)
    assert answers["old mlp"][1] == "models.estimator"
    assert answers["mlp"][1].startswith("hpsearch_models_")


def test_beside_a_users_models_and_another_hpsearch(new: dict[str, Path], hostile: Path) -> None:
    before = f"sys.path.insert(0, {str(hostile)!r})\nimport models, hpsearch, hpsearch.models"
    after = "assert models.MINE == 'models' and hpsearch.__version__ == '9.9' and sys.modules['models'] is models"
    assert right(new, serve(new, hostile, before, after))


def test_old_models_are_served_where_hpsearch_is_installed_too(old: dict[str, Path], tmp_path: Path) -> None:
    source = Path(__file__).parents[3]
    before = f"sys.path.append({str(source)!r})\nimport hpsearch; hpsearch.MLPClassifier"
    assert right(old, serve(old, tmp_path, before))


def test_the_package_travels_under_a_name_of_its_own_content(new: dict[str, Path], tmp_path: Path) -> None:
    import yaml

    for folder in new.values():
        (package,) = (folder / "code").iterdir()
        made = copy_package(tmp_path / folder.name)
        assert package.name == made.name
        # What was served here by other tests has its own compiled files since.
        assert not list(made.rglob("__pycache__"))
        flavor = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))["flavors"]["python_function"]
        assert flavor["loader_module"] == f"{package.name}.estimators.serving"
    trusted = json.loads((new["pipeline"] / "data" / "pipeline-model" / "trusted.json").read_text(encoding="utf-8"))
    assert trusted == ["hpsearch.Augmentation", "hpsearch.MLPClassifier"]
