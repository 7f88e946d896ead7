"""Without MLflow a search runs and says what is missing; what asks for MLflow is refused in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpsearch import Float, Study, load_model
from hpsearch.errors import UserError
from hpsearch.tracking import fetch, installed, sync, ui

ROOT = Path(__file__).resolve().parents[3]

HIDDEN = """\
import sys


class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mlflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Hidden())
"""

STUDY = """\
from hpsearch import Float, MLPClassifier, Study

study = Study(
    name="small", model=MLPClassifier(hidden_layer_sizes=(5,), max_epochs=2), data="digits", sampler="random",
    pruner="none", space={"learning_rate": Float(0.1, 1)}, n_trials=2, seed=0,
)
"""


def square(trial: Any) -> float:
    return float((trial["x"] - 1) ** 2)


def small() -> Study:
    return Study(
        name="small",
        objective=square,
        space={"x": Float(-3, 3)},
        metric="loss",
        direction="minimize",
        epochs=1,
        sampler="random",
        pruner="none",
        n_trials=3,
        seed=0,
    )


@pytest.fixture
def without_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)  # as if it could not be imported
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_mlflow_is_found_here_and_a_hidden_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed.is_installed()
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert not installed.is_installed()


@pytest.mark.usefixtures("without_mlflow")
def test_a_run_says_in_one_line_what_would_deliver_it_and_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = small().run(tmp_path)
    assert result.best_trial is not None
    lines = [line for line in capsys.readouterr().out.splitlines() if "MLflow" in line]
    (line,) = lines
    assert line.startswith("MLflow is not installed, so nothing was delivered to it; the log keeps all of it: ")
    assert "pip install 'hpsearch[mlflow]', then `hpsearch sync`" in line
    assert not (tmp_path / "mlflow.db").exists()
    assert small().run(tmp_path, tracking=False, quiet=True).best_trial == result.best_trial


@pytest.mark.slow
@pytest.mark.usefixtures("without_mlflow")
def test_what_was_not_delivered_is_delivered_once_mlflow_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small().run(tmp_path, quiet=True)
    monkeypatch.undo()
    (report,) = sync.sync([tmp_path / "studies" / "small"])
    assert report.delivered


@pytest.mark.usefixtures("without_mlflow")
def test_a_store_that_is_named_or_a_model_to_register_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = r"needs MLflow, which is not installed: pip install 'hpsearch\[mlflow\]'"
    with pytest.raises(UserError, match=f"^tracking_uri=… {line}"):
        small().run(tmp_path, tracking_uri="http://127.0.0.1:9")
    with pytest.raises(UserError, match=f"^register=… {line}"):
        small().run(tmp_path, register="mine")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=f"^MLFLOW_TRACKING_URI {line}"):
        small().run(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("without_mlflow")
@pytest.mark.parametrize(
    "call",
    [
        lambda root: sync.sync([root]),
        ui.serve,
        lambda root: fetch.fetch("0" * 32, "http://127.0.0.1:9"),
        lambda root: fetch.run_ids("0" * 32, "http://127.0.0.1:9"),
        lambda root: load_model("models:/mine@champion", root=root),
    ],
    ids=["sync", "ui", "replay", "run_ids", "load_model"],
)
def test_what_reads_or_writes_mlflow_is_refused_in_one_line(tmp_path: Path, call: Callable[[Path], object]) -> None:
    with pytest.raises(UserError, match=r"needs MLflow, which is not installed: pip install") as caught:
        call(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_command_line_searches_fits_and_reports_without_importing_mlflow(tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(HIDDEN, encoding="utf-8")
    (tmp_path / "small.py").write_text(STUDY, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path / "hidden"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}

    def call(*words: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "hpsearch", *words],
            env=environment | {"PYTHONPATH": path},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout + done.stderr

    assert call("run", "small.py").count("MLflow is not installed") == 1
    assert "MLflow" not in call("run", "small.py", "--trials", "3", "--no-tracking")
    assert "learning_rate" in call("best", "small")
    call("report", "small")
    assert "is not installed" in call("run", "small.py", "--tracking-uri", "sqlite:///x.db", status=2)
    assert "is not installed" in call("sync", status=2)
