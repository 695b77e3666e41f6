"""Group commit without a thread of its own: callers queue up, the first of them leads and commits for all who wait.

The leader takes the lock of the log before it takes the group, so that whoever arrives while it waits still comes along.
When it is done it wakes its members, and the first who came meanwhile leads next. A single caller therefore commits in
its own thread, with no hand-over.
"""

from collections import deque
from threading import Lock
from typing import Final
from uuid import UUID

from adapters.event_store.rows import Append, Appended, CommandRow
from adapters.event_store.settlement import Outcome, Settlement

GROUP_BYTES: Final = 4 * 1024 * 1024
_NOTHING: Final = Append(rows=(), command=CommandRow(id=UUID(int=0)))


class _Request:
    """One caller's append. `gate` opens when it has an outcome, or when it is to lead."""

    __slots__ = ("append", "gate", "outcome")

    def __init__(self, append: Append) -> None:
        self.append = append
        self.gate = Lock()
        self.gate.acquire()
        self.outcome: Outcome | None = None


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
        with self._mutex:
            self._waiting.append(request)
            if self._leader is None:
                self._leader = request
        if self._leader is not request:
            self._follow(request)
        if request.outcome is None:
            self._lead()
        outcome = request.outcome
        if isinstance(outcome, Appended):
            return outcome
        if outcome is None:
            raise RuntimeError("a group ended without an outcome for each member")
        raise outcome

    def _follow(self, request: _Request) -> None:
        try:
            request.gate.acquire()
        except BaseException:  # KeyboardInterrupt: nobody waits for the answer, and nobody would lead
            with self._mutex:
                if request in self._waiting:
                    self._waiting.remove(request)
                leads = self._leader is request
            if leads:
                self._hand_over([])
            raise

    def _lead(self) -> None:
        """Carry the next group through, this thread's own request first in it, and hand over."""
        group: list[_Request] = []
        try:
            fault = self._settlement.begin()
            group = self._take()
            appends = [request.append for request in group]
            outcomes = self._settlement.settle(appends) if fault is None else self._settlement.failed(appends, fault)
            for request, outcome in zip(group, outcomes, strict=True):
                request.outcome = outcome
        except BaseException:
            self._interrupted(group)
            raise
        finally:
            self._hand_over(group[1:])

    def _take(self) -> list[_Request]:
        with self._mutex:
            group = [self._waiting.popleft()]
            size = group[0].append.size_bytes
            while self._waiting and size + self._waiting[0].append.size_bytes <= self._group_bytes:
                group.append(self._waiting.popleft())
                size += group[-1].append.size_bytes
        return group

    def _interrupted(self, group: list[_Request]) -> None:
        """The leader is torn away (KeyboardInterrupt). The others queue again: their command ids tell what was done."""
        self._settlement.interrupted()
        with self._mutex:
            if not group:
                self._waiting.popleft()
            self._waiting.extendleft(request for request in reversed(group[1:]) if request.outcome is None)

    def _hand_over(self, members: list[_Request]) -> None:
        with self._mutex:
            successor = self._waiting[0] if self._waiting else None
            self._leader = successor
        # Those who are done first: they may be back with their next append before the successor takes its group.
        for request in members:
            if request.outcome is not None:
                request.gate.release()
        if successor is not None:
            successor.gate.release()

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
