"""What happens where MLflow is not installed: a study runs without it and says so; what needs MLflow is refused."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from hpsearch.errors import UserError
from hpsearch.tracking.delivery_report import DeliveryReport
from hpsearch.tracking.process import Delivery, NoDelivery, show_nothing

INSTALL = "pip install 'hpsearch[mlflow]'"


def is_installed() -> bool:
    """Return whether MLflow can be imported, without importing it."""
    try:
        return find_spec("mlflow") is not None
    except (ImportError, ValueError):  # a finder refuses it, or a module without a spec stands in its place
        return False


def demand(what: str) -> None:
    """Raise where MLflow is not installed.

    Args:
        what: What needs MLflow, as the user typed it.

    Raises:
        UserError: It is not installed.
    """
    if not is_installed():
        raise UserError(f"{what} needs MLflow, which is not installed: {INSTALL}")


def delivery(uri: str | None, root: Path, register: str | None = None) -> Delivery | NoDelivery:
    """Return what delivers a study to MLflow, or what says that MLflow is not installed.

    Args:
        uri: The tracking URI; None for MLFLOW_TRACKING_URI or the root's own store.
        root: The root of all state.
        register: The name under which the winner's model is to be registered, or None.

    Raises:
        UserError: MLflow would not take the URI; or a store was named, or a model is to be registered, and MLflow is
            not installed.
    """
    if is_installed():
        return Delivery(uri, root)
    if uri is not None:
        demand("--tracking-uri")
    if os.environ.get("MLFLOW_TRACKING_URI"):
        demand("MLFLOW_TRACKING_URI")
    if register is not None:
        demand("--register")
    return NotInstalled()


class NotInstalled(NoDelivery):
    """Takes the place of a delivery where MLflow is not installed: nothing is delivered, and the run says so once."""

    def finish(
        self, timeout: float = 30.0, *, exhibits: bool = False, progress: object = show_nothing
    ) -> DeliveryReport:
        """Return the report of a delivery that did not happen, and what makes it possible."""
        message = (
            "MLflow is not installed, so nothing was delivered to it; the log keeps all of it: "
            f"{INSTALL}, then `hpsearch sync` (--no-tracking leaves MLflow out without a word)"
        )
        return DeliveryReport(False, message, 0, None, "", None, None, None)
