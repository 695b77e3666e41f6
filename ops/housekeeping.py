"""What a process does now and then by itself: keys that have been in memory for their time are dropped from it."""

import threading
from collections.abc import Callable
from typing import Final

import structlog

_EVERY_S: Final = 60.0
_log = structlog.get_logger("ops.housekeeping")


class Housekeeping:
    """Calls `task` every minute in a thread of its own, until stopped."""

    def __init__(self, task: Callable[[], None], every_s: float = _EVERY_S) -> None:
        self._task = task
        self._every_s = every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns once the thread has ended."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self._task()
            except Exception:  # noqa: BLE001 - said in the log, and tried again in a minute
                _log.exception("housekeeping failed")
