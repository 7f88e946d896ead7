"""Results from elsewhere: read from any source, observed by samplers, held by the log, and never the study's own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpsearch import Choice, Float, Int, Study, WarmStart
from hpsearch.cli.app import main
from hpsearch.engine.warm_sources import read
from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.log.lines import read as records_of
from hpsearch.log.records import Extension
from hpsearch.optuna_bridge.fold import quiet
from hpsearch.report import export
from hpsearch.running.api import run
from hpsearch.running.result import Result

optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(trial: Any) -> Any:
    for epoch in range(3):
        if trial["n"] == 5:
            raise ValueError("too many")
        loss = (trial["x"] - 0.3) ** 2 + 0.1 * trial["n"] - 0.01 * epoch
        yield {"score": -loss, "loss": loss}


SPACE = {"x": Float(0, 1), "n": Int(1, 5), "c": Choice(["a", [1, 2]])}


def study_of(name: str = "cold", **said: Any) -> Study:
    known = {"space": SPACE, "sampler": "random", "pruner": "median", "n_trials": 14, "lanes": 2, "epochs": 3}
    return Study(name, objective=objective, **{"metric": "score", **known, **said})


def warm(source: Any = "cold", **said: Any) -> Study:
    return study_of("warm", **{"sampler": "tpe", "n_trials": 5, "warm_start": source, **said})


def go(root: Path, study: Study, **options: Any) -> Result:
    return run(study, root, quiet=True, tracking=False, **options)


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cold")
    go(root, study_of())
    return root


@pytest.fixture
def root(cold: Path, tmp_path: Path) -> Path:
    shutil.copytree(cold / "studies", tmp_path / "root" / "studies")
    return tmp_path / "root"


def params(result: Result) -> list[dict[str, Any]]:
    return [trial.params for trial in result.history.trials]


def bytes_of(result: Result) -> tuple[bytes, bytes]:
    return export.to_bytes(result.history), export.to_bytes(result.history, curves=True)


SAMPLERS: dict[str, Any] = {
    "tpe": "tpe",
    "gp": "gp",
    "one of Optuna's": optuna.samplers.TPESampler(n_startup_trials=5),
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_observations_guide_the_sampler_are_no_trials_and_need_their_source_no_more(root: Path, sampler: str) -> None:
    given = SAMPLERS[sampler]
    plain = go(root.parent / "plain", study_of("warm", sampler=given, n_trials=5))
    whole = go(root, warm(sampler=given))
    assert params(whole) != params(plain)
    history = whole.history
    assert len(history.trials) == 5
    assert history.best is not None
    assert history.best.number < 5
    assert len(history.brought.observations) == 14
    assert {each.state for each in history.brought.observations} == {"COMPLETE", "PRUNED", "FAILED"}
    shutil.rmtree(root / "studies" / "cold")
    log = root / "studies" / "warm" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:5]) + b'{"torn')
    assert bytes_of(go(root, warm(sampler=given))) == bytes_of(whole)
    more = go(root, warm(sampler=given, n_trials=7))
    assert params(more)[:5] == params(whole)


def test_tpe_and_gp_need_no_start_of_their_own_and_begin_near_the_best(root: Path) -> None:
    for sampler in ("tpe", "gp"):
        found = params(go(root / sampler, warm(root / "studies" / "cold", sampler=sampler, n_trials=6, lanes=1)))
        assert sum(abs(point["x"] - 0.3) < 0.3 and point["n"] < 4 for point in found) >= 4, (sampler, found)


def test_a_study_observes_the_same_from_its_log_a_table_and_optunas_storages(root: Path) -> None:
    """Export and back: what Optuna can hold comes back as the study's own log tells it."""
    here = str(root)
    journal, table = root / "cold.log", root / "cold.csv"
    assert main(["export", "cold", "--root", here, "--format", "optuna", "-o", str(journal)]) == 0
    assert main(["export", "cold", "--root", here, "-o", str(table)]) == 0
    url = f"sqlite:///{root / 'cold.db'}"
    backend = optuna.storages.journal.JournalFileBackend(str(journal))
    optuna.copy_study(from_study_name="cold", from_storage=optuna.storages.JournalStorage(backend), to_storage=url)
    study = optuna.load_study(study_name="cold", storage=url)
    told = go(root, warm()).history.brought.observations
    assert all(each.began and each.ended and bool(each.curve) == (each.state != "FAILED") for each in told)
    sources = [root / "studies" / "cold", journal, url, f"{url}#cold", root / "cold.db", study, table]
    for number, source in enumerate(sources):
        again = go(root / str(number), warm(source, n_trials=1)).history.brought.observations
        # A table of trials holds neither curves nor times.
        bare = [replace(each, curve=(), began=None, ended=None) for each in told]
        assert list(again) == (bare if source == table else list(told)), source


def test_what_is_missing_is_filled_what_is_foreign_left_out_and_both_are_said(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = {"x": Float(0, 0.6), "y": Float(0, 1), "z": Int(0, 3, when={"y": 0.5})}
    with pytest.raises(UserError, match=r"cold does not tell y; say which value its points had, by --earlier y=VALUE"):
        go(root, warm(space=space))

    def other(trial: Any) -> Any:
        yield {"score": trial["x"] + trial["y"]}

    study = replace(warm(WarmStart("cold", earlier={"y": 0.25}), space=space, n_trials=2), objective=other)
    (said,) = go(root, study).history.brought.said
    observed = catalogue.load_history(root / "studies" / "warm").brought.observations
    assert all(point.params["y"] == 0.25 and set(point.params) == {"x", "y"} for point in observed)
    outside = 14 - len(observed)
    assert f"{outside} outside of the space; not searched here: c, n; taken to have had y=0.25" in said
    capsys.readouterr()
    assert main(["show", "warm", "--root", str(root)]) == 0
    assert f"observed beside its own: cold: {len(observed)} observations" in " ".join(capsys.readouterr().out.split())


def test_a_source_is_weighed_by_this_studys_metric(root: Path) -> None:
    by_loss = go(root, warm(metric="loss", direction="minimize")).history.brought.observations
    by_score = read(WarmStart("cold"), root, study_of().goal).points
    pairs = [(a.values, b.values) for a, b in zip(by_loss, by_score, strict=True) if a.values]
    assert all(a == (-b[0],) for a, b in pairs)
    with pytest.raises(UserError, match=r"no point of 'cold' can be taken \(.* without accuracy"):
        go(root, replace(warm(metric="accuracy"), name="none", warm_start="cold"))


def test_another_source_comes_by_extend_and_its_best_points_are_tried_next(root: Path) -> None:
    first = go(root, warm(n_trials=3))
    table = root / "more.csv"
    table.write_text('x,n,c,score\n0.31,1,a,5\n0.9,4,"[1, 2]",-1\n0.5,2,a,\n', encoding="utf-8")
    both = ["cold", WarmStart(table, first=1)]
    with pytest.raises(UserError, match="go on by --extend"):
        go(root, warm(both))
    whole = go(root, warm(both), extend=True)
    assert [each.source for each in whole.history.brought.observations] == [0] * 14 + [1] * 2
    assert len(first.history.trials) == 3
    assert whole.history.trials[3].params == {"x": 0.31, "n": 1, "c": "a"}
    assert whole.history.trials[3].ask.enqueued
    table.unlink()
    log = root / "studies" / "warm" / "log.jsonl"
    at = 1 + next(n for n, (record, _) in enumerate(records_of(log)) if isinstance(record, Extension))
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[: at + 1]))
    assert bytes_of(go(root, warm(both))) == bytes_of(whole)
    go(root, warm(None, n_trials=6), extend=True)
    assert not catalogue.load_history(root / "studies" / "warm").brought.observations


def test_observations_of_a_function_space_and_of_several_metrics(root: Path) -> None:
    def space(trial: Any) -> None:
        trial.suggest_float("x", 0, 1)
        if trial.suggest_int("n", 1, 4) < 3:
            trial.suggest_categorical("c", ["a"])

    said = {"metric": ["score", "loss"], "direction": ["maximize", "minimize"], "pruner": "none", "n_trials": 3}
    history = go(root, warm(space=space, **said)).history
    observed = history.brought.observations
    assert observed
    assert all(len(each.values) == 2 for each in observed if each.state == "COMPLETE")
    assert all(("c" in each.params) == (each.params["n"] < 3) for each in observed)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x,n,c,loss\n0.1,1,a,2\n", "points.csv has no column 'score'"),
        ("x,n,c,score\n0.1,1,a,much\n", r"line 2, column 'score': 'much' is no number"),
        ("x,n,c,score,state\n0.1,1,a,1,DONE\n", r"line 2: state 'DONE' is none of COMPLETE"),
        ("x,n,c,score\n0.1,9,a,1\n", r"can be taken \(1 outside of the space\)"),
        ("x,n,score\n0.1,1,1\n", "does not tell c"),
        ("x,n,c,score\n", r"can be taken \(it holds none\)"),
    ],
)
def test_a_table_that_cannot_be_is_one_line_that_names_the_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=words) as caught:
        go(tmp_path, warm(path))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "studies").exists()


def test_trials_of_an_optuna_study_are_taken_as_its_own_samplers_take_them(tmp_path: Path) -> None:
    """States, several directions, options and conditions, as `optuna.Study` holds them."""

    def theirs(trial: optuna.Trial) -> tuple[float, float]:
        x, n = trial.suggest_float("x", 0, 2), trial.suggest_int("n", 1, 5)
        c = trial.suggest_categorical("c", ["a", "[1, 2]"])
        if trial.number == 3:
            raise ZeroDivisionError
        return x * n, x + (c == "a")

    with quiet():
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=optuna.samplers.RandomSampler(seed=0))
        study.optimize(theirs, n_trials=12, catch=ZeroDivisionError)
        study.set_metric_names(["score", "loss"])
        study.ask()
        study.enqueue_trial({"x": 1.0})
    goal = study_of(metric=["loss", "score"], direction=["minimize", "maximize"]).goal
    told = read(WarmStart(study), tmp_path, goal)
    assert told.open == 2
    ended = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    assert [each.params for each in told.points] == [trial.params for trial in ended]
    assert [each.values for each in told.points] == [tuple(reversed(trial.values)) for trial in ended]
    warmed = warm(study, metric=["loss", "score"], direction=["minimize", "maximize"], n_trials=2, pruner="none")
    observed = go(tmp_path, warmed).history.brought.observations
    inside = [trial.params for trial in ended if trial.params["x"] <= 1]
    assert [each.params["x"] for each in observed] == [params["x"] for params in inside]
    assert [each.params["c"] for each in observed] == ["a" if p["c"] == "a" else [1, 2] for p in inside]


def test_a_pruned_trial_of_optunas_counts_with_what_it_had_reported(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize")
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    for step, value in enumerate([0.1, 0.4, 0.2], start=1):
        trial.report(value, step)
    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    (best,) = read(WarmStart(study), tmp_path, study_of().goal).points
    (last,) = read(WarmStart(study), tmp_path, study_of(value="last").goal).points
    # Optuna gives a pruned trial its last report for a value, and that is what it says it is worth.
    assert (best.state, best.epoch, best.values, last.values) == ("PRUNED", 3, (0.4,), (0.2,))


def test_an_optuna_study_that_wants_something_else_is_refused(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="theirs")
    study.add_trial(
        optuna.trial.create_trial(
            params={"x": 0.5}, distributions={"x": optuna.distributions.FloatDistribution(0, 1)}, value=1
        )
    )
    with pytest.raises(UserError, match="is to minimize something without a name, this study to maximize score"):
        go(tmp_path, warm(study))
    with quiet():
        study.set_metric_names(["error"])
    with pytest.raises(UserError, match="has the metrics error, and no 'score'"):
        go(tmp_path, warm(study))
    url = f"sqlite:///{tmp_path / 'two.db'}"
    for name in ("one", "two"):
        optuna.create_study(study_name=name, storage=url)
    with pytest.raises(UserError, match=r"holds one, two; name one: .*#NAME"):
        go(tmp_path, warm(url))
    with pytest.raises(UserError, match=r"two.db#tow holds no study 'tow' \(did you mean 'two'"):
        go(tmp_path, warm(f"{url}#tow"))
    with pytest.raises(UserError, match="no such file"):
        go(tmp_path, warm(f"sqlite:///{tmp_path / 'none.db'}"))
    assert not (tmp_path / "none.db").exists()


def test_what_cannot_be_told_is_refused_when_it_is_declared() -> None:
    with pytest.raises(UserError, match="3 is no name, path, URL or Optuna study"):
        warm([3])
    with pytest.raises(UserError, match="earlier: n=9 is not in"):
        warm(WarmStart("cold", earlier={"n": 9}))
    with pytest.raises(UserError, match="first must be a number of points"):
        WarmStart("cold", first=-1)
    assert WarmStart("mysql://me:secret@host/db?password=x#mine").name == "mysql://host/db#mine"


def test_a_sampler_that_reads_no_results_takes_points_to_try_alone(root: Path) -> None:
    with pytest.raises(UserError, match=r"sampler 'random' observes no results from elsewhere: .*--first N"):
        go(root, warm(sampler="random"))
    found = go(root, warm(WarmStart("cold", first=2), sampler="random"))
    best = sorted(read(WarmStart("cold"), root, study_of().goal).points, key=lambda each: -max(each.values, default=-9))
    assert params(found)[:2] == [each.params for each in best[:2]]
