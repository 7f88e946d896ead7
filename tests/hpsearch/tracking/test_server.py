"""A real MLflow server, and MLflow's user interface as ``hpsearch ui`` starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow_client import client_of
from servers import Server

from hpsearch.errors import UserError
from hpsearch.log.records import Record
from hpsearch.tracking import cursor
from hpsearch.tracking.process import Delivery
from hpsearch.tracking.sync import sync
from hpsearch.tracking.ui import serve

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # the sockets that mlflow's client keeps open
]

Records = Callable[..., list[Record]]
Write = Callable[..., Path]


def rows_of(client: MlflowClient, experiment: str) -> dict[str, Any]:
    """Status, parameters and the steps of each curve of every run, by name."""
    runs = {}
    for run in client.search_runs([experiment]):
        curves = {
            key: sorted(point.step for point in client.get_metric_history(run.info.run_id, key))
            for key in run.data.metrics
        }
        runs[run.info.run_name] = (run.info.status, run.data.params, curves)
    return runs


@pytest.mark.slow
def test_a_server_that_goes_down_in_mid_study_gets_the_rest_later(
    root: Path, records: Records, write: Write, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = records(n_trials=8)
    folder = write(made[:4])
    delivery = Delivery(server.uri, root)
    delivery.start(folder)
    while cursor.load(folder, server.uri).offset == 0:
        time.sleep(0.1)
    server.down()
    write(made[4:6], mode="ab")
    while delivery.problem() is None:
        time.sleep(0.1)
    write(made[6:], mode="ab")
    report = delivery.finish(timeout=90)
    assert not report.delivered
    assert report.ticks == len(made) - 4
    assert "no server answers there" in (report.message or "")

    server.up()
    (report,) = sync([folder], server.uri)
    assert report.delivered
    assert report.url == f"{server.uri}/#/experiments/{report.experiment}/runs/{report.run}"
    client = client_of(server.uri)
    assert report.experiment is not None
    assert report.run is not None
    remote = rows_of(client, report.experiment)
    assert remote["trial 0002"][2]["train_cost"] == [2]  # an infinity came through as a gap
    files = {file.path for file in client.list_artifacts(report.run)}
    assert {"declaration.json", "environment.json"} <= files
    assert list((server.folder / "remote").rglob("traceback.txt")), "artifacts go where the server keeps them"

    # The same log in a sqlite store of its own has the same runs.
    (local,) = sync([folder], f"sqlite:///{tmp_path_factory.mktemp('local') / 'x.db'}")
    assert local.delivered
    assert local.experiment is not None
    uri = next(uri for uri in cursor._load_all(folder) if uri.startswith("sqlite"))
    assert rows_of(client_of(uri), local.experiment) == remote

    (folder / cursor.FILE).unlink()
    (report,) = sync([folder], server.uri)
    assert report.delivered
    assert rows_of(client, str(report.experiment)) == remote


def start_ui(root: Path, port: int) -> tuple[subprocess.Popen[str], str]:
    code = "import sys; from pathlib import Path; from hpsearch.tracking.ui import serve\n"
    code += "serve(Path(sys.argv[1]), None, int(sys.argv[2]), lambda line: print(line, flush=True))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(root), str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ctrl-c", "terminated"])
def test_ui_serves_the_right_store_on_the_next_free_port_and_ends_cleanly(
    root: Path, records: Records, write: Write, deliver: Callable[..., bool], how: str
) -> None:
    assert deliver(write(records()))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        process, line = start_ui(root, port)
        address = line.split()[3]
        try:
            assert line == f"MLflow is at {address} (Ctrl-C ends it)\n"
            assert address.startswith("http://127.0.0.1:")
            assert port < int(address.rpartition(":")[2]) < port + 20
            assert client_of(address).get_experiment_by_name("eta_lambda") is not None
        finally:
            if how == "ctrl-c":
                os.killpg(process.pid, signal.SIGINT)
            else:
                process.terminate()
            code = process.wait(30)
            assert process.stdout is not None
            process.stdout.close()
    assert code == 0
    with pytest.raises(OSError, match=r"refused|reset"):
        urllib.request.urlopen(f"{address}/health", timeout=2)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_ui_without_a_store_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UserError, match="run a study first"):
        serve(tmp_path)


def test_ui_of_a_server_is_the_server_s(tmp_path: Path) -> None:
    lines: list[str] = []
    serve(tmp_path, "http://me:secret@127.0.0.1:5000", say=lines.append)
    assert lines == ["MLflow is at http://127.0.0.1:5000"]
