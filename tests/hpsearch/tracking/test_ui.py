"""MLflow's own user interface in a real browser, on a real server that keeps the artifacts: what people find there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from browser import CHROMIUM, WHY_NOT, Browser
from mlflow_client import client_of, load_pyfunc
from servers import Server, pointed_at

from hpsearch import Float, MLPClassifier, Study
from hpsearch.cli import main
from hpsearch.models import datasets
from hpsearch.running.api import Result

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
    pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning"),  # mlflow's own type hints
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # the sockets that mlflow's client keeps open
]

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Result]]:
    """A study on a server, its winner registered."""
    root = tmp_path_factory.mktemp("served")
    server = Server(root)
    server.up()
    study = Study(
        "seen",
        MLPClassifier((10,), max_epochs=8),
        space={"learning_rate": Float(0.001, 10, log=True)},
        data="digits",
        sampler="random",
        pruner="asha",
        n_trials=16,
        lanes=4,
        seed=1,
    )
    result = study.run(root / "mlruns", quiet=True, tracking_uri=server.uri, register="seen")
    # What is shown beside the curves follows them, and a page of MLflow that is open does not look for it again.
    sync = ["sync", "--root", str(root / "mlruns"), "--tracking-uri", server.uri]
    assert any(main(sync) == 0 for _ in range(20))
    yield server, result
    server.down()


Served = tuple[Server, Result]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path) as browser:
        yield browser


@pytest.fixture
def runs(served: Served) -> Callable[[str], str]:
    """The address of the charts of all runs that a search finds."""
    server, result = served
    experiment = client_of(server.uri).get_run(str(result.run)).info.experiment_id

    def runs(search: str) -> str:
        page = f"{server.uri}/#/experiments/{experiment}/runs"
        return f"{page}?workflowType=machine_learning&searchFilter={quote(search)}&compareRunsMode=CHART"

    return runs


@needs_browser
def test_the_report_opens_in_mlflow_and_draws_its_figures(served: Served, browser: Browser) -> None:
    server, result = served
    experiment = client_of(server.uri).get_run(str(result.run)).info.experiment_id
    browser.open(f"{server.uri}/#/experiments/{experiment}/runs/{result.run}/artifacts/report.html")
    assert browser.wait("document.querySelectorAll('#elapsed path').length", frame="blob:") >= 2
    assert browser.see("document.querySelectorAll('#curves canvas').length", frame="blob:") == 1
    assert "trials in search of the highest val_accuracy" in browser.see("document.body.innerText", frame="blob:")


def unfold(browser: Browser) -> None:
    """Show the trials below their study."""
    browser.wait("document.querySelector('.ag-row button') !== null")
    browser.see("document.querySelector('.ag-row button').click()")


@needs_browser
def test_the_charts_hold_the_trials_curves_below_their_study(
    served: Served, runs: Callable[[str], str], browser: Browser
) -> None:
    browser.open(runs(""))
    browser.wait("document.body.innerText.includes('17 matching runs')")
    assert browser.wait("document.querySelectorAll('.js-plotly-plot path.js-line').length") >= 1, "the best so far"
    unfold(browser)
    # MLflow draws the ten newest runs at first, every metric in a chart of its own.
    drawn = "Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')].map((plot) => plot.data.length))"
    assert browser.wait(f"{drawn} >= 9 && {drawn}") >= 9


@needs_browser
def test_the_address_of_a_study_opens_its_trials_unfolded_the_best_first(
    served: Served, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    server, result = served
    assert main(["ui", "seen", "--root", str(server.folder / "mlruns"), "--tracking-uri", server.uri]) == 0
    output = capsys.readouterr().out
    browser.open(output.rpartition(" ")[2].strip())
    browser.wait("document.body.innerText.includes('Sort: best_value')")
    names = [f"trial {trial.number:04d}" for trial in result.history.ranked()[:3]]
    shown = browser.wait("document.body.innerText.includes('trial 0003') && document.body.innerText")
    assert shown.index(names[0]) < shown.index(names[1]) < shown.index(names[2])
    assert browser.wait("document.querySelectorAll('.js-plotly-plot path.js-line').length") >= 1


@needs_browser
def test_a_search_finds_the_pruned_trials_and_a_run_says_why(
    served: Served, runs: Callable[[str], str], browser: Browser
) -> None:
    server, result = served
    pruned = list(result.history.ended("PRUNED"))
    assert len(pruned) > 1
    browser.open(runs("tags.state = 'PRUNED'"))
    # MLflow shows the study's own run with them, to hang them on.
    browser.wait(f"document.body.innerText.includes('{len(pruned) + 1} matching runs')")
    unfold(browser)
    browser.wait(f"document.body.innerText.includes('trial {pruned[-1].number:04d}')")
    client = client_of(server.uri)
    (run,) = client.search_runs(
        [client.get_run(str(result.run)).info.experiment_id], f"tags.`hpsearch.trial` = '{pruned[0].number}'"
    )
    browser.open(f"{server.uri}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}")
    browser.wait("document.body.innerText.includes('PRUNED')")
    assert pruned[0].decision is not None
    assert run.data.tags["hpsearch.reason"] == pruned[0].decision.reason


def test_report_model_and_registry_are_on_the_server_as_they_are_in_a_root(served: Served) -> None:
    server, result = served
    client = client_of(server.uri)
    assert {"report.html", "best.png"} <= {file.path for file in client.list_artifacts(str(result.run))}
    assert list((server.folder / "remote").rglob("report.html")), "artifacts go where the server keeps them"
    with pytest.MonkeyPatch.context() as patch, pointed_at(server.uri):
        patch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        model = load_pyfunc("models:/seen@champion")
    data = datasets.load("digits")
    assert np.array_equal(model.predict(data.X_valid.astype(np.float64)), result.model.predict(data.X_valid))
