"""Who the client is, who is near them, who treats them, and what they consented to."""

from collections.abc import Iterator
from uuid import UUID, uuid5

from adapters.fhir.parts import Json, coding, concept, instant, period, purpose, reference, resource
from domain.model.client import Client, ClientStatus, Consent
from domain.model.identity import Identity
from domain.model.values import Address, Contact, ContactKind, PersonName, Representative
from domain.ports.call import Purpose, Role
from domain.services.exports import Person

_SYSTEMS = {ContactKind.PHONE: "phone", ContactKind.EMAIL: "email", ContactKind.OTHER: "other"}
MAY_LEAVE_MESSAGE = "urn:anamnesis:may-leave-message"
"""URL of the extension that says of a way to reach somebody whether a message may be left there."""
PRONOUNS = "urn:anamnesis:pronouns"
_SCOPES = {Purpose.RESEARCH: "research", Purpose.TREATMENT: "treatment"}


def patient(client: Client, identity: Identity | None) -> Json:
    """The client; without identity there is only the chart's number."""
    told = resource(
        "Patient",
        client.id,
        identifier=[{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{client.id}"}],
        active=client.status is ClientStatus.ACTIVE,
        generalPractitioner=[reference(account_id) for account_id in _carers(client)],
    )
    if identity is None:
        return told
    content = identity.content
    return told | {
        "extension": [{"url": PRONOUNS, "valueString": content.pronouns}] if content.pronouns else [],
        "name": [_name(name) for name in content.names],
        "telecom": [_telecom(contact) for contact in content.contacts],
        "birthDate": content.birth_date,
        "address": [_address(content.address)] if content.address else [],
        "communication": [
            {"language": concept({"system": "urn:ietf:bcp:47", "code": content.locale}), "preferred": True}
        ]
        if content.locale
        else [],
        "contact": [
            {
                "relationship": [concept(coding("v2-0131", "C", "Emergency Contact"), text=contact.relationship)],
                "name": _name(contact.name),
                "telecom": [_telecom(each) for each in contact.contacts],
            }
            for contact in content.emergency_contacts
        ],
    }


def representative(client_id: UUID, who: Representative) -> Json:
    """Who may act for the client."""
    return resource(
        "RelatedPerson",
        uuid5(client_id, "representative"),
        active=True,
        patient=reference(client_id),
        relationship=[concept(text=who.authority.value.replace("_", " "))],
        name=[_name(who.name)],
        telecom=[_telecom(each) for each in who.contacts],
    )


def account(person: Person, client_id: UUID) -> Json:
    """Somebody whom the record names: staff, a program, or who stands for the client. The client's own account is the
    Patient, as whom `record` tells it.
    """
    name = [{"text": person.name}]
    if person.role == Role.CLIENT:
        return resource("RelatedPerson", person.id, active=True, patient=reference(client_id), name=name)
    if person.role == Role.SERVICE:
        return resource("Device", person.id, deviceName=[{"name": person.name, "type": "user-friendly-name"}])
    return resource("Practitioner", person.id, active=True, name=name)


def consents(client: Client) -> Iterator[Json]:
    """What was signed, and taken back."""
    for each in client.consents.values():
        yield _consent(client.id, each)


def _consent(client_id: UUID, consent: Consent) -> Json:
    return resource(
        "Consent",
        consent.id,
        status="inactive" if consent.withdrawn_at else "active",
        scope=concept(coding("consentscope", _SCOPES.get(consent.purpose, "patient-privacy"))),
        category=[concept(coding("http://loinc.org", "59284-0", "Consent Document"))],
        patient=reference(client_id),
        dateTime=instant(consent.given_at),
        policyRule=concept(text=consent.document),
        provision={
            "type": "permit",
            "period": period(instant(consent.given_at), instant(consent.withdrawn_at)),
            "purpose": [purpose(consent.purpose)],
        },
    )


def _carers(client: Client) -> list[UUID]:
    return [account_id for account_id, relation in client.care_team.items() if relation.value == "primary_clinician"]


def _name(name: PersonName) -> Json:
    return {"use": name.use.value, "text": name.full, "family": name.family, "given": name.given.split()}


def _telecom(contact: Contact) -> Json:
    """With what the client asked for about messages: whoever calls there must not lose it (45 CFR 164.522(b))."""
    return {
        "extension": [{"url": MAY_LEAVE_MESSAGE, "valueBoolean": contact.may_leave_message}],
        "system": _SYSTEMS[contact.kind],
        "value": contact.value,
    }


def _address(address: Address) -> Json:
    return {
        "line": list(address.lines),
        "city": address.city,
        "postalCode": address.postal_code,
        "state": address.region,
        "country": address.country,
    }
