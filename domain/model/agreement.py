"""An agreement with somebody outside the house: who may be sent what, what for, and where to."""

import re
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Invalid, NotFound
from domain.model import checks
from domain.model.dates import past_day
from domain.ports.call import Purpose
from domain.ports.egress import Form
from domain.ports.keys import RecordClass

RECIPIENT_MOST: Final = 200
ADDRESS_MOST: Final = 500
DOCUMENT_MOST: Final = 200
HOSTS_MOST: Final = 20
LEAVING: Final = frozenset((RecordClass.IDENTITY, RecordClass.JOURNAL, RecordClass.MEASURES, RecordClass.SUD))
"""Classes that an agreement can cover. Psychotherapy notes leave by no machine, whatever was agreed."""
_HOST: Final = re.compile(r"[a-z0-9._:-]{1,253}", re.ASCII)
# A day's grace: an agreement signed today is in force wherever it is today already, or still.
_GRACE: Final = timedelta(days=1)


class AgreementNotFound(NotFound):
    code = "agreement_not_found"
    message = "There is no agreement with this id."


class AgreementEnded(Conflict):
    code = "agreement_ended"
    message = "The agreement was ended before."


class AgreementKind(StrEnum):
    BUSINESS_ASSOCIATE = "business_associate"
    """45 CFR 164.504(e)."""
    QUALIFIED_SERVICE_ORGANISATION = "qualified_service_organisation"
    """42 CFR 2.11: bound by the rules on substance-use records as well."""
    PROCESSOR = "processor"
    """GDPR article 28."""
    RESEARCH = "research"
    OTHER = "other"
    """A recipient with no such contract: an authority, another practice. Only with the client's consent by machine."""


class Agreement(Aggregate):
    """Days are inclusive, counted in UTC. Hosts are names alone: no scheme, no port, no wildcard. Never names a client."""

    TOPIC_KIND = "access"
    RECORD_CLASS = RecordClass.ACCESS
    NOT_FOUND = AgreementNotFound

    def __init__(self) -> None:
        self.recipient: str
        self.address: str
        self.kind: AgreementKind
        self.purposes: frozenset[Purpose]
        self.classes: frozenset[RecordClass]
        self.form: Form
        self.hosts: tuple[str, ...]
        self.signed_on: date
        self.ends_on: date | None
        self.document: str
        self.recorded_at: datetime
        self.ended_at: datetime | None = None

    @property
    def subject(self) -> None:
        return None

    class Event(Aggregate.Event):
        pass

    class Recorded(Event, Aggregate.Created):
        KIND: ClassVar[str] = "agreement.recorded"
        recipient: str
        address: str
        agreement_kind: AgreementKind
        purposes: tuple[Purpose, ...]
        classes: tuple[RecordClass, ...]
        form: Form
        hosts: tuple[str, ...]
        signed_on: date
        ends_on: date | None
        document: str
        recorded_by: UUID

        def apply(self, aggregate: "Agreement") -> None:
            aggregate.recipient = self.recipient
            aggregate.address = self.address
            aggregate.kind = self.agreement_kind
            aggregate.purposes = frozenset(self.purposes)
            aggregate.classes = frozenset(self.classes)
            aggregate.form = self.form
            aggregate.hosts = self.hosts
            aggregate.signed_on = self.signed_on
            aggregate.ends_on = self.ends_on
            aggregate.document = self.document
            aggregate.recorded_at = self.timestamp

    class Ended(Event):
        """At once, whatever day was agreed on."""

        KIND: ClassVar[str] = "agreement.ended"
        ended_by: UUID

        def apply(self, aggregate: "Agreement") -> None:
            aggregate.ended_at = self.timestamp

    @classmethod
    def record(  # noqa: PLR0913 - one argument a fact of the agreement
        cls,
        agreement_id: UUID,
        *,
        at: datetime,
        by: UUID,
        recipient: str,
        address: str,
        kind: AgreementKind,
        purposes: tuple[Purpose, ...],
        classes: tuple[RecordClass, ...],
        form: Form,
        hosts: tuple[str, ...],
        signed_on: date,
        ends_on: date | None = None,
        document: str = "",
    ) -> "Agreement":
        """Raises TextNotAllowed, OutOfRange, ImpossibleTime, Invalid."""
        checks.text("recipient", recipient, RECIPIENT_MOST, least=1, one_line=True)
        checks.text("address", address, ADDRESS_MOST)
        checks.text("document", document, DOCUMENT_MOST, one_line=True)
        checks.count("purposes", purposes, len(Purpose), least=1)
        _check_classes(kind, classes)
        _check_hosts(hosts)
        past_day("signed_on", signed_on, at)
        if ends_on is not None and ends_on < signed_on:
            raise checks.ImpossibleTime("ends_on lies before signed_on.", field="ends_on")
        return cls._create(
            cls.Recorded,
            id=agreement_id,
            timestamp=at,
            recipient=recipient,
            address=address,
            agreement_kind=kind,
            purposes=tuple(sorted(set(purposes))),
            classes=tuple(sorted(set(classes))),
            form=form,
            hosts=tuple(sorted(set(hosts))),
            signed_on=signed_on,
            ends_on=ends_on,
            document=document,
            recorded_by=by,
        )

    def end(self, *, at: datetime, by: UUID) -> None:
        """Raises AgreementEnded."""
        if self.ended_at is not None:
            raise AgreementEnded(agreement_id=self.id)
        self.trigger_event(self.Ended, timestamp=at, ended_by=by)

    def begun(self, at: datetime) -> bool:
        return self.signed_on <= at.date() + _GRACE

    def over(self, at: datetime) -> bool:
        """Ended by somebody, or past its last day."""
        return self.ended_at is not None or (self.ends_on is not None and at.date() > self.ends_on)


def _check_classes(kind: AgreementKind, classes: tuple[RecordClass, ...]) -> None:
    checks.count("classes", classes, len(LEAVING))
    if not LEAVING.issuperset(classes):
        listed = ", ".join(sorted(LEAVING))
        raise Invalid(f"An agreement can cover these classes of record: {listed}.", field="classes")
    if RecordClass.SUD in classes and kind is not AgreementKind.QUALIFIED_SERVICE_ORGANISATION:
        raise Invalid("Only a qualified service organisation is sent records of the class sud.", field="classes")


def _check_hosts(hosts: tuple[str, ...]) -> None:
    checks.count("hosts", hosts, HOSTS_MOST)
    for index, host in enumerate(hosts):
        if not _HOST.fullmatch(host):
            raise Invalid("A host is a name in lower case, such as platform.example.", field=f"hosts[{index}]")
