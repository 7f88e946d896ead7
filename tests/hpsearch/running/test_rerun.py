"""A failure that can be mended: where it is, and the trial again with what it raises raised."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.cli import main
from hpsearch.objectives.user_trial import UserTrial

STUDY = """\
from hpsearch import Float, Study


def loss_of(step, epoch):
    if step > 0.5 and epoch == 2:
        raise RuntimeError("too wide")
    return step / (epoch + 1)


def objective(trial):
    for epoch in range(4):
        print("epoch", epoch)
        yield {"loss": loss_of(trial["step"], epoch)}


study = Study(
    "wide", objective=objective, space={"step": Float(0.0, 1.0)}, sampler="random", pruner="none", metric="loss",
    direction="minimize", value="complete", epochs=4, n_trials=6, lanes=2,
)
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hpsearch(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["hpsearch", *args])  # what is typed stands in the log's header
        code = main(args)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def failed(hpsearch: Run, tmp_path: Path) -> int:
    """Return the number of a trial that failed in a study that was run by its file."""
    (tmp_path / "wide.py").write_text(STUDY, encoding="utf-8")
    code, out, _ = hpsearch("run", "wide.py", "--no-tracking")
    assert code == 0
    line = next(line for line in out.splitlines() if "failed; the first was trial" in line)
    assert "RuntimeError: too wide (wide.py:6)" in line
    return int(line.partition("trial ")[2].partition(":")[0])


def test_a_failed_trial_is_shown_with_the_users_own_line_and_what_to_type(hpsearch: Run, failed: int) -> None:
    code, out, _ = hpsearch("show", "wide", "--trial", str(failed))
    assert code == 0
    assert out.startswith(f"trial {failed}: FAILED: RuntimeError: too wide (wide.py:6)\n")
    assert out.endswith(f"next: hpsearch show wide --trial {failed} --rerun --debug\n")
    assert "(wide.py:6)" in hpsearch("show", "wide")[1]
    assert "(wide.py:6)" in hpsearch("explain", "wide", str(failed))[1]


def test_a_trial_runs_again_with_what_it_raises_raised(hpsearch: Run, failed: int, tmp_path: Path) -> None:
    log = (tmp_path / "mlruns/studies/wide/log.jsonl").read_bytes()
    code, out, err = hpsearch("show", "wide", "--trial", str(failed), "--rerun")
    assert code == 1
    assert out.splitlines()[0] == f"trial {failed} again, by wide.py"
    assert "epoch 2: loss" in out
    assert "epoch 3: loss" not in out
    assert err.rstrip().endswith("RuntimeError: too wide")
    assert 'wide.py", line 6, in loss_of' in err
    assert (tmp_path / "mlruns/studies/wide/log.jsonl").read_bytes() == log, "the study is as it was"


def test_a_trial_that_is_mended_says_so(hpsearch: Run, failed: int, tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(STUDY.replace("step > 0.5 and", "False and"), encoding="utf-8")
    code, out, err = hpsearch("show", "wide", "--trial", str(failed), "--rerun")
    assert (code, err) == (0, "")
    assert "epoch 4: loss" not in out, "the log has it up to where it failed"
    assert "nothing was raised; it differs from the log" in out
    completed_trial = next(n for n in range(6) if "COMPLETE" in hpsearch("show", "wide", "--trial", str(n))[1])
    assert hpsearch("show", "wide", "--trial", str(completed_trial), "--rerun")[1].endswith(
        "nothing was raised; it is as the log says\n"
    )


def test_the_debugger_opens_where_it_raised(hpsearch: Run, failed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("p ('epoch', epoch)\nq\n"))
    code, out, _ = hpsearch("show", "wide", "--trial", str(failed), "--rerun", "--debug")
    assert code == 1
    assert "('epoch', 2)" in out


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("--rerun",), "--rerun goes with --trial N"),
        (("--trial", "0", "--debug"), "--debug goes with --rerun"),
        (("--trial", "0", "--rerun", "--json"), "--rerun and --json exclude each other"),
        (("--trial", "99", "--rerun"), "there is no trial 99"),
    ],
)
def test_what_does_not_go_together_is_said(hpsearch: Run, failed: int, typed: tuple[str, ...], message: str) -> None:
    code, _, err = hpsearch("show", "wide", *typed)
    assert code == 2
    assert message in err


def test_a_trial_says_how_its_parameters_are_read() -> None:
    trial = UserTrial(0, {"lr": 0.1, "depth": 3}, 0, (0,))
    with pytest.raises(KeyError, match=r"no parameter 'l' \(did you mean 'lr'\?\)"):
        trial["l"]
    with pytest.raises(AttributeError, match=r"write trial\['lr'\], not trial.lr"):
        _ = trial.lr
    with pytest.raises(AttributeError, match="suggest_float, suggest_int or suggest_categorical"):
        trial.suggest_loguniform("lr", 1, 2)
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        _ = trial.other
    assert pickle.loads(pickle.dumps(trial)) == trial
