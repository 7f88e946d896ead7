"""A Dask client: of a cluster of processes on this machine, or of any scheduler."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hpsearch.errors import UserError


@contextmanager
def connect(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Yield a connected client.

    Args:
        workers: Processes to start on this machine, where no scheduler is given; one thread each.
        scheduler: Address of a scheduler, such as ``tcp://10.0.0.1:8786``. Whoever reaches that port can run code
            there: use TLS, or a network that you trust.

    Raises:
        UserError: ``distributed`` is not installed, or the scheduler does not answer.
    """
    try:
        from dask import config
        from distributed import Client, LocalCluster, Security
    except ImportError as error:
        raise UserError("more than one worker needs Dask: pip install 'hpsearch[cluster]'") from error
    if scheduler is not None:
        try:
            if scheduler.startswith("tls://") and Security().get_connection_args("client")["ssl_context"] is None:
                raise UserError(f"--scheduler {scheduler}: no certificate is configured for TLS, see docs/cluster.md")
            client = Client(scheduler, timeout="10s", set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise UserError(f"--scheduler {scheduler}: no Dask scheduler answers there ({error})") from error
        with client:
            yield client
        return
    with (
        _main_left_alone(),
        # A daemonic process may have no children, and an objective may: data loaders, pools.
        config.set({"distributed.worker.daemon": False}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


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
