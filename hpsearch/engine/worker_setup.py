"""What a worker process of our own cluster does first; Dask imports this module there and calls it."""

from __future__ import annotations

import signal
import threading
from typing import Any


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C, and a terminal that closes, to the coordinator: it gets them too, and ends the workers in order.

    A terminal sends both to all its processes. A worker that ended by itself would cost the tick that is finished.

    Args:
        worker: The worker.
    """
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
