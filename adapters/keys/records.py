"""What the log says about keys: an unsealed record of counts and generations, with the audit entry of who did it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from adapters.event_store.journal import AuditedAppends
from adapters.event_store.mapper import Mapper
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, CommandRow
from adapters.event_store.unsealed import SystemRecord
from domain.ports.audit import AuditEntry
from domain.ports.call import Call

KEYS_ROTATED = "system.keys_rotated"


class LoggedKeyRecords:
    """Satisfies domain.ports.keys.KeyRecords."""

    def __init__(self, recorder: Recorder, mapper: Mapper) -> None:
        self._mapper = mapper
        self._audited = AuditedAppends(recorder, mapper)

    def rotated(self, call: Call, entry: AuditEntry, facts: Mapping[str, Any], command: UUID | None = None) -> int:
        record = SystemRecord(
            originator_id=uuid4(), originator_version=1, timestamp=call.at, kind=KEYS_ROTATED, facts=facts
        )
        row, stored = self._mapper.to_row(record), CommandRow(id=command or uuid4())
        return self._audited.append(call, [entry], lambda audit: Append(rows=[row, *audit], command=stored)).last
