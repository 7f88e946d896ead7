"""The command line's shape, mistakes and exit codes; what it runs is tested in test_run.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import logs
import pytest

from hpsearch.cli import cli, main
from hpsearch.cli.options import literal

Run = Callable[..., tuple[int, str, str]]
COMMANDS = [
    "run", "ask", "tell", "enqueue", "init", "ls", "show", "best", "explain", "export", "report", "compare", "replay",
    "watch", "ui", "sync", "lr-range", "doctor", "scrub", "rm", "gc", "data",
]  # fmt: skip


@pytest.fixture
def hpsearch(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Type a command in an empty folder; gives the exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> tuple[int, str, str]:
        code = main(args)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    logs.write(tmp_path / "mlruns", logs.records("eta_lambda@mnist"))
    logs.write(tmp_path / "mlruns", logs.records("depth")[:2])
    return tmp_path / "mlruns"


def process(*args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return subprocess.run(
        [sys.executable, "-m", "hpsearch", *args],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**clean, **environment},
        timeout=60,
        check=False,
    )


def test_the_commands_are_listed_in_the_order_of_use(hpsearch: Run) -> None:
    code, out, err = hpsearch("--help")
    assert (code, err) == (0, "")
    listed = out[out.index("Commands:") : out.index("Examples:")].splitlines()[1:]
    assert [line.split()[0] for line in listed if line.strip()] == COMMANDS
    assert "..." not in "".join(listed), "a help line is cut"
    assert hpsearch() == (0, out, "")


@pytest.mark.parametrize("command", [[name] for name in COMMANDS] + [["data", "ls"], ["data", "fetch"]])
def test_every_command_explains_itself(hpsearch: Run, command: list[str]) -> None:
    code, out, _ = hpsearch(*command, "-h")
    assert code == 0
    assert out.startswith(f"Usage: hpsearch {' '.join(command)}")
    assert all(len(line) <= 100 for line in out.splitlines() if not line.startswith("    "))


def test_the_version_is_the_packages(hpsearch: Run) -> None:
    from hpsearch import __version__

    assert hpsearch("--version") == (0, f"hpsearch {__version__}\n", "")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["rnu"], "unknown command 'rnu' (did you mean 'run'?)"),
        (["data", "lss"], "unknown command 'lss' (did you mean 'ls'?)"),
        (["run", "x.py", "--trails", "3"], "unknown option --trails (did you mean '--trials'?)"),
        (["run", "x.py", "--trials", "many"], "'many' is not a valid integer"),
        (["run", "x.py", "--set", "batch_size"], "expected KEY=VALUE"),
        (["run", "x.py", "--set", "a=1", "--set", "a=2"], "a is set twice"),
        (["run", "x.py", "--no-tracking", "--tracking-uri", "http://x"], "exclude each other"),
        (["run"], "missing argument 'STUDY.py|FOLDER…', or --data; see `hpsearch run --help`"),
        (["run", "nowhere.py"], "nowhere.py"),
        (["show", "depht"], "no study 'depht' in mlruns (did you mean 'depth'?)"),
        (["best", "eta_lambda", "--root", "elsewhere"], "elsewhere: no such directory"),
        (["export", "depth", "--format", "xml"], "'xml' is not one of"),
        (["export", "depth", "--format", "parquet"], "name a file with -o"),
        (["export", "depth", "-o", "no/such/folder.csv"], "folder.csv: cannot be written (No such file"),
        (["export", "depth", "-o", "."], "is a directory"),
        (["init", "a/b"], "study name 'a/b'"),
        (["init", "../x"], "study name '../x'"),
        (["ui", "--port", "0"], "0 is not in the range"),
        (["sync", "depht"], "did you mean 'depth'?"),
        (["data", "fetch", "mnits"], "unknown data set 'mnits' (did you mean 'mnist'?)"),
        (["data", "fetch", "digits"], "nothing to fetch"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("studies")
def test_a_mistake_is_one_line_and_exit_code_2(hpsearch: Run, args: list[str], words: str) -> None:
    code, out, err = hpsearch(*args)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err


def test_a_mistake_has_no_traceback_in_a_process_of_its_own(tmp_path: Path) -> None:
    completed = process("show", "nothing", "--root", "nowhere", cwd=tmp_path)
    assert (completed.returncode, completed.stdout) == (2, "")
    assert completed.stderr.splitlines() == [
        "error: nowhere: no such directory; run a study first (`hpsearch run STUDY.py`) or name another --root"
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20", 20),
        ("1e-3", 1e-3),
        ("true", True),
        ("None", None),
        ("(30, 10)", (30, 10)),
        ("[30]", [30]),
        ("adam", "adam"),
        ('"20"', "20"),
        ("../data/set.csv", "../data/set.csv"),
        ("", ""),
    ],
)
def test_a_setting_is_read_as_the_value_that_it_looks_like(text: str, value: object) -> None:
    assert literal(text) == value


@pytest.mark.parametrize("args", [["init"], ["init", "depth-2"]])
def test_init_writes_a_study_and_says_what_to_type(hpsearch: Run, args: list[str], tmp_path: Path) -> None:
    code, out, _ = hpsearch(*args)
    name = (args[1:] or ["first"])[0]
    assert (code, out.splitlines()[-1]) == (0, f"next: hpsearch run studies/{name}.py")
    source = (tmp_path / "studies" / f"{name}.py").read_text()
    compile(source, name, "exec")
    assert f'name="{name}"' in source
    assert "NAME" not in source


def test_init_never_overwrites(hpsearch: Run, tmp_path: Path) -> None:
    hpsearch("init", "mine")
    (tmp_path / "studies" / "mine.py").write_text("precious")
    code, _, err = hpsearch("init", "mine")
    assert (code, err) == (2, "error: studies/mine.py: exists already; choose another name\n")
    assert (tmp_path / "studies" / "mine.py").read_text() == "precious"


@pytest.mark.usefixtures("studies")
def test_ls_lists_studies(hpsearch: Run) -> None:
    code, out, err = hpsearch("ls")
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["study", "trials"],
        ["depth", "1/4"],
        ["eta_lambda@mnist", "4/4"],
    ]
    assert [study["study"] for study in json.loads(hpsearch("ls", "--json")[1])] == ["depth", "eta_lambda@mnist"]


def test_ls_of_an_empty_root_says_so(hpsearch: Run, tmp_path: Path) -> None:
    assert hpsearch("ls", "--root", str(tmp_path)) == (0, f"{tmp_path} holds no study yet\n", "")
    assert hpsearch("ls", "--root", str(tmp_path), "--json") == (0, "[]\n", "")


def test_one_damaged_log_does_not_hide_the_other_studies(hpsearch: Run, studies: Path) -> None:
    path = studies / "studies" / "depth" / "log.jsonl"
    path.write_bytes(path.read_bytes().replace(b"depth", b"death"))
    code, out, err = hpsearch("ls")
    assert code == 2
    assert "eta_lambda@mnist" in out
    assert err.startswith("error: mlruns/studies/depth/log.jsonl: line 1 is damaged")


@pytest.mark.usefixtures("studies")
def test_show_and_best_take_the_plain_name_of_the_only_variant(hpsearch: Run) -> None:
    assert hpsearch("show", "eta_lambda")[1].startswith("eta_lambda@mnist: maximize val_accuracy")
    assert json.loads(hpsearch("show", "eta_lambda", "--json")[1])["study"] == "eta_lambda@mnist"
    assert hpsearch("best", "eta_lambda")[1].splitlines() == [
        "# eta_lambda@mnist, best: val_accuracy 0.9000 at epoch 2 of 3, trial 3",
        "learning_rate=0.5",
        "sizes=[30, 10]",
    ]
    assert json.loads(hpsearch("best", "eta_lambda", "--json")[1])["params"] == {
        "learning_rate": 0.5,
        "sizes": [30, 10],
    }


def test_best_of_a_study_without_a_value_is_a_mistake(hpsearch: Run, tmp_path: Path) -> None:
    logs.write(tmp_path / "mlruns", [logs.header("new")])
    assert hpsearch("best", "new") == (2, "", "error: study 'new': no trial has a val_accuracy yet\n")


@pytest.mark.usefixtures("studies")
def test_export_writes_the_same_to_a_file_as_to_standard_output(hpsearch: Run, tmp_path: Path) -> None:
    for flags in ([], ["--curves"], ["--format", "json"]):
        _, out, _ = hpsearch("export", "eta_lambda", *flags)
        assert hpsearch("export", "eta_lambda", *flags, "-o", "file") == (0, "", "")
        assert (tmp_path / "file").read_bytes().decode() == out
    assert out.startswith("[\n{")


def test_data_ls_says_where_each_set_is(hpsearch: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, out, _ = hpsearch("data", "ls")
    assert code == 0
    assert "embedded" in next(line for line in out.splitlines() if line.startswith("digits"))
    assert out.splitlines()[-1].endswith("not here: hpsearch data fetch mnist")
    assert {info["name"] for info in json.loads(hpsearch("data", "ls", "--json")[1])} >= {"digits", "mnist"}


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from hpsearch.cli import main; main(['--help']); main(['run', '--help']);"
        "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    for heavy in ("rich", "numpy", "scipy", "sklearn", "pandas", "optuna", "mlflow", "distributed", "asyncio"):
        assert f"'{heavy}'" not in completed.stderr


@pytest.mark.usefixtures("studies")
def test_looking_at_studies_imports_no_array_library(tmp_path: Path) -> None:
    code = (
        "import sys; from hpsearch.cli import main\n"
        "for args in (['ls'], ['show', 'depth'], ['best', 'depth'], ['export', 'depth']): assert main(args) == 0\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    for heavy in ("numpy", "sklearn", "pandas", "optuna", "mlflow"):
        assert f"'{heavy}'" not in completed.stderr


@pytest.mark.usefixtures("studies")
def test_colours_are_for_terminals_and_for_those_who_force_them(tmp_path: Path) -> None:
    assert "\x1b[" not in process("show", "depth", cwd=tmp_path).stdout
    assert "\x1b[" in process("show", "depth", cwd=tmp_path, FORCE_COLOR="1", TERM="xterm").stdout
    forced = process("show", "depth", cwd=tmp_path, FORCE_COLOR="1", NO_COLOR="1", TERM="xterm").stdout
    assert "\x1b[3" not in forced, "NO_COLOR: bold may stay, colours may not"


@pytest.mark.usefixtures("studies")
def test_a_terminal_that_cannot_show_a_character_is_no_error(tmp_path: Path) -> None:
    completed = process("show", "eta_lambda", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (completed.returncode, completed.stderr) == (0, "")
    assert "_#" in completed.stdout


@pytest.mark.usefixtures("studies")
def test_a_reader_that_leaves_early_is_no_error_message(tmp_path: Path) -> None:
    logs.write(tmp_path / "mlruns", logs.records("big"))
    for command in ("export big --curves", "ls", "show big", "show big --json"):
        line = f"{sys.executable} -m hpsearch {command} | true; echo ${{PIPESTATUS[0]}} >&2"
        completed = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert completed.stderr in ("141\n", "0\n")  # 0 where all was written before the reader left


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.usefixtures("studies")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    for command in ("ls", "export depth"):
        line = f"{sys.executable} -m hpsearch {command} > /dev/full"
        completed = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert (completed.returncode, completed.stderr) == (2, "error: cannot write the output: no space left\n")


def test_click_knows_every_command() -> None:
    assert list(cli.commands) == COMMANDS


def test_a_flag_that_begins_like_several_is_taken_for_the_shortest(hpsearch: Run) -> None:
    assert "unknown option --trial (did you mean '--trials'?)" in hpsearch("run", "x.py", "--trial", "5")[2]


@pytest.mark.parametrize("typed", ["wide", "wide.py", "studies/wide"])
def test_a_study_file_is_found_by_its_name(hpsearch: Run, tmp_path: Path, typed: str) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "wide.py").write_text("study = 1\n", encoding="utf-8")
    assert hpsearch("run", typed, "--no-tracking") == (2, "", "error: studies/wide.py: 'study' is a int, not a Study\n")


def test_a_study_that_was_not_run_yet_is_told_how_to_begin(hpsearch: Run, studies: Path, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "wide.py").touch()
    assert "`hpsearch run studies/wide.py` begins it" in hpsearch("show", "wide")[2]
