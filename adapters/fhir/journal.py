"""What happened: sessions as encounters with their notes as documents, transcripts, appointments."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid5

import orjson

from adapters.fhir.parts import LOINC, Json, coding, concept, instant, local, period, reference, resource
from domain.model.appointment import Appointment
from domain.model.session import Session, SessionStatus
from domain.model.transcript import Transcript
from domain.model.values import Modality
from domain.services.rendering import session_content_as_json
from domain.services.rendering_care import transcript_as_json

_CLASSES = {Modality.IN_PERSON: ("AMB", "ambulatory"), Modality.HOME_VISIT: ("HH", "home health")}
_VIRTUAL = ("VR", "virtual")
_BECAME = {"planned": "booked", "held": "fulfilled", "cancelled": "cancelled", "missed": "noshow"}


def session(told: Session) -> Iterator[Json]:
    """The encounter, and its note: the words as text, all of it as an object beside them."""
    content = told.content
    code, display = _CLASSES.get(content.modality, _VIRTUAL)
    wrong = told.status is SessionStatus.ENTERED_IN_ERROR
    yield resource(
        "Encounter",
        told.id,
        status="entered-in-error" if wrong else "finished",
        **{"class": coding("v3-ActCode", code, display)},
        type=[concept(text=content.modality.value.replace("_", " "))],
        subject=reference(told.client_id),
        participant=[{"individual": reference(told.author_id)}],
        period=period(local(content.took_place), local(content.took_place, timedelta(minutes=content.duration_min))),
        reasonCode=[concept(text=theme) for theme in content.themes],
    )
    whole = session_content_as_json(content)
    yield resource(
        "DocumentReference",
        _beside(told),
        status="entered-in-error" if wrong else "current",
        docStatus="entered-in-error" if wrong else _signed(told),
        type=concept(coding(LOINC, "11506-3", "Progress note")),
        subject=reference(told.client_id),
        date=instant(told.created_on),
        author=[reference(told.author_id)],
        authenticator=reference(told.cosigned_by or told.signed_by),
        content=[
            {"attachment": _attachment("text/plain; charset=utf-8", _words(told).encode())},
            {"attachment": _attachment("application/json", orjson.dumps(whole))},
        ],
        context={"encounter": [reference(told.id)]},
    )


def transcript(told: Transcript) -> Json:
    """What was said, as text and as an object."""
    lines = [f"{each.speaker.value}: {each.text}" for each in told.utterances]
    whole = transcript_as_json(told)
    return resource(
        "DocumentReference",
        told.id,
        status="entered-in-error" if told.in_error else "current",
        type=concept(text="Transcript of a session"),
        subject=reference(told.client_id),
        date=instant(told.created_on),
        author=[reference(told.attached_by)],
        content=[
            {"attachment": _attachment("text/plain; charset=utf-8", "\n".join(lines).encode())},
            {"attachment": _attachment("application/json", orjson.dumps(whole["utterances"]))},
        ],
        context={"encounter": [reference(told.session_id)]},
    )


def appointment(told: Appointment) -> Json:
    """What was planned, and what became of it."""
    reason = told.cancellation_reason or told.miss_reason
    return resource(
        "Appointment",
        told.id,
        status=_BECAME.get(told.status, "entered-in-error"),
        cancelationReason=concept(text=reason.value.replace("_", " ")) if reason else None,
        start=local(told.start),
        end=local(told.start, timedelta(minutes=told.duration_min)),
        minutesDuration=told.duration_min,
        created=instant(told.created_on),
        participant=[
            {"actor": reference(told.client_id), "status": "accepted"},
            {"actor": reference(told.clinician_id), "status": "accepted"},
        ],
    )


def _signed(told: Session) -> str:
    return "final" if told.status is SessionStatus.SIGNED else "preliminary"


def _words(told: Session) -> str:
    content = told.content
    parts = [
        content.summary,
        _listed("Themes", content.themes),
        _listed("Feelings", [f"{each.name} {each.intensity}/10" for each in content.emotions]),
        _listed("Interventions", content.interventions),
        _listed("Homework", [content.homework] if content.homework else []),
        _listed("Risk", [f"{content.risk.level.value} {content.risk.text}".strip()] if content.risk else []),
        _listed("Next", [content.next_plan] if content.next_plan else []),
        *[f"Addendum, {instant(each.added_at)}: {each.text}" for each in told.addenda],
    ]
    return "\n\n".join(part for part in parts if part)


def _listed(heading: str, values: list[str] | tuple[str, ...]) -> str:
    return f"{heading}: {'; '.join(values)}" if values else ""


def _attachment(media_type: str, content: bytes) -> Json:
    return {"contentType": media_type, "data": base64.b64encode(content).decode()}


def _beside(told: Session) -> UUID:
    return uuid5(told.id, "note")
