"""The world around a study changes (its clock, host, place, rights, who else is there), and it stays the same study."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from roots import NOBODY, as_nobody, bowl, forked, let_go, open_way_to, rows_of

from hpsearch.cli import main
from hpsearch.engine.clock import Clock
from hpsearch.study.loading import load_study
from hpsearch.tracking import cursor
from hpsearch.tracking.deliver import Deliverer
from hpsearch.tracking.process import Outcome
from hpsearch.tracking.uri import resolve

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
]


def run(root: Path) -> None:
    """Run a study of eight trials in this process, or go on with it."""
    path = Path("bowl.py")
    path.write_text(bowl("bowl", 8))
    load_study(path).run(root, quiet=True, tracking=False)


def exported(root: Path) -> bytes:
    """The trials and the curves of a study."""
    for number, more in enumerate(([], ["--curves"])):
        assert main(["export", "bowl", "--root", str(root), "-o", f"part-{number}", *more]) == 0
    return b"".join(Path(f"part-{number}").read_bytes() for number in range(2))


def stored(root: Path) -> dict[str, list[str]]:
    return rows_of(root / "mlflow.db", times=False)


Whole = tuple[bytes, dict[str, list[str]]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, whole_store: Path) -> Whole:
    """What a study of eight trials exports, and what MLflow holds of it, where nothing happens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(tmp_path_factory.mktemp("undisturbed"))
        run(Path("mlruns"))
        shutil.copyfile(whole_store, "mlruns/mlflow.db")
        assert main(["sync", "--root", "mlruns"]) == 0
        return exported(Path("mlruns")), stored(Path("mlruns"))


@pytest.fixture
def begun(tmp_path: Path, whole_store: Path) -> Path:
    """The root of the same study, killed in its seventh tick; its store is there and empty."""
    run(tmp_path / "mlruns")
    log = tmp_path / "mlruns" / "studies" / "bowl" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:7]) + lines[7][:40])
    shutil.copyfile(whole_store, tmp_path / "mlruns" / "mlflow.db")
    return tmp_path / "mlruns"


def test_a_clock_that_goes_back_changes_no_result_and_no_run_ends_before_it_began(
    begun: Path, whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = itertools.count(1_700_000_000.0, -3600.0)
    monkeypatch.setattr("hpsearch.running.clocks.Clock", partial(Clock, now=lambda: next(times)))
    run(begun)
    assert main(["sync", "--root", str(begun)]) == 0
    assert (exported(begun), stored(begun)) == whole
    with closing(sqlite3.connect(begun / "mlflow.db")) as base:
        assert base.execute("select count(*) from runs where end_time < start_time").fetchone() == (0,)


def test_a_host_that_is_called_otherwise_takes_up_what_another_was_killed_at(
    begun: Path, whole: Whole, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (begun / "studies" / "bowl" / "lock").write_text("process 1 on elsewhere\n")
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    main(["doctor", "--root", str(begun)])
    assert "the last run was killed (process 1 on elsewhere)" in capsys.readouterr().out
    run(begun)
    assert exported(begun) == whole[0]


def location(root: Path) -> str:
    with closing(sqlite3.connect(root / "mlflow.db")) as base:
        (where,) = base.execute("select artifact_location from experiments where name = 'bowl'").fetchone()
        runs = base.execute("select artifact_uri from runs").fetchall()
    assert all(uri.startswith(where) for (uri,) in runs)
    return str(where)


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_root_that_was_moved_or_copied_goes_on_where_it_is_and_touches_nothing_where_it_was(
    begun: Path, whole: Whole, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    # In another process: MLflow remembers in which folder it has written a run's files.
    assert forked(lambda: main(["sync", "--root", str(begun)]), begun.parent / "said")[0] == 0
    elsewhere = begun.parent / "else where" / "mlruns"
    elsewhere.parent.mkdir()
    if how == "moved":
        begun.rename(elsewhere)
    else:
        shutil.copytree(begun, elsewhere)
        before = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    run(elsewhere)
    assert main(["sync", "--root", str(elsewhere)]) == 0
    assert (exported(elsewhere), stored(elsewhere)) == whole
    assert location(elsewhere) == (elsewhere / "artifacts" / "bowl").as_uri()
    capfd.readouterr()
    assert main(["doctor", "--root", str(elsewhere)]) == 0
    assert capfd.readouterr().out == "bowl: all is well\n"
    assert main(["rm", "bowl", "--yes", "--root", str(elsewhere)]) == 0
    if how == "moved":
        assert not begun.exists()
    else:
        assert {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()} == before


def test_the_copy_of_a_root_of_version_0_1_does_not_remove_what_the_first_holds(
    begun: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync", "--root", str(begun)]) == 0
    place = begun / "studies" / "bowl" / cursor.FILE
    values = json.loads(place.read_text())
    place.write_text(json.dumps({f"sqlite:///{begun / 'mlflow.db'}": values.pop(cursor.OWN_STORE), **values}))
    assert main(["doctor", "--root", str(begun)]) == 0
    shutil.copytree(begun, begun.parent / "copy")
    held = stored(begun)
    assert main(["rm", "bowl", "--yes", "--root", str(begun.parent / "copy")]) == 0
    assert stored(begun) == held
    assert main(["doctor", "--root", str(begun)]) == 0


def test_a_root_behind_a_link_is_one_root_by_both_names(
    begun: Path, whole: Whole, capfd: pytest.CaptureFixture[str]
) -> None:
    link = begun.parent / "link"
    link.symlink_to(begun)
    assert main(["sync", "--root", str(link)]) == 0
    run(begun)
    assert main(["sync", "--root", str(begun)]) == 0
    assert (exported(link), stored(link)) == whole
    assert list(json.loads((begun / "studies" / "bowl" / cursor.FILE).read_text())) == [cursor.OWN_STORE]
    for root in (link, begun):
        capfd.readouterr()
        assert main(["doctor", "--root", str(root)]) == 0
        assert capfd.readouterr().out == "bowl: all is well\n"


def test_a_store_that_was_put_in_the_place_of_the_first_is_noticed_and_filled(
    begun: Path, whole_store: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync", "--root", str(begun)]) == 0
    held = stored(begun)
    let_go(begun)
    for end in ("", "-wal", "-shm"):
        (begun / f"mlflow.db{end}").unlink(missing_ok=True)
    shutil.copyfile(whole_store, begun / "mlflow.db")
    capfd.readouterr()
    assert main(["doctor", "--root", str(begun)]) == 1
    assert "another store stands there now" in capfd.readouterr().out
    assert main(["doctor", "--fix", "--root", str(begun)]) == 0
    assert stored(begun) == held


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[]", b"3", b'{"own store": 3}', b'{"own store": {"offset": "x"}}', b"[" * 100_000],
)
def test_a_cursor_that_was_damaged_costs_a_look_and_nothing_else(begun: Path, content: bytes) -> None:
    uri = resolve(begun)
    folder = begun / "studies" / "bowl"
    (folder / cursor.FILE).write_bytes(content)
    assert cursor.load(folder, uri) == cursor.Cursor()
    assert cursor.is_pending(folder, uri)
    cursor.note(folder, uri, "no server")
    assert cursor.load(folder, uri).problem == "no server"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not do all")
@pytest.mark.parametrize(("folder", "mode"), [("mlruns/studies/bowl", 0o500), ("mlruns/studies", 0)])
def test_rights_that_are_lost_in_mid_run_cost_nothing_or_end_it_in_one_line(
    tmp_path: Path, whole: Whole, folder: str, mode: int
) -> None:
    open_way_to(tmp_path)
    os.chown(tmp_path, NOBODY, NOBODY)
    loses = f"    import os\n    if trial.number == 4: os.chmod({folder!r}, {mode:#o})\n"
    plain = bowl("bowl", 8)
    Path("bowl.py").write_text(plain.replace("def objective(trial):\n", f"def objective(trial):\n{loses}"))
    command = ["run", "bowl.py", "--no-tracking", "--no-git-diff"]
    ended, said = as_nobody(lambda: main(command), tmp_path / "said")
    Path(folder).chmod(0o755)
    assert ended == (0 if folder.endswith("bowl") else 2), said
    assert "Traceback" not in said
    if ended:
        assert said.splitlines()[-1].startswith("error: ")
        assert "Permission denied" in said.splitlines()[-1]
    Path("bowl.py").write_text(plain)
    load_study(Path("bowl.py")).run("mlruns", quiet=True, tracking=False, same=True)
    assert exported(Path("mlruns")) == whole[0]


def test_a_store_that_another_process_holds_for_long_is_waited_for(begun: Path, whole: Whole) -> None:
    run(begun)
    with closing(sqlite3.connect(begun / "mlflow.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("begin immediate")
        release = threading.Timer(20.0, lambda: other.execute("rollback"))
        release.start()
        deliverer = Deliverer(begun / "studies" / "bowl", resolve(begun), begun)
        held = time.monotonic()
        assert deliverer.follow(lambda seconds: False, grace=120.0) is Outcome.DELIVERED
        assert time.monotonic() - held > 15.0
        release.join()
    assert deliverer.problem in (None, "the store is locked by another process")  # it may have waited by itself
    assert stored(begun) == whole[1]


def test_of_coordinators_that_begin_one_study_at_once_one_runs_it_and_the_others_say_so(whole: Whole) -> None:
    Path("bowl.py").write_text(bowl("bowl", 8).replace("yield", "__import__('time').sleep(0.1)\n        yield"))
    command = [sys.executable, "-m", "hpsearch", "run", "bowl.py", "--no-tracking", "--quiet"]
    several = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=120)[1] for process in several]
    codes = [process.returncode for process in several]
    assert sorted(codes) == [0, 2, 2], said
    for code, words in zip(codes, said, strict=True):
        assert words == "" if code == 0 else "bowl: this study is being run by process" in words
    assert exported(Path("mlruns")) == whole[0]
