"""A client: an opaque id, who cares for them, what they consented to. Who they are is kept apart, in `identity`."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Invalid, NotFound
from domain.model import checks
from domain.model.values import RepresentativeAuthority
from domain.ports.access import Relation
from domain.ports.call import Purpose
from domain.ports.keys import RecordClass

REASON_MOST: Final = 2_000
DOCUMENT_MOST: Final = 200
CARE_TEAM_MOST: Final = 200
REPRESENTED_MOST: Final = timedelta(days=20 * 366)
TEAM_RELATIONS: Final = frozenset(
    (Relation.PRIMARY_CLINICIAN, Relation.CLINICIAN, Relation.SUPERVISOR, Relation.REPRESENTATIVE, Relation.SYSTEM)
)


class ClientNotFound(NotFound):
    code = "client_not_found"
    message = "There is no client with this id."


class ClientEnteredInError(Conflict):
    code = "client_entered_in_error"
    message = "This chart was marked as entered in error; it stays readable and takes nothing new."
    hint = "Write in the right chart. What stands here can still be signed, called off or marked as entered in error."


class AlreadyInCareTeam(Conflict):
    code = "already_in_care_team"
    message = "The account is in the care team with this relation already."


class NotInCareTeam(Conflict):
    code = "not_in_care_team"
    message = "The account is not in the care team."


class LastPrimaryClinician(Conflict):
    code = "last_primary_clinician"
    message = "A client must keep a primary clinician."
    hint = "Let a colleague join as primary clinician first."


class ConsentNotFound(NotFound):
    code = "consent_not_found"
    message = "The client has no consent with this id."


class ConsentAlreadyGiven(Conflict):
    code = "consent_already_given"
    message = "A consent with this id was recorded before."


class ConsentAlreadyWithdrawn(Conflict):
    code = "consent_already_withdrawn"
    message = "This consent was withdrawn before."


class ClientStatus(StrEnum):
    ACTIVE = "active"
    ENTERED_IN_ERROR = "entered_in_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """`document` names the signed form and its version, such as `research-consent/2026-03`; never its text."""

    id: UUID
    purpose: Purpose
    document: str
    given_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """By what right an account stands for the client, and until when."""

    authority: RepresentativeAuthority
    until: datetime


class Client(Aggregate):
    """`care_team` maps account ids to relations in the order they joined; `consents` maps ids to consents;
    `representatives` those of the team who stand for the client to what gives them the right.
    """

    TOPIC_KIND = "client"
    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = ClientNotFound

    def __init__(self) -> None:
        self.status = ClientStatus.ACTIVE
        self.registered_by: UUID
        self.care_team: dict[UUID, Relation] = {}
        self.consents: dict[UUID, Consent] = {}
        self.representatives: dict[UUID, Representation] = {}
        self.error_reason = ""

    @property
    def subject(self) -> UUID:
        return self.id

    @property
    def open(self) -> bool:
        """Whether the chart takes new entries; in one entered in error, what stands is only finished."""
        return self.status is ClientStatus.ACTIVE

    class Event(Aggregate.Event):
        pass

    class Registered(Event, Aggregate.Created):
        KIND: ClassVar[str] = "client.registered"
        registered_by: UUID

        def apply(self, aggregate: "Client") -> None:
            aggregate.registered_by = self.registered_by

    class CareTeamJoined(Event):
        """Also how a member's relation changes: the newest joining counts."""

        KIND: ClassVar[str] = "client.care_team_joined"
        account_id: UUID
        relation: Relation
        joined_by: UUID

        def apply(self, aggregate: "Client") -> None:
            aggregate.care_team[self.account_id] = self.relation
            aggregate.representatives.pop(self.account_id, None)

    class RepresentativeLetIn(Event):
        """Or let in anew, by another right or until another time. What it gives ends by itself at `until`."""

        KIND: ClassVar[str] = "client.representative_let_in"
        account_id: UUID
        authority: RepresentativeAuthority
        until: datetime
        let_in_by: UUID

        def apply(self, aggregate: "Client") -> None:
            aggregate.care_team[self.account_id] = Relation.REPRESENTATIVE
            aggregate.representatives[self.account_id] = Representation(authority=self.authority, until=self.until)

    class CareTeamLeft(Event):
        KIND: ClassVar[str] = "client.care_team_left"
        account_id: UUID
        removed_by: UUID

        def apply(self, aggregate: "Client") -> None:
            aggregate.care_team.pop(self.account_id, None)
            aggregate.representatives.pop(self.account_id, None)

    class ConsentGiven(Event):
        KIND: ClassVar[str] = "client.consent_given"
        consent_id: UUID
        purpose: Purpose
        document: str
        given_at: datetime
        recorded_by: UUID

        def apply(self, aggregate: "Client") -> None:
            aggregate.consents[self.consent_id] = Consent(
                id=self.consent_id, purpose=self.purpose, document=self.document, given_at=self.given_at
            )

    class ConsentWithdrawn(Event):
        """Holds from when it is recorded: what was done under the consent before stays lawful (45 CFR 164.508(b)(5))."""

        KIND: ClassVar[str] = "client.consent_withdrawn"
        consent_id: UUID
        purpose: Purpose
        withdrawn_at: datetime
        recorded_by: UUID

        def apply(self, aggregate: "Client") -> None:
            consent = aggregate.consents[self.consent_id]
            aggregate.consents[self.consent_id] = replace(consent, withdrawn_at=self.withdrawn_at)

    class EnteredInError(Event):
        KIND: ClassVar[str] = "client.entered_in_error"
        marked_by: UUID
        reason: str

        def apply(self, aggregate: "Client") -> None:
            aggregate.status = ClientStatus.ENTERED_IN_ERROR
            aggregate.error_reason = self.reason

    @classmethod
    def register(cls, client_id: UUID, *, at: datetime, by: UUID) -> "Client":
        """Open a chart; whoever registers becomes the primary clinician."""
        client = cls._create(cls.Registered, id=client_id, timestamp=at, registered_by=by)
        client.trigger_event(
            cls.CareTeamJoined, timestamp=at, account_id=by, relation=Relation.PRIMARY_CLINICIAN, joined_by=by
        )
        return client

    def join_care_team(self, *, at: datetime, by: UUID, account_id: UUID, relation: Relation) -> None:
        """Add a member or change a member's relation.

        Raises AlreadyInCareTeam, LastPrimaryClinician, ClientEnteredInError, Invalid.
        """
        self._require_open()
        if relation not in TEAM_RELATIONS:
            raise Invalid("This relation is not one of a care team's.", field="relation")
        if relation is Relation.REPRESENTATIVE:
            raise Invalid("A representative is let in with an authority and an end.", field="relation")
        if self.care_team.get(account_id) is relation:
            raise AlreadyInCareTeam(client_id=self.id, account_id=account_id)
        if account_id in self.care_team:
            self._require_other_primary(account_id)
        elif len(self.care_team) >= CARE_TEAM_MOST:
            raise Invalid(f"A care team takes {CARE_TEAM_MOST} members at most.", field="account_id")
        self.trigger_event(self.CareTeamJoined, timestamp=at, account_id=account_id, relation=relation, joined_by=by)

    def let_representative_in(
        self, *, at: datetime, by: UUID, account_id: UUID, authority: RepresentativeAuthority, until: datetime
    ) -> None:
        """Or change by what right, or until when. Raises AlreadyInCareTeam for one who stands there otherwise or just so,
        ClientEnteredInError, Invalid for an end that is past or more than twenty years ahead.
        """
        self._require_open()
        if not at < until <= at + REPRESENTED_MOST:
            raise Invalid("until must lie ahead, twenty years at most.", field="until")
        held = self.representatives.get(account_id)
        if self.care_team.get(account_id, Relation.REPRESENTATIVE) is not Relation.REPRESENTATIVE or (
            held == Representation(authority=authority, until=until)
        ):
            raise AlreadyInCareTeam(client_id=self.id, account_id=account_id)
        if account_id not in self.care_team and len(self.care_team) >= CARE_TEAM_MOST:
            raise Invalid(f"A care team takes {CARE_TEAM_MOST} members at most.", field="account_id")
        self.trigger_event(
            self.RepresentativeLetIn,
            timestamp=at,
            account_id=account_id,
            authority=authority,
            until=until,
            let_in_by=by,
        )

    def end_representation(self, *, at: datetime, by: UUID, account_id: UUID) -> None:
        """Raises NotInCareTeam for somebody who represents nobody here."""
        if self.care_team.get(account_id) is not Relation.REPRESENTATIVE:
            raise NotInCareTeam(client_id=self.id, account_id=account_id)
        self.trigger_event(self.CareTeamLeft, timestamp=at, account_id=account_id, removed_by=by)

    def leave_care_team(self, *, at: datetime, by: UUID, account_id: UUID) -> None:
        """Raises NotInCareTeam, LastPrimaryClinician."""
        if account_id not in self.care_team:
            raise NotInCareTeam(client_id=self.id, account_id=account_id)
        if self.open:
            self._require_other_primary(account_id)
        self.trigger_event(self.CareTeamLeft, timestamp=at, account_id=account_id, removed_by=by)

    def give_consent(  # noqa: PLR0913 - one argument a fact of the consent
        self, *, at: datetime, by: UUID, consent_id: UUID, purpose: Purpose, document: str, given_at: datetime
    ) -> None:
        """Raises ConsentAlreadyGiven, ClientEnteredInError, Invalid (a consent can't be dated ahead)."""
        self._require_open()
        if consent_id in self.consents:
            raise ConsentAlreadyGiven(consent_id=consent_id)
        checks.text("document", document, DOCUMENT_MOST, least=1, one_line=True)
        checks.instant("given_at", given_at, now=at)
        self.trigger_event(
            self.ConsentGiven,
            timestamp=at,
            consent_id=consent_id,
            purpose=purpose,
            document=document,
            given_at=given_at,
            recorded_by=by,
        )

    def withdraw_consent(self, *, at: datetime, by: UUID, consent_id: UUID) -> None:
        """Possible at any time, on a chart entered in error too. Raises ConsentNotFound, ConsentAlreadyWithdrawn."""
        consent = self.consents.get(consent_id)
        if consent is None:
            raise ConsentNotFound(consent_id=consent_id)
        if consent.withdrawn_at is not None:
            raise ConsentAlreadyWithdrawn(consent_id=consent_id)
        self.trigger_event(
            self.ConsentWithdrawn,
            timestamp=at,
            consent_id=consent_id,
            purpose=consent.purpose,
            withdrawn_at=at,
            recorded_by=by,
        )

    def mark_entered_in_error(self, *, at: datetime, by: UUID, reason: str) -> None:
        """A chart opened twice or for the wrong person. Raises ClientEnteredInError, Invalid."""
        self._require_open()
        checks.text("reason", reason, REASON_MOST, least=1)
        self.trigger_event(self.EnteredInError, timestamp=at, marked_by=by, reason=reason)

    def _require_open(self) -> None:
        if not self.open:
            raise ClientEnteredInError(client_id=self.id)

    def _require_other_primary(self, account_id: UUID) -> None:
        if self.care_team[account_id] is not Relation.PRIMARY_CLINICIAN:
            return
        if list(self.care_team.values()).count(Relation.PRIMARY_CLINICIAN) == 1:
            raise LastPrimaryClinician(client_id=self.id, account_id=account_id)
