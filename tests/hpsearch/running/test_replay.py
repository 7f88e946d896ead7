"""Replaying trials from a real MLflow store, with the log and everything else of the study gone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpsearch.cli import main
from hpsearch.errors import UserError
from hpsearch.running.replay import Replayed, replay

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy

STUDIES = {
    "net": """\
from hpsearch import Float, MLPClassifier, Study

study = Study(
    name="net",
    model=MLPClassifier(hidden_layer_sizes=(10,), dtype="float64"),
    space={"learning_rate": Float(1e-4, 10, log=True), "l2": Float(0.01, 10, log=True)},
    data="digits", epochs=4, sampler="random", pruner="asha", n_trials=8, lanes=4, seed=0,
)
""",
    "ladder": """\
from hpsearch import Float, MLPClassifier, Scale, Study

study = Study(
    name="ladder",
    model=MLPClassifier(hidden_layer_sizes=(10,)),
    space={"l2": Float(0.01, 10, log=True)},
    data="digits", epochs=2, sampler="random", pruner="none", n_trials=8, lanes=4, seed=0,
    stages=[Scale(train=300, classes=(0, 1, 2)), Scale()], confirm=2,
)
""",
    "newton": """\
from hpsearch import Float, MLPClassifier, Study

study = Study(
    name="newton",
    model=MLPClassifier(hidden_layer_sizes=(5,), activation="tanh", optimizer="lbfgs"),
    space={"l2": Float(0.01, 10, log=True)},
    data="digits", epochs=5, sampler="random", pruner="asha", n_trials=5, lanes=3, seed=0,
)
""",
    "turns": """\
from dataclasses import dataclass

from hpsearch import Float, MLPClassifier, Study
from hpsearch.samplers.base import Allotment, Continuation


class Turns:
    reads_history, rejected, size, allotment = True, 0, None, Allotment(1)

    def ask(self, history, point):
        return {"learning_rate": 0.1 * (1 + point)}

    def resume(self, history, *, begins):
        waiting = history.unfinished.paused
        if len(waiting) < 2:
            return None
        best = max(waiting, key=lambda trial: (trial.value, -trial.number))
        return Continuation(best.number, best.epoch + 2, "the best that waits", "turns", {"waiting": len(waiting)})


@dataclass(frozen=True)
class ByTurns:
    def build(self, study):
        return Turns()


study = Study(
    name="turns",
    model=MLPClassifier(hidden_layer_sizes=(5,), dropout=0.1),
    space={"learning_rate": Float(1e-3, 10, log=True)},
    data="digits", epochs=4, sampler=ByTurns(), pruner="none", n_trials=5, lanes=2, seed=0,
)
""",
    "costs": """\
from hpsearch import Choice, Float, MLPClassifier, Study

study = Study(
    name="costs",
    model=MLPClassifier(dropout=0.1),
    space={"hidden_layer_sizes": Choice([(5,), (12,)]), "learning_rate": Float(1e-3, 10, log=True)},
    cost=lambda params: 0.1 * params["hidden_layer_sizes"][0],
    data="digits", epochs=3, sampler="random", pruner="none", n_trials=4, lanes=2, seed=0,
)
""",
    "made": """\
from hpsearch import Choice, Float, Study


def climb(trial):
    assert isinstance(trial["sizes"], tuple)
    value = trial.rng.random()
    for epoch in range(3):
        if trial["x"] > 9:
            raise OverflowError(f"x is {trial['x']} η")
        value += trial.rng.random() * epoch
        yield {"score": value, "loss@5": float("inf") if epoch == 1 else 0.1 + epoch, "best_value": 7.0}


study = Study(
    name="made", objective=climb, metric="score", epochs=3,
    sampler="random", pruner="none", n_trials=4, lanes=2, seed=0,
    space={"x": Float(0.0, 9.5), "sizes": Choice([(30,), (100, 50)])},
    enqueue=[{"x": 1.0, "sizes": (30,)}, {"x": 9.25, "sizes": (100, 50)}],
)
""",
}


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Path]:
    """A folder in which studies were run, their logs deleted: MLflow alone is left."""
    folder = tmp_path_factory.mktemp("delivered")
    (folder / "mlruns").mkdir()
    shutil.copyfile(empty_store, folder / "mlruns" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for name, text in STUDIES.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
            assert main(["run", f"{name}.py", "--quiet", "--no-tracking"]) == 0
        changed = ["--set", "model.batch_size=20", "--set", "model.hidden_layer_sizes=[8,6]", "--seed", "3"]
        assert main(["run", "net.py", "--quiet", "--no-tracking", "--trials", "4", "--name", "other", *changed]) == 0
        assert main(["sync"]) == 0
        shutil.rmtree(folder / "mlruns" / "studies")
        for name in STUDIES:
            (folder / f"{name}.py").unlink()
        yield folder


@pytest.fixture
def root(delivered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of its own for a test that changes it; artifacts stay where they are."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copyfile(delivered / "mlruns" / "mlflow.db", tmp_path / "mlflow.db")
    return tmp_path


def ask(root: Path, query: str, *values: object) -> list[tuple[str, ...]]:
    with sqlite3.connect(root / "mlflow.db") as connection:
        rows = connection.execute(query, values).fetchall()
    connection.close()
    return rows


RUNS = """select a.run_uuid from tags a join tags b on a.run_uuid = b.run_uuid
          where a.key = 'hpsearch.study' and a.value = ? and b.key = 'hpsearch.state' and b.value = ?
          and a.run_uuid in (select run_uuid from tags where key = 'hpsearch.trial') order by a.run_uuid"""


def a_run(root: Path, study: str, state: str = "COMPLETE") -> str:
    return ask(root, RUNS, study, state)[0][0]


def artifact(root: Path, run: str, name: str) -> Path:
    ((parent,),) = ask(root, "select value from tags where run_uuid = ? and key = 'mlflow.parentRunId'", run)
    ((uri,),) = ask(root, "select artifact_uri from runs where run_uuid = ?", parent)
    return Path(uri.removeprefix("file://")) / name


@pytest.mark.parametrize(
    ("study", "state"),
    [
        ("net", "COMPLETE"),
        ("net", "PRUNED"),
        ("newton", "COMPLETE"),
        ("newton", "PRUNED"),
        ("turns", "COMPLETE"),
        ("costs", "COMPLETE"),
        ("turns", "PRUNED"),
        ("made", "COMPLETE"),
        ("made", "FAILED"),
        ("other", "COMPLETE"),
    ],
)
def test_a_trial_is_trained_again_bit_for_bit_from_mlflow_alone(root: Path, study: str, state: str) -> None:
    verdict = replay(a_run(root, study, state), root)
    assert verdict.identical, verdict.lines
    assert f"of {study!r} ({state})" in verdict.lines[0]


def test_every_stage_of_a_ladder_is_replayed_on_its_own_problem(root: Path) -> None:
    runs = "select value, min(run_uuid) from tags where key = 'hpsearch.stage' and run_uuid in ({}) group by value"
    stages = ask(root, runs.format(RUNS.replace("order by a.run_uuid", "")), "ladder", "COMPLETE")
    assert [stage for stage, _ in stages] == ["0", "1", "2", "3"]
    for _, run in stages:
        verdict = replay(run, root)
        assert verdict.identical, verdict.lines


def tampered(root: Path, *changes: tuple[str, str]) -> Replayed:
    run = a_run(root, "net")
    for query, value in changes:
        ask(root, query, value, run)
    return replay(run, root)


def test_the_first_epoch_that_differs_is_named_to_the_last_bit(root: Path) -> None:
    run = a_run(root, "net")
    query = "update metrics set value = value + 2e-16 where run_uuid = ? and key = 'val_accuracy' and step >= 3"
    ask(root, query, run)
    verdict = replay(run, root)
    assert not verdict.identical
    assert verdict.lines[1].startswith("epoch 3: val_accuracy was 0.")
    assert "2 values differ in all" in verdict.lines


def test_other_data_are_named(root: Path) -> None:
    verdict = tampered(
        root,
        ("update tags set value = ? where run_uuid = ? and key = 'hpsearch.data_digest'", "0" * 64),
        ("update metrics set value = ? where run_uuid = ? and key = 'train_cost' and step = 1", "7.5"),
    )
    assert verdict.lines[1].startswith("epoch 1: train_cost was 7.5, is ")
    assert any(line.startswith(f"other data: digest {'0' * 64} then, ") for line in verdict.lines)


def test_another_seed_another_numpy_and_another_commit_are_named(root: Path) -> None:
    run = a_run(root, "net")
    environment, declaration = artifact(root, run, "environment.json"), artifact(root, run, "declaration.json")
    before = environment.read_bytes(), declaration.read_bytes()
    try:
        recorded = json.loads(before[0])
        recorded["packages"]["numpy"], recorded["git_commit"] = "1.0.0", "a" * 40
        environment.write_text(json.dumps(recorded))
        declaration.write_text(json.dumps({**json.loads(before[1]), "seed": 5}))
        verdict = replay(run, root)
    finally:
        environment.write_bytes(before[0])
        declaration.write_bytes(before[1])
    assert not verdict.identical
    assert any(line.startswith("other numpy: 1.0.0 then, ") for line in verdict.lines)
    assert any(f"commit {'a' * 40} then, " in line for line in verdict.lines)


def test_an_objective_that_was_changed_is_named(root: Path) -> None:
    run = a_run(root, "made")
    study = artifact(root, run, "study.py")
    before = study.read_bytes()
    try:
        study.write_text(STUDIES["made"].replace("0.1 + epoch", "0.2 + epoch"), encoding="utf-8")
        verdict = replay(run, root)
    finally:
        study.write_bytes(before)
    assert verdict.lines[1] == "epoch 1: loss@5 was 0.1, is 0.2 now"
    assert any(line.startswith("other study: objective: ") and "0.1 + epoch" in line for line in verdict.lines)


def test_a_failure_of_another_kind_is_a_difference(root: Path) -> None:
    run = a_run(root, "made", "FAILED")
    ask(root, "update tags set value = 'KeyError: y' where run_uuid = ? and key = 'hpsearch.reason'", run)
    verdict = replay(run, root)
    assert verdict.lines[1] == "it failed by 'KeyError: y', and by 'OverflowError: x is 9.25 η' now"


def test_a_trial_that_no_longer_fails_is_a_difference(root: Path) -> None:
    run = a_run(root, "made", "FAILED")
    study = artifact(root, run, "study.py")
    before = study.read_bytes()
    try:
        study.write_text(STUDIES["made"].replace("> 9:", "> 9.3:"), encoding="utf-8")
        verdict = replay(run, root)
    finally:
        study.write_bytes(before)
    assert verdict.lines[1].endswith("and is not in MLflow")


Mistake = Callable[[Path], str]


@pytest.mark.parametrize(
    ("run_id", "message"),
    [
        (
            lambda root: a_run(root, "net")[:12],
            r"no run '.*' in this MLflow store; did you mean [0-9a-f]{32} \(trial \d of net\)",
        ),
        (lambda root: a_run(root, "net")[:-2] + "zz", r"did you mean [0-9a-f]{32} \(trial \d of"),
        (lambda root: "nonsense", "`hpsearch ui` shows the runs"),
        (
            lambda root: ask(root, "select value from tags where key = 'mlflow.parentRunId'")[0][0],
            r"is a study's own; name one of its trials, such as [0-9a-f]{32}",
        ),
    ],
    ids=["the beginning of an id", "a misspelt id", "no id at all", "the study's own run"],
)
def test_a_run_that_cannot_be_meant_is_a_users_mistake(root: Path, run_id: Mistake, message: str) -> None:
    with pytest.raises(UserError, match=message):
        replay(run_id(root), root)


def test_a_trial_that_still_runs_cannot_be_replayed(root: Path) -> None:
    run = a_run(root, "net")
    ask(root, "update tags set value = 'INTERRUPTED' where run_uuid = ? and key = 'hpsearch.state'", run)
    with pytest.raises(UserError, match="has not ended"):
        replay(run, root)


def test_a_root_without_a_store_is_a_users_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UserError, match="no MLflow store"):
        replay("0" * 32, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_so_and_exits_with_0_or_1(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = a_run(root, "net")
    assert main(["replay", run, "--root", str(root)]) == 0
    assert capsys.readouterr().out.startswith("identical: trial ")
    ask(root, "update metrics set value = 0 where run_uuid = ? and key = 'val_accuracy' and step = 2", run)
    assert main(["replay", run, "--root", str(root)]) == 1
    assert "epoch 2: val_accuracy was 0.0, is " in capsys.readouterr().out
    assert main(["replay", "nonsense", "--root", str(root)]) == 2
