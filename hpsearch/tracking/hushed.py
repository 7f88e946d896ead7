"""MLflow's loggers, held at warnings while it does what nobody asked it to tell of."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hushed(name: str) -> Iterator[None]:
    """Hold a logger at warnings; its level is as it was afterwards.

    Args:
        name: The logger's, such as ``mlflow.store.db.utils``.
    """
    teller = logging.getLogger(name)
    level = teller.level
    teller.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        teller.setLevel(level)
