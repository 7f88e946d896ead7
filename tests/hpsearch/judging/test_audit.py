"""The audit: which prunes are withheld, and what the report says of planted trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from searching import Search, folded, make_study
from toys import story as told

from hpsearch import MLPClassifier, Study, pruners, samplers
from hpsearch.cli import main
from hpsearch.errors import UserError
from hpsearch.judging.audit import audit, wilson
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Header, Row, Tick
from hpsearch.pruners import ASHA, Audited
from hpsearch.running.api import run
from hpsearch.space import Float
from hpsearch.tracking import content

EPOCHS = 9
SPACE = {"a": Float(-1, 1)}


def search(share: float, total: int = 60, pruner: Any = None, seed: int = 3) -> Search:
    study = make_study(SPACE, sampler="random", pruner=pruner or ASHA(reduction=2), audit=share, seed=seed)

    def curve(trial: int, params: Any, epoch: int) -> float:
        return float(params["a"]) * epoch

    return Search(
        samplers.build(study),
        pruners.build(study, EPOCHS),
        total=total,
        epochs=EPOCHS,
        curve=curve,
        fails=lambda trial, epoch: False,
    )


def test_audited_trials_are_finished_though_the_pruner_would_stop_them() -> None:
    history = search(0.3).run().history
    audited = [trial for trial in history.trials if trial.audit is not None]
    assert audited
    for trial in audited:
        assert trial.state == "COMPLETE"
        assert trial.audit is not None
        assert trial.audit.rule == "asha"
        assert trial.audit.reason.startswith("audited instead of pruned: rank ")
        assert trial.audit.evidence["audited_at"] == trial.audit.evidence["rung"] < trial.epoch == EPOCHS
    assert any(trial.state == "PRUNED" for trial in history.trials)


def test_a_trial_is_noted_once_however_often_the_pruner_would_stop_it() -> None:
    ticks = search(1.0).run().ticks
    noted = [decision.trial for tick in ticks for decision in tick.decisions if decision.action == "audit"]
    assert noted
    assert len(noted) == len(set(noted))
    assert not any(decision.action == "prune" for tick in ticks for decision in tick.decisions)


def test_a_study_without_an_audit_has_the_pruner_itself() -> None:
    assert isinstance(search(0.0).pruner, ASHA)
    assert audit(search(0.0).run().history) is None


def test_which_trials_are_audited_is_a_function_of_seed_and_number() -> None:
    chosen = [Audited(ASHA(), 0.05, seed).chosen(trial) for seed in (0, 1) for trial in range(4000)]
    assert 0.035 < sum(chosen) / len(chosen) < 0.065
    assert chosen[:4000] == [Audited(ASHA(), 0.05, 0).chosen(trial) for trial in range(4000)]
    assert chosen[:4000] != chosen[4000:]


@pytest.mark.parametrize("pruner", ["asha", "median", "hyperband", "patient", "first_epoch"])
def test_decisions_are_a_function_of_the_history_as_on_resume(pruner: str) -> None:
    live = search(0.5, pruner=pruner).run()
    for number, (tick, going, decisions) in enumerate(live.judged):
        history = folded(live, number)
        for ask in tick.asks:
            history.begin(ask)
        history.arrive(tick)
        assert search(0.5, pruner=pruner).pruner.judge(history, going) == decisions


def planted(*, late: float) -> History:
    """Ten trials of 4 epochs; the last is audited at epoch 1, when the best had 0.9, and ends with this value."""
    history = History(Goal("v", "maximize"))
    history.apply(Header("made", "u", {}, {}, {}, 0.0))
    asks = tuple(Ask(i, i, {}, i) for i in range(10))
    values = [0.9, *[0.5] * 7, 0.2, 0.1]
    for epoch in range(1, 5):
        going = [i for i in range(10) if i != 8 or epoch == 1]
        rows = tuple(Row(i, i, epoch, {"v": late if i == 9 and epoch > 1 else values[i]}) for i in going)
        decisions: tuple[Decision, ...] = ()
        if epoch == 1:
            evidence = {"rung": 1, "audited_at": 1, "incumbent": 0.9}
            decisions = (Decision(8, "prune", "low", "asha"), Decision(9, "audit", "low", "asha", evidence))
        if epoch == 4:
            decisions = tuple(Decision(i, "complete", "done", "epochs") for i in going)
        history.apply(Tick(epoch - 1, 0.0, asks if epoch == 1 else (), rows, decisions))
    return history


@pytest.mark.parametrize(("late", "wrong", "beat"), [(0.95, 1, 1), (0.8, 0, 0)])
def test_a_prune_was_wrong_where_the_trial_ended_among_the_best_tenth(late: float, wrong: int, beat: int) -> None:
    report = audit(planted(late=late))
    assert report is not None
    assert (report.finished, report.wrong, report.beat, report.waiting) == (1, wrong, beat, 0)
    assert (report.pruned, report.saved, report.spent) == (1, 3, 3)
    assert report.rate == wrong
    assert f"{wrong} of 1 audited prunes were wrong" in str(report)


def test_what_runs_or_was_cut_short_is_not_judged() -> None:
    live = search(0.5)
    for _ in range(4):
        live.tick()
    report = audit(live.history)
    assert report is not None
    assert report.waiting > 0
    assert report.finished == sum(1 for t in live.history.trials if t.audit and t.state == "COMPLETE")


def test_wilsons_interval_is_that_of_the_literature() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=5e-5)
    assert wilson(1, 10) == pytest.approx((0.0179, 0.4042), abs=5e-5)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe, 1998, table I
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_mirrors(case: tuple[int, int]) -> None:
    hits, n = case
    low, high = wilson(hits, n)
    assert 0 <= low <= hits / n <= high <= 1
    assert wilson(n - hits, n) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize("share", [-0.1, 1.5, "5 %", True])
def test_a_share_that_is_none_is_refused(share: Any) -> None:
    with pytest.raises(UserError, match="audit must be a share from 0 to 1"):
        make_study(SPACE, audit=share)


def test_on_digits_an_audited_study_that_is_cut_and_resumed_is_the_same_and_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Study(
        "audited",
        MLPClassifier(max_epochs=8),
        space={"learning_rate": Float(0.01, 10, log=True)},
        data="digits",
        sampler="random",
        pruner=ASHA(reduction=2),
        n_trials=24,
        audit=0.4,
    )
    uncut = run(study, tmp_path / "whole", tracking=False, quiet=True)
    log = tmp_path / "whole" / "studies" / "audited" / "log.jsonl"
    cut = tmp_path / "cut" / "studies" / "audited" / "log.jsonl"
    cut.parent.mkdir(parents=True)
    cut.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:7]))
    resumed = run(study, tmp_path / "cut", tracking=False)
    assert told(cut) == told(log)
    report = audit(resumed.history)
    assert report is not None
    assert report == audit(uncut.history)
    assert report.finished > 0
    assert str(audit(resumed.history, 8)) in capsys.readouterr().out
    main(["show", "audited", "--root", str(tmp_path / "cut")])
    output = capsys.readouterr().out
    assert "audited prunes were wrong" in output
    assert "diagnosis" in output


def test_the_audit_is_a_tag_of_the_trial() -> None:
    trial = planted(late=0.95).trials[9]
    assert content.trial_outcome(trial, trial.state)["hpsearch.audit"] == "low"
