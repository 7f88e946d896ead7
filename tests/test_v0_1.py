"""What version 0.1 wrote is still read: its logs, its saved models, and the names in them (tests/fixtures/v0_1)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch import Augmentation, models
from hpsearch.engine import environment
from hpsearch.errors import UserError
from hpsearch.log.catalogue import load_history
from hpsearch.models import names
from hpsearch.models.estimators import serving
from hpsearch.report.export import to_bytes
from hpsearch.running.replay import replay
from hpsearch.study import aliases
from hpsearch.study.declaration import changes, declare, identity, widens
from hpsearch.study.loading import load_study
from hpsearch.study.registry import PRUNERS, SAMPLERS, resolve
from hpsearch.tracking.fetch import run_ids
from hpsearch.tracking.sync import sync

WRITTEN = Path(__file__).parent / "fixtures" / "v0_1"
STUDIES = sorted(path.name for path in (WRITTEN / "studies").iterdir())
TRAINED_APART = ("forest", "regressor", "scored")
"""Studies whose trials train another way where they are begun today."""
MODELS = ("mlp", "pipeline")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")


def header(study: str) -> dict[str, Any]:
    with (WRITTEN / "studies" / study / "log.jsonl").open(encoding="utf-8") as log:
        first_line: dict[str, Any] = json.loads(next(log))
    return first_line


def same_machine(study: str) -> bool:
    """Whether the last bits of a curve can be those of the fixture."""
    then = header(study)["environment"]
    now = environment.current()
    packages = ("numpy", "scipy", "scikit-learn")
    return all(then[key] == now[key] for key in ("cpu", "blas")) and all(
        then["packages"][package] == now["packages"][package] for package in packages
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(WRITTEN / "studies", tmp_path / "studies")
    return tmp_path


def exports(root: Path, study: str) -> tuple[bytes, bytes]:
    history = load_history(root / "studies" / study)
    return to_bytes(history), to_bytes(history, curves=True)


def exported(name: str) -> tuple[bytes, bytes]:
    folder = WRITTEN / "exports"
    return (folder / f"{name}.csv").read_bytes(), (folder / f"{name}.curves.csv").read_bytes()


@pytest.mark.parametrize("study", STUDIES)
def test_a_log_is_exported_to_the_same_bytes(study: str, root: Path) -> None:
    assert exports(root, study) == exported(study)


@pytest.mark.parametrize("study", sorted({*STUDIES} - {"killed"}))
def test_a_study_that_is_done_is_known_again_and_nothing_is_added(study: str, root: Path, tmp_path: Path) -> None:
    before = (root / "studies" / study / "log.jsonl").read_bytes()
    file = shutil.copyfile(root / "studies" / study / "study.py", tmp_path / f"{study}.py")
    load_study(file).run(root, quiet=True, tracking=False)
    assert (root / "studies" / study / "log.jsonl").read_bytes() == before


def test_a_killed_study_goes_on_from_its_checkpoint(root: Path, tmp_path: Path) -> None:
    file = shutil.copyfile(root / "studies" / "killed" / "study.py", tmp_path / "killed.py")
    load_study(file).run(root, quiet=True, tracking=False)
    trials, curves = exports(root, "killed")
    assert [line.split(b",")[1] for line in trials.splitlines()[1:]] == [b"COMPLETE"] * 3
    logged = exported("killed")[1].splitlines()
    assert set(logged) <= set(curves.splitlines())
    if same_machine("killed"):
        assert (trials, curves) == exported("killed_resumed")


@pytest.mark.parametrize("study", TRAINED_APART)
def test_a_study_goes_on_the_way_it_began_where_one_of_today_goes_another(
    study: str, root: Path, tmp_path: Path
) -> None:
    log = root / "studies" / study / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[: len(lines) // 2]))
    declared = load_study(shutil.copyfile(root / "studies" / study / "study.py", tmp_path / f"{study}.py"))
    refused = None
    try:
        declared.run(root, quiet=True, tracking=False)
    except UserError as error:  # trials that ran are trained again, on another CPU to other last digits
        refused = str(error)
    if refused is not None:
        assert not same_machine(study)
        assert "resume on the CPU type and library versions of the log" in refused
        pytest.skip(refused)
    trials, curves = exports(root, study)
    assert curves.splitlines()[0] == exported(study)[1].splitlines()[0], "what is measured is what was"
    if same_machine(study):
        assert (trials, curves) == exported(study)
    declared.run(tmp_path / "new", quiet=True, tracking=False)
    assert exports(tmp_path / "new", study)[1] != curves


@pytest.mark.parametrize("study", sorted({*STUDIES} - {"staged"}))
def test_a_declaration_is_the_same_study_under_the_names_of_today(study: str, tmp_path: Path) -> None:
    first_line = header(study)
    file = shutil.copyfile(WRITTEN / "studies" / study / "study.py", tmp_path / f"{study}.py")
    now = declare(load_study(file), rule=1)
    assert changes(first_line["declaration"], now) == []
    assert widens(first_line["declaration"], now)
    assert identity({**now, "dataset": first_line["dataset"].get("digest")}) == first_line["uid"]
    assert "models." not in json.dumps(now)


def test_new_declarations_name_classes_as_users_import_them(tmp_path: Path) -> None:
    shutil.copyfile(WRITTEN / "studies" / "mlp" / "study.py", tmp_path / "mlp.py")
    declaration = declare(load_study(tmp_path / "mlp.py"))
    assert declaration["model"]["class"] == "hpsearch.MLPClassifier"
    assert declaration["model"]["params"]["augmentation"]["class"] == "hpsearch.Augmentation"
    assert declaration["pruner"]["class"] == "hpsearch.pruners.ASHA"


@pytest.mark.parametrize("place", [*SAMPLERS.values(), *PRUNERS.values(), *aliases.VERSION_0_1])
def test_a_public_name_is_one_that_can_be_imported(place: str) -> None:
    name = aliases.public(place)
    assert name.rpartition(".")[0] in ("hpsearch", "hpsearch.samplers", "hpsearch.pruners")
    cls = resolve(name)
    assert aliases.public(f"{cls.__module__}.{cls.__qualname__}") == name
    assert aliases.public(name) == name
    if place in aliases.VERSION_0_1:
        assert aliases.first_name(name) == place


@pytest.mark.parametrize("name", ["models.foo.Net", "estimator.MLPClassifier", "MLPClassifier", "mine.ASHA", ""])
def test_a_users_class_keeps_its_name(name: str) -> None:
    assert aliases.public(name) == aliases.first_name(name) == names.importable_name(name) == name


def test_saved_models_predict_the_same(tmp_path: Path) -> None:
    with np.load(WRITTEN / "predicted.npz") as predicted:
        classifier, regressor = (models.load(WRITTEN / f"{kind}.npz") for kind in ("classifier", "regressor"))
        np.testing.assert_allclose(classifier.predict_proba(predicted["X"]), predicted["probabilities"], rtol=1e-5)
        np.testing.assert_array_equal(classifier.predict(predicted["X"]), predicted["labels"])
        np.testing.assert_allclose(regressor.predict(predicted["X"]), predicted["values"], rtol=1e-5)
    assert classifier.augmentation == Augmentation(rotation=5.0)
    for model, kind in ((classifier, "classifier"), (regressor, "regressor")):
        model.save(tmp_path / "again.npz")
        with np.load(tmp_path / "again.npz") as new, np.load(WRITTEN / f"{kind}.npz") as old:
            assert {name: new[name].tobytes() for name in new} == {name: old[name].tobytes() for name in old}


@pytest.mark.parametrize("study", MODELS)
def test_the_model_beside_a_log_is_read_and_written_under_public_names(study: str, tmp_path: Path) -> None:
    folder = WRITTEN / "studies" / study / "model"
    example = np.load(folder / "example.npy")
    model = serving.read(folder)
    np.testing.assert_array_equal(model.predict(example), np.load(WRITTEN / "mlflow" / f"{study}.predicted.npy"))
    serving.write(model, tmp_path, example)
    if study == "pipeline":
        import skops.io

        trusted = json.loads((tmp_path / serving.TRUSTED).read_text(encoding="utf-8"))
        assert trusted == ["hpsearch.Augmentation", "hpsearch.MLPClassifier"]
        assert skops.io.get_untrusted_types(file=tmp_path / serving.SKOPS) == trusted
        plain = skops.io.load(tmp_path / serving.SKOPS, trusted=trusted)  # as anyone reads it who has hpsearch
        np.testing.assert_array_equal(plain.predict(example), model.predict(example))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:mlflow")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy
def test_an_old_study_is_delivered_and_its_trials_replayed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    load_study(root / "studies" / "killed" / "study.py").run(root, quiet=True, tracking=False)
    (root / "studies" / "killed" / "study.py").unlink()  # as if begun from Python: its declaration tells all
    studies = ("mlp", "generator", "killed")
    for report in sync([root / "studies" / study for study in studies]):
        assert report.delivered, report.message
    uri = f"sqlite:///{root / 'mlflow.db'}"
    for study in studies:
        run = run_ids(header(study)["uid"], uri)[0]
        verdict = replay(run, root)
        assert verdict.identical or not same_machine(study), verdict.lines
        assert not any("other study" in line for line in verdict.lines)
