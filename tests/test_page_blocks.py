"""The blocks of the pages in docs/ run as they stand, and every command in them is one that there is.

README.md, docs/tutorial.md and docs/coming-from.md have tests of their own, which run theirs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import hpsearch
from hpsearch import Float, MLPClassifier, Study
from hpsearch.cli import main
from hpsearch.cli.app import cli
from hpsearch.samplers import FreezeThaw
from hpsearch.study.loading import load_file

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
ELSEWHERE = ("README.md", "tutorial.md", "coming-from.md")

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UNRUN = re.compile(r"\A# not run by a test: .+\n")
"""What a block begins with that needs what a test has not; the reason stands in the page."""


def blocks(page: Path, *kinds: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if kind in kinds]


def commands(page: Path) -> list[str]:
    """Return the calls of hpsearch in a page's blocks, without what a shell takes for comments."""
    lines = [line for text in blocks(page, "", "sh") for line in text.splitlines()]
    return [line for line in lines if line.startswith("hpsearch ")]


def rows_of(path: Path, n: int = 80) -> pd.DataFrame:
    """Write a table of houses, and return it."""
    rng = np.random.default_rng(0)
    rooms = rng.integers(1, 6, n)
    area = rng.uniform(30, 200, n).round(1)
    table = pd.DataFrame({"area": area, "rooms": rooms, "town": rng.choice(["Bonn", "Köln"], n)})
    table["price"] = (2000 * area + 9000 * rooms).round()
    table.to_csv(path, index=False)
    return table


def of_tables() -> dict[str, Any]:
    return {"new_houses": rows_of(Path("houses.csv")).drop(columns="price")}


def of_tracking() -> dict[str, Any]:
    import mlflow
    from sklearn.linear_model import LogisticRegression

    X, y = load_digits(return_X_y=True)
    study = Study("kept", model=LogisticRegression(), space={"C": Float(0.1, 1)}, data=(X / 16, y), n_trials=2)
    result = study.run(quiet=True, model=True)
    # The model follows the curves; the command waits a while for the process that brings it.
    assert any(main(["sync"]) == 0 for _ in range(20))
    mlflow.set_tracking_uri("sqlite:///mlruns/mlflow.db")
    return {"mlflow": mlflow, "hpsearch": hpsearch, "run_id": result.run, "X": X / 16, "y": y}


def of_your_own_model() -> dict[str, Any]:
    return {"train": lambda rate: rate, "step": lambda rate: 1 / (1 + rate), "measure": lambda heat: -abs(heat - 50)}


GIVEN: dict[str, Callable[[], dict[str, Any]]] = {
    "tables.md": of_tables,
    "tracking.md": of_tracking,
    "your-own-model.md": of_your_own_model,
}
"""What a page takes for granted: the reader's own data and functions."""


class Written(Study):
    """A study in which ``...`` stands for what a page does not repeat."""

    def __new__(cls, *args: Any, **fields: Any) -> Any:
        if args[:1] != (...,):
            return Study(*args, **fields)
        omitted: dict[str, Any] = {"name": "whole", "data": "digits", "space": SPACE, "n_trials": 4, "pruner": "none"}
        if "budget" in fields:
            del omitted["n_trials"], omitted["pruner"]
        if isinstance(fields.get("sampler"), FreezeThaw):
            del omitted["pruner"]
        return Study(**{**omitted, "model": MLPClassifier(max_epochs=2), **fields})


SPACE = {"learning_rate": Float(0.01, 1, log=True), "momentum": Float(0, 0.9)}


@pytest.fixture
def quietly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with MLflow out of the way."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # mlflow's own type hints
@pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in ELSEWHERE and blocks(page, "python")],
    ids=lambda page: page.name,
)
@pytest.mark.usefixtures("quietly")
def test_the_blocks_of_a_page_run_one_after_the_other(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {"__name__": "__main__", **GIVEN.get(page.name, dict)()}
    original = Study.run

    def run(study: Study, *args: Any, **options: Any) -> Any:
        """Run two trials, which will do, and without MLflow but for the page about it."""
        if page.name != "tracking.md":
            study = replace(study, n_trials=2)
            options = {"tracking": False, "quiet": True, **options}
        return original(study, *args, **options)

    monkeypatch.setattr(Study, "run", run)
    monkeypatch.setattr(hpsearch, "Study", Written)
    declared: list[Study] = []
    for number, text in enumerate(blocks(page, "python")):
        code = compile(text, f"{page.name}, block {number + 1}", "exec")
        if UNRUN.match(text):
            continue
        exec(code, names)
        if callable(study := names.get("study")) and not isinstance(study, Study):
            study = study()
        studies = [study, *names.values()]
        declared += [study for study in studies if isinstance(study, Study) and study not in declared]
    for study in declared:
        if study.name != "whole" and (study.model is not None or study.objective is not None):
            result = study.run("declared", quiet=True, tracking=False)
            assert result.history.trials, study.name


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_of_a_page_is_one_that_there_is(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for line in commands(page):
        typed = shlex.split(line, comments=True)[1:]
        context = click.Context(cli, info_name="hpsearch", obj=typed)
        command: click.Command = cli
        while isinstance(command, click.Group):
            name, command_, typed = command.resolve_command(context, typed)
            assert command_ is not None, line
            command = command_
            context = click.Context(command, parent=context, info_name=name)
        command.parse_args(context, typed)  # raises where an option or an argument is not there


@pytest.mark.usefixtures("quietly")
def test_a_command_that_is_not_there_is_found() -> None:
    context = click.Context(cli, info_name="hpsearch", obj=[])
    _, run, typed = cli.resolve_command(context, ["run", "study.py", "--no-such-option"])
    assert run is not None
    with pytest.raises(click.NoSuchOption):
        run.parse_args(click.Context(run, parent=context), typed)


@pytest.mark.slow
@pytest.mark.usefixtures("quietly")
def test_the_commands_of_the_readme_that_look_at_a_study_work(capsys: pytest.CaptureFixture[str]) -> None:
    declared = load_file(ROOT / "studies" / "eta_lambda.py").studies[0]
    for name, seed in (("eta_lambda", 0), ("eta_lambda@seed=3", 3)):
        study = replace(declared, name=name, seed=seed, model=MLPClassifier(max_epochs=3), n_trials=16)
        study.run(quiet=True, tracking=False)
    looking = ("ls", "show", "best", "export", "report", "compare", "explain", "init")
    tried = [line for line in commands(ROOT / "README.md") if line.split()[1] in looking]
    assert len(tried) >= len(looking)
    for line in tried:
        typed = shlex.split(line, comments=True)[1:]
        if "--debug" in typed:
            continue  # a failed trial and a debugger: tests/hpsearch/cli has them
        assert main(typed) == 0, line
    assert "trial" in capsys.readouterr().out
