"""How a record reads as JSON: one rendering for the resource's own read, for lists and for the journey.

Pure functions from aggregates to plain objects of str, int, bool, None, list and dict. Ids are hyphenated, enumerations
their codes. A moment is `{"instant", "local", "zone"}`: UTC, the wall clock with its offset (RFC 3339), the IANA zone;
other times are UTC. An instant that is not known is null, a text that was not given is empty.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from domain.model.appointment import Appointment
from domain.model.client import Client, Consent
from domain.model.clinical import ClinicalRecord
from domain.model.identity import Identity
from domain.model.session import Addendum, Session, SessionContent
from domain.model.substance_use import REDISCLOSURE
from domain.model.values import (
    Address,
    Contact,
    EmergencyContact,
    Emotion,
    MomentInZone,
    PersonName,
    Representative,
    RiskImpression,
)

Json = dict[str, Any]
_MINUTE_S: Final = 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant_as_json(instant: datetime | None) -> str | None:
    """RFC 3339 in UTC, microseconds when there are any."""
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def microseconds_as_json(instant_us: int) -> str:
    """As `instant_as_json`, from microseconds since 1970, UTC."""
    return (_EPOCH + timedelta(microseconds=instant_us)).isoformat().replace("+00:00", "Z")


def moment_as_json(moment: MomentInZone) -> Json:
    """`instant` in UTC; `local` the wall clock there with the offset it had then (null where the offset has seconds, which
    RFC 3339 can't write); the zone.
    """
    local = None if moment.offset_s % _MINUTE_S else moment.local.isoformat()
    return {"instant": instant_as_json(moment.instant), "local": local, "zone": moment.zone}


def marked(record: ClinicalRecord, shown: Json) -> Json:
    """With the notice that must go along with records of substance-use treatment, wherever they go."""
    return shown | {"substance_use": True, "notices": [REDISCLOSURE]} if record.substance_use else shown


def session_as_json(session: Session) -> Json:
    """A session with what its author wrote, signatures and addenda."""
    shown = {
        "id": str(session.id),
        "client_id": str(session.client_id),
        "version": session.version,
        "status": session.status.value,
        "author_id": str(session.author_id),
        "supervisor_id": _id(session.supervisor_id),
        "recorded_at": instant_as_json(session.created_on),
        "changed_at": instant_as_json(session.modified_on),
        "signed_by": _id(session.signed_by),
        "signed_at": instant_as_json(session.signed_at),
        "cosigned_by": _id(session.cosigned_by),
        "cosigned_at": instant_as_json(session.cosigned_at),
        "return_comment": session.return_comment,
        "error_reason": session.error_reason,
        "content": session_content_as_json(session.content),
        "addenda": [_addendum(addendum) for addendum in session.addenda],
    }
    return marked(session, shown)


def session_content_as_json(content: SessionContent) -> Json:
    """What the author writes, as it is sent."""
    return {
        "took_place": moment_as_json(content.took_place),
        "duration_min": content.duration_min,
        "modality": content.modality.value,
        "summary": content.summary,
        "themes": list(content.themes),
        "emotions": [_emotion(emotion) for emotion in content.emotions],
        "interventions": list(content.interventions),
        "goal_ids": _ids(content.goal_ids),
        "homework": content.homework,
        "risk": _risk(content.risk),
        "next_plan": content.next_plan,
    }


def appointment_as_json(appointment: Appointment) -> Json:
    """An appointment with what became of it."""
    return {
        "id": str(appointment.id),
        "client_id": str(appointment.client_id),
        "version": appointment.version,
        "status": appointment.status.value,
        "clinician_id": str(appointment.clinician_id),
        "planned_at": instant_as_json(appointment.created_on),
        "changed_at": instant_as_json(appointment.modified_on),
        "start": moment_as_json(appointment.start),
        "duration_min": appointment.duration_min,
        "modality": appointment.modality.value,
        "session_id": _id(appointment.session_id),
        "cancelled_by": _code(appointment.cancelled_by),
        "cancellation_reason": _code(appointment.cancellation_reason),
        "notice_s": appointment.notice_s,
        "miss_reason": _code(appointment.miss_reason),
        "error_reason": appointment.error_reason,
    }


def client_as_json(client: Client) -> Json:
    """The chart: who cares for the client and what they consented to. Never who they are."""
    return {
        "id": str(client.id),
        "version": client.version,
        "status": client.status.value,
        "registered_by": str(client.registered_by),
        "registered_at": instant_as_json(client.created_on),
        "changed_at": instant_as_json(client.modified_on),
        "error_reason": client.error_reason,
        "care_team": [
            {"account_id": str(account_id), "relation": relation.value, **_represents(client, account_id)}
            for account_id, relation in client.care_team.items()
        ],
        "consents": [consent_as_json(consent) for consent in client.consents.values()],
    }


def _represents(client: Client, account_id: UUID) -> Json:
    """By what right, and until when; nothing for everybody who treats, and for whom no right was named."""
    held = client.representatives.get(account_id)
    return {} if held is None else {"authority": held.authority.value, "until": instant_as_json(held.until)}


def consent_as_json(consent: Consent) -> Json:
    return {
        "id": str(consent.id),
        "purpose": consent.purpose.value,
        "document": consent.document,
        "given_at": instant_as_json(consent.given_at),
        "withdrawn_at": instant_as_json(consent.withdrawn_at),
    }


def identity_as_json(identity: Identity) -> Json:
    """Who the client is. The first name is the one in use."""
    content = identity.content
    return {
        "client_id": str(identity.client_id),
        "version": identity.version,
        "names": [_name(name) for name in content.names],
        "birth_date": content.birth_date,
        "pronouns": content.pronouns,
        "contacts": [_contact(contact) for contact in content.contacts],
        "address": _address(content.address),
        "emergency_contacts": [_emergency(contact) for contact in content.emergency_contacts],
        "locale": content.locale,
        "zone": content.zone,
        "representative": _representative(content.representative),
    }


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _code(value: StrEnum | None) -> str | None:
    return None if value is None else value.value


def _ids(values: Iterable[UUID]) -> list[str]:
    return [str(value) for value in values]


def _addendum(addendum: Addendum) -> Json:
    return {
        "id": str(addendum.id),
        "author_id": str(addendum.author_id),
        "added_at": instant_as_json(addendum.added_at),
        "text": addendum.text,
    }


def _emotion(emotion: Emotion) -> Json:
    return {"name": emotion.name, "intensity": emotion.intensity, "valence": emotion.valence.value}


def _risk(risk: RiskImpression | None) -> Json | None:
    return None if risk is None else {"level": risk.level.value, "text": risk.text}


def _name(name: PersonName) -> Json:
    return {"family": name.family, "given": name.given, "use": name.use.value}


def _contact(contact: Contact) -> Json:
    return {
        "kind": contact.kind.value,
        "value": contact.value,
        "label": contact.label,
        "may_leave_message": contact.may_leave_message,
    }


def _address(address: Address | None) -> Json | None:
    if address is None:
        return None
    return {
        "lines": list(address.lines),
        "city": address.city,
        "postal_code": address.postal_code,
        "region": address.region,
        "country": address.country,
    }


def _emergency(contact: EmergencyContact) -> Json:
    return {
        "name": _name(contact.name),
        "relationship": contact.relationship,
        "contacts": [_contact(each) for each in contact.contacts],
    }


def _representative(representative: Representative | None) -> Json | None:
    if representative is None:
        return None
    return {
        "name": _name(representative.name),
        "authority": representative.authority.value,
        "contacts": [_contact(each) for each in representative.contacts],
    }
