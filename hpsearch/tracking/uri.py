"""Which MLflow store a root delivers to, and how to write its address where people read it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from hpsearch.errors import UserError, did_you_mean
from hpsearch.log.redact import uri as redact

__all__ = ["artifact_location", "is_own", "is_server", "redact", "resolve", "run_page", "sqlite_path"]

STORE = "mlflow.db"
"""The root's own store."""

_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_SERVERS = ("http", "https", "databricks")


def resolve(root: Path, named: str | None = None) -> str:
    """Return the tracking URI to use: the named one, else MLFLOW_TRACKING_URI, else the root's own sqlite store.

    Args:
        root: The root of all state, ``mlruns`` by default.
        named: What the user typed after ``--tracking-uri``, or None.

    Returns:
        A URI that means the same store from any working directory.

    Raises:
        UserError: MLflow would not take the URI.
    """
    uri = named or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root.absolute() / STORE}"
    origin = "--tracking-uri" if named else "MLFLOW_TRACKING_URI"
    scheme = uri.split(":", 1)[0].split("+", 1)[0] if ":" in uri else ""
    if scheme in ("", "file"):
        raise UserError(
            f"{origin}: MLflow no longer writes plain folders ({redact(uri)}); use sqlite:///PATH or http://HOST:PORT"
        )
    if scheme not in _DATABASES + _SERVERS:
        raise UserError(f"{origin}: unknown kind of store {scheme!r}{did_you_mean(scheme, _DATABASES + _SERVERS)}")
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"{origin}: {redact(uri)!r} is no address ({error}); write it as http://HOST:PORT") from error
    if scheme in ("http", "https") and not host:
        raise UserError(f"{origin}: no host in {redact(uri)!r}; write it as http://HOST:PORT")
    path = sqlite_path(uri)
    if path is None:
        return uri.rstrip("/")
    if named and not path.absolute().parent.is_dir():
        raise UserError(f"{origin}: the folder {path.absolute().parent} does not exist; make it first")
    return f"{uri.split(':', 1)[0]}:///{path.absolute()}"


def sqlite_path(uri: str) -> Path | None:
    """Return the file behind a sqlite URI, or None for any other store."""
    head, _, path = uri.partition(":///")
    return Path(path.split("?", 1)[0]) if head.split("+", 1)[0] == "sqlite" and path else None


def is_own(path: Path, root: Path) -> bool:
    """Return whether a sqlite file is the root's own store, which its logs can bring back."""
    return os.path.realpath(path) == os.path.realpath(root / STORE)


def is_server(uri: str) -> bool:
    """Return whether a URI names a server, which has a user interface and an artifact root of its own."""
    return uri.split(":", 1)[0] in _SERVERS


def artifact_location(root: Path, uri: str, name: str) -> str | None:
    """Return where a new experiment keeps its artifacts: below the root, or None where a server decides."""
    return None if is_server(uri) else (root.absolute() / "artifacts" / quote(name, safe="@=,+ ")).as_uri()


def run_page(uri: str, experiment: str, run: str) -> str | None:
    """Return the address of a run's page on a server, or None for a store without one."""
    return f"{redact(uri)}/#/experiments/{experiment}/runs/{run}" if uri.startswith("http") else None
