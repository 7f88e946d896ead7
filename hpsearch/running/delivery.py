"""``python -m hpsearch.running.delivery follow PID``: the process that delivers a study to MLflow while it trains.

Not for people: :class:`hpsearch.tracking.process.Delivery` starts it, ``hpsearch sync`` is the command to type. It
stands above the rooms for tracking and for reports, as it brings the one into the other.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from hpsearch.log.history import History
from hpsearch.tracking.deliver import Deliverer
from hpsearch.tracking.exhibits import Exhibits
from hpsearch.tracking.process import DELIVERED, GRACE, OUTPUT, PROBLEM, Outcome
from hpsearch.tracking.store import warm_up
from hpsearch.tracking.uri import resolve

MOST_OUTPUT_BYTES = 1 << 20
"""Most bytes that are kept of what deliveries, and the libraries that they use, have printed."""


def exhibits() -> Exhibits:
    """Return the exhibits that are shown in MLflow beside the curves: the report and pictures."""
    return Exhibits(_draw)


def _draw(history: History, study_dir: Path) -> Mapping[str, bytes]:
    from hpsearch.report import histograms, html, pictures

    drawn = html.drawings(history)
    stored = histograms.read(study_dir)
    ranked = html.ranked_axes(history, drawn.importances)
    files = {} if stored is None else {histograms.FILE: (json.dumps(stored, indent=1) + "\n").encode()}
    drawn.figures.extend(histograms.figures(stored))
    # What trials printed stays here: nobody asked for it to be sent.
    files[html.FILE] = html.page(history, drawn).encode()
    return {**files, **pictures.pictures(history, ranked)}


def main(argv: list[str] | None = None) -> int:
    """Deliver a study's log as it grows and return the exit code: 0 if all of it is delivered."""
    parser = argparse.ArgumentParser(prog="python -m hpsearch.running.delivery")
    commands = parser.add_subparsers(required=True, dest="command")
    follow = commands.add_parser("follow", help="deliver the study that a coordinator names, until it ends")
    follow.add_argument("parent", type=int, help="pid of the coordinator, which names the folder on standard input")
    follow.add_argument("--root", type=Path, required=True)
    options = parser.parse_args(argv)
    # Ctrl-C is the coordinator's to answer: it ends the study in order, and then this process by its standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print is dropped; the coordinator reads the pipe behind standard output.
    answer = os.dup(sys.stdout.fileno())
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
    uri = resolve(options.root)
    wait = _until_line(options.parent)
    warm_up()
    while wait(60.0):
        pass
    study_dir = _read_folder()
    if study_dir is None:
        return Outcome.DELIVERED
    with (study_dir / OUTPUT).open("ab") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())

    waited_for = True

    def announce() -> None:
        nonlocal waited_for
        waited_for = False
        with contextlib.suppress(BrokenPipeError):  # the coordinator has not waited, or is gone
            os.write(answer, DELIVERED)
        os.close(answer)

    deliverer = Deliverer(study_dir, uri, options.root, exhibits())
    outcome = deliverer.follow(
        bounded(sys.stderr.fileno(), wait), GRACE, announce, lambda: _until_ready(options.parent)
    )
    if waited_for and outcome is Outcome.UNDELIVERED and deliverer.problem is not None:
        with contextlib.suppress(BrokenPipeError):  # the coordinator has not waited, or is gone
            os.write(answer, PROBLEM + os.fsencode(deliverer.problem)[:3000] + b"\n")
    return outcome


def bounded(output: int, wait: Callable[[float], bool]) -> Callable[[float], bool]:
    """Return a function that waits, and empties a file whenever that has become too long.

    Args:
        output: Descriptor of a file that is only added to.
        wait: Waits for so many seconds at most, and returns whether to go on.
    """

    def waited(seconds: float) -> bool:
        if os.fstat(output).st_size > MOST_OUTPUT_BYTES:
            os.ftruncate(output, 0)
        return wait(seconds)

    return waited


def _until_line(parent: int) -> Callable[[float], bool]:
    def wait(seconds: float) -> bool:
        # A process forked from the coordinator may hold the pipe open beyond its death, so its pid is watched too.
        readable, _, _ = select.select([sys.stdin], [], [], seconds)
        return not readable and os.getppid() == parent

    return wait


def _until_ready(parent: int) -> None:
    """Wait for two lines (the study has ended; its model is there), or for the coordinator's end."""
    lines = 0
    while lines < 2 and os.getppid() == parent:
        readable, _, _ = select.select([sys.stdin], [], [], 0.5)
        data = os.read(sys.stdin.fileno(), 16) if readable else b"."
        lines += 2 if not data else data.count(b"\n")


def _read_folder() -> Path | None:
    """Read the line that names the study's folder; None where the coordinator has ended without writing it."""
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([sys.stdin], [], [], 0)
        byte = os.read(sys.stdin.fileno(), 1) if readable else b""  # no further: the second line is for `wait`
        if not byte:
            return None
        line += byte
    return Path(json.loads(line))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All is delivered and closed; taking mlflow's modules down one by one would cost a second.
    os._exit(code)
