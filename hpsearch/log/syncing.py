"""When what was written to the log goes to the disk: at once where lines are rare, in groups where they come fast.

A line outlives its process as soon as it is written. That it also outlives the machine takes a sync, which can take
longer than the epochs that the line tells of; so lines that follow one another within a few milliseconds share one.
"""

from __future__ import annotations

import os
import threading
import time

TOGETHER_SECONDS = 0.005
"""After a sync the next one waits so long, for the lines that come meanwhile."""


class Syncing:
    """Syncs an open file.

    Lines that wait are synced by a thread that lives while such lines come and no longer: trials may fork, and should
    not find threads beside them.

    Args:
        descriptor: The file's.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._last_sync = -TOGETHER_SECONDS
        self._lock = threading.Lock()
        self._unsynced = 0
        self._thread: threading.Thread | None = None
        self._failed: OSError | None = None

    def soon(self) -> None:
        """Sync what was written: now, or within a few milliseconds where the last sync was a moment ago.

        Raises:
            OSError: It cannot be synced, or an earlier write that waited could not.
        """
        self._raise()
        with self._lock:
            self._unsynced += 1
            if self._thread is not None:
                return
            wait = self._last_sync + TOGETHER_SECONDS - time.monotonic()
            if wait > 0:
                self._thread = threading.Thread(target=self._group, args=(wait,), daemon=True)
                self._thread.start()
                return
        self._sync()

    def finish(self) -> None:
        """Return once all that was written is on the disk, and no thread is left.

        Raises:
            OSError: It cannot be.
        """
        if (thread := self._thread) is not None:
            thread.join()
        self._raise()
        if self._unsynced:
            self._sync()

    def _group(self, wait: float) -> None:
        """Sync again and again while lines come."""
        while True:
            time.sleep(wait)
            try:
                self._sync()
            except OSError as error:
                self._failed = error
            wait = TOGETHER_SECONDS
            with self._lock:
                if not self._unsynced or self._failed is not None:
                    self._thread = None
                    return

    def _sync(self) -> None:
        with self._lock:
            self._unsynced = 0
        os.fsync(self._descriptor)
        self._last_sync = time.monotonic()

    def _raise(self) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed
