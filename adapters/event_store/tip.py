"""The newest position this process knows of, and the threads that wait for the next."""

from collections.abc import Callable
from threading import Condition
from time import monotonic


class Tip:
    """Positions only grow. Writers and watchers advance it, readers wait on it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._position = 0

    @property
    def position(self) -> int:
        return self._position

    def advance(self, position: int) -> None:
        """All positions up to this one are committed."""
        if position > self._position:
            with self._changed:
                self._position = max(self._position, position)
                self._changed.notify_all()

    def wake(self) -> None:
        """Let waiters look again at whether they were stopped."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, after: int, timeout_s: float, stopped: Callable[[], bool] = lambda: False) -> int:
        """Block until the tip is beyond `after`, `stopped` answers true, or the time is over; the tip as it is then."""
        deadline = monotonic() + timeout_s
        with self._changed:
            while self._position <= after and not stopped():
                rest_s = deadline - monotonic()
                if rest_s <= 0:
                    break
                self._changed.wait(rest_s)
            return self._position
