"""The medication list: what the client takes, took, and why it was stopped."""

from collections.abc import Sequence
from uuid import UUID

from domain.model.medication import Medication, MedicationContent, MedicationNotFound
from domain.ports.call import Call
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.views import JourneyItem, JourneyView
from domain.services.access import Access, Action
from domain.services.care_records import CareLists, CareRecords


class MedicationService:
    def __init__(
        self, *, ledger: Ledger, access: Access, medications: AggregateStore[Medication], journey: JourneyView
    ) -> None:
        self._records = CareRecords(ledger=ledger, access=access, store=medications, not_found=MedicationNotFound)
        self._lists = CareLists(ledger=ledger, access=access, journey=journey)

    def record(
        self,
        call: Call,
        medication_id: UUID,
        client_id: UUID,
        content: MedicationContent,
        *,
        substance_use: bool = False,
    ) -> Receipt:
        """Raises Denied, ClientNotFound, ClientEnteredInError, Invalid."""
        self._records.to_add(call, Action.MEDICATION_RECORD, client_id, medication_id, substance_use=substance_use)
        medication = Medication.record(
            medication_id,
            at=call.at,
            client_id=client_id,
            by=call.actor.id,
            content=content,
            substance_use=substance_use,
        )
        return self._records.save(call, Action.MEDICATION_RECORD, medication)

    def read(self, call: Call, medication_id: UUID) -> Medication:
        """Raises MedicationNotFound, Denied, Erased."""
        medication = self._records.load(call, Action.MEDICATION_READ, medication_id)
        return self._records.tell(call, Action.MEDICATION_READ, medication)

    def of_client(self, call: Call, client_id: UUID, at_least: int = 0) -> Sequence[JourneyItem]:
        """All of them, in the order in which they were recorded. Raises ClientNotFound, Denied, ViewBehind, Erased."""
        return self._lists.of(call, Action.MEDICATION_READ, client_id, "medication", at_least)

    def change(self, call: Call, medication_id: UUID, content: MedicationContent) -> Receipt:
        """Another dose, another prescriber, or a slip of the pen. Raises MedicationNotFound, Denied, StaleVersion,
        ClientEnteredInError, MedicationEnteredInError, MedicationUnchanged, Invalid.
        """
        medication = self._records.for_change(call, Action.MEDICATION_CHANGE, medication_id)
        medication.change(at=call.at, by=call.actor.id, content=content)
        return self._records.save(call, Action.MEDICATION_CHANGE, medication)

    def stop(self, call: Call, medication_id: UUID, stopped_on: str = "", reason: str = "") -> Receipt:
        """Raises as `change`, and MedicationAlreadyStopped."""
        medication = self._records.for_change(call, Action.MEDICATION_CHANGE, medication_id)
        medication.stop(at=call.at, by=call.actor.id, stopped_on=stopped_on, reason=reason)
        return self._records.save(call, Action.MEDICATION_CHANGE, medication)

    def mark_entered_in_error(self, call: Call, medication_id: UUID, reason: str) -> Receipt:
        """A wrong chart. Raises MedicationNotFound, Denied, StaleVersion, MedicationEnteredInError, Invalid."""
        medication = self._records.for_mark(call, Action.MEDICATION_CHANGE, medication_id)
        medication.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._records.save(call, Action.MEDICATION_CHANGE, medication)
