"""Several metrics, and which epoch of a trial counts."""

from __future__ import annotations

import json
import math
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from searching import METRIC, Search, arrive, folded, make_study

from hpsearch import Choice, Float, MLPClassifier, Study
from hpsearch.cli import main
from hpsearch.errors import StudyFailed, UserError
from hpsearch.log import catalogue
from hpsearch.log.history import Goal, History
from hpsearch.log.lines import read
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.optuna_bridge.fold import OptunaFold
from hpsearch.pruners import ASHA, Patient
from hpsearch.report import export
from hpsearch.report.html import page
from hpsearch.running.api import run
from hpsearch.samplers import build

TWO = Goal(METRIC, "maximize", others=(("cost", "minimize"),))


def history_of(points: list[tuple[float, float]], goal: Goal = TWO) -> History:
    """A trial of one epoch for each pair of values."""
    history = History(goal)
    asks = tuple(Ask(n, n, {"x": float(n)}, n) for n in range(len(points)))
    rows = tuple(Row(n, n, 1, {METRIC: a, "cost": b}, 0.5, True) for n, (a, b) in enumerate(points))
    ends = tuple(Decision(n, "complete", "", "epochs") for n in range(len(points)))
    history.apply(Tick(0, 0.0, asks, rows, ends))
    return history


def curve_of(values: list[float], goal: Goal, other: list[float] | None = None) -> History:
    """One trial with this curve, whose epochs took a second each."""
    history = History(goal)
    for tick, value in enumerate(values):
        extra = {} if other is None else {"cost": other[tick]}
        asks = (Ask(0, 0, {"x": 1.0}, 0),) if tick == 0 else ()
        arrive(history, Tick(tick, 0.0, asks, (Row(0, 0, tick + 1, {METRIC: value, **extra}, 1.0),), ()))
    return history


coarse = st.integers(0, 4).map(float)


@examples(60)
@given(st.lists(st.tuples(coarse, coarse), max_size=12))
def test_the_front_are_the_trials_that_none_dominates(points: list[tuple[float, float]]) -> None:
    history = history_of(points)
    slow = [n for n, (a, b) in enumerate(points) if not any(c >= a and d <= b and (c, d) != (a, b) for c, d in points)]
    front = history.front()
    assert sorted(trial.number for trial in front) == slow
    assert [trial.value for trial in front] == sorted((trial.value or 0.0 for trial in front), reverse=True)
    assert not front or front[0].value == (history.best.value if history.best else None)


def test_with_one_metric_the_front_is_the_best_trial_and_its_equals() -> None:
    history = history_of([(1.0, 0.0), (3.0, 1.0), (3.0, 2.0)], Goal(METRIC, "maximize"))
    assert [trial.number for trial in history.front()] == [1, 2]


def test_the_other_metrics_are_those_of_the_epoch_that_counts() -> None:
    goal = Goal(METRIC, "maximize", others=(("cost", "minimize"), ("seconds", "minimize")))
    history = curve_of([0.1, 0.9, 0.5], goal, [7.0, 8.0, 9.0])
    assert history.trials[0].values == (0.9, 8.0, 2.0), "two of its three seconds had gone"
    last = curve_of([0.1, 0.9, 0.5], Goal(METRIC, "maximize", "last", goal.others), [7.0, 8.0, 9.0])
    assert last.trials[0].values == (0.5, 9.0, 3.0)


@pytest.mark.parametrize(
    ("counts", "direction", "value", "epoch"),
    [
        ("best", "maximize", 0.9, 2),
        ("last", "maximize", 0.5, 3),
        ("best", "minimize", 0.1, 1),
        ("last", "minimize", 0.5, 3),
    ],
)
def test_a_trial_s_value_is_its_best_or_its_last_epoch(counts: Any, direction: Any, value: float, epoch: int) -> None:
    goal = Goal(METRIC, direction, counts)
    history = curve_of([0.1, 0.9, 0.5], goal)
    (trial,) = history.trials
    assert (trial.value, trial.best_epoch) == (value, epoch)
    history.decide(Tick(2, 0.0, (), (), (Decision(0, "prune", "", "asha"),)))
    fold = OptunaFold({"x": Float(0, 9)}, goal)
    fold.sync(history)
    assert fold.study.trials[0].value == value, "of a pruned trial too"
    assert next(iter(export.trial_rows(history)))["value"] == value


def test_where_the_last_epoch_counts_rungs_and_the_incumbent_go_by_it() -> None:
    history = History(Goal(METRIC, "maximize", "last"))
    curves = [[0.9, 0.2], [0.5, 0.4], [0.3, 0.6]]
    for tick in range(2):
        asks = tuple(Ask(n, n, {"x": 0.0}, n) for n in range(3)) if tick == 0 else ()
        arrive(
            history,
            Tick(tick, 0.0, asks, tuple(Row(n, n, tick + 1, {METRIC: c[tick]}) for n, c in enumerate(curves)), ()),
        )
        assert history.best is history.trials[[0, 2][tick]]
    rows = [trial.rows[-1] for trial in history.trials]
    stopped = ASHA(min_resource=2, reduction=3).judge(history, rows)
    assert [decision.trial for decision in stopped] == [0, 1]
    assert Patient(patience=1).judge(history, rows) == Patient(patience=1).judge(history, rows)
    assert [decision.trial for decision in Patient(patience=1).judge(history, rows)] == [0, 1]


@pytest.mark.parametrize("counts", ["best", "last"])
def test_the_incumbent_is_the_first_of_the_ranking_at_every_tick(counts: Any) -> None:
    search = Search(
        build(make_study({"a": Float(0, 1)}, sampler="random")), ASHA(reduction=2), Goal(METRIC, "maximize", counts)
    )
    for _ in search.steps():
        ranked = search.history.ranked()
        assert search.history.best is (ranked[0] if ranked else None)
    assert folded(search, len(search.ticks)).best == search.history.best


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": ["a", "b"]}, r"give direction= one of maximize and minimize for each metric \(a, b\)"),
        ({"metric": ["a", "a"], "direction": ["maximize"] * 2}, "metric names one twice: a, a"),
        ({"metric": ["seconds", "a"], "direction": ["minimize"] * 2}, "'seconds' cannot be the first metric"),
        ({"metric": []}, "metric must be a text such as 'val_accuracy', or a list of them"),
        ({"direction": "maximise"}, "unknown direction 'maximise' .did you mean 'maximize'"),
        ({"value": "mean"}, "value must be 'best', 'last' or 'complete'"),
        ({"metric": ["a", "b"], "direction": ["maximize"] * 2, "stages": "auto"}, "stages= promotes points"),
    ],
)
def test_a_goal_that_cannot_be_is_a_mistake_that_says_how(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_study({"a": Float(0, 1)}, **settings)


def test_the_goal_of_a_study_is_that_of_its_log(tmp_path: Path) -> None:
    study = sizes(name="sizes", n_trials=4)
    assert run(study, tmp_path, quiet=True, tracking=False).history.goal == study.goal
    assert catalogue.load_history(tmp_path / "studies" / "sizes").goal == study.goal


def sizes(**settings: Any) -> Study:
    space = {"hidden_layer_sizes": Choice([(4,), (8,), (16,)]), "learning_rate": Float(0.1, 10, log=True)}
    defaults = {"metric": ("val_accuracy", "weights"), "direction": ("maximize", "minimize")}
    return Study(model=MLPClassifier(max_epochs=3), space=space, data="digits", seed=2, **{**defaults, **settings})


def test_weights_are_counted_with_their_biases_and_only_where_asked(tmp_path: Path) -> None:
    result = run(sizes(name="sizes", n_trials=8, pruner="none"), tmp_path, quiet=True, tracking=False)
    for trial in result.history.trials:
        (hidden,) = trial.params["hidden_layer_sizes"]
        assert trial.values[1] == 64 * hidden + hidden + hidden * 10 + 10
    one = run(
        sizes(name="one", n_trials=2, metric="val_accuracy", direction="maximize"), tmp_path, quiet=True, tracking=False
    )
    assert "weights" not in one.history.trials[0].rows[0].metrics


def test_the_front_is_in_everything_that_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(sizes(name="sizes", n_trials=12), tmp_path, quiet=True, tracking=False)
    front = [trial.number for trial in result.front]
    assert len(front) > 1
    reasons = [t.decision.reason for t in result.history.ended("PRUNED") if t.decision]
    assert reasons
    assert all("val_accuracy" in reason for reason in reasons), "it is pruned by the first metric"
    table = result.trials
    assert table.loc[table["front"], "number"].tolist() == sorted(front)
    assert table["values.val_accuracy"].tolist() == table["value"].tolist()
    assert set(table["values.weights"]) <= {310.0, 610.0, 1210.0}
    assert main(["best", "sizes", "--root", str(tmp_path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [trial["trial"] for trial in report["front"]] == front
    assert (report["metrics"], report["directions"]) == (["val_accuracy", "weights"], ["maximize", "minimize"])
    assert main(["best", "sizes", "--root", str(tmp_path)]) == 0
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("#")]
    assert [int(line.split("trial ")[1].split(":")[0]) for line in heads] == front
    assert main(["show", "sizes", "--root", str(tmp_path)]) == 0
    assert f"Pareto front of val_accuracy and weights: {len(front)} trials" in capsys.readouterr().out
    html = page(result.history)
    assert f"On the Pareto front are {len(front)} trials." in html
    assert "val_accuracy against weights" in html
    assert main(["export", "sizes", "--root", str(tmp_path), "--format", "optuna", "-o", str(tmp_path / "o.log")]) == 0
    import optuna

    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "o.log")))
    loaded = optuna.load_study(study_name="sizes", storage=storage)
    assert loaded.metric_names == ["val_accuracy", "weights"]
    assert [trial.values for trial in loaded.trials] == [list(trial.values) for trial in result.history.trials]


def test_pruning_limits_and_confirmation_go_by_the_first_metric(tmp_path: Path) -> None:
    result = run(sizes(name="sizes", n_trials=12, until=0.2), tmp_path, quiet=True, tracking=False)
    assert "val_accuracy reached" in (result.history.stop or "")
    one = run(
        sizes(name="one", n_trials=6, sampler="random", confirm=2, confirm_top=1), tmp_path, quiet=True, tracking=False
    )
    assert one.verdict is not None
    assert one.history.best is not None
    assert one.verdict.winner.params == one.history.best.params


def test_a_metric_that_is_not_reported_or_not_finite_is_said(tmp_path: Path) -> None:
    def objective(trial: Any) -> dict[str, float]:
        return {"score": trial["x"], "cost": math.inf if trial["x"] > 0.5 else 1.0}

    settings: dict[str, Any] = {
        "space": {"x": Float(0, 1)},
        "sampler": "random",
        "n_trials": 8,
        "direction": ["maximize"] * 2,
    }
    with pytest.raises(StudyFailed, match=r"ended without reporting costs .did you mean 'cost'"):
        run(
            Study("a", objective=objective, metric=["score", "costs"], **settings), tmp_path, quiet=True, tracking=False
        )
    study = Study("b", objective=objective, metric=["score", "cost"], **settings)
    for trial in run(study, tmp_path, quiet=True, tracking=False).history.trials:
        assert (trial.state == "FAILED") == (trial.params["x"] > 0.5)
        assert trial.state == "COMPLETE" or "cost is not a finite number at epoch 1" in (
            trial.decision.reason if trial.decision else ""
        )


@pytest.mark.parametrize("metrics", [("val_accuracy", "weights"), ("val_accuracy", "seconds")])
def test_a_study_cut_anywhere_and_resumed_goes_on_as_its_log_says(tmp_path: Path, metrics: tuple[str, str]) -> None:
    """What reads seconds reads them from the log: asked again over it, every point is the same.

    With weights nothing is measured by the clock, and the whole study comes out the same.
    """
    study = sizes(name="sizes", n_trials=20, lanes=4, metric=metrics)
    run(study, tmp_path / "whole", quiet=True, tracking=False)
    log = tmp_path / "whole" / "studies" / "sizes" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    asks_so_far = list(accumulate(len(record.asks) if isinstance(record, Tick) else 0 for record, _ in read(log)))
    cut = tmp_path / "cut" / "studies" / "sizes" / "log.jsonl"
    cut.parent.mkdir(parents=True)
    half = next(
        number for number, trials in enumerate(asks_so_far, start=1) if trials >= 12
    )  # past tpe's start-up of 10
    cut.write_bytes(b"".join(lines[:half]))
    before = catalogue.load_history(cut.parent)
    run(study, tmp_path / "cut", quiet=True, tracking=False)
    uncut, resumed = (catalogue.load_history(path.parent) for path in (log, cut))
    begun = len(before.trials)
    assert 12 <= begun < 20
    assert [trial.params for trial in resumed.trials[:begun]] == [trial.params for trial in uncut.trials[:begun]]
    if metrics[1] == "weights":
        assert export.to_bytes(resumed) == export.to_bytes(uncut)
    # Asked again over its own log, each point of the resumed study is the same.
    sampler, fold = build(study), History(study.goal)
    for record, _ in read(cut):
        if not isinstance(record, Tick):
            continue
        for ask in record.asks:
            assert sampler.ask(fold, ask.point) == ask.params
            fold.begin(ask)
        fold.arrive(record)
        fold.decide(record)
