"""Folds of a point are one trial: what its rows say, and which rows reach which fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import spies
from optuna.pruners import WilcoxonPruner
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, RepeatedStratifiedKFold, StratifiedKFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from hpsearch import Choice, Float, MLPClassifier, MLPRegressor, Study, Table, UserError
from hpsearch.log.lines import read
from hpsearch.log.record_json import to_json
from hpsearch.log.records import Ask, Tick
from hpsearch.objectives.base import Start
from hpsearch.objectives.cross_build import folded_as
from hpsearch.objectives.staged import prepare
from hpsearch.running.result import Result
from hpsearch.tables import door
from hpsearch.tables.folds import development


def run(study: Study, root: Path, **options: Any) -> Result:
    return study.run(root, quiet=True, tracking=False, **options)


def blobs(n: int = 120, seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return samples whose first column is the row's number."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = np.column_stack([np.arange(n), y + 0.6 * rng.normal(size=n), rng.normal(size=n)])
    return X, y


def numbered(n: int = 120) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    X, y = blobs(n)
    X[:, 0] /= n
    return X, y


def network(**settings: Any) -> MLPClassifier:
    return MLPClassifier(hidden_layer_sizes=(6,), **{"max_epochs": 3, **settings})


def lines(root: Path, name: str) -> list[dict[str, Any]]:
    """Return the ticks of a log without what no run repeats."""
    ticks = []
    for record, _ in read(root / "studies" / name / "log.jsonl"):
        if isinstance(record, Tick):
            tick = to_json(record)
            del tick["time"]
            for row in tick["rows"]:
                row.pop("seconds"), row.pop("score_seconds", None)
            ticks.append(json.loads(json.dumps(tick)))
    return ticks


SPACE = {"learning_rate": Float(0.05, 3, log=True)}


def test_a_curve_is_the_mean_of_the_folds_that_are_trained_alone_bit_for_bit(tmp_path: Path) -> None:
    study = Study("mean", network(), space=SPACE, data="digits", cv=3, n_trials=2, lanes=2, pruner="none")
    result = run(study, tmp_path)
    folded = folded_as(study, door.load("digits", study.model))
    alone = replace(study, cv=None)
    for trial in result.history.trials:
        for fold in range(3):
            data = folded.at(fold)
            objective = prepare(alone, data).make(data)
            objective.start(Start(trial.ask))
            for tick, row in zip(trial.ticks, trial.rows, strict=True):
                (single,) = objective.advance([trial.number], tick)
                assert row.metrics[f"split{fold}_val_accuracy"] == single.metrics["val_accuracy"]
        for row in trial.rows:
            scores = [row.metrics[f"split{fold}_val_accuracy"] for fold in range(3)]
            assert row.metrics["val_accuracy"] == np.mean(scores)
            assert row.metrics["val_accuracy_std"] == np.std(scores)


def test_one_common_epoch_gives_the_scores_of_all_folds(tmp_path: Path) -> None:
    result = run(Study("common", network(max_epochs=5), space=SPACE, data=numbered(), cv=4, n_trials=3), tmp_path)
    best = result.best_trial
    assert best is not None
    assert best.best_epoch is not None
    means = [row.metrics["val_accuracy"] for row in best.rows]
    assert best.value == max(means) == means[best.best_epoch - 1]
    assert result.model.n_iter_ == best.best_epoch


def test_a_fold_that_has_ended_carries_on_the_score_of_the_model_that_it_would_hand_over(tmp_path: Path) -> None:
    model = network(max_epochs=12, early_stopping="patience", patience=2, learning_rate=3.0)
    result = run(Study("carry", model, data=numbered(), cv=4, pruner="none"), tmp_path)
    (trial,) = result.history.trials
    curves = [[row.metrics[f"split{fold}_val_accuracy"] for row in trial.rows] for fold in range(4)]
    ended = 0
    for curve in curves:
        best = int(np.argmax(curve))
        stop = best + 2  # two epochs without an improvement end it
        if stop < len(curve) - 1:
            ended += 1
            assert set(curve[stop:]) == {curve[best]}
    assert ended > 0, "some fold ends before the others"
    assert len({len(curve) for curve in curves}) == 1


def test_models_that_are_fitted_whole_go_fold_by_fold_and_only_whole_trials_win(tmp_path: Path) -> None:
    X, y = blobs()
    study = Study(
        "fits",
        spies.SpyClassifier(),
        space={"shift": Choice([0.0, 0.1, 1.5, -1.5, 2.0, 0.2])},
        data=(X, y),
        cv=5,
        sampler="grid",
        pruner="asha",
        lanes=6,
    )
    history = run(study, tmp_path).history
    assert history.declaration.value == "complete"
    assert {trial.state for trial in history.trials} == {"COMPLETE", "PRUNED"}
    for trial in history.trials:
        fold_metrics = [row.metrics[f"split{row.epoch - 1}_val_accuracy"] for row in trial.rows]
        for count, row in enumerate(trial.rows, start=1):
            assert row.metrics["val_accuracy"] == pytest.approx(np.mean(fold_metrics[:count]), abs=0)
        assert len(trial.rows) == (5 if trial.state == "COMPLETE" else 1)
    assert all(trial.state == "COMPLETE" for trial in history.ranked())
    assert history.best is history.ranked()[0]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_wilcoxon_is_told_what_each_fold_scored(tmp_path: Path) -> None:
    X, y = blobs(200)
    study = Study(
        "wilcoxon",
        spies.SpyClassifier(),
        space={"shift": Choice([0.0, 2.0])},
        data=(X, y),
        cv=8,
        sampler="grid",
        pruner=WilcoxonPruner(p_threshold=0.1, n_startup_steps=2),
        lanes=1,
    )
    good, bad = run(study, tmp_path).history.trials
    assert good.state == "COMPLETE"
    # All of four folds worse: p = 1/16; of the means so far, two would have been enough.
    assert (bad.state, bad.epoch) == ("PRUNED", 4)


@pytest.mark.parametrize(
    "cv",
    [3, KFold(4, shuffle=True), RepeatedStratifiedKFold(n_splits=2, n_repeats=2), TimeSeriesSplit(3)],
    ids=["number", "shuffled", "repeated", "time"],
)
@pytest.mark.parametrize("model", [spies.SpyClassifier(), spies.SpyEpochs()], ids=["whole", "epochs"])
def test_no_validation_row_reaches_any_fit_and_no_test_row_the_last(cv: Any, model: Any, tmp_path: Path) -> None:
    X, y = blobs()
    spies.FITTED.clear()
    pipeline = make_pipeline(spies.SpyTransformer(), model)
    name = f"{type(model).__name__.lower()}__shift"
    study = Study(
        "spied", pipeline, space={name: Choice([0.0, 0.3])}, data=(X, y), cv=cv, lanes=2, n_trials=2, pruner="none"
    )
    result = run(study, tmp_path)
    dataset = door.load((X, y), pipeline)
    test = spies.rows_of(dataset.X_test)
    rows = spies.rows_of(development(dataset)[0].X_train)
    assert rows == frozenset(range(120)) - test
    folded = folded_as(study, dataset)
    trained = [spies.rows_of(folded.at(fold).X_train) for fold in range(len(folded))]
    for fold, rows_trained in enumerate(trained):
        assert not rows_trained & spies.rows_of(folded.at(fold).X_valid)
    in_folds = list(spies.FITTED)
    assert {seen for _, seen in in_folds} <= set(trained)
    assert {seen for who, seen in in_folds if who != "transformer"} == set(trained)
    spies.FITTED.clear()
    assert result.model is not None
    assert {seen for _, seen in spies.FITTED} == {rows}, "the last training takes all rows but those of the test"


def test_chronological_folds_have_the_rows_in_the_order_in_which_they_were_given() -> None:
    X, y = blobs()
    study = Study("time", spies.SpyClassifier(), data=(X, y), cv=TimeSeriesSplit(3))
    folded = folded_as(study, door.load((X, y), study.model))
    for fold in range(3):
        data = folded.at(fold)
        assert data.X_train[:, 0].max() < data.X_valid[:, 0].min()


def test_groups_are_on_one_side_of_each_fold_and_of_the_test(tmp_path: Path) -> None:
    X, y = blobs(240)
    groups = np.array([f"patient {i // 8}" for i in range(240)])
    study = Study("groups", spies.SpyClassifier(), data=(X, y), cv=GroupKFold(3), groups=groups)
    spies.SEEN.clear()
    spies.FITTED.clear()
    result = run(study, tmp_path)
    for who, seen in spies.FITTED:
        assert who == "classifier"
        sides = {groups[row] for row in seen}
        assert all(int(row) in seen for row in range(240) if groups[row] in sides), "a group is whole or absent"
    spies.FITTED.clear()
    assert result.model is not None
    ((_, rows),) = spies.FITTED
    assert len({groups[row] for row in rows} & {groups[row] for row in range(240) if row not in rows}) == 0


def test_explicit_rows_count_the_data_as_given_and_hold_out_none(tmp_path: Path) -> None:
    X, y = blobs(60)
    pairs = [(np.arange(30, 60), np.arange(30)), (np.arange(30), np.arange(30, 60))]
    spies.FITTED.clear()
    run(Study("rows", spies.SpyClassifier(), data=(X, y), cv=pairs), tmp_path)
    assert [sorted(seen) for _, seen in spies.FITTED] == [list(range(30, 60)), list(range(30))]


def table(n: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, n)
    city = np.array(["Rome", "Oslo", "Lima"])[rng.integers(0, 3, n)].astype(object)
    city[7] = "Nuuk"  # in one row: most folds do not train on it, or do not score it
    size = np.where(rng.random(n) < 0.02, np.nan, rng.normal(size=n) + y)
    return pd.DataFrame({"size": size, "city": city, "height": rng.normal(size=n), "kind": np.where(y, "a", "b")})


def test_columns_of_a_table_are_laid_out_once_and_zero_where_a_fold_lacks_them() -> None:
    study = Study("table", network(), data=Table(table(), target="kind", split=(0.8, 0.2, 0.0)), cv=5)
    dataset = door.load(study.data, study.model)
    folded = folded_as(study, dataset)
    widths, empty = set(), 0
    for fold in range(5):
        data = folded.at(fold)
        (_, columns), (_, laid) = data.preprocessing
        X = clone(laid).fit_transform(clone(columns).fit_transform(data.X_train), data.y_train)
        widths.add(X.shape[1])
        nuuk = laid.names.index("few__city_Nuuk")
        held = "Nuuk" in set(data.X_train["city"])
        assert bool(X[:, nuuk].any()) == held
        empty += not held
    assert len(widths) == 1
    assert empty == 1


def test_networks_on_a_table_train_all_folds_with_one_shape(tmp_path: Path) -> None:
    study = Study("table", network(), space=SPACE, data=Table(table(), target="kind"), cv=3, n_trials=2, pruner="none")
    result = run(study, tmp_path)
    assert {trial.state for trial in result.history.trials} == {"COMPLETE"}
    assert result.model.predict(table()).shape == (150,)
    price = pd.DataFrame({"x": np.arange(90.0), "y": np.arange(90.0) ** 2 / 100})
    regressed = Study(
        "price",
        MLPRegressor(hidden_layer_sizes=(4,), max_epochs=3),
        data=Table(price, target="y"),
        cv=3,
        metric="val_r2",
    )
    assert run(regressed, tmp_path).best_trial is not None


@pytest.mark.parametrize("model", ["network", "whole", "epochs"])
def test_a_study_that_is_cut_off_goes_on_to_the_same_log(model: str, tmp_path: Path) -> None:
    kinds: dict[str, Callable[[], Study]] = {
        "network": lambda: Study("cut", network(max_epochs=4), space=SPACE, data=numbered(), cv=3, n_trials=6, lanes=3),
        "whole": lambda: Study(
            "cut",
            LogisticRegression(),
            space={"C": Float(1e-3, 10, log=True)},
            data=numbered(),
            cv=3,
            n_trials=6,
            lanes=3,
        ),
        "epochs": lambda: Study(
            "cut", spies.SpyEpochs(), space={"shift": Float(-1, 1)}, data=numbered(), cv=3, n_trials=6, lanes=3
        ),
    }
    run(kinds[model](), tmp_path / "whole")
    uncut = lines(tmp_path / "whole", "cut")
    for keep in (2, 4):
        root = tmp_path / f"cut{keep}"
        folder = root / "studies" / "cut"
        folder.mkdir(parents=True)
        log = (tmp_path / "whole" / "studies" / "cut" / "log.jsonl").read_bytes().splitlines(keepends=True)
        (folder / "log.jsonl").write_bytes(b"".join(log[: 1 + keep]))
        run(kinds[model](), root)
        assert lines(root, "cut") == uncut


def test_states_of_folds_are_taken_up_bit_for_bit() -> None:
    study = Study("states", network(max_epochs=9, early_stopping="patience", patience=2), data=numbered(), cv=3)
    dataset = door.load(study.data, study.model)
    ask = Ask(0, 0, {"learning_rate": 3.0}, 0)
    through, first = (prepare(study, dataset).make(dataset) for _ in range(2))
    through.start(Start(ask))
    rows = []
    for tick in range(9):
        rows += through.advance([0], tick)
        if rows[-1].finished:
            break
    assert len(rows) > 4
    first.start(Start(ask))
    for tick, row in enumerate(rows[:-1]):
        (before,) = first.advance([0], tick)
        assert before.metrics == row.metrics
        (state,) = first.states()
        again = prepare(study, dataset).make(dataset)
        again.start(state)
        assert again.advance([0], tick + 1)[0].metrics == rows[tick + 1].metrics


@pytest.mark.slow
def test_workers_change_nothing(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    study = Study("workers", network(max_epochs=4), space=SPACE, data="digits", cv=3, n_trials=6, lanes=3)
    run(study, tmp_path / "one")
    run(study, tmp_path / "two", workers=2, verify=True)
    assert lines(tmp_path / "one", "workers") == lines(tmp_path / "two", "workers")


def test_confirmation_cross_validates_under_fresh_seeds_and_measures_the_test_rows(tmp_path: Path) -> None:
    study = Study(
        "confirmed", network(), space=SPACE, data=numbered(), cv=3, n_trials=3, confirm=2, confirm_top=1, pruner="none"
    )
    history = run(study, tmp_path).history
    tested = [trial for trial in history.trials if trial.ask.stage == history.roles.test]
    assert len(tested) == 2
    assert all("test_accuracy" in row.metrics for trial in tested for row in trial.rows)
    assert len({trial.value for trial in history.trials if trial.ask.stage == history.roles.confirm}) >= 1


def test_a_fold_that_fails_fails_its_trial_and_says_which(tmp_path: Path) -> None:
    study = Study(
        "fails",
        LogisticRegression(),
        space={"C": Choice([1.0, -1.0])},
        data=numbered(),
        cv=3,
        sampler="grid",
        pruner="none",
        lanes=1,
    )
    good, bad = run(study, tmp_path).history.trials
    assert (good.state, bad.state) == ("COMPLETE", "FAILED")
    assert bad.decision is not None
    assert bad.decision.reason.startswith("split 0: ")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cv": 1}, "at least 2 folds"),
        ({"cv": "five"}, "number of folds or a splitter"),
        ({"cv": KFold}, "must be an instance: write cv=KFold"),
        ({"cv": [(np.arange(3), np.arange(3))]}, "at least 2 folds"),
        ({"cv": [(np.arange(3), [0.5])] * 2}, "numbers of rows"),
        ({"groups": [1, 2]}, "groups= goes with cv="),
        ({"cv": 3, "groups": np.zeros((2, 2))}, "groups must have shape"),
    ],
)
def test_what_cannot_be_is_said_when_it_is_declared(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Study("wrong", network(), data="digits", **settings)


def test_folds_that_do_not_suit_the_rows_are_refused_before_a_log_is_begun(tmp_path: Path) -> None:
    for cv, groups, words in (
        (StratifiedKFold(200), None, "cv: .*n_splits=200"),
        ([(np.arange(10), np.arange(900, 905))] * 2, None, "names row 904"),
        (GroupKFold(3), np.zeros(7), "7 groups for 120 rows"),
        (GroupKFold(3), None, "cv: "),
    ):
        with pytest.raises(UserError, match=words):
            run(Study("refused", network(), data=numbered(), cv=cv, groups=groups), tmp_path)
    assert not (tmp_path / "studies" / "refused" / "log.jsonl").exists()


def test_a_splitter_without_a_seed_divides_by_the_seed_of_the_study() -> None:
    X, y = blobs()
    dataset = door.load((X, y), spies.SpyClassifier())

    def rows(seed: int) -> list[list[int]]:
        study = Study("seed", spies.SpyClassifier(), data=(X, y), cv=KFold(3, shuffle=True), seed=seed)
        return [valid.tolist() for _, valid in folded_as(study, dataset).pairs]

    assert rows(0) == rows(0) != rows(1)
