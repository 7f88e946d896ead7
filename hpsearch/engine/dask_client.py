"""A client of a Dask scheduler."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
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
def connect(scheduler: str) -> Iterator[Any]:
    """Yield a connected client; modules beside the study file do not stand in for what it and its workers import.

    Args:
        scheduler: Address of a scheduler, such as ``tcp://10.0.0.1:8786``. Whoever reaches that port can run code
            there: use TLS, or a network that you trust.

    Raises:
        UserError: ``distributed`` is not installed, or the scheduler does not answer.
    """
    with study_folders_last(), _connected(scheduler) as client:
        yield client


@contextmanager
def _connected(scheduler: str) -> Iterator[Any]:
    try:
        from distributed import Client, Security
        from distributed.versions import VersionMismatchWarning
    except ImportError as error:
        raise UserError(MISSING) from error
    with ExitStack() as stack:
        silence = stack.enter_context(_silence())
        try:
            if scheduler.startswith("tls://") and Security().get_connection_args("client")["ssl_context"] is None:
                raise UserError(f"--scheduler {scheduler}: no certificate is configured for TLS, see docs/cluster.md")
            with warnings.catch_warnings():
                # Which versions matter is looked at where workers are chosen, and told in a line.
                warnings.filterwarnings("ignore", category=VersionMismatchWarning)
                client = Client(scheduler, timeout=ANSWER_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise UserError(f"--scheduler {scheduler}: no Dask scheduler answers there ({error})") from error
        stack.callback(_closed, client)
        try:
            yield client
        finally:
            silence.stays = client.status != "running"


def _closed(client: Any) -> None:
    """Close a client whose scheduler may be gone already."""
    from concurrent.futures import CancelledError

    with suppress(OSError, TimeoutError, RuntimeError, CancelledError):
        client.close(timeout=CLOSE_SECONDS)


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
