"""``python -m hpsearch.tracking deliver STUDY_DIR --root ROOT [--uri URI] [--follow PID]``: a delivery's own process.

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
    deliver = parser.add_subparsers(required=True).add_parser("deliver", help="bring MLflow into line with a log")
    deliver.add_argument("study_dir", type=Path)
    deliver.add_argument("--uri", help="the tracking URI; MLFLOW_TRACKING_URI where it is not given")
    deliver.add_argument("--root", type=Path, required=True)
    deliver.add_argument(
        "--follow",
        type=int,
        metavar="PID",
        help="begin at a byte on standard input, go on until the next one, its end, or the end of this parent process",
    )
    options = parser.parse_args(argv)
    # Ctrl-C is the coordinator's to answer: it ends the study in order, and then this process by its standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uri = resolve(options.root, options.uri)
    if options.follow is None:
        return Deliverer(options.study_dir, uri, options.root).once(alive=is_running(options.study_dir))
    wait = _until_told(options.follow)
    warm_up()
    while wait(60.0):
        pass
    if not _told():
        return Outcome.DELIVERED
    with (options.study_dir / OUTPUT).open("ab") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    return Deliverer(options.study_dir, uri, options.root).follow(wait, GRACE)


def _until_told(parent: int) -> Callable[[float], bool]:
    def wait(seconds: float) -> bool:
        # A process forked from the coordinator may hold the pipe open beyond its death, so its pid is watched too.
        readable, _, _ = select.select([sys.stdin], [], [], seconds)
        return not readable and os.getppid() == parent

    return wait


def _told() -> bool:
    """Take the byte that lets the delivery begin; false where the coordinator has ended without it."""
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable) and os.read(sys.stdin.fileno(), 1) != b""


if __name__ == "__main__":
    sys.exit(main())
