"""Ask and tell: a study whose trials are trained elsewhere is a study like any other, whoever asks and is killed."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch import Float, Study
from hpsearch.cli.app import main
from hpsearch.errors import StudyFailed, UserError
from hpsearch.log.catalogue import load_history
from hpsearch.log.kept import artifacts
from hpsearch.pruners import ASHA
from hpsearch.report.export import to_bytes
from hpsearch.running.asking import Session


def lab(**settings: Any) -> Study:
    return Study(
        **{"name": "lab", "space": {"x": Float(0, 1)}, "metric": "gain", "sampler": "random", "n_trials": 6, **settings}
    )


def exports(root: Path) -> tuple[bytes, bytes]:
    history = load_history(root / "studies" / "lab")
    return to_bytes(history), to_bytes(history, curves=True)


def test_what_is_asked_is_told_and_ranked(tmp_path: Path) -> None:
    study = lab()
    while (trial := study.ask(tmp_path)) is not None:
        ended = study.tell(trial, 1 - (trial["x"] - 0.5) ** 2)
        assert (ended.state, ended.number) == ("COMPLETE", trial.number)
    history = load_history(tmp_path / "studies" / "lab")
    assert [trial.state for trial in history.trials] == ["COMPLETE"] * 6
    best = max(history.trials, key=lambda trial: trial.value or 0)
    assert history.best is best
    assert study.open_trials(tmp_path) == []


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_the_same_asks_and_tells_give_the_same_bytes(tmp_path: Path, sampler: str) -> None:
    for root in ("a", "b"):
        study, waiting = lab(sampler=sampler), []
        for step in range(9):
            if step % 3 == 2:
                trial = waiting.pop(0)
                study.tell(trial, trial["x"] ** 2)
            elif (new_trial := study.ask(tmp_path / root)) is not None:
                waiting.append(new_trial)
                new_trial.set(step=step)
                new_trial.report(new_trial["x"])
            study = lab(sampler=sampler) if root == "b" else study  # as if by another process each time
    assert exports(tmp_path / "a") == exports(tmp_path / "b")
    assert b"attributes.step" in exports(tmp_path / "a")[0]


def test_a_trial_that_a_killed_process_asked_for_is_found_again(tmp_path: Path) -> None:
    if (child := os.fork()) == 0:  # no test goes on in there, whatever happens
        try:
            study = lab()
            first = study.ask(tmp_path)
            study.ask(tmp_path)
            assert first is not None
            first.report(0.25)
        finally:
            os._exit(9)
    os.waitpid(child, 0)
    study = lab()
    open_trials = study.open_trials(tmp_path)
    assert [(trial.number, trial.resumed) for trial in open_trials] == [(0, 1), (1, 0)]
    assert study.ask(tmp_path).number == 2  # type: ignore[union-attr]
    assert open_trials[0].report(0.5)
    assert study.tell(open_trials[0]).value == 0.5
    lost = study.tell(1, state="failed", reason="lost", root=tmp_path)
    assert (lost.state, lost.decision.reason if lost.decision else None) == ("FAILED", "lost")
    assert [trial.number for trial in study.open_trials(tmp_path)] == [2]


def test_ends_of_every_kind(tmp_path: Path) -> None:
    study = lab()
    trials = [study.ask(tmp_path) for _ in range(6)]
    assert all(trials)
    trials[1].report(0.5)  # type: ignore[union-attr]
    trials_told = [
        study.tell(trials[0], {"gain": 0.5, "cost": 3}),  # type: ignore[arg-type]
        study.tell(trials[1], state="failed", reason="the flask broke"),  # type: ignore[arg-type]
        study.tell(trials[2], state="pruned", reason="too hot"),  # type: ignore[arg-type]
        study.tell(trials[3], float("nan")),  # type: ignore[arg-type]
        study.tell(trials[4], 0.1, state="PRUNED"),  # type: ignore[arg-type]
        study.tell(trials[5], state="fail"),  # type: ignore[arg-type]
    ]
    states = [(trial.state, trial.value) for trial in trials_told]
    assert states == [
        ("COMPLETE", 0.5),
        ("COMPLETE", 0.5),
        ("PRUNED", None),
        ("FAILED", None),
        ("PRUNED", 0.1),
        ("FAILED", None),
    ]
    reasons = [trial.decision.reason for trial in trials_told if trial.decision is not None]
    assert reasons[1] == "the flask broke; it counts with epoch 1"
    assert reasons[2:4] == ["too hot", "gain is nan at epoch 1"]
    assert study.ask(tmp_path) is None


def test_a_slip_costs_nothing(tmp_path: Path) -> None:
    study = lab()
    trial = study.ask(tmp_path)
    assert trial is not None
    path = tmp_path / "studies" / "lab" / "log.jsonl"
    before = path.read_bytes()
    slips: list[tuple[Any, Any, dict[str, Any], str]] = [
        (trial, {"gian": 1.0}, {}, "tell its gain \\(did you mean 'gian'"),
        (trial, None, {}, "tell its gain"),
        (trial, "high", {}, "is a str, not a number"),
        (trial, (1.0, 2.0), {}, "2 values were reported"),
        (trial, 1.0, {"state": "done"}, "'complete', 'pruned' or 'failed', not 'done'"),
        (trial, 1.0, {"reason": "why"}, "a reason goes with"),
        (7, 1.0, {"root": tmp_path}, "has no trial 7: it has trials 0 to 0"),
        (-1, 1.0, {"root": tmp_path}, "has no trial -1"),
        ("0", 1.0, {"root": tmp_path}, "what ask\\(\\) returned, or its number"),
    ]
    for which, value, more, message in slips:
        with pytest.raises(UserError, match=message):
            study.tell(which, value, **more)
    with pytest.raises(UserError, match="is a str, not a number"):
        trial.report("high")
    assert path.read_bytes() == before
    study.tell(trial, 1.0)
    with pytest.raises(UserError, match="trial 0 of study 'lab' has ended \\(COMPLETE"):
        study.tell(trial, 2.0)


def test_reports_are_pruned_and_the_last_epoch_ends_a_trial(tmp_path: Path) -> None:
    study = lab(pruner=ASHA(min_resource=1, reduction=2), epochs=3, n_trials=8)
    ended = []
    for height in (8, 7, 6, 5, 4, 3, 2, 1):
        trial = study.ask(tmp_path)
        assert trial is not None
        for _ in range(3):
            if not trial.report(float(height)):
                break
        ended.append(study.open_trials(tmp_path) == [])
        if trial.should_prune() and height < 5:
            assert study.tell(trial, float(height)).state == "PRUNED"  # told of all the same: it stays as it is
    history = load_history(tmp_path / "studies" / "lab")
    assert all(ended)
    states = {trial.state for trial in history.trials}
    assert states == {"COMPLETE", "PRUNED"}
    assert {trial.epoch for trial in history.ended("COMPLETE")} == {3}
    assert {trial.epoch for trial in history.ended("PRUNED")} == {1}
    assert not study.ask(tmp_path)


def test_a_target_ends_the_study_and_more_trials_extend_it(tmp_path: Path) -> None:
    study = lab(until=0.9)
    first, second = study.ask(tmp_path), study.ask(tmp_path)
    assert first is not None
    assert second is not None
    study.tell(first, 0.95)
    assert study.ask(tmp_path) is None
    assert study.tell(second, 0.2).state == "PRUNED"
    other = lab(name="more", n_trials=1)
    assert other.ask(tmp_path) is not None
    assert other.ask(tmp_path) is None
    assert lab(name="more", n_trials=2).ask(tmp_path) is not None


def test_a_study_whose_first_trials_all_fail_is_told_of_as_failed(tmp_path: Path) -> None:
    study = lab()
    for _ in range(6):
        trial = study.ask(tmp_path)
        assert trial is not None
        study.tell(trial, state="failed", reason="no power")
    with pytest.raises(StudyFailed, match="no power"):
        study.ask(tmp_path)


def test_several_may_ask_at_the_same_moment(tmp_path: Path) -> None:
    numbers: list[int] = []

    def work() -> None:
        study = lab(n_trials=24)
        while (trial := study.ask(tmp_path)) is not None:
            numbers.append(trial.number)
            study.tell(trial, trial["x"])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(24))
    assert {trial.state for trial in load_history(tmp_path / "studies" / "lab").trials} == {"COMPLETE"}


CALLS = st.lists(st.tuples(st.sampled_from(["ask", "report", "end", "fail", "prune"]), st.integers(0, 3)), max_size=9)


@given(calls=CALLS)
@settings(max_examples=8)
def test_who_remembers_and_who_reads_the_log_anew_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[str, int]]
) -> None:
    root = tmp_path_factory.mktemp("root")
    answers = []
    for forgets in (False, True):
        study, replies = lab(pruner=ASHA(min_resource=1), epochs=2), []
        folder = root / str(forgets)
        for call, which in calls:
            study = lab(pruner=ASHA(min_resource=1), epochs=2) if forgets else study
            open_trials = study.open_trials(folder)
            trial = open_trials[which % len(open_trials)] if open_trials else None
            if call == "ask":
                new_trial = study.ask(folder)
                replies.append(new_trial and (new_trial.number, new_trial.params))
            elif trial is not None and call == "report":
                replies.append((trial.number, {"go on": trial.report(trial["x"])}))
            elif trial is not None:
                states = {"end": "complete", "fail": "failed", "prune": "pruned"}
                ended = study.tell(trial, trial["x"], state=states[call])
                replies.append((ended.number, {"state": ended.state}))
        answers.append((replies, exports(folder) if (folder / "studies").exists() else None))
    assert answers[0] == answers[1]


def test_a_study_that_trains_is_run_and_one_that_does_not_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="trains its objective itself"):
        lab(objective=lambda trial: 1.0).ask(tmp_path)
    with pytest.raises(UserError, match="nothing to train: give exactly one of model= and objective="):
        lab().run(tmp_path, quiet=True, tracking=False)
    with pytest.raises(UserError, match="trial_timeout is for trials that the study trains"):
        lab(trial_timeout=3).ask(tmp_path)
    assert not (tmp_path / "studies").exists()


def test_artifacts_of_a_trial_that_is_trained_elsewhere_are_kept(tmp_path: Path) -> None:
    trial = lab().ask(tmp_path)
    assert trial is not None
    (tmp_path / "spectrum.csv").write_text("1,2\n")
    trial.log_artifact(tmp_path / "spectrum.csv", "raw")
    assert [name for _, name in artifacts(tmp_path / "studies" / "lab", 0)] == ["raw/spectrum.csv"]
    with pytest.raises(RuntimeError, match="files of your own"):
        _ = trial.folder


def test_any_language_asks_and_tells_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lab.py"
    file.write_text(
        "from hpsearch import Float, Study\n"
        "study = Study('lab', space={'x': Float(0, 1)}, metric='gain', sampler='random', n_trials=2)\n"
    )

    def call(*words: str, code: int = 0) -> Any:
        assert main([*words, "--root", str(tmp_path / "root")]) == code
        printed = capsys.readouterr()
        return printed.err if code else [json.loads(line) for line in printed.out.splitlines()]

    (first,) = call("ask", str(file))
    assert (first["trial"], set(first["params"])) == (0, {"x"})
    (_,) = call("ask", str(file))
    assert [trial["trial"] for trial in call("ask", str(file), "--open")] == [0, 1]
    assert call("tell", str(file), "0", "gain=0.25", "--epoch", "--attribute", "flask=3") == [
        {"study": "lab", "trial": 0, "go_on": True}
    ]
    (ended,) = call("tell", str(file), "0", "gain=0.75")
    assert (ended["state"], ended["value"]) == ("COMPLETE", 0.75)
    (failed,) = call("tell", str(file), "1", "--failed", "the flask broke")
    assert (failed["state"], failed["reason"]) == ("FAILED", "the flask broke")
    assert call("ask", str(file)) == [{"study": "lab", "trial": None, "why": "all 2 trials have begun"}]
    assert "has ended" in call("tell", str(file), "0", "gain=1", code=2)
    assert "exclude" in call("tell", str(file), "0", "--failed", "a", "--pruned", "b", code=2)
    assert "nothing to train" in call("run", str(file), "--no-tracking", "--quiet", code=2)
    assert load_history(tmp_path / "root" / "studies" / "lab").trials[0].attributes == {"flask": 3}
    assert (tmp_path / "root" / "studies" / "lab" / "study.py").exists()


def test_a_session_sees_what_another_process_wrote(tmp_path: Path) -> None:
    mine, other = Session(lab(), tmp_path), Session(lab(), tmp_path)
    assert mine.ask() is not None
    assert other.ask() is not None
    other.tell(0, 0.5, "complete", None, {})
    with pytest.raises(UserError, match="has ended"):
        mine.tell(0, 0.5, "complete", None, {})
    third = mine.ask()
    assert third is not None
    assert third.number == 2
