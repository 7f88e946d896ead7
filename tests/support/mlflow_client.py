"""MLflow for tests that look into a store: it is imported where it is needed, because that takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def client_of(uri: str) -> MlflowClient:
    """Return MLflow's client of a store or a server."""
    from mlflow.tracking import MlflowClient

    return MlflowClient(uri)


def load_pyfunc(uri: str) -> Any:
    """Return a model as MLflow's flavour ``python_function`` loads it."""
    from mlflow import pyfunc

    return pyfunc.load_model(uri)
