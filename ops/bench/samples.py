"""What benchmarks write: made-up sessions and appointments, about a kilobyte each, the same ones for the same seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from adapters.clock.system import UuidSource
from domain.model.appointment import Appointment
from domain.model.client import Client
from domain.model.identity import Identity, IdentityContent
from domain.model.session import Session, SessionContent
from domain.model.values import Emotion, Modality, MomentInZone, PersonName, RiskImpression, RiskLevel, Valence
from domain.ports.audit import AuditEntry
from domain.ports.call import Actor, Call, Command, Role

ZONE: Final = "Europe/Berlin"
_IDS: Final = UuidSource()
_WORDS: Final = [
    "talked",
    "about",
    "the",
    "week",
    "and",
    "how",
    "the",
    "plan",
    "from",
    "last",
    "time",
    "went,",
    "sleep",
    "is",
    "steadier,",
    "evenings",
    "stay",
    "hard,",
    "two",
    "calls",
    "with",
    "the",
    "sister,",
    "work",
    "asks",
    "for",
    "more",
    "hours,",
    "walked",
    "three",
    "times,",
    "wrote",
    "the",
    "thought",
    "record",
    "twice",
    "and",
    "brought",
    "it",
    "along,",
    "practised",
    "slow",
    "breathing",
    "together,",
    "named",
    "what",
    "the",
    "worry",
    "protects,",
    "agreed",
    "on",
    "one",
    "small",
    "step",
    "and",
    "when",
    "to",
    "take",
    "it",
]
_THEMES: Final = ("sleep", "work strain", "family", "grief", "social anxiety", "self-criticism", "panic", "loneliness")
_FEELINGS: Final = ("anxiety", "sadness", "relief", "hope", "anger", "shame", "joy", "calm")
_INTERVENTIONS: Final = ("thought record", "behavioural activation", "exposure", "breathing", "imagery", "chair work")


@dataclass(frozen=True, slots=True)
class Piece:
    """One append: a call, its audit entry and the aggregates that changed."""

    call: Call
    entry: AuditEntry
    aggregates: tuple[Any, ...]


class Samples:
    """Deterministic but for ids of requests, sessions and appointments, which are made as the product makes them."""

    def __init__(self, clients: int, clinicians: int = 1, seed: int = 20) -> None:
        self._random = Random(seed)  # noqa: S311 - filler, no secret
        self.clinicians = [Actor(id=self._uuid(), role=Role.CLINICIAN) for _ in range(clinicians)]
        self.clients: Sequence[UUID] = [self._uuid() for _ in range(clients)]
        self._caring = {client: self.clinicians[number % clinicians] for number, client in enumerate(self.clients)}

    def clinician_of(self, client_id: UUID) -> Actor:
        """Who registered the client and writes the sessions."""
        return self._caring[client_id]

    def sessions(self, count: int, clients: Sequence[UUID] = ()) -> list[Piece]:
        """Newly recorded sessions, the clients taking turns."""
        clients = clients or self.clients
        now = datetime.now(UTC)
        return [self.session(clients[number % len(clients)], now) for number in range(count)]

    def session(self, client_id: UUID, at: datetime) -> Piece:
        session = Session.record(
            ordered_id(),
            at=at,
            client_id=client_id,
            author_id=self._caring[client_id].id,
            content=self.content(at),
        )
        return self.piece("session.record", client_id, at, session)

    def piece(self, action: str, client_id: UUID, at: datetime, *aggregates: Any) -> Piece:
        request_id = ordered_id()
        call = Call(
            actor=self._caring[client_id],
            request_id=request_id,
            at=at,
            origin="127.0.0.1",
            command=Command(id=request_id),
        )
        resources = tuple(aggregate.id for aggregate in aggregates)
        return Piece(call, AuditEntry(action=action, client_id=client_id, resources=resources), aggregates)

    def registration(self, client_id: UUID, at: datetime) -> Piece:
        by = self._caring[client_id].id
        client = Client.register(client_id, at=at, by=by)
        name = PersonName(family=f"Muster{self._random.randrange(10**6)}", given="Kim")
        identity = Identity.record(
            client_id,
            at=at,
            by=by,
            content=IdentityContent(names=(name,), birth_date="1984-05-17", zone=ZONE),
        )
        return self.piece("client.register", client_id, at, client, identity)

    def weeks(self, client_id: UUID, weeks: int) -> Iterator[Piece]:
        """A client's whole history up to now: registered, then each week an appointment, held, its session signed."""
        start, by = datetime.now(UTC) - timedelta(weeks=weeks, hours=1), self._caring[client_id].id
        yield self.registration(client_id, start)
        for number in range(weeks):
            at = start + timedelta(weeks=number)
            held = at + timedelta(days=2)
            appointment = Appointment.plan(
                ordered_id(),
                at=at,
                by=by,
                client_id=client_id,
                clinician_id=by,
                start=MomentInZone.of(held, ZONE),
                duration_min=50,
                modality=Modality.IN_PERSON,
            )
            yield self.piece("appointment.plan", client_id, at, appointment)
            recorded = self.session(client_id, held)
            yield recorded
            session: Session = recorded.aggregates[0]
            appointment.hold(at=held, by=by, session_id=session.id)
            yield self.piece("appointment.hold", client_id, held, appointment)
            session.sign(at=held, by=by)
            yield self.piece("session.sign", client_id, held, session)

    def content(self, at: datetime) -> SessionContent:
        """A session an hour before `at`."""
        pick = self._random
        return SessionContent(
            took_place=MomentInZone.of(at - timedelta(hours=1), ZONE),
            duration_min=50,
            modality=pick.choice(list(Modality)),
            summary=self._text(60),
            themes=tuple(pick.sample(_THEMES, 2)),
            emotions=tuple(
                Emotion(name=name, intensity=pick.randrange(11), valence=pick.choice(list(Valence)))
                for name in pick.sample(_FEELINGS, 3)
            ),
            interventions=tuple(pick.sample(_INTERVENTIONS, 2)),
            homework=self._text(15),
            risk=RiskImpression(level=RiskLevel.NONE),
            next_plan=self._text(12),
        )

    def body(self, at: datetime) -> dict[str, Any]:
        """The same as the API takes it."""
        content = self.content(at)
        return {
            "took_place": {"instant": content.took_place.local.isoformat(), "zone": content.took_place.zone},
            "duration_min": content.duration_min,
            "modality": content.modality.value,
            "summary": content.summary,
            "themes": content.themes,
            "emotions": [
                {"name": one.name, "intensity": one.intensity, "valence": one.valence.value} for one in content.emotions
            ],
            "interventions": content.interventions,
            "homework": content.homework,
            "risk": {"level": "none", "text": ""},
            "next_plan": content.next_plan,
        }

    def _text(self, words: int) -> str:
        return " ".join(self._random.choices(_WORDS, k=words)).capitalize() + "."

    def _uuid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)


def ordered_id() -> UUID:
    """As the product makes ids of sessions and requests."""
    return _IDS.ordered()
