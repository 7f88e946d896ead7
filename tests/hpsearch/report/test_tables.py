from __future__ import annotations

import io
import json
import re
from pathlib import Path

import logs
import pytest
from rich.console import Console

from hpsearch.cli.options import literal
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Row, Tick
from hpsearch.report import tables, terminal

GOAL = Goal("val_accuracy", "maximize")


@pytest.fixture
def history() -> History:
    return History.fold(logs.records(), GOAL)


def rendered(blocks: list[terminal.Block], width: int, *, colour: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, force_terminal=colour)
    return terminal.render(blocks, console)


def columns(text: str) -> list[str]:
    heading = next(line for line in text.splitlines() if "trial " in line or line.startswith("study "))
    return re.split(r"\s{2,}", heading.strip())


def test_show_ranks_the_trials_and_ends_with_those_that_have_no_rank(history: History) -> None:
    lines = rendered(tables.show_blocks("eta_lambda", history), 200).splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("trial"))
    assert [line.split()[:3] for line in lines[begin + 1 : begin + 5]] == [
        ["3", "COMPLETE", "0.9000"],
        ["0", "COMPLETE", "0.8000"],
        ["1", "PRUNED", "0.2000"],
        ["2", "FAILED", "0.3000"],
    ]
    assert lines[-2] == '1 failed; the first was trial 2: cost is nan, "diverged"'
    assert lines[-1] == "  its traceback: hpsearch show eta_lambda --trial 2"


def test_show_says_what_the_study_is_and_its_best(history: History) -> None:
    lines = rendered(tables.show_blocks("eta_lambda", history), 200).splitlines()
    assert lines[:4] == [
        "eta_lambda: maximize val_accuracy on digits",
        "sampler tpe, pruner asha, seed 0, lanes 4",
        "4 of 4 trials: 2 complete, 1 pruned, 1 failed",
        "best: val_accuracy 0.9000 at epoch 2 of 3, trial 3 (learning_rate=0.5 sizes=[30,10])",
    ]


def test_show_cuts_the_table_unless_all_trials_are_asked_for(history: History) -> None:
    short = rendered(tables.show_blocks("eta_lambda", history, top=1), 200)
    assert "3 more with --all" in short
    assert "PRUNED" not in short
    assert "PRUNED" in rendered(tables.show_blocks("eta_lambda", history, every=True, top=1), 200)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (200, "trial state val_accuracy at_epoch learning_rate l2 sizes curve diagnosis why"),
        (120, "trial state val_accuracy at_epoch learning_rate l2 sizes curve why"),
        (100, "trial state val_accuracy at_epoch learning_rate l2 sizes why"),
        (80, "trial val_accuracy params why"),
        (60, "trial val_accuracy params"),
        (30, "trial val_accuracy params"),
    ],
)
def test_a_narrow_terminal_gets_fewer_columns_and_never_a_cut_number(history: History, width: int, shown: str) -> None:
    text = rendered([tables.trials_grids(history, history.trials)], width)
    assert sorted(name.replace(" ", "_") for name in columns(text)) == sorted(shown.split())
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_a_narrow_terminal_has_the_reasons_whole_over_several_lines(history: History) -> None:
    lines = rendered([tables.trials_grids(history, history.trials)], 80).splitlines()
    at = lines[0].index("why")
    assert " ".join(line[at:].strip() for line in lines[2:5]).startswith("0.2 at epoch 1 is below the rung, 3rd of 4")


def test_a_diagnosis_of_good_curves_alone_is_no_column() -> None:
    asks = (Ask(0, 0, {"l2": 1.0}, 0),)
    row = Row(0, 0, 1, {"val_accuracy": 0.5}, finished=True)
    history = History.fold([logs.header(), Tick(0, 1.0, asks, (row,), ())], GOAL)
    assert "diagnosis" not in rendered([tables.trials_grids(history, history.trials)], 200)


def test_a_parameter_that_is_named_like_a_column_of_ours_keeps_its_values() -> None:
    asks = (Ask(0, 0, {"state": "solid", "curve": 7}, 0),)
    history = History.fold([logs.header(), Tick(0, 1.0, asks, (Row(0, 0, 1, {"val_accuracy": 0.5}),), ())], GOAL)
    text = rendered([tables.trials_grids(history, history.trials)], 200)
    assert re.split(r"\s{2,}", text.splitlines()[1].strip()) == ["0", "RUNNING", "0.5000", "1/1", "solid", "7", "▅"]


def test_a_list_of_studies_drops_columns_until_it_fits(history: History) -> None:
    names = {"eta_lambda@mnist,seed=3": history}
    wide, narrow = (rendered(tables.list_blocks(names), width) for width in (200, 50))
    assert columns(wide)[0] == "study"
    assert columns(wide)[-2:] == ["data", "last run"]
    assert columns(narrow) == ["study", "trials", "best"]
    assert "eta_lambda@mnist,seed=3     4/4  0.9000" in narrow


def test_a_grid_knows_only_how_many_trials_have_ended() -> None:
    history = History.fold(logs.records(sampler="grid", n_trials=None), GOAL)
    assert re.split(r"\s{2,}", rendered(tables.list_blocks({"g": history}), 200).splitlines()[1])[:2] == ["g", "4"]


def test_json_is_strict_and_holds_every_trial_with_its_curve(history: History) -> None:
    value = json.loads(json.dumps(tables.show_json("eta_lambda", history), allow_nan=False))
    assert value["counts"] == {"complete": 2, "pruned": 1, "failed": 1, "running": 0}
    assert value["best"] == {
        "trial": 3,
        "value": 0.9,
        "epoch": 2,
        "epochs": 3,
        "params": {"learning_rate": 0.5, "sizes": [30, 10]},
    }
    assert [trial["curve"] for trial in value["trials"]] == [[0.1, 1 / 3, 0.8], [0.2], [0.3, None], [0.7, 0.9, 0.85]]
    assert value["trials"][1]["reason"] == "0.2 at epoch 1 is below the rung, 3rd of 4"


def test_a_study_without_any_value_is_shown_too() -> None:
    empty = History.fold([logs.header()], GOAL)
    assert "no trial has a val_accuracy yet" in rendered(tables.show_blocks("new", empty), 100)
    assert rendered(tables.list_blocks({"new": empty}), 200).splitlines()[1].split()[:2] == ["new", "0/4"]
    assert tables.show_json("new", empty)["best"] is None
    assert tables.run_json("new", empty, Path("mlruns"), interrupted=True)["resumable"] is True


@pytest.mark.parametrize(
    "value",
    [0.1, 1e-300, 3, True, None, "adam", "true", "None", "20", "(1, 2)", "with blank", "", "ä", [30, 10], "NaN"],
)
def test_the_best_parameters_are_written_so_that_set_reads_them_back(value: object) -> None:
    assert literal(tables.exact({"p": value})["p"]) == value


def test_states_are_coloured_on_a_terminal_alone(history: History) -> None:
    blocks = tables.show_blocks("eta_lambda", history)
    assert "\x1b[" in rendered(blocks, 200, colour=True)
    assert "\x1b[" not in rendered(blocks, 200)
