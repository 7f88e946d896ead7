"""What the machine raises is one line that says where and what to do; signals end a command in every phase."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from roots import as_nobody, bowl, open_way_to

from hpsearch.cli import boundary, main
from hpsearch.engine.interrupt import Interrupt, ended_by_signals
from hpsearch.errors import UserError
from hpsearch.tracking.uri import resolve


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "/there/log"),
            "/there/log: Permission denied (you may not",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "/a"), "/a: No space left on device (make room"),
        (OSError(errno.EROFS, "Read-only file system", b"/cd"), "/cd: Read-only file system (nothing can be written"),
        (OSError("a timer ran out"), "a timer ran out"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "a text that is no UTF-8"),
        (ValueError("what it is"), "what it is"),
        (MemoryError(), "the memory is used up"),
    ],
)
def test_what_the_machine_raises_is_one_line(
    error: BaseException, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("hpsearch.log.catalogue.studies", fail)
    assert main(["ls"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert says in said
    assert len(said.splitlines()) == 1


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("hpsearch.log.catalogue.studies", fail)
    with pytest.raises(ZeroDivisionError):
        main(["ls"])


SLOWER = ["sync", "rm bowl --yes", "doctor --fix", "run bowl.py", "scrub bowl"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may write nowhere")
@pytest.mark.parametrize(
    "command",
    ["gc", *(pytest.param(each, marks=pytest.mark.slow) for each in SLOWER)],
)
def test_a_root_that_cannot_be_written_is_one_line(root: Path, command: str, capfd: pytest.CaptureFixture[str]) -> None:
    import mlflow  # noqa: F401 - the environment may lie where nobody can read: what is imported is imported

    assert main(["doctor", "--root", str(root)]) in (0, 1)  # what it imports likewise
    checkpoints = root / "studies" / "bowl" / "checkpoints"
    checkpoints.mkdir(exist_ok=True)
    (checkpoints / "tick-000000001.npz").write_bytes(b"")
    (root.parent / "bowl.py").write_text(bowl(n_trials=9))
    open_way_to(root)
    more = ["--no-tracking"] if command.startswith("run") else []
    code, said = as_nobody(lambda: main([*command.split(), *more]), root.parent / "said")
    assert code in (1, 2), said
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("error: ") or "not mended: " in line]
    assert len(lines) == 1, said
    assert "ermission denied" in lines[0]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_place_for_a_file_to_be_opened_in(root: Path, closed: str) -> None:
    command = f"exec {sys.executable} -m hpsearch export bowl -o out.csv {closed}"
    done = subprocess.run(["bash", "-c", command], cwd=root.parent, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (root.parent / "out.csv").read_text().startswith("number,")


@pytest.mark.parametrize("uri", ["http://[::1", "http://[::1]:x:y", "https://["])
def test_an_address_that_is_none_is_named(uri: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--tracking-uri"):
        resolve(tmp_path, uri)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_remembered_while_a_tick_is_under_way_and_interrupts_behind_it(
    number: signal.Signals,
) -> None:
    said: list[str] = []
    with Interrupt(said.append) as interrupt:
        os.kill(os.getpid(), number)
        time.sleep(0)
        assert interrupt.requested
        assert len(said) == 1
    with Interrupt(said.append) as interrupt:
        interrupt.at_once()
        with pytest.raises(KeyboardInterrupt):
            _send(number)


def _send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_every_command_ends_by_a_signal_as_by_ctrl_c(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hpsearch.log.catalogue.studies", lambda *_: _send(number))
    before = signal.getsignal(number)
    assert main(["ls"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"
    assert signal.getsignal(number) is before


def test_a_closed_terminal_that_is_to_be_ignored_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals(), Interrupt(print) as interrupt:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0)
            assert not interrupt.requested
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("scope", ["Interrupt(print)", "ended_by_signals()"])
def test_a_forked_child_ends_when_it_is_told_to(scope: str) -> None:
    code = f"""
import os, signal, time
from hpsearch.engine.interrupt import Interrupt, ended_by_signals
with {scope}:
    here, there = os.pipe()
    child = os.fork()
    if not child:
        os.write(there, b".")
        time.sleep(60)
        os._exit(0)
    os.read(here, 1)
    os.kill(child, signal.SIGTERM)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.stdout == "-15\n"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_study_of_a_folder_is_delivered_ends_the_command(
    tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    for name in ("first", "second"):
        (folder / f"{name}.py").write_text(bowl(name, 2))
    slow = "import time\nfrom hpsearch.tracking import deliver\nplain = deliver.Deliverer.deliver\n"
    slow += "def late(self, alive):\n    time.sleep(8)\n    return plain(self, alive)\n"
    slow += "deliver.Deliverer.deliver = late\n"
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nif any('delivery' in word for word in getattr(sys, 'orig_argv', [])):\n    exec({slow!r})\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{environment.get('PYTHONPATH', '')}"
    command = [sys.executable, "-m", "hpsearch", "run", "studies"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "delivering the rest" in line:
                break
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "second" not in out
    assert not (tmp_path / "mlruns" / "studies" / "second").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_terminal_that_interrupts_workers_too_ends_the_tick_in_order(tmp_path: Path, number: signal.Signals) -> None:
    slow = "__import__('time').sleep(0.2)\n        yield"
    (tmp_path / "bowl.py").write_text(bowl(n_trials=200).replace("yield", slow))
    command = [sys.executable, "-m", "hpsearch", "run", "bowl.py", "--no-tracking", "--workers", "2"]
    log = tmp_path / "mlruns" / "studies" / "bowl" / "log.jsonl"
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while process.poll() is None and not (log.exists() and log.read_bytes().count(b'"rows":[{') > 3):
            time.sleep(0.05)
        os.killpg(process.pid, number)  # as a terminal does
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    assert "was lost" not in out + err
    assert "finishing this tick" in out + err


def test_remedies_are_words_for_errors_that_there_are() -> None:
    assert all(os.strerror(number) and words[0].islower() for number, words in boundary.REMEDIES.items())
