"""Files that a trial has logged stand in its run in MLflow, also where its neighbours are sent many at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow_client import client_of

from hpsearch.log.kept import artifact_folder
from hpsearch.log.records import Record

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy


def test_they_are_in_the_run_before_it_ends(
    root: Path, records: Callable[..., list[Record]], write: Callable[..., Path], deliver: Callable[..., bool]
) -> None:
    folder = write(records())
    kept = artifact_folder(folder, 3)
    (kept / "plots").mkdir(parents=True)
    (kept / "notes.txt").write_text("η\n")
    (kept / "plots" / "loss.svg").write_bytes(b"<svg/>\r\n")
    (folder / "artifacts" / ".4.77.partial").write_text("half of one")
    assert deliver(folder)
    client = client_of(f"sqlite:///{root}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("eta_lambda").experiment_id])
    by_trial = {run.data.tags.get("hpsearch.trial"): run.info for run in runs}
    assert by_trial["3"].status == "FINISHED"
    assert {artifact.path for artifact in client.list_artifacts(by_trial["3"].run_id)} == {"notes.txt", "plots"}
    path = Path(client.download_artifacts(by_trial["3"].run_id, "plots/loss.svg", str(root)))
    assert path.read_bytes() == b"<svg/>\r\n"
    assert not client.list_artifacts(by_trial["4"].run_id)
