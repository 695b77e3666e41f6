"""The steps of an erasure on real databases, with the key that signs and the place off the box."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import Engine

from adapters.access.instants import microseconds
from adapters.access.tables import legal_holds
from adapters.db.engines import Databases
from adapters.db.errors import translated
from adapters.erasure.fence import set_fence
from adapters.erasure.leases import released
from adapters.erasure.notes import RECEIPT, body_of, register_text, text_of
from adapters.erasure.purge import empty_write_ahead_log, purge_audit_view, purge_events, purge_views, redact
from adapters.event_store.ledger import EventLedger
from adapters.event_store.recorder import Recorder
from adapters.event_store.unsealed import SystemRecord
from adapters.event_store.writer import exclusive_transaction
from adapters.keys.destruction import KeyDestruction
from adapters.keys.ring import KeyRing
from adapters.log.notes import NoteSigner
from adapters.log.proofs import SqlLogProofs
from adapters.log.removals import removal_facts
from adapters.views.tracking import ViewTracking
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.erasure import Classes, ErasureNote, Fence, OffBoxMissing, Purged, Released, UnderLegalHold
from domain.ports.ids import Clock
from domain.ports.ledger import Recordable
from domain.ports.offbox import OffBox, OffBoxConflict

ERASED: Final = "system.erased"
AUDIT_KEYS_DESTROYED: Final = "system.audit_keys_destroyed"
_RECEIPTS: Final = "receipts/"


class _Announcement:
    """A record about the log, as the ledger takes pending events: it begins and ends a stream of its own."""

    subject = None

    def __init__(self, record: SystemRecord) -> None:
        self.id: UUID = record.originator_id
        self.version = record.originator_version
        self.pending_events: Sequence[SystemRecord] = (record,)

    def collect_events(self) -> Sequence[SystemRecord]:
        """As aggregates do."""
        settled, self.pending_events = self.pending_events, ()
        return settled


class SqlEraser:
    """Satisfies domain.ports.erasure.Eraser. `signer` and `place` None: nothing can be erased.

    `retention` opens an engine with the rights of the retention role, for the one moment in which states are removed.
    """

    def __init__(  # noqa: PLR0913 - wiring
        self,
        *,
        databases: Databases,
        recorder: Recorder,
        ledger: EventLedger,
        keys: KeyRing,
        tracking: ViewTracking,
        clock: Clock,
        signer: NoteSigner | None,
        place: OffBox | None,
        retention: Callable[[], Engine],
    ) -> None:
        self._databases = databases
        self._recorder = recorder
        self._ledger = ledger
        self._keys = keys
        self._tracking = tracking
        self._clock = clock
        self._signer = signer
        self._place = place
        self._retention = retention
        self._destruction = KeyDestruction(databases.keys)

    def check(self) -> None:
        _ = self._signing, self._off_box

    def fence(self, erasure_id: UUID, client_id: UUID, classes: Classes) -> Fence:
        fence = set_fence(self._databases.events, erasure_id, client_id, classes)
        self._keys.bar(client_id, classes)
        return fence

    def announce(self, note: ErasureNote) -> None:
        self._off_box.put(note.name, self._signing.sign(register_text(note)).encode())

    def destroy_keys(self, client_id: UUID, classes: Classes, at: datetime) -> int:
        at_us = microseconds(at)
        self._keys.bar(client_id, classes)
        if classes:
            return self._destruction.destroy_classes(client_id, classes, at_us)
        return self._destruction.destroy_owner(client_id, at_us)

    def purge(self, erasure_id: UUID, client_id: UUID, classes: Classes, position: int) -> Purged:
        purge_views(self._tracking, client_id, classes, position, self._databases.events)
        purged = purge_events(self._databases.events, erasure_id, client_id, classes)
        self._empty_write_ahead_logs()
        return purged

    def redact(self, positions: Sequence[int]) -> None:
        if not positions:
            return
        engine = self._retention()
        try:
            redact(engine, positions)
        finally:
            engine.dispose()
        self._empty_write_ahead_logs()

    def released(self, number: int) -> Released:
        return released(self._databases.events, number)

    def record(self, call: Call, entry: AuditEntry, erasure: Recordable, facts: Mapping[str, object]) -> None:
        redacted: Any = facts.get("redacted", ())
        signed = removal_facts(self._signing, self._log, redacted, "erasure") if redacted else {}
        record = self._record(_stream(erasure.id), ERASED, {**facts, **signed})
        self._ledger.save(call, entry, erasure, _Announcement(record))

    def receipt(self, erasure_id: UUID, body: Mapping[str, object]) -> str:
        name = f"{_RECEIPTS}{erasure_id}"
        stored = self._stored(name)
        if stored is not None:
            return stored
        row = self._recorder.read_stream(_stream(erasure_id))[0]
        place = {
            "log": self._log.decode(),
            "position": row.position,
            "leaf": row.leaf.hex(),
            "proof": self._proof(row.position),
            "write_ahead_logs": "emptied" if self._empty_write_ahead_logs() else "kept_by_readers",
        }
        text = self._signing.sign(text_of(RECEIPT, {**body, **place}))
        try:
            self._off_box.put(name, text.encode())
        except OffBoxConflict:  # another process was quicker, over a log that was shorter: its receipt is the one
            return self._stored(name) or text
        return text

    def _stored(self, name: str) -> str | None:
        """Raises NoteInvalid for what this log's key did not sign: somebody else's, put there before."""
        stored = self._off_box.get(name)
        if stored is None:
            return None
        body_of(RECEIPT, stored, self._signing.verifier)
        return stored.decode()

    def _proof(self, position: int) -> dict[str, object]:
        """That the record is a leaf of the log as it is now; a proof of consistency leads from there to any checkpoint."""
        proof = SqlLogProofs(self._databases.events).inclusion(position)
        return {
            "size": proof.size,
            "root": proof.root.hex(),
            "hashes": [each.hex() for each in proof.hashes],
        }

    def audit_keys_before(self, before: datetime) -> Sequence[UUID]:
        return self._destruction.audit_keys_before(microseconds(before))

    def destroy_audit_keys(self, call: Call, entry: AuditEntry, keys: Sequence[UUID], at: datetime) -> int:
        # Said first: a trail that can't be read must not be missing without a reason. Whoever dies in between does it again.
        stream = uuid5(self._recorder.deployment_id, f"audit-keys:{microseconds(at)}")
        before = _day_after(self._destruction.made_last(keys))
        facts = {"keys": [str(each) for each in keys], "made_before": before.isoformat()}
        with translated("events"), exclusive_transaction(self._databases.events) as connection:
            if connection.execute(legal_holds.select().where(legal_holds.c.lifted.is_(False)).limit(1)).first():
                raise UnderLegalHold
        self._ledger.save(call, entry, _Announcement(self._record(stream, AUDIT_KEYS_DESTROYED, facts)))
        # The view holds in clear what the keys sealed: first, so that nothing is left if this ends between, and once more
        # for what a projection wrote meanwhile.
        purge_audit_view(self._tracking, microseconds(before))
        destroyed = self._destruction.destroy_audit_keys(keys, microseconds(at))
        purge_audit_view(self._tracking, microseconds(before))
        self._empty_write_ahead_logs()
        return destroyed

    def _record(self, stream: UUID, kind: str, facts: Mapping[str, object]) -> SystemRecord:
        return SystemRecord(
            originator_id=stream, originator_version=1, timestamp=self._clock.now(), kind=kind, facts=dict(facts)
        )

    def _empty_write_ahead_logs(self) -> bool:
        emptied = True
        for engine in (self._databases.events, self._databases.keys, self._databases.views):
            emptied = empty_write_ahead_log(engine) and emptied  # each, also after one that readers kept
        return emptied

    @property
    def _log(self) -> bytes:
        return self._recorder.log.name

    @property
    def _signing(self) -> NoteSigner:
        if self._signer is None:
            raise OffBoxMissing("There is no key to sign receipts with.")
        return self._signer

    @property
    def _off_box(self) -> OffBox:
        if self._place is None:
            raise OffBoxMissing
        return self._place


def _stream(erasure_id: UUID) -> UUID:
    """Of the record about an erasure: one an erasure, so that it can't be written twice."""
    return uuid5(erasure_id, ERASED)


def _day_after(at_us: int) -> datetime:
    """The midnight that ends the day (UTC): what audit keys of that day sealed was recorded before it."""
    day = datetime.fromtimestamp(at_us / 1_000_000, UTC)
    return day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
