"""From a log to an Optuna journal, into another study as observations, and to a journal again: the same trials."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import logs
import optuna
import pytest
from examples import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from hpsearch import Choice, Float, Int, Study, WarmStart
from hpsearch import space as spaces
from hpsearch.engine.warm import bring
from hpsearch.engine.warm_sources import read
from hpsearch.log.brought import Observation
from hpsearch.log.history import History
from hpsearch.log.lines import decode, encode
from hpsearch.log.records import Ask, Decision, Header, Record, Row, Tick
from hpsearch.optuna_bridge.fold import OptunaFold, quiet
from hpsearch.optuna_bridge.journal import OBSERVED, write_journal
from hpsearch.samplers.curve_history import Curves, search_of
from hpsearch.samplers.curve_search import Settings
from hpsearch.study.goal import Goal

optuna.logging.set_verbosity(optuna.logging.ERROR)

SPACE = {
    "x": Float(0, 1),
    "step": Float(0.0, 0.7, step=0.1),
    "n": Int(1, 5),
    "c": Choice(["a", None, [1, 2]]),
    "y": Float(1e-3, 10, log=True, when={"c": "a"}),
}
ACTIONS = {"complete": "epochs", "prune": "asha", "fail": "failure"}
MOMENTS = st.integers(1, 10**9).map(lambda microseconds: 1_700_000_000 + microseconds / 1e6)

NUMBERS = st.floats(-1e6, 1e6).map(lambda value: value + 0.0)
"""Without -0.0: a mean over the one repeat of a point is 0.0, and texts of results are compared below."""
ANY_VALUE = st.one_of(NUMBERS, st.sampled_from([math.nan, math.inf, -math.inf]))
TOLD = {
    "metric": st.sampled_from(["score", ["score", "cost"]]),
    "direction": st.sampled_from(["maximize", "minimize"]),
    "value": st.sampled_from(["best", "last"]),
}


@st.composite
def points(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, dim in SPACE.items():
        if spaces.is_active(dim, found):
            if isinstance(dim, Choice):
                found[name] = draw(st.sampled_from(dim.grid()))
            elif isinstance(dim, Int):
                found[name] = draw(st.integers(1, 5))
            else:
                found[name] = dim.snap(draw(st.floats(dim.low, dim.high)))
    return found


TRIALS = st.lists(
    st.tuples(points(), st.lists(ANY_VALUE, min_size=1, max_size=4), st.sampled_from([*ACTIONS])),
    min_size=1,
    max_size=4,
)


def header(name: str, **said: Any) -> Header:
    return logs.header(name, space=spaces.to_json(SPACE), **said)


def log_of(trials: list[tuple[dict[str, Any], list[float], str]], **said: Any) -> History:
    """A study with one lane, in which one trial trains after the other."""
    made: list[Record] = [header("cold", lanes=1, **said)]
    for number, (params, values, action) in enumerate(trials):
        whole = any(map(math.isfinite, values))
        action = action if whole or action != "complete" else "fail"
        for epoch, value in enumerate(values, start=1):
            tick = len(made) - 1
            last = (Decision(number, action, "so", ACTIONS[action]),) if epoch == len(values) else ()  # type: ignore[arg-type]
            asks = (Ask(number, 0, params, number),) if epoch == 1 else ()
            row = Row(number, 0, epoch, {"score": value, "cost": 1.0}, 0.1)
            made.append(Tick(tick, 1_700_000_000.25 + tick / 3, asks, (row,), last))
    return History.fold(made, Goal.of(made[0].declaration))  # type: ignore[union-attr]


def warm(source: Any, **said: Any) -> Study:
    return Study(
        "warm", objective=lambda trial: 0.0, space=SPACE, warm_start=source, sampler="tpe", pruner="none",
        n_trials=1, epochs=4, data=None, **said
    )  # fmt: skip


def warmed(source: Any, root: Path, **said: Any) -> History:
    """The history of a study that has just begun with what a source told it, as its log holds it."""
    if isinstance(said["metric"], list):
        said["direction"] = [said["direction"], "minimize"]
    told = bring(warm(source, **said), root).brought.to_json()
    first = Header(**{**vars(header("warm", **said)), "brought": told})
    return History.fold([decode(encode(first))], Goal.of(first.declaration))


def load(path: Path) -> list[FrozenTrial]:
    with quiet():
        storage = JournalStorage(JournalFileBackend(str(path)))
        return optuna.load_study(study_name=None, storage=storage).get_trials(deepcopy=False)


def content(trials: list[FrozenTrial]) -> list[str]:
    """What Optuna holds of trials beside numbers and attributes; NaN is as good as another NaN."""
    return [
        repr(
            (
                t.params,
                t.state.name,
                t.values,
                sorted(t.intermediate_values.items()),
                t.datetime_start,
                t.datetime_complete,
            )
        )
        for t in trials
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trips")


@examples(8)
@given(TRIALS, st.fixed_dictionaries(TOLD))
def test_trials_come_back_as_they_went_from_a_journal_and_from_the_log_behind_it(
    folder: Path, trials: list[tuple[dict[str, Any], list[float], str]], said: dict[str, Any]
) -> None:
    several = isinstance(said["metric"], list)
    directions = {"direction": [said["direction"], "minimize"]} if several else {}
    cold = log_of(trials, **{**said, **directions})
    assume(any(trial.values and trial.state != "FAILED" for trial in cold.trials))
    write_journal(cold, folder / "there.log")
    again = warmed(folder / "there.log", folder, **said)
    write_journal(again, folder / "back.log")
    there, back = load(folder / "there.log"), load(folder / "back.log")
    assert content(back) == content(there)
    assert [trial.distributions for trial in back] == [trial.distributions for trial in there]
    assert all(OBSERVED in trial.user_attrs for trial in back)


@examples(6)
@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, 9), NUMBERS, max_size=4),
            st.booleans(),
            NUMBERS,
            MOMENTS,
            st.integers(0, 10**9),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_an_optuna_study_comes_back_as_it_was(
    folder: Path, told: list[tuple[dict[int, float], bool, float, float, int]]
) -> None:
    theirs = optuna.create_study(direction="maximize")
    for reports, pruned, value, moment, lasted in told:
        last = reports[max(reports)] if reports else None
        begun = datetime.fromtimestamp(moment)
        theirs.add_trial(
            FrozenTrial(
                number=-1, trial_id=-1, state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
                value=last if pruned else value, datetime_start=begun,
                datetime_complete=begun + timedelta(microseconds=lasted), params={"x": 0.5, "n": 2},
                distributions={"x": FloatDistribution(0, 1), "n": IntDistribution(1, 9)}, user_attrs={},
                system_attrs={}, intermediate_values=reports,
            )
        )  # fmt: skip
    assume(any(trial.values for trial in theirs.trials))
    source = WarmStart(theirs, earlier={"step": 0.5, "c": None})
    write_journal(warmed(source, folder, metric="score", direction="maximize", value="last"), folder / "made.log")
    back = load(folder / "made.log")
    for trial in back:
        trial.params = {name: trial.params[name] for name in ("x", "n")}
    assert content(back) == content(theirs.trials)


def journal(folder: Path, **said: Any) -> Path:
    path = folder / "cold.log"
    trials = [({"x": 0.1, "step": 0.0, "n": n, "c": None}, [0.5, math.nan, 0.2], "complete") for n in (1, 2)]
    trials.append(({"x": 0.1, "step": 0.0, "n": 3, "c": None}, [0.7, 0.4], "prune"))
    write_journal(log_of(trials, **{"metric": "score", **said}), path)
    return path


def test_a_study_that_optuna_took_further_is_read_with_what_optuna_added(tmp_path: Path) -> None:
    path = journal(tmp_path)
    with quiet():
        study = optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(path))))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    told = read(WarmStart(path), tmp_path, Goal("score", "maximize")).points
    assert [each.values for each in told] == [tuple(t.values) for t in study.trials]


def test_an_infinite_value_of_optunas_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    theirs = optuna.create_study(direction="maximize")
    for value in (math.inf, 1.0):
        theirs.add_trial(
            optuna.trial.create_trial(params={"x": 0.5}, distributions={"x": FloatDistribution(0, 1)}, value=value)
        )
    source = WarmStart(theirs, earlier={"step": 0.5, "n": 1, "c": None})
    brought = warmed(source, tmp_path, metric="score", direction="maximize").brought
    assert [each.values for each in brought.observations] == [(1.0,)]
    assert "left out: 1 without score" in brought.said[0]


def test_what_a_study_observed_is_no_result_of_its_own_where_others_read_it(tmp_path: Path) -> None:
    said = {"metric": "score", "direction": "maximize"}
    observing = warmed(journal(tmp_path), tmp_path, **said)
    (line,) = write_journal(observing, tmp_path / "observing.log")
    assert line.startswith("the last 3 trials there were tried elsewhere and only observed by this study")
    assert load(tmp_path / "observing.log")[0].user_attrs[OBSERVED].endswith("(2 complete, 1 pruned), with curves")
    source = read(WarmStart(tmp_path / "observing.log"), tmp_path, Goal("score", "maximize"))
    assert (source.points, source.observed) == ([], 3)


def test_a_curve_of_another_metric_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    """Optuna holds one curve a trial, of the first metric; a pruned trial's value of the other stands beside it."""
    path = journal(tmp_path, metric=["score", "cost"], direction=["maximize", "minimize"])
    points = read(WarmStart(path), tmp_path, Goal("cost", "minimize")).points
    assert [(each.values, each.curve) for each in points] == [((1.0,), ())] * 3
    assert read(WarmStart(path), tmp_path, Goal("score", "maximize")).points[2].curve == ((1, 0.7), (2, 0.4))


def test_what_a_log_held_before_is_read_and_written_as_it_was() -> None:
    old = {"params": {"x": 0.5}, "values": [0.5], "state": "PRUNED", "epoch": 3, "source": 1}
    assert Observation.of(old).to_json() == old
    assert Observation({"x": 0.5}, (0.5,), curve=((1, math.nan),)).to_json()["curve"] == [[1, "nan"]]


def test_samplers_see_a_curve_as_they_see_those_of_trials_and_end_where_it_ended(tmp_path: Path) -> None:
    said = {"metric": "score", "direction": "maximize"}
    path = journal(tmp_path, epochs=3)
    history = warmed(path, tmp_path, **said)
    fold = OptunaFold(SPACE, history.goal, observes=True)
    fold.sync(history)
    assert [t.intermediate_values for t in fold.study.trials] == [{1: 0.5, 2: 0.5, 3: 0.5}] * 2 + [{1: 0.7, 2: 0.7}]
    short = Curves(search_of(warm(path, **said), 3, Settings()), history.goal)
    short.follow(history)
    assert [curve.losses for curve in short.all] == [[-0.5, math.inf, -0.5]] * 2 + [[-0.7, -0.7]]
    longer = Curves(search_of(warm(path, **said), 5, Settings()), history.goal)
    longer.follow(history)
    assert [math.isnan(loss) for loss in longer.all[0].losses] == [True] * 4 + [False]
