"""A Dask client: of a cluster of processes on this machine, or of any scheduler."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import Any

from hpsearch.errors import UserError
from hpsearch.study.loading import study_folders_last

ANSWER_SECONDS = 10.0
"""Most seconds to wait for a scheduler's first answer."""

CLOSE_SECONDS = 10.0
"""Most seconds to wait for workers and connections to close."""


MISSING = "--scheduler needs Dask, which is not installed: pip install 'hpsearch[cluster]'"


def is_installed() -> bool:
    """Return whether Dask's workers can be spoken to, without importing it."""
    return all(find_spec(name) is not None for name in ("dask", "distributed"))


@contextmanager
def connect(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Yield a connected client; modules beside the study file do not stand in for what it and its workers import.

    Args:
        workers: Processes to start on this machine, where no scheduler is given; one thread each.
        scheduler: Address of a scheduler, such as ``tcp://10.0.0.1:8786``. Whoever reaches that port can run code
            there: use TLS, or a network that you trust.

    Raises:
        UserError: ``distributed`` is not installed, or the scheduler does not answer.
    """
    with study_folders_last(), _connected(workers, scheduler) as client:
        yield client


@contextmanager
def _connected(workers: int, scheduler: str | None) -> Iterator[Any]:
    try:
        import dask
        from distributed import Client, LocalCluster, Security
        from distributed.versions import VersionMismatchWarning
    except ImportError as error:
        raise UserError(MISSING) from error
    with ExitStack() as stack:
        silence = stack.enter_context(_silence())
        if scheduler is not None:
            try:
                if scheduler.startswith("tls://") and Security().get_connection_args("client")["ssl_context"] is None:
                    raise UserError(
                        f"--scheduler {scheduler}: no certificate is configured for TLS, see docs/cluster.md"
                    )
                with warnings.catch_warnings():
                    # Which versions matter is looked at where workers are chosen, and told in a line.
                    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
                    client = Client(scheduler, timeout=ANSWER_SECONDS, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                raise UserError(f"--scheduler {scheduler}: no Dask scheduler answers there ({error})") from error
        else:
            stack.enter_context(_main_left_alone())
            _track_through_hangups()
            # Daemonic processes may have no children, and what users train may start some.
            stack.enter_context(dask.config.set({"distributed.worker.daemon": False}))
            try:
                cluster = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                    preload=[*dask.config.get("distributed.worker.preload", []), "hpsearch.engine.worker_setup"],
                )
            except (OSError, TimeoutError, RuntimeError) as error:
                reason = str(error) or type(error).__name__
                raise UserError(f"--workers {workers}: the worker processes did not start ({reason})") from error
            stack.callback(_closed, cluster)
            client = Client(cluster, set_as_default=False)
        stack.callback(_closed, client)
        try:
            yield client
        finally:
            silence.stays = client.status != "running"


def _closed(part: Any) -> None:
    """Close a client or a cluster, of which parts may be gone already."""
    from concurrent.futures import CancelledError

    with suppress(OSError, TimeoutError, RuntimeError, CancelledError):
        part.close(timeout=CLOSE_SECONDS)


@dataclass
class _Silence:
    """Whether Dask's loggers are to stay silent after the block too."""

    stays: bool = False


@contextmanager
def _silence() -> Iterator[_Silence]:
    """Keep what Dask and its event loop say of lost connections to themselves: the executor says it in one line.

    Dask gives some of its loggers levels and handlers of their own. Where a scheduler is gone, its loop may still be
    trying to reach it, and tell of that after the block.
    """
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    loggers = [logging.getLogger(name) for name in (*names, "asyncio", "tornado.application")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    silence = _Silence()
    try:
        yield silence
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(logger.level if silence.stays else level)


def _track_through_hangups() -> None:
    """Start the process by which multiprocessing tracks resources so that it outlives a terminal that hangs up.

    It ignores the terminal's other signals by itself. Where SIGHUP ended it, the tick that is still finished would be
    full of its complaints.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGHUP"):
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a program that is started inherits this
    try:
        resource_tracker.ensure_running()
    finally:
        if before is not None:  # none of Python's
            signal.signal(signal.SIGHUP, before)


@contextmanager
def _main_left_alone() -> Iterator[None]:
    """Keep workers that start from importing the main module, as multiprocessing has them do.

    A script that runs a study at its top level would run it again in every worker. Nothing needs it there: what a
    script defines is sent by value.
    """
    main = vars(sys.modules["__main__"])
    known = {name: main.get(name) for name in ("__file__", "__spec__")}
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update({name: value for name, value in known.items() if value is not None})
