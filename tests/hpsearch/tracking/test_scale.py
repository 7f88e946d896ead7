"""A study of a thousand trials: delivered whole, and still opened by MLflow's own user interface."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, WHY_NOT, Browser
from servers import Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # the sockets that mlflow's client keeps open
]

TRIALS, EPOCHS, METRICS = 1000, 50, 6


@pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)
def test_the_charts_of_a_thousand_trials_open(
    root: Path,
    records: Callable[..., list[Any]],
    write: Callable[..., Path],
    deliver: Callable[..., bool],
    stored: Callable[[], dict[str, Any]],
    tmp_path: Path,
) -> None:
    made = records(n_trials=TRIALS, epochs=EPOCHS, lanes=8, metrics=METRICS)
    assert deliver(write(made))
    content = stored()
    assert len(content["runs"]) == TRIALS + 1
    rows = sum(len(record.rows) for record in made if hasattr(record, "rows"))
    assert len(content["points"]) >= METRICS * rows, "every metric of every epoch"
    server = Server(root)
    server.up()
    try:
        with Browser(tmp_path) as browser:
            browser.open(f"{server.uri}/#/experiments/1/runs?workflowType=machine_learning&compareRunsMode=CHART")
            browser.wait("document.querySelector('.ag-row') !== null")
            assert browser.wait("document.querySelectorAll('.js-plotly-plot path.js-line').length") >= 1
    finally:
        server.down()
