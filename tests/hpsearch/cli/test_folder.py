"""``hpsearch run`` on several studies: a folder in its README's order, failures that hide nothing, and the page."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from hpsearch.cli import main
from hpsearch.cli.batch import repeatable, study_files
from hpsearch.errors import UserError

STUDY = '''"""About {name}."""

from hpsearch import Comparison, Curves, Study


def objective(trial):
    for epoch in range(3):
        {body}
        yield {{"score": trial["x"] + 0.1 * epoch}}


def study(data="digits"):
    return Study(
        name="{name}", objective=objective, space=[{{"x": [1.0, 2.0]}}], metric="score", repeats=2,
        comparison=Comparison(plots=[Curves("score")]),
    )
'''
BROKEN = "study = 3\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    studies = tmp_path / "studies"
    studies.mkdir()
    for name in ("a", "b", "c"):
        (studies / f"{name}.py").write_text(STUDY.format(name=name, body="pass"))
    (studies / "README.md").write_text("1. [third](c.py)\n2. [first](a.py), see [elsewhere](../x/b.py)\n")
    return studies


def run(*args: str) -> int:
    return main(["run", *args, "--no-tracking"])


def test_a_folder_runs_in_the_order_of_its_readme_then_by_name(folder: Path) -> None:
    (folder / "_helper.py").write_text("")
    assert [path.name for path in study_files([folder])] == ["c.py", "a.py", "b.py"]
    assert study_files([folder / "b.py", folder])[0] == folder / "b.py"


def test_a_folder_without_studies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a folder without study files"):
        study_files([tmp_path])


def test_a_folder_gives_every_study_and_a_page_in_the_root(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("studies") == 0
    out = capsys.readouterr().out
    assert [f"[{i}/3] studies/{name}.py" in out for i, name in enumerate("cab", 1)] == [True] * 3
    page = Path("mlruns/studies.md").read_text()
    assert [page.index(f"About {name}.") for name in "cab"] == sorted(page.index(f"About {name}.") for name in "abc")
    assert "`hpsearch run studies`" in page
    assert {file.name for file in Path("mlruns/images/studies").iterdir()} == {"a.svg", "b.svg", "c.svg"}


def test_run_again_it_goes_on_where_it_was(folder: Path) -> None:
    assert run("studies", "--quiet") == 0
    logs = {path: path.read_bytes() for path in Path("mlruns/studies").glob("*/log.jsonl")}
    page = Path("mlruns/studies.md").read_text()
    assert run("studies", "--quiet") == 0
    assert {path: path.read_bytes() for path in Path("mlruns/studies").glob("*/log.jsonl")} == logs
    assert Path("mlruns/studies.md").read_text() == page


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_two_files_ends_the_command_and_the_same_command_goes_on(
    folder: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    second = folder / "a.py"
    code = second.read_text()
    second.write_text(f"import os, time\nos.kill(os.getpid(), {int(number)})\ntime.sleep(5)\n" + code)
    assert run("studies", "--quiet") == 130
    assert "interrupted" in capsys.readouterr().err
    studies = Path("mlruns/studies")
    assert [path.name for path in studies.iterdir()] == ["c"]
    before = (studies / "c" / "log.jsonl").read_bytes()
    second.write_text(code)
    assert run("studies", "--quiet") == 0
    assert (studies / "c" / "log.jsonl").read_bytes() == before
    assert sorted(path.name for path in studies.iterdir()) == ["a", "b", "c"]


def test_one_failure_hides_no_other_study(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "c.py").write_text(BROKEN)
    (folder / "a.py").write_text(STUDY.format(name="a", body="1 / 0"))
    assert run("studies", "--write", "docs.md") == 2
    out, err = capsys.readouterr()
    assert "b is done" in out
    assert err.splitlines()[-3:] == [
        "2 of these went wrong:",
        "  studies/c.py: 'study' is a int, not a Study",
        (
            "  studies/a.py: study 'a' failed: all of the first 4 trials, trial 0 because ZeroDivisionError: "
            "division by zero (a.py:8)"
        ),
    ]
    assert "studies/c.py: 'study' is a int" in Path("docs.md").read_text()
    (folder / "c.py").unlink()
    assert run("studies", "--quiet") == 1


@pytest.mark.usefixtures("folder")
def test_the_data_choose_the_variant_and_the_options_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("studies/a.py", "studies/b.py", "--data", "mnist", "--seed", "3", "--json") == 0
    studies = json.loads(capsys.readouterr().out)
    assert [study["study"] for study in studies] == ["a@mnist,seed=3", "b@mnist,seed=3"]
    assert [len(study["comparison"]) for study in studies] == [2, 2]


def test_one_name_cannot_be_that_of_two_studies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_text(STUDY.format(name="a", body="pass") + "\nstudies = [study(), study()]\ndel study\n")
    assert run("studies/a.py") == 2
    assert "two studies are called 'a'" in capsys.readouterr().err
    two = (
        STUDY.replace("def study", "def one")
        + '\nfrom dataclasses import replace\nstudies = [one(), replace(one(), name="z")]\n'
    )
    (folder / "a.py").write_text(two.format(name="a", body="pass"))
    assert run("studies/a.py", "--name", "x") == 2
    assert "--name x: studies/a.py declares 2 studies" in capsys.readouterr().err


def test_a_page_repeats_the_command_without_what_only_this_machine_needs() -> None:
    typed = [
        "run",
        "studies/",
        "--data",
        "mnist",
        "--root",
        "/tmp/x",
        "--no-tracking",
        "--workers=2",
        "--write",
        "p.md",
    ]
    assert repeatable(typed) == "hpsearch run studies/ --data mnist --write p.md"
