"""The chapter's studies: each runs on digits as it is shipped but for its length, and ends with what it promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpsearch import MLPClassifier, Study
from hpsearch.cli import main
from hpsearch.cli.batch import study_files
from hpsearch.models.datasets import load, subset
from hpsearch.report import comparison, plot
from hpsearch.study.loading import load_file

FOLDER = Path(__file__).resolve().parents[2] / "studies"
FILES = study_files([FOLDER])
each = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def short(study: Study) -> Study:
    """A study with one repeat of each of its points, two epochs long, on a fifth of the images."""
    model = study.model
    if hasattr(model, "max_epochs"):
        model = type(model)(**{**model.get_params(deep=False), "max_epochs": 2})
    points = len(study.enqueue) or 3
    small = study.data == "digits" and not any("images" in point for point in study.enqueue)  # these ask for their own
    data = subset(load("digits"), seed=0, train=200, valid=100) if small else study.data
    stages = tuple(
        replace(stage, train=stage.train and 30, epochs=stage.epochs and 2, trials=2, promote=1, calibration=0)
        for stage in study.stages or ()
    )
    many = 2 * len(stages) or points
    confirm = min(study.confirm, 1)
    return replace(
        study, model=model, data=data, epochs=2, n_trials=many, repeats=1, stages=stages or None, confirm=confirm
    )


def network(*layers: Any, **said: Any) -> MLPClassifier:
    """A network that trains for a few epochs at most."""
    return MLPClassifier(*layers, **{**said, "max_epochs": min(said.get("max_epochs", EPOCHS), EPOCHS)})


def search(**said: Any) -> Study:
    """A search of a few trials at most."""
    return Study(**{**said, "n_trials": min(said["n_trials"], TRIALS)})


EPOCHS, TRIALS = 4, 12
SHORTER: dict[str, Any] = {"MLPClassifier": network, "Study": search, "TRIALS": TRIALS}
"""What stands in the places of these names in a study's own function, which trains networks or runs searches."""


@each
def test_a_study_says_what_it_teaches_and_how_it_is_run(path: Path) -> None:
    file = load_file(path)
    title, blank, *text = file.about.splitlines()
    assert title.endswith((".", "?", "!")), title
    assert blank == ""
    assert text
    assert file.studies[0].name == path.stem or file.studies[0].name.startswith(path.stem)
    assert len(file.source.splitlines()) <= 150


@each
def test_a_study_is_in_the_course(path: Path) -> None:
    assert f"]({path.name})" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_course_has_no_study_that_is_not_there() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in FILES} >= {part.split(")")[0] for part in text.split("](")[1:] if ".py)" in part}


@each
def test_a_study_runs_and_ends_with_its_table(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for study in load_file(path).studies:
        names = getattr(study.objective, "__globals__", {})
        for name in SHORTER.keys() & names.keys():
            monkeypatch.setitem(names, name, SHORTER[name])
        result = short(study).run(tmp_path, quiet=True, tracking=False)
        assert result.best_trial is not None
        assert {trial.state for trial in result.trials.itertuples()} <= {"COMPLETE", "PRUNED"}
        if study.comparison is None:
            continue
        found = comparison.comparison_table(result.history)
        assert found is not None
        assert len(found.points) == max(len(study.enqueue), 1)
        assert not found.unknown
        assert all(point.means for point in found.points)
        assert len(plot.plots(result.history)) == len(study.comparison.plots)
        for figure in study.comparison.published:
            assert any(figure in point.published for point in found.points), figure


@pytest.mark.slow
def test_the_whole_folder_runs_on_digits_and_makes_its_page(tmp_path: Path) -> None:
    root, page = tmp_path / "root", tmp_path / "chapter.md"
    assert main(["run", str(FOLDER), "--root", str(root), "--write", str(page), "--no-tracking", "--quiet"]) == 0
    text = page.read_text(encoding="utf-8")
    for path in FILES:
        assert f"\n## {path.stem}\n" in text
    assert all(file.stat().st_size < 60_000 for file in (tmp_path / "images" / "chapter").iterdir())
