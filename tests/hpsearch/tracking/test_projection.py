"""A log in a real sqlite store: all of it, once, whatever happened on the way."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import logs
import pytest
from mlflow_client import client_of

from hpsearch.cli import main
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Extension, Header, Record, Resume, Row, Tick
from hpsearch.tracking import cursor
from hpsearch.tracking.projection import Projection
from hpsearch.tracking.store import Store
from hpsearch.tracking.uri import resolve

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy

Records = Callable[..., list[Record]]
Write = Callable[..., Path]
Deliver = Callable[..., bool]
Stored = Callable[..., dict[str, Any]]


@pytest.fixture
def client(root: Path) -> MlflowClient:
    return client_of(resolve(root))


def runs_of(client: MlflowClient, name: str = "eta_lambda") -> tuple[Any, dict[int, Any]]:
    """The study's run, and its trials' by number."""
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [run for run in runs if run.data.tags["hpsearch.kind"] == "study"]
    trials = {int(run.data.tags["hpsearch.trial"]): run for run in runs if run is not parent}
    assert all(run.data.tags["mlflow.parentRunId"] == parent.info.run_id for run in trials.values())
    assert len(trials) == len(runs) - 1
    return parent, trials


def history_of(made: list[Record]) -> History:
    return History.fold(made, Goal("val_accuracy", "maximize"))


def assert_each_point_once(store: dict[str, Any]) -> None:
    counts = Counter((run, key, step) for run, key, step, *_ in store["points"])
    assert [point for point, count in counts.items() if count > 1] == []
    names = Counter(name for name, *_ in store["runs"])
    assert [name for name, count in names.items() if count > 1] == []


def test_every_trial_is_a_run_with_its_status_parameters_and_whole_curves(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    made = records()
    assert deliver(write(made))
    parent, trials = runs_of(client)
    assert sorted(trials) == list(range(6))
    status = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAILED": "FAILED"}
    for trial in history_of(made).trials:
        run = trials[trial.number]
        assert run.info.status == status[trial.state]
        assert run.data.tags["hpsearch.state"] == run.data.tags["state"] == trial.state
        assert run.data.params == {
            "hidden_layer_sizes": "[30]",
            "momentum": "None",
            "learning_rate": str(trial.params["learning_rate"]),
            "l2": "5.0",
        }
        for metric in ("val_accuracy", "m0"):
            history = client.get_metric_history(run.info.run_id, metric)
            assert [point.step for point in history] == list(range(1, trial.epoch + 1))
            assert [point.value for point in history] == pytest.approx(trial.curve(metric), nan_ok=True)
        assert run.data.metrics["best_value"] == trial.value
        assert run.data.metrics["best_epoch"] == trial.best_epoch
        assert run.data.tags["hpsearch.seed"] == "7"
        assert run.data.tags["mlflow.source.git.commit"] == "a" * 40
        (dataset,) = run.inputs.dataset_inputs
        assert (dataset.dataset.name, dataset.dataset.digest) == ("digits", "d" * 36)
    assert parent.info.status == "FINISHED"


def test_the_study_s_run_tells_declaration_environment_and_the_way_to_the_best(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    made = records()
    folder = write(made)
    (folder / "study.py").write_text("study = 1  # η\n", encoding="utf-8")
    assert deliver(folder)
    parent, _ = runs_of(client)
    run = parent.info.run_id
    assert parent.data.params["space.learning_rate.low"] == "0.01"
    assert parent.data.params["n_trials"] == "6"
    assert parent.data.tags["hpsearch.package.numpy"] == "2.4.6"
    assert parent.data.tags["hpsearch.trials.complete"] == "4"
    assert parent.data.tags["hpsearch.best_trial"] == "5"
    files = {file.path for file in client.list_artifacts(run)}
    assert files == {"study.py", "declaration.json", "environment.json", "requirements.txt", "git.diff"}
    assert Path(client.download_artifacts(run, "study.py")).read_text(encoding="utf-8") == "study = 1  # η\n"
    curve = [point.value for point in client.get_metric_history(run, "best_val_accuracy")]
    assert curve == sorted(curve)
    assert curve[-1] == max(t.value or 0.0 for t in history_of(made).trials)
    (dataset,) = parent.inputs.dataset_inputs
    assert dataset.dataset.name == "digits"


def test_a_pruned_trial_says_by_which_rule_and_on_what_evidence(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    assert deliver(write(records()))
    tags = runs_of(client)[1][1].data.tags
    assert tags["hpsearch.rule"] == "asha"
    assert tags["hpsearch.reason"] == "third of four at epoch 2"
    assert (tags["hpsearch.rung"], tags["hpsearch.rank"], tags["hpsearch.rivals"]) == ("2", "3", "4")
    assert (tags["hpsearch.trial"], tags["hpsearch.evidence.trial"]) == ("1", "9")


def test_a_failed_trial_keeps_its_traceback_and_its_infinities_do_not_break_the_charts(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    assert deliver(write(records()))
    run = runs_of(client)[1][2]
    path = client.download_artifacts(run.info.run_id, "traceback.txt")
    assert Path(path).read_text(encoding="utf-8") == "Traceback:\n  OverflowError: η\n"
    assert math.isnan(client.get_metric_history(run.info.run_id, "train_cost")[0].value)
    assert run.data.tags["hpsearch.infinite"] == "train_cost=inf at 2"
    assert run.data.tags["hpsearch.reason"] == "val_accuracy is nan at epoch 2"


def test_people_find_trials_by_state_and_parameter(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    assert deliver(write(records()))
    experiment = client.get_experiment_by_name("eta_lambda").experiment_id
    (run,) = client.search_runs([experiment], "tags.state = 'PRUNED' and params.l2 = '5.0'")
    assert run.info.run_name == "trial 0001"


def test_times_are_those_of_the_log(records: Records, write: Write, deliver: Deliver, client: MlflowClient) -> None:
    assert deliver(write(records()))
    parent, trials = runs_of(client)
    assert parent.info.start_time == 1_700_000_000_000
    assert trials[0].info.end_time == 1_700_000_002_500
    assert trials[0].info.start_time == 1_700_000_000_625  # the first tick's end less its three lanes' 0.125 s


@pytest.mark.parametrize("alive", [True, False])
def test_delivered_again_without_a_cursor_nothing_changes(
    records: Records, write: Write, deliver: Deliver, stored: Stored, alive: bool
) -> None:
    folder = write(records())
    assert deliver(folder)
    before = stored()
    (folder / cursor.FILE).unlink()
    assert deliver(folder, alive)
    assert stored() == before


def test_a_ladder_s_calibration_is_on_the_study_s_run_as_numbers_and_in_words(
    write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    assert deliver(write(logs.two_stages(lambda i: -float(i)), "ladder"))
    experiment = client.get_experiment_by_name("ladder")
    assert experiment is not None
    studies = client.search_runs([experiment.experiment_id], "tags.`hpsearch.kind` = 'study'")
    (parent,) = studies
    metrics = parent.data.metrics
    assert {name: value for name, value in metrics.items() if name.startswith("stage_0_rho")} == {
        "stage_0_rho": -1.0,
        "stage_0_rho_low": -1.0,
        "stage_0_rho_high": -1.0,
    }
    assert metrics["stage_0_overlap"] == 0.0
    assert "this shortcut misleads here" in parent.data.tags["hpsearch.calibration"]
    assert parent.data.tags["hpsearch.ladder"] == "stage 0 misleads here: planted"
    assert parent.data.tags["hpsearch.full_epochs"] == "16.0"


def test_delivered_tick_by_tick_it_is_the_same_as_at_once(
    root: Path, records: Records, write: Write, stored: Stored, expected: Stored
) -> None:
    made = records()
    projection = Projection(write(made), lambda name: Store(resolve(root), root, name), _user())
    for record in made:
        projection.apply(record)
        projection.push(alive=True)
    projection.push(alive=False)
    assert stored() == expected(made)


@pytest.mark.parametrize("half", [1, 3, 5])
def test_interrupted_it_shows_no_running_orphans_and_resumed_it_ends_the_same(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient, stored: Stored, expected: Stored, half: int
) -> None:
    made = records()
    folder = write(made[:half])
    assert deliver(folder)
    parent, trials = runs_of(client)
    assert parent.info.status == "KILLED"
    assert parent.data.tags["hpsearch.state"] == "INTERRUPTED"
    assert "RUNNING" not in {run.info.status for run in trials.values()}
    write(made[half : half + 1], mode="ab")
    assert deliver(folder, alive=True)
    parent, trials = runs_of(client)
    running = {trial.number for trial in history_of(made[: half + 1]).running()}
    assert parent.info.status == "RUNNING"
    assert {number for number, run in trials.items() if run.info.status == "RUNNING"} == running
    write(made[half + 1 :], mode="ab")
    assert deliver(folder)
    assert stored() == expected(made)


class Breaking(Store):
    """A real store whose n-th call fails, before or after it did its work; it takes one run at a time."""

    left, late = 0, False
    takes_bulk = False

    def _maybe(self, call: Callable[..., Any], *args: Any) -> Any:
        Breaking.left -= 1
        if Breaking.left == 0 and not Breaking.late:
            raise ConnectionError("cut off before")
        result = call(*args)
        if Breaking.left == 0:
            raise ConnectionError("cut off after")
        return result


for _name in ("find", "points", "create", "log", "end", "reopen", "log_dataset", "log_text"):

    def _breaking(self: Breaking, *args: Any, _name: str = _name) -> Any:
        return self._maybe(getattr(Store, _name).__get__(self), *args)

    setattr(Breaking, _name, _breaking)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "calls", [pytest.param(range(1, 21, 6), id="few"), pytest.param(range(1, 21), id="all", marks=pytest.mark.slow)]
)
def test_cut_off_at_any_call_and_delivered_anew_each_point_is_there_once(
    root: Path,
    records: Records,
    write: Write,
    deliver: Deliver,
    stored: Stored,
    expected: Stored,
    calls: range,
    late: bool,
) -> None:
    made = records(n_trials=3)
    for number in calls:
        name = f"eta{number}"
        these = [replace(made[0], name=name, uid=name), *made[1:]]
        folder = write(these, name)
        projection = Projection(folder, lambda name: Breaking(resolve(root), root, name), _user())
        Breaking.left, Breaking.late = number, late
        for record in these:
            projection.apply(record)
        with pytest.raises(ConnectionError):
            projection.push(alive=number % 2 == 0)
        assert deliver(folder)
    store = stored()
    ours = {(key, step): count for (key, step), count in Counter(point[1:3] for point in store["points"]).items()}
    once = {(key, step): count for (key, step), count in Counter(p[1:3] for p in expected(made)["points"]).items()}
    assert ours == {point: len(calls) * count for point, count in once.items()}
    assert Counter(status for _, status, *_ in store["runs"])["RUNNING"] == 0
    assert len(store["runs"]) == len(calls) * 4


def test_a_trial_that_the_store_refuses_does_not_keep_the_others_back(
    root: Path, records: Records, write: Write, stored: Stored
) -> None:
    class Refusing(Store):
        def add(self, runs: Any, dataset: Any) -> None:
            raise ValueError("refused, all of them")

        def create(self, name: str, start: int, tags: Any) -> str:
            if name == "trial 0001":
                raise ValueError("refused")
            return super().create(name, start, tags)

    made = records()
    projection = Projection(write(made), lambda name: Refusing(resolve(root), root, name), None)
    for record in made:
        projection.apply(record)
    with pytest.raises(ValueError, match="refused"):
        projection.push(alive=False)
    ended = {name for name, status, *_ in stored()["runs"] if status != "RUNNING"}
    assert ended == {"eta_lambda", *(f"trial {number:04d}" for number in (0, 2, 3, 4, 5))}


@pytest.mark.parametrize("lost", [0, 1, 4])
def test_a_line_that_was_cut_off_and_done_again_at_another_time_leaves_each_point_once(
    lost: int, root: Path, records: Records, write: Write, deliver: Deliver, stored: Stored
) -> None:
    made = records()
    folder = write(made[: 4 + lost])
    assert deliver(folder, alive=True)
    write(made[:3])  # the last lines never reached the disk
    assert deliver(folder, alive=True)
    later = [replace(tick, time=tick.time + 100) if isinstance(tick, Tick) else tick for tick in made[3:]]
    write([*made[:3], *later])
    assert deliver(folder)
    store = stored()
    assert_each_point_once(store)
    wanted = sum(len(row.metrics) + 1 for tick in made if isinstance(tick, Tick) for row in tick.rows)
    trials = [point for point in store["points"] if point[0] != "eta_lambda" and not point[1].startswith("best_")]
    assert len(trials) == wanted


def test_an_extended_study_goes_on_in_the_same_runs(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient, stored: Stored
) -> None:
    made, more = records(n_trials=3, lanes=1), records(n_trials=5, lanes=1)
    folder = write(made)
    assert deliver(folder)
    assert runs_of(client)[0].info.status == "FINISHED"
    first = made[0]
    assert isinstance(first, Header)
    write([Extension({**first.declaration, "n_trials": 5}, 1_700_001_000.0)], mode="ab")
    assert deliver(folder, alive=True)
    assert runs_of(client)[0].info.status == "RUNNING"
    write(more[len(made) :], mode="ab")
    assert deliver(folder)
    parent, trials = runs_of(client)
    assert (parent.info.status, len(trials)) == ("FINISHED", 5)
    assert (parent.data.params["n_trials"], parent.data.tags["hpsearch.n_trials"]) == ("3", "5")
    assert_each_point_once(stored())


@pytest.mark.parametrize("alive", [True, False])
def test_a_study_that_was_extended_ended_when_its_extension_did(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient, alive: bool
) -> None:
    made, more = records(n_trials=3, lanes=1), records(n_trials=5, lanes=1)
    folder = write(made)
    assert deliver(folder)
    before = runs_of(client)[0].info.end_time
    first, last = made[0], more[-1]
    assert isinstance(first, Header)
    assert isinstance(last, Tick)
    write([Extension({**first.declaration, "n_trials": 5}, 1_700_000_000.0), *more[len(made) :]], mode="ab")
    if alive:  # its first delivery comes when it has trained all
        assert deliver(folder, alive=True)
    assert deliver(folder)
    run = runs_of(client)[0].info
    assert (run.status, run.end_time) == ("FINISHED", round(last.time * 1000))
    assert run.end_time > before


def test_a_study_whose_trials_all_failed_is_a_failed_run(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    made = records(n_trials=3)
    ticks = [record for record in made if isinstance(record, Tick)]
    failing = [
        replace(tick, decisions=tuple(replace(decision, action="fail") for decision in tick.decisions))
        for tick in ticks
    ]
    assert deliver(write([made[0], *failing]))
    assert runs_of(client)[0].info.status == "FAILED"


def test_what_a_person_deleted_stays_deleted(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    from mlflow.entities import ViewType

    folder = write(records())
    assert deliver(folder)
    parent, trials = runs_of(client)
    client.delete_run(trials[3].info.run_id)
    assert deliver(folder)
    assert sorted(runs_of(client)[1]) == [0, 1, 2, 4, 5]
    client.delete_run(parent.info.run_id)
    assert not deliver(folder)
    problem = cursor.load(folder, f"sqlite:///{folder.parents[1] / 'mlflow.db'}").problem
    assert problem is not None
    assert f"mlflow runs restore --run-id {parent.info.run_id}" in problem
    assert len(client.search_runs([parent.info.experiment_id], run_view_type=ViewType.ALL)) == 7


def test_a_deleted_experiment_is_reported_with_the_way_back(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    folder = write(records())
    assert deliver(folder)
    experiment = client.get_experiment_by_name("eta_lambda").experiment_id
    client.delete_experiment(experiment)
    assert not deliver(folder)
    problem = cursor.load(folder, f"sqlite:///{folder.parents[1] / 'mlflow.db'}").problem
    assert f"mlflow experiments restore --experiment-id {experiment}" in (problem or "")


def test_names_and_values_that_mlflow_cannot_hold_are_kept_whole_elsewhere(
    records: Records, write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    made = records(n_trials=1, data="x" * 7000)
    first, *ticks = made
    odd = [
        replace(
            tick, rows=tuple(replace(row, metrics={**row.metrics, "loss@5": 1.0, "a//b": 2.0}) for row in tick.rows)
        )
        for tick in ticks
        if isinstance(tick, Tick)
    ]
    assert deliver(write([first, *odd]))
    parent, trials = runs_of(client)
    cut = parent.data.params["data"]
    assert len(cut) == 6000
    assert cut.endswith("… (7000 characters; whole in params.json)")
    assert "x" * 7000 in Path(client.download_artifacts(parent.info.run_id, "params.json")).read_text(encoding="utf-8")
    keys = set(trials[0].data.metrics)
    assert any(key.startswith("loss_5-") for key in keys)
    assert any(key.startswith("a__b-") for key in keys)


def test_a_study_s_name_may_hold_what_variants_need(
    root: Path, records: Records, write: Write, deliver: Deliver, client: MlflowClient
) -> None:
    name = "eta_lambda@mnist,seed=3"
    assert deliver(write(records(n_trials=2, name=name), name))
    parent, trials = runs_of(client, name)
    assert len(trials) == 2
    assert (root / "artifacts" / name / parent.info.run_id / "artifacts" / "declaration.json").is_file()


def _user() -> str | None:
    import getpass

    return getpass.getuser()


@pytest.mark.parametrize("flags", [[], ["--curves"]], ids=["trials", "curves"])
def test_an_export_names_each_trial_s_run_where_it_is_asked_to(
    root: Path,
    records: Records,
    write: Write,
    deliver: Deliver,
    client: MlflowClient,
    tmp_path: Path,
    flags: list[str],
) -> None:
    assert deliver(write(records()))
    out = tmp_path / "out.csv"
    asked = ["export", "eta_lambda", "--root", str(root), "-o", str(out), *flags]
    assert main(asked) == 0
    plain = out.read_text(encoding="utf-8").splitlines()
    assert main([*asked, "--with-run-ids"]) == 0
    lines = out.read_text(encoding="utf-8").splitlines()
    _, trials = runs_of(client)
    ids = [trials[int(line.split(",")[0])].info.run_id for line in plain[1:]]
    assert lines == [f"{plain[0]},run_id", *(f"{line},{run}" for line, run in zip(plain[1:], ids, strict=True))]


def test_a_paused_trial_is_a_run_that_runs_until_the_study_ends_it(
    write: Write, deliver: Deliver, client: MlflowClient, records: Records
) -> None:
    """Trial 0 is paused after an epoch, goes on and completes; trial 1 is paused when the study ends."""
    header = records()[0]
    rows = [Row(trial, trial, 1, {"val_accuracy": 0.5 + trial / 10}, 0.1) for trial in (0, 1)]
    pauses = tuple(Decision(trial, "pause", "a rung", "turns", {"rung": 1}) for trial in (0, 1))
    asks = tuple(Ask(trial, trial, {"learning_rate": 0.1, "l2": 5.0}, trial) for trial in (0, 1))
    begun = [header, Tick(0, logs.header().time, asks, tuple(rows), pauses)]
    folder = write(begun)
    deliver(folder)
    _, trials = runs_of(client)
    assert {run.info.status for run in trials.values()} <= {"RUNNING", "KILLED"}  # killed where nobody runs it
    resume = Resume(0, 1, 2, "it is better", "turns")
    last = Row(0, 1, 2, {"val_accuracy": 0.9}, 0.1, finished=True)
    ends = (Decision(0, "complete", "all 2 epochs done", "epochs"),)
    closed = (Decision(1, "prune", "paused at epoch 1, and the search went on without it", "paused"),)
    write(
        [
            Tick(1, begun[1].time + 1, (), (last,), ends, resumes=(resume,)),
            Tick(2, begun[1].time + 2, (), (), closed, stop="until"),
        ],
        mode="ab",
    )
    deliver(folder)
    _, trials = runs_of(client)
    assert [trials[number].info.status for number in (0, 1)] == ["FINISHED", "KILLED"]
    assert [trials[number].data.tags["hpsearch.pauses"] for number in (0, 1)] == ["1", "1"]
    assert trials[0].data.tags["hpsearch.ticks"] == "0-1"
    curve = client.get_metric_history(trials[0].info.run_id, "val_accuracy")
    assert [point.step for point in curve] == [1, 2]
