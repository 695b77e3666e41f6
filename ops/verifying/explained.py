"""States that are gone, and the records in the log that say why."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from adapters.event_store.incarnations import RESTORED
from adapters.event_store.unsealed import SystemRecord
from adapters.log.notes import NoteInvalid, VerifierKey
from adapters.log.removals import removed_positions
from adapters.log.restores import Announced, announced_restore
from domain.errors import SealBroken
from ops.verifying.findings import Findings, Kind
from ops.verifying.leaves import log_name

_NOBODY: Final = UUID(int=0)


class Explained:
    """`keys` are those of the log: without them no record of a removal can be believed."""

    def __init__(self, deployment: UUID, keys: Sequence[VerifierKey], findings: Findings) -> None:
        self._deployment = deployment
        self._keys = keys
        self._findings = findings
        self._lacking: set[int] = set()
        self._named: set[int] = set()

    def lacking(self, position: int) -> None:
        """The state at this position is gone."""
        self._lacking.add(position)

    def take(self, position: int, incarnation: int, state: bytes) -> None:
        """An unsealed record. Only positions before it can be named."""
        record = _record(state)
        if record is None or "note" not in record.facts or "positions" not in record.facts:
            return
        try:
            named = removed_positions(record.facts, log_name(self._deployment, incarnation), self._keys)
        except NoteInvalid:
            self._findings.add(Kind.ALTERED, position, "removal_unsigned")
            return
        self._named |= {each for each in named if each < position}

    @staticmethod
    def restores(topic: Any, state: Any) -> bool:
        """Whether this is the record that an incarnation opened by a restore begins with."""
        if not isinstance(topic, str) or not topic.startswith("system.") or not isinstance(state, bytes):
            return False
        record = _record(state)
        return record is not None and record.kind == RESTORED

    def announced(self, incarnation: int, state: bytes) -> Announced | None:
        """What the log's key vouches for of such a record; None where it doesn't."""
        record = _record(state)
        try:
            return announced_restore(
                record.facts if record else {}, log_name(self._deployment, incarnation), self._keys
            )
        except NoteInvalid:
            return None

    def end(self) -> None:
        """A state that is gone without a record is missing."""
        for position in self._lacking - self._named:
            self._findings.add(Kind.MISSING, position, "state")


def _record(state: bytes) -> SystemRecord | None:
    try:
        return SystemRecord.decoded(state, _NOBODY, 1)
    except SealBroken:
        return None
