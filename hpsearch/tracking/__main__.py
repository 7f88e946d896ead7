"""``python -m hpsearch.tracking deliver STUDY_DIR`` or ``follow PID``: a delivery's own process.

Not for people: :class:`hpsearch.tracking.process.Delivery` starts it, ``hpsearch sync`` is the command to type.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from hpsearch.tracking.deliver import Deliverer, is_running
from hpsearch.tracking.process import GRACE, OUTPUT, Outcome
from hpsearch.tracking.store import warm_up
from hpsearch.tracking.uri import resolve


def main(argv: list[str] | None = None) -> int:
    """Deliver a study's log and return the exit code: 0 if all of it is delivered."""
    parser = argparse.ArgumentParser(prog="python -m hpsearch.tracking")
    commands = parser.add_subparsers(required=True, dest="command")
    deliver = commands.add_parser("deliver", help="bring MLflow into line with a log")
    deliver.add_argument("study_dir", type=Path)
    follow = commands.add_parser("follow", help="the same for the study that a coordinator names, until it ends")
    follow.add_argument("parent", type=int, help="pid of the coordinator, which names the folder on standard input")
    for command in (deliver, follow):
        command.add_argument("--root", type=Path, required=True)
        command.add_argument("--uri", help="the tracking URI; MLFLOW_TRACKING_URI where it is not given")
    options = parser.parse_args(argv)
    # Ctrl-C is the coordinator's to answer: it ends the study in order, and then this process by its standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uri = resolve(options.root, options.uri)
    if options.command == "deliver":
        return Deliverer(options.study_dir, uri, options.root).once(alive=is_running(options.study_dir))
    wait = _until_told(options.parent)
    warm_up()
    while wait(60.0):
        pass
    study_dir = _told()
    if study_dir is None:
        return Outcome.DELIVERED
    with (study_dir / OUTPUT).open("ab") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    return Deliverer(study_dir, uri, options.root).follow(wait, GRACE)


def _until_told(parent: int) -> Callable[[float], bool]:
    def wait(seconds: float) -> bool:
        # A process forked from the coordinator may hold the pipe open beyond its death, so its pid is watched too.
        readable, _, _ = select.select([sys.stdin], [], [], seconds)
        return not readable and os.getppid() == parent

    return wait


def _told() -> Path | None:
    """Take the line that names the study's folder; None where the coordinator has ended without it."""
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([sys.stdin], [], [], 0)
        byte = os.read(sys.stdin.fileno(), 1) if readable else b""  # no further: the second line is for `wait`
        if not byte:
            return None
        line += byte
    return Path(os.fsdecode(line[:-1]))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All is delivered and closed; taking mlflow's modules down one by one would cost the user a second.
    os._exit(code)
