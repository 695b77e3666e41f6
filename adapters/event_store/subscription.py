"""The library's subscription on top of our tip: no thread of its own, no event missed, none out of order."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from eventsourcing.persistence import Notification, Subscription

if TYPE_CHECKING:
    from adapters.event_store.recorder import Recorder

_PAGE: Final = 500
_PATIENCE_S: Final = 60.0


class LogSubscription(Subscription["Recorder"]):
    """Iterates over the log from `gt` on, waiting at its end. `stop` may be called by any thread."""

    def __init__(self, recorder: "Recorder", gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._scanned = gt or 0
        self._found: deque[Notification] = deque()

    def stop(self) -> None:
        super().stop()
        self._recorder.tip.wake()

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            if self._found:
                return self._found.popleft()
            # First how far, then what: rows up to a position that was read are all committed, so a page that isn't
            # full has seen everything up to there, whatever its topics left out.
            last = self._recorder.wait_for_append(self._scanned, _PATIENCE_S, lambda: self._has_been_stopped)
            if last > self._scanned:
                self._look(last)
        raise StopIteration

    def _look(self, last: int) -> None:
        page = self._recorder.select_notifications(
            self._scanned, _PAGE, stop=last, topics=self._topics, inclusive_of_start=False
        )
        self._found.extend(page)
        self._scanned = page[-1].id if len(page) == _PAGE else last
