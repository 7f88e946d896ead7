from __future__ import annotations

import json
import math
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import hold

from hpsearch.errors import UserError
from hpsearch.log.lines import LogDamaged, decode, encode, read
from hpsearch.log.records import Ask, Decision, Extension, Header, Row, Tick
from hpsearch.log.writer import Log

HEADER = Header("toy", "u1", {"n_trials": 2}, {"python": "3"}, {}, 12.5)
TICKS = [
    Tick(n, 13.0 + n, (Ask(n, 0, {"x": 0.1, "name": "ä"}, n),), (Row(n, 0, 1, {"score": 0.1 + n}, 0.5),), ())
    for n in range(3)
]

names = st.text(max_size=8)
floats = st.floats(allow_nan=True, allow_infinity=True)
rows = st.builds(
    Row,
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(1, 9),
    st.dictionaries(names, floats, max_size=3),
    st.floats(0, 10),
    st.booleans(),
    st.none() | names,
    st.none() | names,
)
asks = st.builds(
    Ask, st.integers(0, 9), st.integers(0, 9), st.dictionaries(names, st.integers() | names), st.integers(0)
)
decisions = st.builds(Decision, st.integers(0, 9), st.sampled_from(["complete", "prune", "fail"]), names, names)
ticks = st.builds(
    Tick,
    st.integers(0),
    st.floats(0, 1e10),
    st.lists(asks, max_size=2).map(tuple),
    st.lists(rows, max_size=2).map(tuple),
    st.lists(decisions, max_size=2).map(tuple),
    st.none() | names,
)


@given(ticks)
def test_a_record_survives_its_line(tick: Tick) -> None:
    assert repr(decode(encode(tick))) == repr(tick)  # repr: NaN is not equal to itself


@given(ticks, st.data())
def test_a_changed_byte_is_noticed(tick: Tick, data: st.DataObject) -> None:
    line = bytearray(encode(tick))
    at = data.draw(st.integers(0, len(line) - 2))
    line[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match=r".+"):
        decode(bytes(line))


def test_a_line_is_plain_json_with_its_checksum_last() -> None:
    value = json.loads(encode(TICKS[0]))
    assert value["kind"] == "tick"
    assert list(value)[-1] == "crc"


def test_metrics_that_are_not_finite_are_words_in_the_line() -> None:
    tick = Tick(0, 1.0, (), (Row(0, 0, 1, {"a": math.nan, "b": -math.inf}),), ())
    assert b'"a":"nan","b":"-inf"' in encode(tick)


def write(path: Path) -> None:
    with Log(path) as log:
        for record in (HEADER, *TICKS):
            log.append(record)


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl")
    records = [record for record, _ in read(tmp_path / "log.jsonl")]
    assert records == [HEADER, *TICKS]


def test_reading_can_go_on_behind_any_record(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl")
    offsets = [offset for _, offset in read(tmp_path / "log.jsonl")]
    assert [record for record, _ in read(tmp_path / "log.jsonl", offsets[1])] == TICKS[1:]
    assert list(read(tmp_path / "log.jsonl", offsets[-1])) == []


@pytest.mark.parametrize("cut", [1, 2, 30, 200])
def test_a_torn_last_line_is_cut_on_open(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "log.jsonl"
    write(path)
    complete = path.read_bytes()
    keep = len(complete) - len(encode(TICKS[2]))
    path.write_bytes(complete[:-cut] if cut < len(complete) - keep else complete[: keep + 1])
    with Log(path) as log:
        assert log.records == [HEADER, *TICKS[:2]]
        log.append(TICKS[2])
    assert path.read_bytes() == complete


def test_a_torn_header_is_a_study_that_never_was(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(encode(HEADER)[:-5])
    with Log(path) as log:
        assert log.records == []
    assert path.read_bytes() == b""


def test_damage_in_the_middle_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"0.1", b"0.2", 1)
    path.write_bytes(b"".join(lines))
    before = path.read_bytes()
    with pytest.raises(LogDamaged, match="line 3 is damaged"), Log(path):
        pass
    assert path.read_bytes() == before


def test_a_log_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(encode(Header("toy", "u", {}, {}, {}, 0.0, schema=99)))
    with pytest.raises(LogDamaged, match="schema 99"), Log(path):
        pass


def test_an_extension_is_a_record_too() -> None:
    assert decode(encode(Extension({"n_trials": 5}, 2.0))) == Extension({"n_trials": 5}, 2.0)


def test_a_second_writer_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path / "toy" / "log.jsonl", held, release))
    other.start()
    try:
        assert held.wait(30)
        with pytest.raises(UserError, match=f"toy: this study is being run by process {other.pid} on"):
            Log(tmp_path / "toy" / "log.jsonl").__enter__()
    finally:
        release.set()
        other.join(30)
    with Log(tmp_path / "toy" / "log.jsonl"):
        pass
