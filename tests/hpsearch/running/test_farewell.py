"""The end of a run's delivery: what is waited for, and what people are told of the time."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import logs
import pytest

from hpsearch import Float, Study
from hpsearch.engine.observer import StudyPlan
from hpsearch.log.history import Goal, History
from hpsearch.report.live import live_view
from hpsearch.running import farewell
from hpsearch.running.options import Outlet
from hpsearch.tracking import cursor
from hpsearch.tracking.delivery_report import UNDER_WAY, DeliveryReport, report
from hpsearch.tracking.uri import resolve

DONE = DeliveryReport(True, None, 0, None, "sqlite:///x.db", "1", "abc", None)


class Ending:
    """A delivery that is over, or not: with which options it was waited for, and how long it takes."""

    def __init__(self, report: DeliveryReport, seconds: float = 0.0) -> None:
        self.report, self.seconds = report, seconds
        self.options: dict[str, Any] = {}

    def finish(self, timeout: float = 30.0, **options: Any) -> DeliveryReport:
        self.options = {"timeout": timeout, **options}
        time.sleep(self.seconds)
        return self.report


def ended(outlet: Outlet, delivery: Ending) -> list[str]:
    messages: list[str] = []
    farewell.finish(delivery, outlet, messages.append)  # type: ignore[arg-type]
    return messages


def test_a_delivery_is_waited_for_unless_nobody_wants_to() -> None:
    waited, not_waited, registered = Ending(DONE), Ending(DONE), Ending(DONE)
    assert ended(Outlet(), waited) == []
    assert (waited.options["timeout"], waited.options["exhibits"]) == (30.0, False)
    assert ended(Outlet(wait=False), not_waited) == []
    assert not_waited.options == {"timeout": 0.0}
    ended(Outlet(wait=False, register="digits"), registered)
    assert registered.options["exhibits"], "a model that is to be registered is waited for"


def test_the_time_that_a_delivery_takes_is_told_beside_that_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farewell, "WORTH_TELLING", 0.01)
    assert ended(Outlet(), Ending(DONE, 0.02)) == ["all of it is in MLflow, after 0 s more"]


def test_on_a_server_the_address_of_the_study_is_told() -> None:
    on_a_server = replace(DONE, uri="http://127.0.0.1:5000", url="http://127.0.0.1:5000/#/experiments/1/runs/abc")
    (line,) = ended(Outlet(), Ending(on_a_server))
    assert line.startswith("in MLflow: http://127.0.0.1:5000/#/experiments/1/runs?")
    assert "viewStateShareKey=hpsearch" in line


def test_a_delivery_that_goes_on_is_no_warning(tmp_path: Path) -> None:
    logs.write(tmp_path, logs.records("s"))
    summary = report(tmp_path / "studies" / "s", "sqlite:///x.db", UNDER_WAY)
    assert not summary.delivered
    assert summary.problem is None
    (line,) = ended(Outlet(wait=False), Ending(summary))
    assert line == f"s: {UNDER_WAY}"


def test_the_time_that_a_run_took_counts_from_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wall = iter([1000.0, *[1007.0] * 20])
    history = History.fold(logs.records("s"), Goal("val_accuracy", "maximize"))
    view = live_view(begun=960.0)
    view._clock = lambda: next(wall)
    view.begin(history, StudyPlan("s", history.goal, 4, 3, 4, "tpe", "asha", "", tmp_path, resumed=False))
    view.end(history)
    assert "this run took 47 s" in capsys.readouterr().out


@pytest.mark.slow
def test_what_nobody_waited_for_reaches_mlflow_by_itself(tmp_path: Path) -> None:
    def objective(trial: Any) -> float:
        return float(trial["x"])

    study = Study("s", objective=objective, space={"x": Float(0, 1)}, metric="y", n_trials=3, sampler="random")
    assert study.run(tmp_path, quiet=True, wait=False).run is None
    end = time.monotonic() + 300
    while not cursor.load(tmp_path / "studies" / "s", resolve(tmp_path)).closed:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert cursor.load(tmp_path / "studies" / "s", resolve(tmp_path)).trials == 3
