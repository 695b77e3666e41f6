"""Disclosures that people made by hand, on record for the accounting; and who the recipients of all of them are."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import date
from uuid import UUID

from domain.errors import NotFound
from domain.model.agreement import Agreement
from domain.model.client import ClientNotFound
from domain.model.disclosure import Disclosure, LegalBasis
from domain.ports.access import AccessState
from domain.ports.audit import AuditEntry, Given
from domain.ports.call import Call, Purpose, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action


class DisclosureService:
    def __init__(
        self, *, ledger: Ledger, access: Access, state: AccessState, agreements: AggregateStore[Agreement]
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._agreements = agreements

    def record(  # noqa: PLR0913 - one argument a fact of the disclosure
        self,
        call: Call,
        disclosure_id: UUID,
        client_id: UUID,
        *,
        agreement_id: UUID,
        purpose: Purpose,
        classes: Sequence[RecordClass],
        disclosed_on: date,
        basis: LegalBasis,
    ) -> Receipt:
        """By who leads the treatment, and by compliance officers also of a client whose record was erased since. The
        agreement may be over: what was given was given.

        Raises ClientNotFound, Erased, AgreementNotFound, Denied, Invalid.
        """
        officer = call.actor.role is Role.COMPLIANCE_OFFICER
        asked = None if officer else client_id
        self._access.require(call, Action.DISCLOSURE_RECORD, RecordClass.ACCESS, asked, (client_id,))
        if officer and not (self._state.client_exists(client_id) or self._state.erased(client_id)):
            raise ClientNotFound(client_id=client_id)
        self._agreements.get(agreement_id)
        disclosure = Disclosure.record(
            disclosure_id,
            at=call.at,
            by=call.actor.id,
            client_id=client_id,
            agreement_id=agreement_id,
            purpose=purpose,
            classes=tuple(classes),
            disclosed_on=disclosed_on,
            basis=basis,
        )
        entry = AuditEntry(
            action=Action.DISCLOSURE_RECORD,
            client_id=client_id,
            resources=(agreement_id, disclosure_id),
            reason=basis.value,
        )
        return self._ledger.save(call, entry, disclosure)


class KnownRecipients:
    """Implements domain.ports.audit.Recipients: agreements name who it was, and records of disclosures what."""

    def __init__(self, *, agreements: AggregateStore[Agreement], disclosures: AggregateStore[Disclosure]) -> None:
        self._agreements = agreements
        self._disclosures = disclosures

    def names(self, ids: Collection[UUID]) -> Mapping[UUID, str]:
        found: dict[UUID, str] = {}
        for each in ids:
            with suppress(NotFound):
                found[each] = self._agreements.get(each).recipient
        return found

    def given(self, ids: Collection[UUID]) -> Mapping[UUID, Given]:
        found: dict[UUID, Given] = {}
        for each in ids:
            with suppress(NotFound):
                disclosure = self._disclosures.get(each)
                found[each] = Given(
                    on=disclosure.disclosed_on,
                    purpose=disclosure.purpose.value,
                    classes=tuple(map(str, disclosure.classes)),
                    basis=disclosure.basis.value,
                )
        return found
