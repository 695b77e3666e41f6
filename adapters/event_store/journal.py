"""Audit entries into rows: each request is a stream of its own, whose versions count its entries."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

from adapters.event_store.mapper import Mapper
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, Appended, NewRow
from adapters.keys.caches import BoundedCache
from domain.errors import StaleVersion
from domain.model.audit import AuditEvent
from domain.ports.audit import AuditEntry
from domain.ports.call import Call

_REQUESTS_KNOWN: Final = 4096
_ATTEMPTS: Final = 8


class AuditedAppends:
    """Appends with audit entries, numbered on from the request's last one.

    How many entries a request has is remembered for the newest requests of this process. That is only a guess which
    saves a query: when another thread or process, or an earlier life of this one, wrote entries for the same request,
    the recorder says where the stream stands and the entries are sealed again for the places after it.
    """

    def __init__(self, recorder: Recorder, mapper: Mapper) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._counted: BoundedCache[UUID, int] = BoundedCache(_REQUESTS_KNOWN)

    def append(self, call: Call, entries: Sequence[AuditEntry], make: Callable[[Sequence[NewRow]], Append]) -> Appended:
        """`make` gets the sealed audit rows and gives the whole append. Raises what Recorder.append raises."""
        written = self._counted.get(call.request_id) or 0
        attempts = 0
        while True:
            attempts += 1
            try:
                appended = self._recorder.append(make(self._rows(call, entries, written)))
            except StaleVersion as stale:
                head = _head(stale, call.request_id)
                if head is None or attempts == _ATTEMPTS:
                    raise
                written = head
            else:
                if not appended.replayed:
                    self._counted.put(call.request_id, written + len(entries))
                return appended

    def _rows(self, call: Call, entries: Sequence[AuditEntry], written: int) -> list[NewRow]:
        return [
            self._mapper.to_row(AuditEvent.of(call, entry, number))
            for number, entry in enumerate(entries, start=written + 1)
        ]


def _head(stale: StaleVersion, request_id: UUID) -> int | None:
    """Where the request's stream stands, if that stream is what was stale."""
    if stale.facts.get("stream") != str(request_id):
        return None
    with suppress(KeyError, ValueError):
        return int(stale.facts["stored"])
    return 0
