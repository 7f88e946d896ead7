"""The winner's model: a folder beside the log that describes it, and how it is sent to MLflow."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.models.names import CARRIED
from hpsearch.tracking.example import read_example
from hpsearch.tracking.hushed import hushed

FOLDER = "model"
"""The folder of the model, below that of its study. Samples to try the model with are in it, too."""

CARD = "card.json"
"""The file in that folder that describes the model."""

NAME = "model"
"""What the model is called in MLflow: ``runs:/<the study's run>/model``."""

LOADER = "estimators.serving"
"""The module that reads the model, within the package that is stored with it."""


@dataclass(frozen=True)
class Card:
    """The description of a model.

    Attributes:
        uid: The study's uid.
        trial: Number of the trial that trained it.
        epoch: Epochs that it was trained for: up to the trial's best epoch.
        metric: The study's metric.
        value: The metric's value at that epoch.
        params: The trial's hyper-parameters.
        features: Number of inputs.
        output: NumPy's name for the type of what it predicts.
        requirements: Packages that it needs, pinned.
        register: The name under which it is added to the model registry, or None.
        alias: The alias that it gets there, or None.
    """

    uid: str
    trial: int
    epoch: int
    metric: str
    value: float
    params: dict[str, Any]
    features: int
    output: str
    requirements: list[str]
    register: str | None = None
    alias: str | None = None


def read_card(study_dir: Path) -> Card | None:
    """Return the description of the model in a study's folder, or None where there is none."""
    try:
        return Card(**json.loads((study_dir / FOLDER / CARD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def write_card(folder: Path, card: Card) -> None:
    """Write a model's description into its folder."""
    (folder / CARD).write_text(json.dumps(asdict(card), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def version(study_dir: Path) -> str:
    """Return a digest of the model's description in a study's folder, registration included; empty without a model."""
    try:
        content = (study_dir / FOLDER / CARD).read_bytes()
    except FileNotFoundError:
        return ""
    return hashlib.sha256(content).hexdigest()[:16]


def send(client: Any, experiment: str, run: str, study_dir: Path) -> None:
    """Send the model in a study's folder to MLflow, and register it where that is asked for; nothing is sent twice.

    Args:
        client: An MlflowClient.
        experiment: The experiment's id.
        run: Id of the study's run.
        study_dir: The study's folder.

    Raises:
        UserError: The registry does not take the name.
    """
    card = read_card(study_dir)
    if card is None:
        return
    tags = {"hpsearch.uid": card.uid, "hpsearch.trial": str(card.trial), "hpsearch.epoch": str(card.epoch)}
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    models = client.search_logged_models([experiment], filter_string=query)
    ready = next((model for model in models if model.status == "READY"), None)
    if ready is None:
        for unfinished in models:
            client.delete_logged_model(unfinished.model_id)
        ready = _log(client, experiment, run, study_dir / FOLDER, card, tags)
    if card.register is not None:
        _register(client, ready.model_id, run, card, tags)


def _log(client: Any, experiment: str, run: str, folder: Path, card: Card, tags: dict[str, str]) -> Any:
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    params = {name: str(value) for name, value in card.params.items()}
    logged = client.create_logged_model(experiment, NAME, source_run_id=run, tags=tags, params=params)
    with tempfile.TemporaryDirectory() as workspace:
        target = Path(workspace) / NAME
        save(target, folder, card, Model(artifact_path=logged.artifact_location, run_id=run, model_id=logged.model_id))
        client.log_model_artifacts(logged.model_id, str(target))
    client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
    return client.finalize_logged_model(logged.model_id, "READY")


def save(target: Path, folder: Path, card: Card, description: Any = None) -> None:
    """Write a model as MLflow keeps it, together with the package that reads it.

    Args:
        target: Where to; made.
        folder: The model as it stands beside a study's log.
        card: Its description.
        description: An MLflow ``Model`` to complete, or None for a new one.
    """
    import numpy as np
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    dtype = np.dtype(card.output)
    inputs, example = read_example(folder)
    signature = ModelSignature(inputs, Schema([TensorSpec(np.dtype("str") if dtype.kind in "OU" else dtype, (-1,))]))
    description = Model() if description is None else description
    with tempfile.TemporaryDirectory() as workspace, hushed("mlflow.pyfunc"):  # logs that it tries the example
        package = copy_package(Path(workspace))
        pyfunc.save_model(
            target,
            loader_module=f"{package.name}.{LOADER}",
            data_path=str(folder),
            # The package that reads it goes along, so that nothing needs to be installed that no index has.
            code_paths=[str(package)],
            signature=signature,
            input_example=example,
            pip_requirements=[
                pinned(requirement) for requirement in card.requirements
            ],  # MLflow may have been installed since
            mlflow_model=description,
        )
        from hpsearch.tracking import sklearn_flavor  # imports scikit-learn

        sklearn_flavor.add(target, package.name, description)


def pinned(requirement: str) -> str:
    """Return a package with its installed version; unchanged where it is pinned already or not installed."""
    try:
        return requirement if "==" in requirement else f"{requirement}=={metadata.version(requirement)}"
    except metadata.PackageNotFoundError:
        return requirement


def copy_package(folder: Path) -> Path:
    """Copy the package that reads models into a folder, under a name with a digest of its content; return its path.

    With that name it does not hide a package ``models`` of the user's, an installed hpsearch is not used in its
    place, and models of several versions can be read in one process, each by the code that it was written with.
    """
    from hpsearch import models

    home = Path(models.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        digest.update(path.relative_to(home).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    package = folder / f"{CARRIED}{digest.hexdigest()[:12]}"
    shutil.copytree(home, package, ignore=shutil.ignore_patterns("__pycache__"))
    return package


def _register(client: Any, model_id: str, run: str, card: Card, tags: dict[str, str]) -> None:
    from mlflow.exceptions import MlflowException

    assert card.register is not None, "asked before"
    name = card.register
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise UserError(f"--register {name}: MLflow does not take it ({str(error).splitlines()[0]})") from error
    quoted = name.replace("'", "\\'")
    versions = client.search_model_versions(f"name='{quoted}'")
    registered = next((candidate for candidate in versions if tags.items() <= candidate.tags.items()), None)
    if registered is None:
        registered = client.create_model_version(name, f"models:/{model_id}", run, tags=tags, model_id=model_id)
    if card.alias is not None:
        client.set_registered_model_alias(name, card.alias, registered.version)
