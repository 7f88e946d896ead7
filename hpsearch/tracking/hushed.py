"""Keeps MLflow's loggers quiet while it works on what the user did not ask for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hushed(name: str) -> Iterator[None]:
    """Let a logger pass only warnings and errors; its level is restored afterwards.

    Args:
        name: The logger's name, such as ``mlflow.store.db.utils``.
    """
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(level)
