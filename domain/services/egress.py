"""What may leave the house: a pure decision over agreement, purpose, class, consent, host and day; permits for what may."""

from datetime import datetime, timedelta
from threading import Lock
from typing import Final
from uuid import UUID, uuid4

from domain.errors import NotFound
from domain.model.agreement import LEAVING, Agreement, AgreementKind
from domain.ports.access import AccessState
from domain.ports.call import Call, Purpose
from domain.ports.egress import (
    Departure,
    EgressAgreementEnded,
    EgressClassNotAgreed,
    EgressConsentMissing,
    EgressDenied,
    EgressNotAgreed,
    EgressPurposeNotAgreed,
    Form,
    Permit,
    PermitRefused,
)
from domain.ports.ids import Clock
from domain.ports.keys import RecordClass
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action

PERMIT_LASTS: Final = timedelta(seconds=30)
_SWEEP_FROM: Final = 1_000
"""Unused permits, from which on those that ran out are forgotten."""
_BY_CONSENT: Final = frozenset((AgreementKind.RESEARCH, AgreementKind.OTHER))
_CONSENTED: Final = frozenset((Purpose.RESEARCH, Purpose.MODEL_TRAINING))


def denial_of_terms(agreement: Agreement, host: str, purpose: Purpose, at: datetime) -> type[EgressDenied] | None:
    """What stands in the way of anything at all going there; None when nothing does."""
    if not agreement.begun(at) or host not in agreement.hosts:
        return EgressNotAgreed
    if agreement.over(at):
        return EgressAgreementEnded
    if purpose not in agreement.purposes:
        return EgressPurposeNotAgreed
    return None


def denial_of_content(agreement: Agreement, departure: Departure) -> type[EgressDenied] | None:
    """What stands in the way of just this: its form, and the classes it comes from."""
    if departure.form is Form.TEXT and agreement.form is not Form.TEXT:
        return EgressClassNotAgreed
    if not (agreement.classes & LEAVING).issuperset(departure.classes):
        return EgressClassNotAgreed
    if RecordClass.SUD in departure.classes and agreement.kind is not AgreementKind.QUALIFIED_SERVICE_ORGANISATION:
        return EgressClassNotAgreed
    return None


def needs_consent(agreement: Agreement, departure: Departure) -> bool:
    """Whether each of the clients must have consented to the purpose. A qualified service organisation serves the practice
    without (42 CFR 2.12(c)(4)): with substance-use records for operations alone.
    """
    if agreement.kind in _BY_CONSENT or departure.purpose in _CONSENTED:
        return True
    return RecordClass.SUD in departure.classes and departure.purpose is not Purpose.OPERATIONS


class PermitOffice:
    """Gives out permits and takes them in again: implements domain.ports.egress.Gate. One a process; threads may share it."""

    def __init__(self, *, agreements: AggregateStore[Agreement], clock: Clock) -> None:
        self._agreements = agreements
        self._clock = clock
        self._given: dict[UUID, Permit] = {}
        self._lock = Lock()

    def issue(self, departure: Departure, agreement: Agreement) -> Permit:
        now = self._clock.now()
        permit = Permit(id=uuid4(), agreement_id=agreement.id, host=departure.host, until=now + PERMIT_LASTS)
        with self._lock:
            if len(self._given) >= _SWEEP_FROM:
                self._given = {each.id: each for each in self._given.values() if each.until > now}
            self._given[permit.id] = permit
        return permit

    def redeem(self, permit: Permit, host: str) -> None:
        with self._lock:
            given = self._given.pop(permit.id, None)
        now = self._clock.now()
        if given is None or given != permit or given.host != host or now >= given.until:
            raise PermitRefused(agreement_id=permit.agreement_id)
        # Somebody may have ended it since the permit was given.
        if self._agreements.get(given.agreement_id).over(now):
            raise PermitRefused(agreement_id=given.agreement_id)


class EgressService:
    """Implements domain.ports.egress.Egress."""

    def __init__(
        self, *, access: Access, state: AccessState, agreements: AggregateStore[Agreement], office: PermitOffice
    ) -> None:
        self._access = access
        self._state = state
        self._agreements = agreements
        self._office = office

    def permit(self, call: Call, departure: Departure) -> Permit:
        self._access.require_role(call, Action.DISCLOSURE_MAKE, tuple(filter(None, (departure.agreement_id,))))
        agreement = self._standing(departure.agreement_id, departure.host, departure.purpose, call.at)
        denial = denial_of_content(agreement, departure)
        if denial is None and needs_consent(agreement, departure) and not self._consented(departure):
            denial = EgressConsentMissing
        if denial is not None:
            raise denial(agreement_id=agreement.id)
        return self._office.issue(departure, agreement)

    def require_terms(self, call: Call, agreement_id: UUID | None, host: str, purpose: Purpose) -> None:
        """That the agreement lets anything go there at all. Raises EgressDenied, StoreUnavailable, KeysUnavailable."""
        self._standing(agreement_id, host, purpose, call.at)

    def _standing(self, agreement_id: UUID | None, host: str, purpose: Purpose, at: datetime) -> Agreement:
        if agreement_id is None:
            raise EgressNotAgreed
        try:
            agreement = self._agreements.get(agreement_id)
        except NotFound:
            raise EgressNotAgreed(agreement_id=agreement_id) from None
        denial = denial_of_terms(agreement, host, purpose, at)
        if denial is not None:
            raise denial(agreement_id=agreement_id)
        return agreement

    def _consented(self, departure: Departure) -> bool:
        """All of them. Where nobody is named, nobody was asked."""
        clients = departure.clients
        return bool(clients) and all(self._state.consented(client_id, departure.purpose) for client_id in clients)
