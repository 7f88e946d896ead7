from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toy_clocks import MakeClock
from toys import Saveable, climb, story

from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.resume import restore
from hpsearch.errors import UserError
from hpsearch.log.lines import encode, read
from hpsearch.log.records import Ask, Tick
from hpsearch.log.writer import Log
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.function import FunctionObjective


def objectives() -> dict[str, Callable[[], Objective]]:
    return {"generator": lambda: FunctionObjective(climb, "score", seed=1), "saveable": Saveable}


@pytest.mark.parametrize("kind", ["generator", "saveable"])
@pytest.mark.parametrize("stops", [[0], [3], [1, 2, 7], [5, 11]])
def test_interrupted_and_resumed_tells_the_same_story(
    tmp_path: Path, make_clock: MakeClock, kind: str, stops: list[int]
) -> None:
    make = objectives()[kind]
    with Log(tmp_path / "whole" / "log.jsonl") as log:
        make_clock(log, objective=make()).run()
    path = tmp_path / "parts" / "log.jsonl"
    for stop in [*stops, None]:
        with Log(path) as log:
            clock = make_clock(log, objective=make())
            clock.checkpoints = Checkpoints(tmp_path / "c", "u1")
            restore(clock.history, clock.objective, clock.checkpoints, pytest.fail)
            clock.interrupted = lambda stop=stop, clock=clock: clock.history.tick == stop  # type: ignore[misc]
            clock.run()
    assert story(path) == story(tmp_path / "whole" / "log.jsonl")


@pytest.mark.parametrize("lines", range(1, 12))
def test_a_log_cut_anywhere_is_continued_to_the_same_story(tmp_path: Path, make_clock: MakeClock, lines: int) -> None:
    """A kill leaves any number of whole lines, half a line behind them, and checkpoints of any age."""
    whole = tmp_path / "whole" / "log.jsonl"
    checkpoints = Checkpoints(tmp_path / "c", "u1")
    with Log(whole) as log:
        clock = make_clock(log, objective=Saveable())
        clock.run()
    kept = whole.read_bytes().splitlines(keepends=True)[: lines + 1]
    part = tmp_path / "part" / "log.jsonl"
    part.parent.mkdir()
    part.write_bytes(b"".join(kept[:-1]) + kept[-1][: len(kept[-1]) // 2])
    with Log(part) as log:
        clock = make_clock(log, objective=Saveable(), checkpoints=checkpoints)
        restore(clock.history, clock.objective, checkpoints, pytest.fail)
        clock.run()
    assert story(part) == story(whole)


def interrupted(tmp_path: Path, make_clock: MakeClock, tick: int = 5) -> tuple[Path, Checkpoints]:
    path, checkpoints = tmp_path / "log.jsonl", Checkpoints(tmp_path / "c", "u1")
    with Log(path) as log:
        clock = make_clock(log, objective=Saveable(), checkpoints=checkpoints)
        clock.interrupted = lambda: clock.history.tick == tick
        clock.run()
    return path, checkpoints


def test_a_checkpoint_spares_training_again(tmp_path: Path, make_clock: MakeClock) -> None:
    path, checkpoints = interrupted(tmp_path, make_clock)
    with Log(path) as log:
        clock = make_clock(log, objective=Saveable(), checkpoints=checkpoints)
        restore(clock.history, clock.objective, checkpoints, pytest.fail)
    assert isinstance(clock.objective, Saveable)
    assert clock.objective.advanced == 0


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "foreign"])
def test_a_checkpoint_that_cannot_be_read_costs_time_only(tmp_path: Path, make_clock: MakeClock, damage: str) -> None:
    path, checkpoints = interrupted(tmp_path, make_clock)
    (saved,) = (tmp_path / "c").glob("*.npz")
    whole = saved.read_bytes()
    middle = len(whole) // 2
    if damage == "foreign":
        Checkpoints(tmp_path / "c", "another study").save(5, [])
    else:
        flipped = bytes([whole[middle] ^ 255])
        saved.write_bytes(
            {"truncate": whole[:middle], "flip": whole[:middle] + flipped + whole[middle + 1 :], "empty": b""}[damage]
        )
    notices: list[str] = []
    with Log(path) as log:
        clock = make_clock(log, objective=Saveable(), checkpoints=checkpoints)
        restore(clock.history, clock.objective, checkpoints, notices.append)
        clock.run()
    assert len(notices) == 1
    assert "checkpoint left aside" in notices[0]
    with Log(tmp_path / "whole" / "log.jsonl") as log:
        make_clock(log, objective=Saveable()).run()
    assert story(path) == story(tmp_path / "whole" / "log.jsonl")


def test_a_machine_that_does_not_reproduce_the_log_says_so(tmp_path: Path, make_clock: MakeClock) -> None:
    path, checkpoints = interrupted(tmp_path, make_clock)
    checkpoints.clear()
    records = [record for record, _ in read(path)]
    last = records[-1]
    assert isinstance(last, Tick)
    first = last.rows[0]
    first.metrics["score"] += 1e-12
    path.write_bytes(b"".join(encode(record) for record in records))
    with Log(path) as log:
        clock = make_clock(log, objective=Saveable())
        with pytest.raises(UserError, match=r"training again gave score = .*, the log says"):
            restore(clock.history, clock.objective, checkpoints, pytest.fail)


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "c", "u")
    for tick in range(5):
        checkpoints.save(tick, [Start(Ask(0, 0, {}, 0), tick, {"w/0": np.full(3, tick)})])
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["tick-000000003.npz", "tick-000000004.npz"]
    (saved, *_) = checkpoints.newest(3)
    assert not isinstance(saved, str)
    assert saved[0][0] == 3
    assert saved[0][1]["w/0"].tolist() == [3, 3, 3]
