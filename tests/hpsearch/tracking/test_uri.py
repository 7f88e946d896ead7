"""Which store is meant, and how it is written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.errors import UserError
from hpsearch.tracking.uri import artifact_location, redact, resolve, run_page


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_root_has_a_store_of_its_own_named_absolutely(tmp_path: Path) -> None:
    assert resolve(Path("mlruns")) == f"sqlite:///{tmp_path}/mlruns/mlflow.db"


def test_the_environment_counts_unless_something_was_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000/")
    assert resolve(tmp_path) == "http://127.0.0.1:5000"
    assert resolve(tmp_path, "sqlite:///x.db") == f"sqlite:///{tmp_path}/x.db"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("htp://host", "did you mean 'http'"),
        ("./mlruns", "sqlite:///PATH"),
        ("file:///tmp/x", "no longer writes plain folders"),
        ("http://", "no host"),
        ("sqlite:///missing/x.db", "does not exist"),
    ],
)
def test_what_mlflow_would_not_take_is_said_in_one_line(tmp_path: Path, uri: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        resolve(tmp_path, uri)
    assert str(caught.value).startswith("--tracking-uri: ")
    assert "\n" not in str(caught.value)


def test_a_password_is_not_written_down() -> None:
    assert redact("http://me:secret@host:5000/x") == "http://host:5000/x"
    assert redact("postgresql://me:secret@host/db") == "postgresql://host/db"
    assert redact("sqlite:////a/b.db") == "sqlite:////a/b.db"
    assert "secret" not in str(run_page("http://me:secret@host", "1", "2"))


def test_artifacts_lie_in_the_root_unless_a_server_decides(tmp_path: Path) -> None:
    where = artifact_location(tmp_path, "sqlite:///x.db", "eta@mnist,seed=3")
    assert where == (tmp_path / "artifacts" / "eta@mnist,seed=3").as_uri()
    assert artifact_location(tmp_path, "http://host", "eta") is None
