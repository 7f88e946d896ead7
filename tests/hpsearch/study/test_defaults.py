"""What a study takes that names no sampler or no pruner: a pair for each kind, which a study that was begun keeps."""

from __future__ import annotations

import copy
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from searching import Estimator

from hpsearch import Choice, Float, Int, MLPClassifier, Study
from hpsearch.errors import UserError
from hpsearch.log.catalogue import load_history
from hpsearch.running.api import run
from hpsearch.samplers import build
from hpsearch.study import defaults
from hpsearch.study.declaration import declare
from hpsearch.study.loading import load_study
from hpsearch.study.registry import RULES
from hpsearch.study.unsaid import in_words, under
from hpsearch.study.variants import override

FIXTURE = Path(__file__).parents[2] / "fixtures" / "defaults"
SPACE = {"a": Float(0, 1)}


def climbing(trial: Any) -> Iterator[float]:
    for epoch in range(1, 4):
        yield trial.params["a"] * (1 - 0.5 / epoch)


def declared(**settings: Any) -> Study:
    return Study(**{"name": "made", "objective": climbing, "space": SPACE, "metric": "score", **settings})


def of_model(**settings: Any) -> Study:
    return Study(**{"name": "made", "model": Estimator(), "data": "digits", "space": {"d": Float(0, 1)}, **settings})


def network(**settings: Any) -> Study:
    space = {"l2": Float(0, 1), "learning_rate": Float(0.01, 1, log=True)}
    return Study(
        **{"name": "made", "model": MLPClassifier((4,), max_epochs=5), "data": "digits", "space": space, **settings}
    )


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version to come, in which functions of several epochs get another pair too."""
    changed = tuple(
        replace(row, sampler="freeze_thaw", pruner="none") if row.kind == "trials of several epochs" else row
        for row in defaults.TABLES[1]
    )
    monkeypatch.setattr(defaults, "TABLES", {**defaults.TABLES, 3: changed})
    monkeypatch.setitem(RULES, "defaults", 3)  # type: ignore[arg-type]


KINDS: dict[str, tuple[Any, str]] = {
    "several epochs that are declared": (lambda: declared(epochs=3), "trials of several epochs"),
    "several epochs that the model says": (lambda: network(), "models that train for several epochs"),
    "a model of which several epochs are declared": (
        lambda: of_model(epochs=3),
        "models that train for several epochs",
    ),
    "a model whose decisions look back": (
        lambda: network(cost="estimated", lookback=2.0),
        "trials of several epochs",
    ),
    "a plain function": (declared, "plain functions"),
    "a model that is fitted whole": (of_model, "plain functions"),
    "several metrics": (
        lambda: declared(metric=["score", "cost"], direction=["maximize", "minimize"], epochs=3),
        "several metrics",
    ),
    "stages": (lambda: of_model(stages="auto", epochs=3), "stages"),
    "repeats": (lambda: declared(repeats=3, epochs=3), "repeated points"),
    "an audit": (lambda: declared(audit=0.1, epochs=3), "repeated points"),
    "a space that is a function": (
        lambda: declared(space=lambda trial: None, epochs=3),
        "a space that is a function",
    ),
}


@pytest.mark.parametrize("case", KINDS)
def test_each_kind_of_study_has_its_pair_and_says_why_in_a_line(case: str) -> None:
    make, kind = KINDS[case]
    study = make()
    pair = next(row for row in defaults.TABLES[RULES["defaults"]] if row.kind == kind)
    assert (study.sampler, study.pruner) == (pair.sampler, pair.pruner)
    words = in_words(study)
    assert words is not None
    assert "\n" not in words
    assert kind in words
    assert pair.why in words


def test_where_there_is_nothing_to_choose_nothing_is_said() -> None:
    for study in (declared(space={}), of_model(space=[{"d": [0.1, 0.2]}])):
        assert study.pruner == "none"
        assert in_words(study) is None
    assert in_words(declared(sampler="random", pruner="none")) is None


def test_what_is_named_is_taken_also_where_it_is_the_default(later: None) -> None:
    study = declared(sampler="tpe", pruner="asha", epochs=3)
    assert (study.sampler, study.pruner) == ("tpe", "asha")
    assert under(study, {}) is study
    assert declared(epochs=3).sampler == "freeze_thaw"


def test_beside_a_pruner_that_is_named_the_default_sampler_is_one_that_it_goes_with(later: None) -> None:
    study = declared(pruner="median", epochs=3)
    assert (study.sampler, study.pruner) == ("tpe", "median")
    assert "beside a pruner that was named" in str(in_words(study))
    assert declared(sampler="freeze_thaw", epochs=3).pruner == "none"
    assert declared(sampler="random", epochs=3).pruner == "asha"
    with pytest.raises(UserError, match="decides itself how long"):
        declared(sampler="freeze_thaw", pruner="asha", epochs=3)


def test_a_changed_study_has_the_default_of_the_kind_that_it_became(later: None) -> None:
    study = declared(epochs=3)
    assert replace(study, repeats=2).sampler == "tpe"
    assert replace(study, repeats=2).pruner == "asha"
    changed = override(study, set={"repeats": 2})
    assert changed.name == "made@repeats=2"  # the default that follows is no other name
    assert replace(replace(study, repeats=2), repeats=1).sampler == "freeze_thaw"
    assert override(study, sampler="random").pruner == "asha"
    listed = of_model(space=[{"d": [0.1, 0.2]}])
    assert replace(listed, seed=3).sampler == "listed"
    assert replace(declared(space={}), seed=3).pruner == "none"


def test_a_default_stays_one_through_copies() -> None:
    study = declared(epochs=3)
    for copied in (copy.deepcopy(study.sampler), pickle.loads(pickle.dumps(study.sampler)), replace(study).sampler):
        assert isinstance(copied, defaults.Unsaid)
        assert (copied, copied.rule) == ("tpe", RULES["defaults"])
    assert type(declare(study)["sampler"]).__name__ in ("str", "Unsaid")
    assert declare(study) == declare(declared(epochs=3, sampler="tpe", pruner="asha"))


def test_a_log_from_before_goes_on_under_the_default_that_it_began_with(later: None, tmp_path: Path) -> None:
    folder = tmp_path / "studies" / "defaulted"
    folder.mkdir(parents=True)
    shutil.copy(FIXTURE / "log.jsonl", folder)
    before = load_history(folder)
    study = load_study(FIXTURE / "defaulted.py")
    assert study.sampler == "freeze_thaw"
    history = run(study, tmp_path, tracking=False, quiet=True).history
    assert not any(trial.resumes or trial.pauses for trial in history.trials)
    assert (history.declaration.sampler, history.declaration.pruner) == ("tpe", "asha")
    assert [t.params for t in history.trials[: len(before.trials)]] == [t.params for t in before.trials]
    assert len(history.trials) == study.n_trials > len(before.trials)


def test_a_new_study_gets_the_new_default_and_keeps_it(later: None, tmp_path: Path) -> None:
    study = declared(epochs=3, n_trials=9, lanes=2)
    history = run(study, tmp_path, tracking=False, quiet=True).history
    assert history.declaration.sampler == "freeze_thaw"
    assert history.header is not None
    assert history.header.rules["defaults"] == 3
    assert under(declared(epochs=3), history.header.rules).sampler == "freeze_thaw"


def test_a_model_of_several_epochs_gets_a_search_that_pauses_its_trials(tmp_path: Path) -> None:
    study = network(n_trials=8, lanes=2)
    assert (study.sampler, study.pruner) == ("freeze_thaw", "none")
    assert (network(pruner="median").sampler, network(sampler="random").pruner) == ("tpe", "asha")
    history = run(study, tmp_path, tracking=False, quiet=True).history
    assert history.header is not None
    assert history.header.rules["defaults"] == 2
    assert any(trial.resumes for trial in history.trials)
    assert history.best is not None
    assert history.best.epoch == 5


def test_a_log_of_a_model_that_names_the_first_rule_goes_on_by_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as before:
        before.setitem(RULES, "defaults", 1)  # type: ignore[arg-type]
        begun = run(network(n_trials=4, lanes=2), tmp_path, tracking=False, quiet=True).history
    assert begun.header is not None
    assert begun.header.rules["defaults"] == 1
    later = run(network(n_trials=9, lanes=2), tmp_path, tracking=False, quiet=True).history
    assert len(later.trials) == 9
    assert (later.declaration.sampler, later.declaration.pruner) == ("tpe", "asha")
    assert not any(trial.pauses for trial in later.trials)


LEFT_TO_IT: dict[str, dict[str, Any]] = {
    "constraints": {"constraints": [lambda params: params["l2"] < 0.9]},
    "points given by hand": {"enqueue": [{"l2": 0.5, "learning_rate": 0.1}]},
    "duplicates": {"space": {"l2": Float(0, 1, step=0.25)}, "duplicates": "skip"},
    "a number of epochs that is searched": {"space": {"l2": Float(0, 1), "max_epochs": Int(2, 6)}},
    "estimated costs": {"cost": "estimated"},
    "the last value": {"value": "last"},
    "a budget": {"budget": 20},
    "confirmation": {"confirm": 3},
    "a space of three points": {"space": {"activation": Choice(["sigmoid", "tanh", "relu"])}},
}


@pytest.mark.parametrize("case", LEFT_TO_IT)
def test_the_default_is_refused_nothing_that_a_study_may_declare(case: str) -> None:
    study = network(**LEFT_TO_IT[case])
    assert study.sampler == "freeze_thaw"
    assert build(replace(study, epochs=5)) is not None


def test_a_run_says_once_what_was_chosen_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = declared(epochs=3, n_trials=2, lanes=2)
    line = "sampler tpe, pruner asha: the default for trials of several epochs, as "
    for n_trials, times in ((2, 1), (3, 0)):
        run(replace(study, n_trials=n_trials), tmp_path, tracking=False)
        printed = capsys.readouterr()
        assert (printed.out + printed.err).count(line) == times


def test_every_table_has_an_entry_for_every_study() -> None:
    assert RULES["defaults"] in defaults.TABLES
    about = defaults.About({"a": Choice([1, 2])}, None, climbing, None, "score", None, 1, None, 0, 0.0)
    for table in defaults.TABLES.values():
        assert table[-1].applies(about)
        assert len({row.kind for row in table}) == len(table)
