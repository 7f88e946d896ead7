"""A new user gets from a csv to a served model by the tutorial alone: its blocks are run in an empty folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from servers import free_port

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"

BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.slow


@contextmanager
def session(command: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process and all that it starts, which end with it."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONIOENCODING": "utf-8",
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


def test_the_tutorial_leads_from_a_csv_to_a_served_model(tmp_path: Path) -> None:
    port = free_port()
    script = ["set -euo pipefail", "trap 'jobs -p | xargs -r kill' EXIT"]
    for number, (kind, text) in enumerate(BLOCK.findall(PAGE.read_text(encoding="utf-8"))):
        if kind == "python":
            (tmp_path / f"block{number}.py").write_text(text, encoding="utf-8")
            text = f"python block{number}.py\n"
        script.append(f"echo '== block {number}'\n{text.replace('5001', str(port))}")
    with session(["bash", "-c", "\n".join(script)], tmp_path) as process:
        out, _ = process.communicate(timeout=600)
    assert process.returncode == 0, out
    answer, _ = json.JSONDecoder().raw_decode(out[out.rindex('{"predictions"') :])  # the server may print on behind it
    assert 150_000 < answer["predictions"][0] < 350_000
    assert "flats-price@model.activation=tanh" in out


@pytest.mark.skipif(find_spec("nbclient") is None or find_spec("ipykernel") is None, reason="needs nbclient, ipykernel")
def test_the_notebook_runs_from_its_first_cell_to_its_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "it is kept without outputs"
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    pages = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert any("study flats" in page for page in pages)
    assert any("<svg" in page for page in pages)
