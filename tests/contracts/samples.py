"""Plausible people, calls and entries for tests that need any."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from domain.model.identity import IdentityContent
from domain.model.session import Session, SessionContent
from domain.model.values import Emotion, Modality, MomentInZone, PersonName, RiskImpression, RiskLevel, Valence
from domain.ports.audit import AuditEntry
from domain.ports.call import Actor, Call, Command, Purpose, Role

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
YESTERDAY = MomentInZone.of("2026-03-01T10:00:00+01:00", "Europe/Berlin")
_PURPOSES = {
    Role.CLIENT: Purpose.CLIENT_REQUEST,
    Role.COMPLIANCE_OFFICER: Purpose.COMPLIANCE,
    Role.OPERATOR: Purpose.OPERATIONS,
    Role.SERVICE: Purpose.OPERATIONS,
    Role.ML_ENGINEER: Purpose.MODEL_TRAINING,
}


def actor(role: Role = Role.CLINICIAN, **ties: UUID | None) -> Actor:
    return Actor(id=uuid4(), role=role, **ties)


def call_by(who: Actor, at: datetime = NOW, **more: object) -> Call:
    """A request of its own, for the purpose that goes with the role."""
    purpose = _PURPOSES.get(who.role, Purpose.TREATMENT)
    call = Call(actor=who, request_id=uuid4(), at=at, origin="test", purpose=purpose)
    return replace(call, **more)


def command(key: bytes = b"", status: int = 201, location: str = "/v1/somewhere") -> Command:
    return Command(id=uuid4(), fingerprint=key.ljust(32, b"\0"), status=status, location=location)


def entry(action: str = "session.record", client_id: UUID | None = None, *resources: UUID) -> AuditEntry:
    return AuditEntry(action=action, client_id=client_id, resources=resources)


def content(summary: str = "Spoke about the week.", **more: object) -> SessionContent:
    whole = SessionContent(
        took_place=YESTERDAY,
        duration_min=50,
        modality=Modality.IN_PERSON,
        summary=summary,
        themes=("work",),
        emotions=(Emotion(name="relief", intensity=6, valence=Valence.POSITIVE),),
        interventions=("cognitive restructuring",),
        homework="Keep the diary.",
        risk=RiskImpression(level=RiskLevel.NONE),
        next_plan="Go on.",
    )
    return replace(whole, **more)


def identity(family: str = "Okafor", given: str = "Ada", birth_date: str = "1984-05-17") -> IdentityContent:
    return IdentityContent(names=(PersonName(family=family, given=given),), birth_date=birth_date)


def new_session(client_id: UUID | None = None, author: Actor | None = None, draft_id: UUID | None = None) -> Session:
    author = author or actor()
    return Session.record(
        uuid4(),
        at=NOW,
        client_id=client_id or uuid4(),
        author_id=author.id,
        supervisor_id=author.supervisor_id,
        content=content(),
        draft_id=draft_id,
    )


@dataclass(frozen=True)
class Person:
    """A login that fits the rules."""

    login: str = "ada@example.org"
    password: str = "correct horse battery"
