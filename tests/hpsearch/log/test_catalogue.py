from __future__ import annotations

from pathlib import Path

import logs
import pytest

from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.log.lines import encode


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("eta_lambda@mnist", "depth", "depth@seed=3", "width@mnist", "width@seed=3"):
        logs.write(tmp_path, logs.records(name))
    (tmp_path / "studies" / "no_log_here").mkdir()
    return tmp_path


def test_studies_are_the_folders_with_a_log_by_name(root: Path) -> None:
    assert catalogue.studies(root) == ["depth", "depth@seed=3", "eta_lambda@mnist", "width@mnist", "width@seed=3"]


def test_a_root_that_no_study_has_run_in_holds_none(tmp_path: Path) -> None:
    assert catalogue.studies(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("depth", "depth"),
        ("depth@seed=3", "depth@seed=3"),
        ("eta_lambda", "eta_lambda@mnist"),
        ("eta_lambda@mnist", "eta_lambda@mnist"),
    ],
)
def test_a_study_is_found_by_its_name_or_by_the_plain_name_of_its_only_variant(
    root: Path, name: str, expected: str
) -> None:
    assert catalogue.find(root, name) == root / "studies" / expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("width", ["several variants", "width@mnist", "width@seed=3"]),
        ("dept", ["no study 'dept'", "did you mean 'depth'?"]),
        ("studies/eta_lambda.py", ["did you mean 'eta_lambda@mnist'?"]),
        ("../depth", ["no study '../depth'"]),
        ("zzz", ["known: ", "width@mnist"]),
    ],
)
def test_a_name_that_is_not_one_study_is_a_mistake_that_says_which_there_are(
    root: Path, name: str, words: list[str]
) -> None:
    with pytest.raises(UserError) as raised:
        catalogue.find(root, name)
    assert all(word in str(raised.value) for word in words), str(raised.value)


def test_a_root_that_is_not_there_is_a_mistake_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such directory"):
        catalogue.studies(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no such directory"):
        catalogue.find(tmp_path / "nowhere", "depth")
    with pytest.raises(UserError, match="holds no study yet"):
        catalogue.find(tmp_path, "depth")


def test_the_history_is_the_fold_of_the_log_with_the_goal_that_it_declares(tmp_path: Path) -> None:
    folder = logs.write(tmp_path, logs.records(metric="cost", direction="minimize"))
    history = catalogue.load_history(folder)
    assert (history.goal.metric, history.goal.direction) == ("cost", "minimize")
    assert [trial.state for trial in history.trials] == ["COMPLETE", "PRUNED", "FAILED", "COMPLETE"]
    assert history.tick == 2


def test_a_log_is_read_while_another_process_writes_its_last_line(tmp_path: Path) -> None:
    folder = logs.write(tmp_path, logs.records()[:2])
    with (folder / "log.jsonl").open("ab") as file:
        file.write(encode(logs.ticks()[1])[:-20])
    assert catalogue.load_history(folder).tick == 0


def test_reading_leaves_no_trace(tmp_path: Path) -> None:
    folder = logs.write(tmp_path, logs.records())
    catalogue.load_history(folder)
    assert [path.name for path in folder.iterdir()] == ["log.jsonl"]


@pytest.mark.parametrize("content", [b"", encode(logs.header())[:40]], ids=["empty", "torn header"])
def test_a_log_without_a_whole_header_says_so(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "studies" / "early"
    folder.mkdir(parents=True)
    (folder / "log.jsonl").write_bytes(content)
    with pytest.raises(UserError, match="holds no record yet"):
        catalogue.load_history(folder)


def test_a_log_that_lacks_a_tick_in_the_middle_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    records = logs.records()
    folder = logs.write(tmp_path, [*records[:2], records[3]])
    with pytest.raises(UserError, match=r"log\.jsonl.*tick 2 follows tick 0"):
        catalogue.load_history(folder)
