"""Runs a study again and again in forked children, each attacked at another moment, and says what became of them.

``python moments.py FOLDER STORE ATTACK MOMENTS`` runs FOLDER/study.py. A moment is the time before a line is written,
before something is flushed or renamed, and amid training: one run counts them, and the attacks are spread over them.
An attack is ``kill`` (SIGKILL; of a line that is being written, half is on the disk), ``full`` (that write alone finds
no space left) or ``worker`` (SIGKILL of one of two workers amid training). Each child's root is then run to its end
and delivered to a copy of STORE, each by a child that nobody attacks. Prints a JSON object.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from io import FileIO
from pathlib import Path
from typing import Any

from forked_crew import ForkedCrew

from hpsearch.errors import UserError
from hpsearch.log import writer
from hpsearch.models.training.training_pass import TrainingPass
from hpsearch.objectives.function import FunctionObjective
from hpsearch.study.loading import load_study
from hpsearch.tracking.store import settings
from hpsearch.tracking.sync import sync


class Moments:
    """Counts moments, and attacks at one of them.

    Args:
        attack: ``kill``, ``full`` or ``worker``.
        at: Number of the moment to attack at, from 1; 0 for none.
    """

    def __init__(self, attack: str, at: int) -> None:
        self.count = 0
        self.attack = attack
        self._at = at

    def come(self, before: Callable[[], object] = lambda: None, *, writes: bool = True) -> None:
        """Note that a moment has come.

        Args:
            before: Done before a kill.
            writes: Whether a full disk would be noticed now.
        """
        if not writes and self.attack == "full":
            return
        self.count += 1
        if self.count == self._at:
            if self.attack == "full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            before()
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Have moments come in this process."""
        moments = self

        class Watched(FileIO):
            def write(self, line: Any) -> int:
                moments.come(lambda: FileIO.write(self, line[: len(line) // 2]))
                return FileIO.write(self, line)

        writer.FileIO = Watched  # type: ignore[misc]
        os.fsync, os.replace = self._before(os.fsync), self._before(os.replace)
        self.watch_training()

    def watch_training(self) -> None:
        """Have the moments amid training come in this process."""
        TrainingPass.run = self._before(TrainingPass.run, writes=False)  # type: ignore[method-assign]
        FunctionObjective.advance = self._before(FunctionObjective.advance, writes=False)  # type: ignore[method-assign]

    def _before(self, call: Callable[..., Any], *, writes: bool = True) -> Callable[..., Any]:
        def watched(*args: Any, **options: Any) -> Any:
            self.come(writes=writes)
            return call(*args, **options)

        return watched


def spread(moments: Moments) -> Callable[[], int]:
    """Have what asks for workers get forked ones, the first of which is attacked; return what counts its moments."""
    from hpsearch.running import placing

    crews: list[ForkedCrew] = []

    def prepare(number: int) -> Callable[[], int]:
        mine = moments if number == 0 else Moments("worker", 0)
        mine.watch_training()
        return lambda: mine.count

    def crew(size: int, maker: Any, data: Any, **options: Any) -> AbstractContextManager[ForkedCrew]:
        crews.append(ForkedCrew(maker, data, prepare))
        return nullcontext(crews[-1])

    placing.LocalCrew = crew  # type: ignore[misc, assignment]
    return lambda: crews[0].counts.get("w000", 0)


def child(work: Callable[[], object], output: Path) -> int:
    """Do some work in a forked child and return its exit code: 0, 2 for a UserError, 1 for any other."""
    if (number := os.fork()) == 0:
        code = 1
        try:
            fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(fd, 1)
            os.dup2(fd, 2)
            work()
            code = 0
        except UserError as error:
            os.write(2, str(error).encode())
            code = 2
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def run(folder: Path, root: Path, moments: Moments | None = None) -> None:
    count: Callable[[], int] = lambda: 0  # noqa: E731 - a word for two ways to count
    workers = 1
    if moments is not None and moments.attack == "worker":
        count = spread(moments)
        workers = 2
    elif moments is not None:
        moments.watch()
        count = lambda: moments.count  # noqa: E731 - as above
    load_study(folder / "study.py").run(root, quiet=True, tracking=False, workers=workers)
    if moments is not None:
        (root / "moments").write_text(str(count()))


def export(root: Path) -> None:
    from hpsearch.cli import main

    (name,) = (path.name for path in (root / "studies").iterdir())
    for number, options in enumerate(([], ["--curves"])):
        if main(["export", name, "--root", str(root), "-o", str(root / f"export-{number}.csv"), *options]):
            raise AssertionError(root)


def deliver(root: Path, store: Path) -> None:
    shutil.copyfile(store, root / "mlflow.db")
    with settings():
        (report,) = sync(sorted((root / "studies").iterdir()))
    if not report.delivered:
        raise UserError(report.message or "not delivered")


def finished(folder: Path, root: Path, store: Path) -> list[int]:
    """Run a root to its end, export and deliver it, and return the exit codes."""
    steps: tuple[Callable[[], object], ...] = (
        lambda: run(folder, root),
        lambda: export(root),
        lambda: deliver(root, store),
    )
    return [child(step, folder / "output") for step in steps]


def main() -> None:
    folder = Path(sys.argv[1])
    store = Path(sys.argv[2])
    attack = sys.argv[3]
    moments = int(sys.argv[4])
    with settings():  # what children need is imported once
        import mlflow.store.tracking.sqlalchemy_store
        import mlflow.tracking  # noqa: F401

        import hpsearch.cli
        import hpsearch.running.api
        import hpsearch.samplers.curve_search  # noqa: F401
    unattacked = folder / "whole"
    exit_code = child(lambda: run(folder, unattacked, Moments(attack, 0)), folder / "output")
    ends: list[Any] = [{"moment": 0, "ended": exit_code, "then": finished(folder, unattacked, store)}]
    if exit_code == 0:
        total = int((unattacked / "moments").read_text())
        moments = min(moments, total)
        for number in range(moments):
            moment = 1 + number * (total - 1) // max(moments - 1, 1)
            root = folder / f"attacked-{number}"
            attacked_code = child(lambda: run(folder, root, Moments(attack, moment)), folder / "output")  # noqa: B023
            output = (folder / "output").read_text()
            ends.append(
                {"moment": moment, "ended": attacked_code, "said": output, "then": finished(folder, root, store)}
            )
    print(json.dumps({"total": total if exit_code == 0 else 0, "ends": ends, "said": (folder / "output").read_text()}))


if __name__ == "__main__":
    main()
