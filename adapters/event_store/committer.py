"""Group commit without a thread of its own: callers queue up, the first of them leads and commits for all who wait.

The leader takes the lock of the log before it takes the group, so that whoever arrives while it waits still comes along.
When it is done it wakes its members, and the first who came meanwhile leads next. A single caller therefore commits in
its own thread, with no hand-over.
"""

from collections import deque
from contextlib import suppress
from threading import Lock
from typing import Final
from uuid import UUID

from adapters.event_store.rows import Append, Appended, CommandRow
from adapters.event_store.settlement import Outcome, Settlement

GROUP_BYTES: Final = 4 * 1024 * 1024
_NOTHING: Final = Append(rows=(), command=CommandRow(id=UUID(int=0)))


class _Request:
    """One caller's append. `gate` opens when it has an outcome, or when it is to lead; then `group` is whom it leads,
    itself first.
    """

    __slots__ = ("append", "gate", "group", "outcome")

    def __init__(self, append: Append) -> None:
        self.append = append
        self.gate = Lock()
        self.gate.acquire()
        self.group: list[_Request] = []
        self.outcome: Outcome | None = None

    def wake(self) -> None:
        """Open the gate, perhaps for the second time: who was interrupted doesn't know how far it had come."""
        with suppress(RuntimeError):
            self.gate.release()


class Committer:
    """Any number of threads call `submit`. `group_bytes` bounds a group; a larger append is a group of its own."""

    def __init__(self, settlement: Settlement, group_bytes: int = GROUP_BYTES) -> None:
        self._settlement = settlement
        self._group_bytes = group_bytes
        self._mutex = Lock()
        self._waiting: deque[_Request] = deque()
        self._leader: _Request | None = None

    def submit(self, append: Append) -> Appended:
        """Durably stored, with others or alone. Raises the append's own error."""
        request = _Request(append)
        try:
            with self._mutex:
                self._waiting.append(request)
                if self._leader is None:
                    self._leader = request
            if self._leader is not request:
                request.gate.acquire()
            if request.outcome is None:
                self._lead(request)
        except BaseException:  # KeyboardInterrupt, at any line: nobody waits for the answer, and nobody would lead
            self._left(request)
            raise
        outcome = request.outcome
        if isinstance(outcome, Appended):
            return outcome
        if outcome is None:
            raise RuntimeError("a group ended without an outcome for each member")
        raise outcome

    def _lead(self, request: _Request) -> None:
        """Carry the next group through, this thread's own request first in it, and hand over."""
        fault = self._settlement.begin()
        group = self._take(request)
        appends = [each.append for each in group]
        outcomes = self._settlement.settle(appends) if fault is None else self._settlement.failed(appends, fault)
        for each, outcome in zip(group, outcomes, strict=True):
            each.outcome = outcome
        self._hand_over(group)

    def _take(self, leader: _Request) -> list[_Request]:
        group = leader.group
        with self._mutex:
            size = 0
            while self._waiting and (not group or size + self._waiting[0].append.size_bytes <= self._group_bytes):
                group.append(self._waiting[0])  # in both rather than in none, should this be interrupted
                self._waiting.popleft()
                size += group[-1].append.size_bytes
        return group

    def _hand_over(self, group: list[_Request]) -> None:
        with self._mutex:
            successor = self._waiting[0] if self._waiting else None
            self._leader = successor
        # Those who are done first: they may be back with their next append before the successor takes its group.
        for request in group[1:]:
            if request.outcome is not None:
                request.wake()
        if successor is not None:
            successor.wake()

    def _left(self, request: _Request) -> None:
        """What a caller still owed to others when it was torn away. Members of its group that have no outcome queue
        again: their command ids tell what was done.
        """
        with self._mutex:
            leader = self._leader
            back = [each for each in request.group[1:] if each.outcome is None]
            rest = [each for each in self._waiting if each is not request and each not in back]
            self._waiting.clear()
            self._waiting.extend([*back, *rest])
        if leader is request:
            self._settlement.interrupted()
            self._hand_over(request.group)
        else:  # it had handed over, perhaps without having woken them all
            for each in (*request.group[1:], *filter(None, [leader])):
                each.wake()

    def close(self) -> bool:
        """Give the connection up unless a group is under way; whether that was possible."""
        claim = _Request(_NOTHING)
        with self._mutex:
            if self._leader is not None:
                return False
            self._leader = claim
        try:
            self._settlement.interrupted()
        finally:
            self._hand_over([])
        return True
