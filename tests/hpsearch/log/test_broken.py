"""Logs of version 0.1 may hold rows that are not their trials' next epochs: such trials count for nothing."""

from __future__ import annotations

from pathlib import Path

import logs
import pytest

from hpsearch.cli import main
from hpsearch.engine.doctor import examine
from hpsearch.log.history import BROKEN, Goal, History
from hpsearch.log.records import Ask, Decision, Record, Row, Tick
from hpsearch.log.writer import Log


def broken_log() -> list[Record]:
    """Two trials; trial 0 goes back to epoch 2 at tick 3, as if a worker had trained its old weights."""
    epochs = {0: [1, 2, 3, 2, 2], 1: [1, 2, 3, 4, 5]}
    records: list[Record] = [logs.header("broken", n_trials=2)]
    for tick in range(5):
        asks = tuple(Ask(n, n, {"learning_rate": 0.1 + n}, n) for n in range(2)) if tick == 0 else ()
        rows = tuple(Row(n, n, epochs[n][tick], {"val_accuracy": 0.9 - 0.4 * n + tick / 100}) for n in range(2))
        ends = tuple(Decision(n, "complete", "all 5 epochs done", "epochs") for n in range(2)) if tick == 4 else ()
        records.append(Tick(tick, 1_000.0 + tick, asks, rows, ends))
    return records


@pytest.fixture
def history() -> History:
    return History.fold(broken_log(), Goal("val_accuracy", "maximize"))


def test_a_trial_whose_epochs_do_not_follow_is_kept_out_of_ranking_and_rungs(history: History) -> None:
    first, second = history.trials
    assert (first.state, second.state) == ("FAILED", "COMPLETE")
    assert first.decision is not None
    assert first.decision.rule == BROKEN
    assert "epoch 2 where epoch 4 was due" in first.decision.reason
    assert history.ranked() == [second]
    assert history.best is second
    assert all(0 not in column for column in history.table.values())
    assert history.failed() == [0]
    assert history.running() == []


def test_the_epochs_before_stand_and_none_behind(history: History) -> None:
    assert [row.epoch for row in history.trials[0].rows] == [1, 2, 3]
    assert [row.epoch for row in history.trials[1].rows] == [1, 2, 3, 4, 5]


def test_doctor_and_show_name_the_trial_and_the_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "studies" / "broken"
    with Log(folder / "log.jsonl") as log:
        for record in broken_log():
            log.append(record)
    (finding,) = examine(folder)
    assert "trials [0] go on with other epochs than their next" in finding.problem
    assert "--retry-failed" in finding.remedy
    assert main(["show", "broken", "--root", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "FAILED" in output.upper()
    assert "--retry-failed" in output.replace("\n", " ")
