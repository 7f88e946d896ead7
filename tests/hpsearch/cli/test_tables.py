"""A table from the command line: with a study file and without, its roles named by options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tables

from hpsearch.cli import main
from hpsearch.study.loading import load_study
from hpsearch.study.table import Table


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tables.write_houses(tmp_path, 120)
    return tmp_path


def run(*words: str) -> int:
    return main(["run", *words, "--no-tracking", "--trials", "2", "--epochs", "3"])


def test_a_table_without_a_study_file_is_searched_and_the_file_can_be_kept(capsys: Any, folder: Path) -> None:
    command = ["--data", "houses.csv", "--target", "price"]
    assert run(*command, "--save-study", "kept.py") == 0
    output = capsys.readouterr().out
    for words in ("target 'price': regression", "row numbers", '"learning_rate": Float(', "saved as kept.py"):
        assert words in output, words
    study = load_study(folder / "kept.py")
    assert isinstance(study.data, Table)
    assert (study.name, study.data.target, study.metric, study.n_trials) == ("houses-price", "price", "val_r2", 30)
    name = "houses-price@epochs=3"
    assert (folder / "mlruns" / "studies" / name / "study.py").read_text() == (folder / "kept.py").read_text()
    assert run(*command) == 0  # resumes what is done
    assert run("kept.py") == 0
    assert run(*command, "--save-study", "kept.py") == 2
    assert "kept.py: exists already" in capsys.readouterr().err


def test_the_first_trial_is_the_preset_itself(folder: Path) -> None:
    assert run("--data", "houses.csv", "--json") == 0
    log = (folder / "mlruns" / "studies" / "houses@epochs=3" / "log.jsonl").read_text().splitlines()
    first = json.loads(log[1])["asks"][0]["params"]
    assert first["learning_rate"] == 0.001
    assert first["hidden_layer_sizes"] == [100]


def test_options_say_what_columns_are_for_in_a_study_file_too(folder: Path, capsys: Any) -> None:
    (folder / "s.py").write_text(
        "from hpsearch import MLPRegressor, Study\n"
        "study = Study('s', model=MLPRegressor((5,), max_epochs=2), data='houses.csv', metric='val_r2', n_trials=1)\n"
    )
    assert run("s.py", "--target", "area", "--drop", "price,garden", "--time", "sold") == 0
    output = capsys.readouterr().out
    assert "target 'area': regression" in output
    assert "left out: 'price', 'garden' (as asked)" in output
    assert "by time" in output
    assert (folder / "mlruns" / "studies" / "s@houses.area,epochs=3").is_dir()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "missing argument 'STUDY.py|FOLDER…', or --data"),
        (["--data", "none.csv"], "none.csv: no such file"),
        (["--data", "houses.csv", "--target", "prize"], "there is no column 'prize' (did you mean 'price'?)"),
        (["--data", "houses.csv", "--task", "cluster"], "'cluster' is not one of"),
    ],
)
def test_mistakes_get_one_line(words: list[str], message: str, capsys: Any) -> None:
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_separator_missing_texts_and_weights_are_options(folder: Path, capsys: Any) -> None:
    frame = pd.read_csv("houses.csv").drop(columns="Unnamed: 0").assign(w=1.0)
    frame.loc[3, "garden"] = "unknown"
    frame.to_csv("odd.txt", sep="^", index=False)
    assert run("--data", "odd.txt", "--sep", "^", "--na", "unknown", "--weights", "w", "--target", "price") == 0
    assert "2 texts" in capsys.readouterr().out
