"""Something of a client's record that a person gave to somebody outside the house by hand."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import NotFound
from domain.model import checks
from domain.model.dates import past_day
from domain.ports.call import Purpose
from domain.ports.keys import RecordClass


class DisclosureNotFound(NotFound):
    code = "disclosure_not_found"
    message = "There is no disclosure with this id."


class LegalBasis(StrEnum):
    """Why it was allowed."""

    AUTHORISATION = "authorisation"
    """The client's, in writing (45 CFR 164.508; 42 CFR 2.31)."""
    TREATMENT = "treatment"
    REQUIRED_BY_LAW = "required_by_law"
    COURT_ORDER = "court_order"
    PUBLIC_HEALTH = "public_health"
    OVERSIGHT = "oversight"
    ABUSE_REPORT = "abuse_report"
    SERIOUS_THREAT = "serious_threat"
    RESEARCH = "research"
    UNINTENDED = "unintended"
    """It should not have happened. It is accounted for like any other."""


class Disclosure(Aggregate):
    """The organisation's own record: it outlives the client's, as the accounting of disclosures must."""

    TOPIC_KIND = "access"
    RECORD_CLASS = RecordClass.ACCESS
    NOT_FOUND = DisclosureNotFound

    def __init__(self) -> None:
        self.client_id: UUID
        self.agreement_id: UUID
        self.purpose: Purpose
        self.classes: tuple[RecordClass, ...]
        self.disclosed_on: date
        self.basis: LegalBasis

    @property
    def subject(self) -> None:
        return None

    class Event(Aggregate.Event):
        pass

    class Recorded(Event, Aggregate.Created):
        KIND: ClassVar[str] = "disclosure.recorded"
        client_id: UUID
        agreement_id: UUID
        purpose: Purpose
        classes: tuple[RecordClass, ...]
        disclosed_on: date
        basis: LegalBasis
        recorded_by: UUID

        def apply(self, aggregate: "Disclosure") -> None:
            aggregate.client_id = self.client_id
            aggregate.agreement_id = self.agreement_id
            aggregate.purpose = self.purpose
            aggregate.classes = self.classes
            aggregate.disclosed_on = self.disclosed_on
            aggregate.basis = self.basis

    @classmethod
    def record(  # noqa: PLR0913 - one argument a fact of the disclosure
        cls,
        disclosure_id: UUID,
        *,
        at: datetime,
        by: UUID,
        client_id: UUID,
        agreement_id: UUID,
        purpose: Purpose,
        classes: tuple[RecordClass, ...],
        disclosed_on: date,
        basis: LegalBasis,
    ) -> "Disclosure":
        """Whatever happened can be recorded, also what should not have. Raises OutOfRange, ImpossibleTime."""
        told = {each for each in classes if not each.of_organisation and each is not RecordClass.VIEW}
        checks.count("classes", tuple(told), len(RecordClass), least=1)
        past_day("disclosed_on", disclosed_on, at)
        return cls._create(
            cls.Recorded,
            id=disclosure_id,
            timestamp=at,
            client_id=client_id,
            agreement_id=agreement_id,
            purpose=purpose,
            classes=tuple(sorted(told)),
            disclosed_on=disclosed_on,
            basis=basis,
            recorded_by=by,
        )
