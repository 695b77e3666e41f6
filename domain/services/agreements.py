"""Agreements: recorded, read and ended by whoever runs the deployment and whoever answers for compliance."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from domain.model.agreement import Agreement, AgreementKind
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Purpose
from domain.ports.egress import AgreementList, Form
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action


class AgreementService:
    def __init__(
        self, *, ledger: Ledger, access: Access, agreements: AggregateStore[Agreement], listed: AgreementList
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._agreements = agreements
        self._listed = listed

    def record(  # noqa: PLR0913 - one argument a fact of the agreement
        self,
        call: Call,
        agreement_id: UUID,
        *,
        recipient: str,
        address: str,
        kind: AgreementKind,
        purposes: Sequence[Purpose],
        classes: Sequence[RecordClass],
        form: Form,
        hosts: Sequence[str],
        signed_on: date,
        ends_on: date | None = None,
        document: str = "",
    ) -> Receipt:
        """Raises Denied, Invalid."""
        self._access.require(call, Action.AGREEMENT_RECORD, RecordClass.ACCESS, resources=(agreement_id,))
        agreement = Agreement.record(
            agreement_id,
            at=call.at,
            by=call.actor.id,
            recipient=recipient,
            address=address,
            kind=kind,
            purposes=tuple(purposes),
            classes=tuple(classes),
            form=form,
            hosts=tuple(hosts),
            signed_on=signed_on,
            ends_on=ends_on,
            document=document,
        )
        return self._ledger.save(call, _entry(Action.AGREEMENT_RECORD, agreement_id), agreement)

    def read(self, call: Call, agreement_id: UUID) -> Agreement:
        """Raises AgreementNotFound, Denied."""
        self._access.require(call, Action.AGREEMENT_READ, RecordClass.ACCESS, resources=(agreement_id,))
        agreement = self._agreements.get(agreement_id)
        self._ledger.note(call, _entry(Action.AGREEMENT_READ, agreement_id))
        return agreement

    def browse(self, call: Call) -> Sequence[Agreement]:
        """All there ever were, oldest first. Raises Denied."""
        self._access.require(call, Action.AGREEMENT_READ, RecordClass.ACCESS)
        agreements = [self._agreements.get(agreement_id) for agreement_id in self._listed.listed()]
        self._ledger.note(call, _entry(Action.AGREEMENT_READ, *(agreement.id for agreement in agreements)))
        return agreements

    def end(self, call: Call, agreement_id: UUID) -> Receipt:
        """At once: nothing goes out under it any more, and it does not come back. Raises AgreementNotFound,
        AgreementEnded, Denied.
        """
        self._access.require(call, Action.AGREEMENT_END, RecordClass.ACCESS, resources=(agreement_id,))
        agreement = self._agreements.get(agreement_id)
        agreement.end(at=call.at, by=call.actor.id)
        return self._ledger.save(call, _entry(Action.AGREEMENT_END, agreement_id), agreement)


def _entry(action: Action, *resources: UUID) -> AuditEntry:
    return AuditEntry(action=action, resources=resources)
