"""``hpsearch run`` as a person types it: real studies; real processes where interrupts or terminals are the claim."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.cli import main

Run = Callable[..., tuple[int, str, str]]

STUDY = '''\
"""A study that trains in no time, or slowly where SLOW is set."""

import os
import time
import urllib.request

from hpsearch import Float, Study


def climb(trial):
    for epoch in range(5):
        time.sleep(float(os.environ.get("SLOW", "0")))
        if trial["x"] > 9.9:
            raise OverflowError("x is too large")
        yield {"score": -abs(trial["x"] - 3.0) + 0.1 * epoch}


study = Study(
    name="climb", objective=climb, space={"x": Float(0.0, 9.0)}, metric="score",
    epochs=5, sampler="random", pruner="none", n_trials=6, lanes=2, seed=0,
)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "climb.py").write_text(STUDY)
    return tmp_path


def heed_ctrl_c() -> None:
    """A shell that starts pytest in the background has it ignore Ctrl-C, and all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(folder: Path, *args: str, **environment: str) -> subprocess.Popen[str]:
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return subprocess.Popen(
        [sys.executable, "-m", "hpsearch", "run", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**clean, **environment},
        preexec_fn=heed_ctrl_c,
    )


@pytest.fixture
def run(folder: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Type a command in the study's folder; gives the exit code, standard output and standard error."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def type_in(*args: str) -> tuple[int, str, str]:
        code = main(args)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return type_in


def look(folder: Path, *args: str) -> str:
    command = [sys.executable, "-m", "hpsearch", *args]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True).stdout


def test_a_run_tells_its_story_in_plain_lines(folder: Path, run: Run) -> None:
    process = start(folder, "climb.py", "--no-tracking")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "climb: 6 trials of up to 5 epochs; random, none, 2 lanes"
    assert "leads with score" in lines[1]
    assert any(line.startswith("climb is done: 6 trials (6 complete, 0 pruned)") for line in lines)
    assert lines[-2:] == ["next: hpsearch show climb", "      hpsearch watch climb"]
    assert "\x1b" not in out
    assert run("show", "climb")[1].splitlines()[2] == "6 of 6 trials: 6 complete, 0 pruned"
    assert len(run("export", "climb", "--curves")[1].splitlines()) == 1 + 6 * 5


def test_quiet_prints_nothing_and_json_one_object(run: Run) -> None:
    assert run("run", "climb.py", "--no-tracking", "--quiet") == (0, "", "")
    code, out, err = run("run", "climb.py", "--no-tracking", "--json")  # done already: nothing is trained again
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["study"], report["counts"]["complete"], report["resumable"]) == ("climb", 6, False)
    assert report["best"]["params"] == json.loads(run("best", "climb", "--json")[1])["params"]


def test_overrides_open_a_variant_and_more_trials_extend_the_study(run: Run) -> None:
    run("run", "climb.py", "--no-tracking", "--quiet")
    code, out, _ = run("run", "climb.py", "--no-tracking", "--trials", "8")
    assert code == 0
    assert "climb: 8 trials of up to 5 epochs; random, none, 2 lanes; resumed after 30 epochs" in out
    run("run", "climb.py", "--no-tracking", "--quiet", "--seed", "3", "--trials", "2")
    run("run", "climb.py", "--no-tracking", "--quiet", "--set", "repeats=2", "--name", "twice", "--trials", "2")
    listed = [line.split()[:2] for line in run("ls")[1].splitlines()[1:]]
    assert listed == [["climb", "8/8"], ["climb@seed=3", "2/2"], ["twice", "2/2"]]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nowhere.py"], "nowhere.py"),
        (["climb.py", "--sampler", "tpo"], "did you mean 'tpe'?"),
        (["climb.py", "--trials", "0"], "n_trials must be at least 1"),
        (["climb.py", "--set", "seeed=1"], "did you mean 'seed'?"),
        (["climb.py", "--name", "a/b"], "study name 'a/b'"),
        (["climb.py", "--root", "climb.py"], "climb.py"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(folder: Path, run: Run, args: list[str], words: str) -> None:
    code, out, err = run("run", *args, "--no-tracking")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err
    assert [path.name for path in folder.iterdir() if path.name != "__pycache__"] == ["climb.py"]


def test_a_study_in_which_every_trial_fails_exits_with_1_and_says_why(folder: Path, run: Run) -> None:
    (folder / "climb.py").write_text(STUDY.replace("> 9.9", "> -1"))
    code, out, err = run("run", "climb.py", "--no-tracking")
    assert code == 1
    assert err.count("\n") == 1
    assert "x is too large" in err
    assert "x is too large" in out


def interrupt(process: subprocess.Popen[str], lines: int) -> tuple[str, str]:
    """Press Ctrl-C once this many lines have been printed."""
    assert process.stdout is not None
    assert process.stderr is not None
    head = "".join(process.stdout.readline() for _ in range(lines))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return head + out, err


def test_ctrl_c_ends_in_order_says_how_to_resume_and_resuming_gives_the_same_study(folder: Path, run: Run) -> None:
    out, err = interrupt(process := start(folder, "climb.py", "--no-tracking", "--root", "a", SLOW="0.2"), 2)
    assert (process.returncode, err) == (130, "")
    assert "interrupted: finishing this tick" in out
    assert "climb is not done: " in out
    assert "resume: hpsearch run climb.py --no-tracking --root a\n" in out
    for root in "ab":
        assert run("run", "climb.py", "--no-tracking", "--root", root, "--quiet") == (0, "", "")
    for flags in ([], ["--curves"]):
        resumed, uncut = (run("export", "climb", *flags, "--root", root)[1] for root in "ab")
        assert resumed == uncut


def test_ctrl_c_before_the_study_runs_is_one_line(folder: Path) -> None:
    (folder / "climb.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    out, err = interrupt(process := start(folder, "climb.py"), 1)
    assert (process.returncode, out, err) == (130, "here\n", "error: interrupted\n")


def test_on_a_terminal_the_view_is_live_and_gives_the_cursor_back(folder: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hpsearch", "run", "climb.py", "--no-tracking"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30", "SLOW": "0.05"},
    )
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            seen += os.read(ours, 65536)
        except OSError:  # how Linux says that the other end of a terminal is closed
            break
    os.close(ours)
    assert process.wait(10) == 0
    text = seen.decode()
    assert "6 trials: " in text
    assert "epochs/s" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
    assert "climb is done: 6 trials" in text


def test_init_then_run_is_a_whole_session(run: Run) -> None:
    assert run("init")[0] == 0
    code, out, err = run("run", "studies/first.py", "--no-tracking", "--trials", "4", "--epochs", "2")
    assert (code, err) == (0, "")
    assert "first@epochs=2 is done: 4 trials" in out


def test_a_notebook_or_script_gets_the_same_words_from_study_run(folder: Path) -> None:
    code = "from climb import study; result = study.run(tracking=False); print(len(result.trials), len(result.curves))"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True)
    assert completed.stdout.startswith("climb: 6 trials")
    assert completed.stdout.endswith("6 30\n")


@pytest.mark.slow
def test_a_tracked_run_can_be_synced_again_and_opened_in_the_ui(folder: Path, run: Run) -> None:
    code, out, err = run("run", "climb.py")
    assert (code, err) == (0, "")
    assert "      hpsearch ui climb" in out.splitlines()
    assert look(folder, "sync", "climb").startswith("climb: all of it is in MLflow at sqlite:///")
    ui = subprocess.Popen(
        [sys.executable, "-m", "hpsearch", "ui", "--port", "5900"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a script's background job has it
    )
    with ui:
        try:
            assert ui.stdout is not None
            address = next(word for word in ui.stdout.readline().split() if word.startswith("http://127.0.0.1:"))
            with urllib.request.urlopen(address) as page:
                assert page.status == 200
            ui.send_signal(signal.SIGINT)
            _, err = ui.communicate(timeout=120)  # MLflow takes some seconds to end, and more on a busy machine
        finally:
            ui.kill()
    assert (ui.returncode, err) == (0, "")


def test_a_ladder_is_asked_for_and_confirmed_on_the_command_line(folder: Path, run: Run) -> None:
    (folder / "nets.py").write_text(
        "from hpsearch import Float, MLPClassifier, Study\n"
        "study = Study(name='nets', model=MLPClassifier(hidden_layer_sizes=(8,), max_epochs=3), data='digits',\n"
        "              space={'learning_rate': Float(0.1, 10, log=True)}, n_trials=8)\n"
    )
    code, out, err = run("run", "nets.py", "--stages", "auto", "--confirm", "2", "--no-tracking")
    assert (code, err) == (0, "")
    assert "nets@stages=auto is done: 16 trials" in out
    assert "stage 0: 5 trials" in out
    assert "test set:" in out
    output = run("show", "nets")[1]
    assert "the search took" in output
    assert "confirmed: point" in output
