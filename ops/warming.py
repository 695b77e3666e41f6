"""What an API process loads after it has started to answer, so that the first report needn't wait for it."""

import gc
import threading
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from ops.cores import use_every_core

_log: Final = structlog.get_logger("ops.warming")


class WarmUp:
    """Takes the steps one after the other in a thread of its own. A step that fails is said in the log: who needs what it
    would have loaded is told then.
    """

    def __init__(self, steps: Sequence[Callable[[], object]]) -> None:
        self._steps = tuple(steps)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="warm-up", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns once the step at hand is taken: a library must not be torn down while it loads."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        # The threads that the drawing and the printing library start here work beside the interpreter, not in its turn.
        use_every_core()
        for step in self._steps:
            if self._stopped.is_set():
                return
            try:
                step()
            except Exception:  # noqa: BLE001 - said in the log, and the process goes on
                _log.exception("a part could not be loaded ahead of its use")
        # What was loaded stays for good: the collector need not walk it under a request.
        gc.freeze()
