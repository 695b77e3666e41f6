"""Clients, their identity, care team and consents as they are sent and answered. Sample people are made up."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from api.models.common import In, Label, Line, Out, Rfc3339, example, instant
from domain.model.client import ClientStatus
from domain.model.identity import IdentityContent
from domain.model.values import (
    Address,
    Contact,
    ContactKind,
    EmergencyContact,
    NameUse,
    PersonName,
    Representative,
    RepresentativeAuthority,
)
from domain.ports.access import Relation
from domain.ports.call import Purpose

IDENTITY_EXAMPLE: Final = {
    "names": [{"family": "Okonkwo-Lindqvist", "given": "Tamsin", "use": "official"}],
    "birth_date": "1991-04-23",
    "pronouns": "she/her",
    "contacts": [
        {"kind": "phone", "value": "+49 30 5550 0142", "label": "mobile", "may_leave_message": False},
        {"kind": "email", "value": "tamsin@example.org", "label": "", "may_leave_message": True},
    ],
    "address": {"lines": ["Musterweg 7"], "city": "Berlin", "postal_code": "10115", "region": "", "country": "DE"},
    "emergency_contacts": [
        {
            "name": {"family": "Lindqvist", "given": "Arvid", "use": "official"},
            "relationship": "brother",
            "contacts": [{"kind": "phone", "value": "+49 30 5550 0177", "label": "", "may_leave_message": False}],
        }
    ],
    "locale": "de",
    "zone": "Europe/Berlin",
    "representative": None,
}
_CLIENT: Final = "7d0f3c0e-3b0b-4a7e-8f0c-2f1f0c8d5a11"
_CLINICIAN: Final = "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22"
CONSENT_EXAMPLE: Final = {
    "id": "2b1f7d5c-91c6-4a37-8a64-5d8f3e2f9c33",
    "purpose": "research",
    "document": "research-consent/2026-03",
    "given_at": "2026-03-02T09:00:00Z",
    "withdrawn_at": None,
}


class PersonNameModel(In):
    """As the person writes it; one of the two may be empty."""

    family: Annotated[str, Field(max_length=200)] = ""
    given: Annotated[str, Field(max_length=200)] = ""
    use: NameUse = NameUse.OFFICIAL

    def value(self) -> PersonName:
        return PersonName(family=self.family, given=self.given, use=self.use)


class ContactModel(In):
    """A way to reach somebody; `may_leave_message` false asks for confidential contact."""

    kind: ContactKind
    value: Annotated[str, Field(min_length=1, max_length=300)]
    label: Annotated[str, Field(max_length=100)] = ""
    may_leave_message: bool = False

    def contact(self) -> Contact:
        return Contact(kind=self.kind, value=self.value, label=self.label, may_leave_message=self.may_leave_message)


class AddressModel(In):
    lines: Annotated[tuple[Line, ...], Field(max_length=5)] = ()
    city: Annotated[str, Field(max_length=100)] = ""
    postal_code: Annotated[str, Field(max_length=100)] = ""
    region: Annotated[str, Field(max_length=100)] = ""
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$", description="ISO 3166 alpha-2, or empty.")] = ""

    def value(self) -> Address:
        return Address(
            lines=self.lines,
            city=self.city,
            postal_code=self.postal_code,
            region=self.region,
            country=self.country,
        )


class EmergencyContactModel(In):
    """Whom to call when the client is in danger."""

    name: PersonNameModel
    relationship: Annotated[str, Field(max_length=100)] = ""
    contacts: Annotated[tuple[ContactModel, ...], Field(min_length=1, max_length=10)]

    def value(self) -> EmergencyContact:
        return EmergencyContact(
            name=self.name.value(),
            relationship=self.relationship,
            contacts=tuple(contact.contact() for contact in self.contacts),
        )


class RepresentativeModel(In):
    """Who may act for the client, and by what authority."""

    name: PersonNameModel
    authority: RepresentativeAuthority
    contacts: Annotated[tuple[ContactModel, ...], Field(max_length=10)] = ()

    def value(self) -> Representative:
        return Representative(
            name=self.name.value(),
            authority=self.authority,
            contacts=tuple(contact.contact() for contact in self.contacts),
        )


class IdentityIn(In):
    """Who the client is. The first name is the one in use. The whole identity is sent, not a change to it."""

    names: Annotated[tuple[PersonNameModel, ...], Field(min_length=1, max_length=10)]
    birth_date: Annotated[
        str, Field(pattern=r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?$", description="A date, a month or a year.")
    ] = ""
    pronouns: Annotated[str, Field(max_length=60)] = ""
    contacts: Annotated[tuple[ContactModel, ...], Field(max_length=20)] = ()
    address: AddressModel | None = None
    emergency_contacts: Annotated[tuple[EmergencyContactModel, ...], Field(max_length=10)] = ()
    locale: Annotated[str, Field(max_length=15, description="A language tag such as de or pt-BR.")] = ""
    zone: Annotated[str, Field(max_length=64, description="IANA time zone.")] = ""
    representative: RepresentativeModel | None = None

    model_config = example(IDENTITY_EXAMPLE)

    def content(self) -> IdentityContent:
        return IdentityContent(
            names=tuple(name.value() for name in self.names),
            birth_date=self.birth_date,
            pronouns=self.pronouns,
            contacts=tuple(contact.contact() for contact in self.contacts),
            address=self.address.value() if self.address else None,
            emergency_contacts=tuple(contact.value() for contact in self.emergency_contacts),
            locale=self.locale,
            zone=self.zone,
            representative=self.representative.value() if self.representative else None,
        )


class IdentityOut(Out):
    client_id: UUID
    version: int
    names: tuple[PersonNameModel, ...]
    birth_date: str
    pronouns: str
    contacts: tuple[ContactModel, ...]
    address: AddressModel | None
    emergency_contacts: tuple[EmergencyContactModel, ...]
    locale: str
    zone: str
    representative: RepresentativeModel | None

    model_config = example({"client_id": _CLIENT, "version": 1, **IDENTITY_EXAMPLE})


class LookupIn(In):
    """Exact look-up over the organisation: family name and birth date, both. In a body, so that no log keeps them."""

    family_name: Annotated[str, Field(min_length=1, max_length=200)]
    birth_date: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")]

    model_config = example({"family_name": "Okonkwo-Lindqvist", "birth_date": "1991-04-23"})


class LookupHitOut(Out):
    """An id, whether the caller is in the care team, and whether the chart stands or was entered in error; outside the
    care team there is nothing more to learn.
    """

    client_id: UUID
    in_care_team: bool
    status: ClientStatus


class LookupOut(Out):
    items: tuple[LookupHitOut, ...]

    model_config = example({"items": [{"client_id": _CLIENT, "in_care_team": True, "status": "active"}]})


class TeamMemberIn(In):
    relation: Literal["primary_clinician", "clinician", "supervisor", "system"]

    model_config = example({"relation": "clinician"})

    def value(self) -> Relation:
        return Relation(self.relation)


class RepresentativeIn(In):
    """By what right the account stands for the client (45 CFR 164.502(g)), and until when: twenty years at most."""

    authority: RepresentativeAuthority
    until: Rfc3339

    model_config = example({"authority": "parent", "until": "2031-04-23T00:00:00+02:00"})

    def ends(self) -> datetime:
        """Raises ZonelessTime, ImpossibleTime."""
        return instant(self.until, "until")


class TeamMemberOut(Out):
    """`authority` and `until` where a representative has them."""

    account_id: UUID
    relation: Relation
    authority: RepresentativeAuthority | None = None
    until: Rfc3339 | None = None


class ConsentIn(In):
    """`document` names the signed form and its version; never its text."""

    purpose: Purpose
    document: Label
    given_at: Rfc3339

    model_config = example(
        {
            "purpose": "research",
            "document": "research-consent/2026-03",
            "given_at": "2026-03-02T10:00:00+01:00",
        }
    )

    def given(self) -> datetime:
        """Raises ZonelessTime, ImpossibleTime."""
        return instant(self.given_at, "given_at")


class ConsentOut(Out):
    id: UUID
    purpose: Purpose
    document: str
    given_at: Rfc3339
    withdrawn_at: Rfc3339 | None


class ClientOut(Out):
    """The chart: who cares for the client and what they consented to. Who they are is read at /identity."""

    id: UUID
    version: int
    status: ClientStatus
    registered_by: UUID
    registered_at: Rfc3339
    changed_at: Rfc3339
    error_reason: str
    care_team: tuple[TeamMemberOut, ...]
    consents: tuple[ConsentOut, ...]

    model_config = example(
        {
            "id": _CLIENT,
            "version": 3,
            "status": "active",
            "registered_by": _CLINICIAN,
            "registered_at": "2026-03-01T08:30:00Z",
            "changed_at": "2026-03-02T09:00:00Z",
            "error_reason": "",
            "care_team": [{"account_id": _CLINICIAN, "relation": "primary_clinician"}],
            "consents": [CONSENT_EXAMPLE],
        }
    )


class CaseloadItemOut(Out):
    """A client as a list shows it."""

    client_id: UUID
    name: str
    birth_date: str
    status: str
    last_session_at: Rfc3339 | None
    next_appointment_at: Rfc3339 | None
    sessions: int
    unsigned_sessions: int


class CaseloadOut(Out):
    items: tuple[CaseloadItemOut, ...]

    model_config = example(
        {
            "items": [
                {
                    "client_id": _CLIENT,
                    "name": "Tamsin Okonkwo-Lindqvist",
                    "birth_date": "1991-04-23",
                    "status": "active",
                    "last_session_at": "2026-03-02T09:00:00Z",
                    "next_appointment_at": "2026-03-09T09:00:00Z",
                    "sessions": 12,
                    "unsigned_sessions": 1,
                }
            ]
        }
    )
