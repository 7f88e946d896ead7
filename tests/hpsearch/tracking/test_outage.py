"""A server that fails: the search goes on with one warning, and everything is delivered when the server is back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow_client import client_of
from servers import Proxy, Server

from hpsearch import Study
from hpsearch.engine.observer import Silent
from hpsearch.engine.outage import Outage
from hpsearch.log.records import Record, Tick
from hpsearch.tracking import cursor
from hpsearch.tracking.process import Delivery
from hpsearch.tracking.sync import sync

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # the sockets that mlflow's client keeps open
]


Records = Callable[..., list[Record]]
Write = Callable[..., Path]


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def message(self, text: str) -> None:
        self.said.append(text)


@pytest.mark.slow
def test_without_a_server_the_search_goes_on_with_one_early_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    notes = Notes()

    def wait(trial: Any) -> Any:
        for _ in range(1200):
            time.sleep(0.05)
            yield {"x": 1.0}
            if notes.said:
                return

    study = Study("out", objective=wait, metric="x", repeats=2, pruner="none", sampler="random")
    # Port 9 of loopback discards, where anything listens at all.
    result = study.run(tmp_path, quiet=True, tracking_uri="http://127.0.0.1:9", observer=notes)
    assert [trial.state for trial in result.history.trials] == ["COMPLETE", "COMPLETE"]
    early, *_, last = notes.said
    assert early.startswith("warning:")
    warnings = [text for text in notes.said if text.startswith("warning:")]
    assert warnings == [early, last], "one while it runs, and one at its end"
    assert "nothing is lost, deliver with `hpsearch sync`" in notes.said[-1]


def test_the_warning_is_said_once_and_names_the_address_and_the_cause(
    records: Callable[..., list[Record]], tmp_path: Path
) -> None:
    notes = Notes()
    delivery = Delivery("http://user:secret@127.0.0.1:9", tmp_path)
    now = 0.0
    outage = Outage(notes, delivery, clock=lambda: now)
    problems = iter([None, None, "no server answers there", "no server answers there"])
    delivery.problem = lambda: next(problems)  # type: ignore[method-assign]
    ticks = [record for record in records() if isinstance(record, Tick)]
    for number in range(5):
        now = 0.6 * number
        outage.tick(None, ticks[0])  # type: ignore[arg-type]
        if number < 4:
            assert notes.said == []
    assert len(notes.said) == 1
    assert notes.said[0].startswith("warning: nothing reaches MLflow at http://127.0.0.1:9 (no server answers there)")
    assert "secret" not in notes.said[0]


def made(uri: str, experiment: str = "eta_lambda") -> dict[str, Any]:
    """What a store holds of each run by its name: status, and the steps of every curve."""
    client = client_of(uri)
    stored = client.get_experiment_by_name(experiment)
    assert stored is not None
    runs = {}
    for run in client.search_runs([stored.experiment_id]):
        keys = sorted(run.data.metrics)
        steps = {key: sorted(p.step for p in client.get_metric_history(run.info.run_id, key)) for key in keys}
        runs[run.info.run_name] = (run.info.status, run.data.params, steps)
    return runs


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


@pytest.mark.slow
def test_a_server_that_fails_in_mid_study_gets_the_rest_once_by_sync(
    root: Path, records: Records, write: Write, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    all_of_it = records(n_trials=8)
    folder = write(all_of_it[:4])
    delivery = Delivery(proxy.uri, root)
    delivery.start(folder)
    while cursor.load(folder, proxy.uri).offset == 0:
        time.sleep(0.1)
    proxy.failing = True
    write(all_of_it[4:6], mode="ab")
    while delivery.problem() is None:
        time.sleep(0.1)
    assert "the server fails (500)" in str(delivery.problem())
    write(all_of_it[6:], mode="ab")
    report = delivery.finish(timeout=120)
    assert not report.delivered
    assert f"{len(all_of_it) - 4} lines of the log not yet in MLflow" in str(report.message)

    proxy.failing, proxy.delay = False, 0.05  # back, and slow
    (report,) = sync([folder], proxy.uri)
    assert report.delivered
    there = made(proxy.uri)
    assert len(there) == 9
    before = proxy.passed
    (report,) = sync([folder], proxy.uri)
    assert report.delivered
    (folder / cursor.FILE).unlink()
    (report,) = sync([folder], proxy.uri)
    assert report.delivered
    assert made(proxy.uri) == there
    assert proxy.passed > before


@pytest.mark.slow
def test_a_server_that_asks_for_a_login_takes_it_from_mlflow_s_own_variables(
    root: Path, records: Records, write: Write, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.login = "somebody:secret"
    folder = write(records())
    (report,) = sync([folder], proxy.uri)
    assert not report.delivered
    assert "the server asks for a login: set MLFLOW_TRACKING_USERNAME and" in str(report.message)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "somebody")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    (report,) = sync([folder], proxy.uri)
    assert report.delivered, report.message
    assert len(made(proxy.uri)) == 7
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"secret" not in written
