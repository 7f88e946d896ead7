"""Loads saved models safely: what a model's folder states is not trusted, and no code in it is run."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.tracking.installed import demand
from hpsearch.tracking.store import check, settings
from hpsearch.tracking.uri import redact, resolve

MODELS = "models:/"
RUNS = "runs:/"
SCHEMES = (MODELS, RUNS)
DESCRIPTION = "MLmodel"
"""What MLflow calls the description of a model, in the model's folder."""


def load(
    source: str | Path, *, trusted: Iterable[str] = (), root: str | Path = "mlruns", tracking_uri: str | None = None
) -> Any:
    """Return a saved model as the fitted scikit-learn estimator that it was.

    Of a file that somebody else made nothing is unpickled and no code is run: a model is made of the types that
    hpsearch and skops vouch for, and of those that are named here. MLflow's own ``load_model`` runs the code that a
    folder carries.

    Args:
        source: ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, ``runs:/RUN_ID/model``; a model's folder; or a file
            that an estimator's ``save`` wrote.
        trusted: Further types that it may be made of, as ``module.Class``. Making one of them runs its code.
        root: The root whose store is asked where none is named.
        tracking_uri: MLflow's store; by default MLFLOW_TRACKING_URI, else the root's own.

    Raises:
        UserError: There is no such model, it is damaged, or it needs a type that is not trusted; the line names it.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import MLPClassifier, load
        >>> X, y = np.array([[0.0], [1.0]] * 10), np.array([0, 1] * 10)
        >>> model = MLPClassifier((), max_epochs=5, random_state=0).fit(X, y)
        >>> model.save("model.npz")
        >>> load("model.npz").predict([[0.0], [1.0]])
        array([0, 1])
    """
    if isinstance(source, str) and source.startswith(SCHEMES):
        return _read(_downloaded(source, resolve(Path(root), tracking_uri)), source, trusted)
    return _read(Path(source), str(source), trusted)


load_model = load
"""The same function under the name that MLflow's users look for."""


def _downloaded(source: str, uri: str) -> Path:
    demand(f"loading {source}")
    with settings():
        from mlflow import artifacts
        from mlflow.exceptions import MlflowException

        check(uri)
        try:
            return Path(artifacts.download_artifacts(artifact_uri=_artifact_uri(source, uri), tracking_uri=uri))
        except (MlflowException, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise UserError(f"{source}: not to be had from MLflow at {redact(uri)} ({reason})") from error


def _artifact_uri(source: str, uri: str) -> str:
    """Return the location of a model of the registry, or of a run.

    MLflow's own way looks both up where the process has its default, whatever ``tracking_uri`` says, and makes a store
    in the working directory where there is none.
    """
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    if not source.startswith(MODELS):
        run_id, _, path = source.removeprefix(RUNS).strip("/").partition("/")
        run, (name, _, inner) = client.get_run(run_id), path.partition("/")
        for output in run.outputs.model_outputs if run.outputs else []:
            logged = client.get_logged_model(output.model_id)
            if logged.name == name:
                return f"{logged.artifact_location}/{inner}".rstrip("/")
        return f"{run.info.artifact_uri}/{path}"
    while source.startswith(MODELS):
        name, _, version = source.removeprefix(MODELS).strip("/").partition("/")
        if "@" in name:
            name, _, alias = name.rpartition("@")
            version = client.get_model_version_by_alias(name, alias).version
        elif version == "latest":
            version = max(
                (entry.version for entry in client.search_model_versions(f"name='{name}'")),
                key=int,
                default="1",
            )
        source = (
            client.get_model_version_download_uri(name, version)
            if version
            else client.get_logged_model(name).artifact_location
        )
    return source


def _read(path: Path, source: str, trusted: Iterable[str]) -> Any:
    from hpsearch.models.estimators import loading, serving

    try:
        return serving.read(_data_path(path), trusted) if path.is_dir() else loading.load(path)
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{source}: there is no such model") from error
    except OSError as error:
        raise UserError(f"{source}: cannot be read ({error.strerror})") from error
    except Exception as error:  # of a file that somebody made: whatever a part of it raises where it is put together
        reason = " ".join(str(error).split())[:1000] or type(error).__name__
        raise UserError(f"{source}: {reason}") from error


def _data_path(folder: Path) -> Path:
    """Return the path of the model itself within its folder.

    Raises:
        ValueError: The description names no data, or data outside of the folder.
    """
    description = folder / DESCRIPTION
    if not description.is_file():
        return folder
    yaml: Any = import_module("yaml")  # it says nothing of its types
    described = yaml.safe_load(description.read_text(encoding="utf-8"))
    data = described["flavors"]["python_function"].get("data") if isinstance(described, dict) else None
    if not isinstance(data, str):
        raise ValueError("it is no model of hpsearch's")
    path = (folder / data).resolve()
    if folder.resolve() not in path.parents:
        raise ValueError(f"its data are said to be outside its folder ({data})")
    return path
