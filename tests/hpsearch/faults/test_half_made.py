"""A local MLflow store is whole or not there, wherever its making was cut; what is half-made is set aside."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow_client import client_of
from roots import let_go

from hpsearch.cli import main
from hpsearch.engine.root_doctor import examine_root
from hpsearch.errors import UserError
from hpsearch.log import files
from hpsearch.tracking import sqlite_store
from hpsearch.tracking.store import Store, settings
from hpsearch.tracking.uri import resolve

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy


def runs(root: Path) -> int:
    with closing(sqlite3.connect(root / "mlflow.db")) as base:
        return int(base.execute("select count(*) from runs").fetchone()[0])


def halve(whole: Path, path: Path) -> None:
    """What a cut in the middle of MLflow's migrations leaves: tables, an early version, and no experiment."""
    shutil.copyfile(whole, path)
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("delete from experiments")
        base.execute("update alembic_version set version_num = '451aebb31d03'")
        base.execute("drop table secrets")


def test_a_store_is_made_beside_its_place_and_nothing_else_is_left(whole_store: Path) -> None:
    assert [path.name for path in whole_store.parent.iterdir()] == ["mlflow.db"]
    with settings():
        assert sqlite_store.condition(whole_store, thorough=True).kind == "whole"


def test_a_half_made_store_of_the_root_is_set_aside_and_every_study_delivered_again(
    root: Path, whole_store: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    halve(whole_store, root / "mlflow.db")
    assert main(["sync", "--root", str(root)]) == 0
    assert runs(root) == 5
    assert (root / "mlflow.db.half-made-1").exists()
    assert main(["doctor", "--root", str(root)]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"not a database, by any means" * 400])
def test_what_is_no_database_in_the_place_of_the_store_is_set_aside(
    root: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "mlflow.db").write_bytes(content)
    assert main(["doctor", "--fix", "--root", str(root)]) == 0
    assert runs(root) == 5


@pytest.mark.slow
def test_a_damaged_store_is_told_of_with_what_only_it_holds_and_then_replaced(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync", "--root", str(root)]) == 0
    client: Any = client_of(resolve(root))
    mine = client.create_run("0")
    client.set_tag(mine.info.run_id, "mlflow.note.content", "remember this")
    client.create_registered_model("theirs")
    let_go(root)
    with closing(sqlite3.connect(root / "mlflow.db")) as base:
        base.execute("pragma wal_checkpoint(truncate)")
        (size,) = base.execute("pragma page_size").fetchone()
        (page,) = base.execute("select rootpage from sqlite_master where name = 'metrics'").fetchone()
    with (root / "mlflow.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(os.urandom(size))
    capfd.readouterr()
    assert main(["doctor", "--root", str(root)]) == 1
    told = capfd.readouterr().out
    assert "is damaged" in told
    assert "1 run of others, 1 registered model, 1 note" in told
    assert main(["doctor", "--fix", "--root", str(root)]) == 0
    assert runs(root) == 5
    assert (root / "mlflow.db.damaged-1").exists()


@pytest.mark.slow
def test_a_store_that_somebody_has_open_is_not_moved_from_under_them(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync", "--root", str(root)]) == 0
    with closing(sqlite3.connect(root / "mlflow.db")) as base:
        base.execute("select count(*) from runs").fetchone()
        with pytest.raises(UserError, match="another process has it open"):
            sqlite_store.set_aside(root / "mlflow.db", "test")
    assert (root / "mlflow.db").exists()


def test_a_half_made_store_that_is_not_the_roots_own_is_left_alone(root: Path, whole_store: Path) -> None:
    elsewhere = root.parent / "theirs.db"
    halve(whole_store, elsewhere)
    before = elsewhere.read_bytes()
    with settings(), pytest.raises(UserError, match="half-made"):
        Store(f"sqlite:///{elsewhere}", root, "bowl")
    assert elsewhere.read_bytes() == before


@pytest.mark.slow
def test_an_older_store_is_migrated_as_a_copy_and_kept_as_it_was(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from alembic import command
    from mlflow.store.db import utils

    assert main(["sync", "--root", str(root)]) == 0
    path = root / "mlflow.db"
    assert main(["doctor", "--root", str(root)]) == 0
    let_go(root)
    config = utils._get_alembic_config(f"sqlite:///{path}")
    command.downgrade(config, "-1")
    with settings():
        assert sqlite_store.condition(path).kind == "older"
    assert main(["doctor", "--root", str(root)]) == 1
    assert "migrate a copy" in capfd.readouterr().out
    assert main(["doctor", "--fix", "--root", str(root)]) == 0
    assert runs(root) == 5
    kept = next(root.glob("mlflow.db.before-*"))
    with settings():
        assert sqlite_store.condition(kept).kind == "older"
        assert sqlite_store.condition(path, thorough=True).kind == "whole"


def content(path: Path) -> list[str]:
    """Return all that a store holds, as statements."""
    with closing(sqlite3.connect(path)) as base:
        return list(base.iterdump())


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    root: Path, whole_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.db import utils

    path = root / "mlflow.db"
    shutil.copyfile(whole_store, path)
    before = content(path)

    def fail(engine: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(utils, "_upgrade_db", fail)
    with settings(), pytest.raises(UserError, match="as it was"):
        sqlite_store.migrate(path, "abc")
    assert content(path) == before
    assert not list(root.glob(".mlflow*"))


MOMENTS = 30
"""At so many statements, spread over all that making a store takes, its process is killed."""

MAKER = """
import json, os, signal, sys
from pathlib import Path
import sqlalchemy.engine.default as default
from hpsearch.tracking import sqlite_store
from hpsearch.tracking.store import settings

folder, moments = Path(sys.argv[1]), int(sys.argv[2])
plain, steps, last = default.DefaultDialect.do_execute, 0, None

def counted(self, *args, **options):
    global steps
    steps += 1
    if steps == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(self, *args, **options)

default.DefaultDialect.do_execute = counted

def make(root, moment):
    global last
    root.mkdir()
    child = os.fork()
    if not child:
        last = moment
        sqlite_store.make(root / "mlflow.db")
        (root / "steps").write_text(str(steps))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

with settings():
    import mlflow.store.tracking.sqlalchemy_store
    import mlflow.tracking
    assert make(folder / "whole", None) == 0
    total = int((folder / "whole" / "steps").read_text())
    ends = [make(folder / f"killed-{number}", 2 + number * (total - 2) // moments) for number in range(moments)]
print(json.dumps(ends))
"""


@pytest.mark.slow
def test_killed_at_any_moment_of_its_making_a_store_is_not_there_and_the_next_delivery_makes_it(
    root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The moments are statements, not times: the process kills itself when it comes to one."""
    command = [sys.executable, "-W", "ignore", "-c", MAKER, str(tmp_path), str(MOMENTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [-9] * MOMENTS
    for number in range(MOMENTS):
        left = [path.name for path in (tmp_path / f"killed-{number}").iterdir()]
        assert "mlflow.db" not in left
        assert left
        assert all(name.startswith(".mlflow.db.") for name in left)
        for name in left:
            (tmp_path / f"killed-{number}" / name).rename(root / name)  # their names are no two the same
    assert len(sqlite_store.leftovers(root / "mlflow.db")) >= MOMENTS
    assert main(["sync", "--root", str(root)]) == 0
    assert runs(root) == 5
    assert examine_root(root) == []
    assert not list(root.glob(".mlflow*"))


@pytest.mark.parametrize("content", ["text\r\n", b"\x00bytes"])
def test_a_file_is_replaced_whole_and_keeps_its_mode_and_its_link(tmp_path: Path, content: str | bytes) -> None:
    there, link = tmp_path / "there.csv", tmp_path / "link.csv"
    there.write_text("old")
    there.chmod(0o640)
    link.symlink_to(there)
    files.write_whole(link, content)
    assert there.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert link.is_symlink()
    assert there.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.csv", "there.csv"]


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"page\.html: cannot be written \(No space left on device\)"):
        files.write_whole(path, "new")
    assert path.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        files.write_whole(pipe, "through")
        assert reader.communicate(timeout=20)[0] == b"through"
    assert pipe.is_fifo()
