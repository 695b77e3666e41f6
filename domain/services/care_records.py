"""What the services of plans, diagnoses, medications and transcripts do alike: load, check, note, save."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar
from uuid import UUID

from domain.errors import NotFound
from domain.model.client import ClientEnteredInError
from domain.model.clinical import IN_ERROR, ClinicalRecord
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.views import JourneyItem, JourneyView
from domain.services.access import Access, Action
from domain.services.sight import seen
from domain.services.versions import check_version

R = TypeVar("R", bound=ClinicalRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class CareRecords(Generic[R]):
    """One kind of record. To accounts of clients an entry that was marked as entered in error does not exist: it may tell of
    somebody else.
    """

    ledger: Ledger
    access: Access
    store: AggregateStore[R]
    not_found: type[NotFound]
    record_class: RecordClass = RecordClass.JOURNAL

    def load(self, call: Call, action: Action, record_id: UUID) -> R:
        """Raises the kind's `not_found`, Denied, Erased."""
        self.access.require_role(call, action, (record_id,))
        record = self.store.get(record_id)
        self.access.require(
            call,
            action,
            record.record_class,
            record.client_id,
            (record_id,),
            author_id=keeper_of(call, record),
            hidden=self.not_found,
        )
        return record

    def for_change(self, call: Call, action: Action, record_id: UUID) -> R:
        """`load` for what changes it. Raises as `load`, and StaleVersion, ClientEnteredInError."""
        record = self.for_mark(call, action, record_id)
        self.access.require_open(record.client_id)
        return record

    def for_mark(self, call: Call, action: Action, record_id: UUID) -> R:
        """`load` for marking it as entered in error, which a chart entered in error allows. Raises as `load`, and
        StaleVersion.
        """
        record = self.load(call, action, record_id)
        check_version(call, record)
        return record

    def to_add(
        self, call: Call, action: Action, client_id: UUID, record_id: UUID, *, substance_use: bool = False
    ) -> None:
        """Before something new goes into the chart. Raises ClientNotFound, Denied, ClientEnteredInError."""
        record_class = RecordClass.SUD if substance_use else self.record_class
        standing = self.access.require(call, action, record_class, client_id, (record_id,))
        if not standing.open:
            raise ClientEnteredInError(client_id=client_id)

    def of_chart(self, call: Call, action: Action, client_id: UUID, record_id: UUID) -> R:
        """The one of this kind that a chart has. Raises ClientNotFound, the kind's `not_found`, Denied, Erased."""
        self.access.require(call, action, self.record_class, client_id, (record_id,))
        try:
            return self.store.get(record_id)
        except self.not_found:
            raise self.not_found(client_id=client_id) from None

    def has(self, record_id: UUID) -> bool:
        """Whether there is one already. Raises Erased."""
        try:
            self.store.get(record_id)
        except self.not_found:
            return False
        return True

    def tell(self, call: Call, action: Action, record: R) -> R:
        """Put the read on record, and answer it. Raises the kind's `not_found` to accounts of clients."""
        if call.actor.role is Role.CLIENT and record.in_error:
            self.withhold(call, action, record)
        self.ledger.note(call, _entry(action, record))
        return record

    def withhold(self, call: Call, action: Action, record: R) -> NoReturn:
        """Raises the kind's `not_found`, with the denial on record."""
        self.access.note_denial(call, action, record.client_id, (record.id,), "not_released_to_client")
        raise self.not_found

    def save(self, call: Call, action: Action, record: R) -> Receipt:
        """Append what is pending, with its audit entry. Raises as `Ledger.save`."""
        return self.ledger.save(call, _entry(action, record), record)


@dataclass(frozen=True, slots=True, kw_only=True)
class CareLists:
    """Lists of a client's records of one kind, from the journey."""

    ledger: Ledger
    access: Access
    journey: JourneyView

    def of(self, call: Call, action: Action, client_id: UUID, kind: str, at_least: int) -> Sequence[JourneyItem]:
        """In the order in which they were recorded; accounts of clients are not told of those entered in error.

        Raises ClientNotFound, Denied, ViewBehind, Erased.
        """
        self.access.require(call, action, RecordClass.JOURNAL, client_id, (client_id,))
        visible = seen(self.journey, self.access, call)
        items = visible.history((client_id,), at_least=at_least, kinds=(kind,)).get(client_id, ())
        if call.actor.role is Role.CLIENT:
            items = [item for item in items if item.state != IN_ERROR]
        self.ledger.note(call, AuditEntry(action=action, client_id=client_id, resources=(client_id,)))
        return items


def keeper_of(call: Call, record: ClinicalRecord) -> UUID | None:
    """Who wrote it, where that opens it: a record of substance-use treatment, to its author among those who treat."""
    return record.written_by if record.substance_use and call.actor.role is not Role.CLIENT else None


def _entry(action: Action, record: ClinicalRecord) -> AuditEntry:
    return AuditEntry(action=action, client_id=record.client_id, resources=(record.id,))
