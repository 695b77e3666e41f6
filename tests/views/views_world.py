"""A deployment as the views see it: real databases, real keys, and short ways to make history."""

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import select, update

from adapters.db.engines import Databases
from adapters.event_store.mapper import Mapper
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, CommandRow, NewRow
from adapters.event_store.tables import events
from adapters.keys.ring import KeyRing
from adapters.keys.root_file import FileRootKey
from adapters.keys.row_sealer import RowSealer
from adapters.keys.tables import keys
from adapters.keys.token_sealer import TokenSealer
from adapters.memory.ledger import InMemoryLog
from adapters.memory.views import InMemoryJourneyView
from adapters.views.audit import SqlAuditView
from adapters.views.audit_kinds import AuditKinds
from adapters.views.audit_projection import AuditProjection
from adapters.views.caseload import SqlCaseloadView
from adapters.views.journey import SqlJourneyView
from adapters.views.journey_projection import JourneyProjection
from adapters.views.runner import Runner
from adapters.views.tables import audit_entries, caseload, journey_items, parked_events
from adapters.views.tracking import ViewTracking
from adapters.views.worklist import SqlFactsStore
from domain.model.appointment import Appointment
from domain.model.audit import AuditEvent
from domain.model.client import Client
from domain.model.identity import Identity, IdentityContent
from domain.model.session import Session, SessionContent
from domain.model.values import Modality, MomentInZone, PersonName
from domain.ports.audit import AuditEntry
from domain.ports.call import Actor, Call, Role

DEPLOYMENT = UUID("7d3f9a52-0000-4000-8000-000000000001")
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CANARY = "Kanarienvogel"
CLINICIAN = Actor(id=UUID("c1000000-0000-4000-8000-000000000001"), role=Role.CLINICIAN)


@dataclass
class FixedClock:
    at: datetime = T0

    def now(self) -> datetime:
        return self.at


def call(at: datetime = T0, actor: Actor = CLINICIAN) -> Call:
    return Call(actor=actor, request_id=uuid4(), at=at, origin="192.0.2.7")


def moment(at: datetime) -> MomentInZone:
    return MomentInZone.of(at, "Europe/Berlin")


def content(at: datetime = T0, summary: str = f"Spoke of the {CANARY}.") -> SessionContent:
    return SessionContent(took_place=moment(at), duration_min=50, modality=Modality.VIDEO, summary=summary)


def registered(at: datetime = T0, by: UUID = CLINICIAN.id) -> Client:
    return Client.register(uuid4(), at=at, by=by)


def identity_of(client: Client, at: datetime = T0, given: str = f"Ada {CANARY}") -> Identity:
    names = (PersonName(given=given, family="Prüfer"),)
    return Identity.record(
        client.id, at=at, by=CLINICIAN.id, content=IdentityContent(names=names, birth_date="1984-05-17")
    )


def recorded(client: Client, at: datetime = T0, **kwargs: Any) -> Session:
    return Session.record(
        uuid4(),
        at=at + timedelta(hours=1),
        client_id=client.id,
        author_id=CLINICIAN.id,
        content=content(at, **kwargs),
    )


def planned(client: Client, start: datetime, at: datetime = T0) -> Appointment:
    return Appointment.plan(
        uuid4(),
        at=at,
        by=CLINICIAN.id,
        client_id=client.id,
        clinician_id=CLINICIAN.id,
        start=moment(start),
        duration_min=50,
        modality=Modality.VIDEO,
    )


def nonsense(stream: UUID | None = None, version: int = 1, topic: str = "record.1") -> NewRow:
    """A row that no mapper can read: damaged, or written by something else."""
    state = b"\x01" + bytes(100)
    return NewRow(
        stream=stream or uuid4(), version=version, topic=topic, state=state, state_hash=sha256(state).digest()
    )


@dataclass
class World:
    databases: Databases
    root: FileRootKey
    clock: FixedClock = field(default_factory=FixedClock)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.databases.events)
        self.recorder.open_log(DEPLOYMENT, 1)
        self.ring = KeyRing(self.databases.keys, deployment=DEPLOYMENT, root=self.root)
        self.mapper = Mapper(self.ring, DEPLOYMENT, 1)
        self.rows = RowSealer(self.ring, self.mapper.log)
        self.tracking = self.new_tracking()
        self.runner = self.new_runner()
        self.journey = SqlJourneyView(self.tracking, self.rows)
        self.caseload = SqlCaseloadView(self.tracking, self.rows, self.clock)
        self.kinds = AuditKinds(TokenSealer(self.ring, self.mapper.log))
        self.audit = SqlAuditView(self.tracking, self.kinds)
        self.facts = SqlFactsStore(self.tracking, self.rows)
        # The same history as plain objects, for the reader that computes.
        self.log = InMemoryLog()
        self.computed = InMemoryJourneyView(self.log, self.clock.now)

    def new_tracking(self, patience_s: float = 0.0) -> ViewTracking:
        """As another process has it: announcements of one don't reach the other."""
        return ViewTracking(self.databases.views, DEPLOYMENT, 1, patience_s=patience_s)

    def projections(self) -> list[Any]:
        kinds = AuditKinds(TokenSealer(self.ring, self.mapper.log))
        return [JourneyProjection(self.recorder, self.mapper, self.rows), AuditProjection(self.mapper, kinds)]

    def new_runner(self, tracking: ViewTracking | None = None, **kwargs: Any) -> Runner:
        return Runner(self.recorder, tracking or self.tracking, self.projections(), **kwargs)

    def write(self, *aggregates: Any, entries: Sequence[AuditEntry] = (), by: Call | None = None) -> int:
        """Append pending events, with audit entries, as the ledger does; the last position."""
        told = [(event, each) for each in aggregates for event in each.collect_events()]
        by = by or call()
        audit = [AuditEvent.of(by, entry, n) for n, entry in enumerate(entries, 1)]
        last = self.append(*[self.mapper.to_row(event, each) for event, each in told], *map(self.mapper.to_row, audit))
        self.log.subjects.update({each.id: each.subject for each in aggregates})
        self.log.append([*[event for event, _ in told], *audit])
        return last

    def append(self, *rows: NewRow) -> int:
        return self.recorder.append(Append(rows=rows, command=CommandRow(id=uuid4()))).last

    def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of the views, sealed values opened, in the order of their keys."""
        with self.databases.views.begin() as connection:
            items = connection.execute(select(*journey_items.c)).all()
            clients = connection.execute(select(*caseload.c)).all()
            entries = connection.execute(select(*audit_entries.c).order_by(audit_entries.c.position)).all()
            kinds = self.kinds.all(connection)
        return {
            "journey_items": sorted(self._opened_item(row) for row in items),
            "caseload": sorted(
                (*row[:5], self._opened(row.client_id, "caseload", row.client_id, row.identity), *row[6:])
                for row in clients
            ),
            # Numbers of kinds are drawn anew when views are: what they stand for is compared.
            "audit_entries": [(*row[:4], kinds[row.kind], *row[5:]) for row in entries],
        }

    def _opened_item(self, row: Any) -> tuple[Any, ...]:
        content = self._opened(row.client_id, "journey_items", row.id, row.content)
        detail = self._opened(row.client_id, "journey_items.detail", row.id, row.detail)
        return (*row[:-2], content, detail)

    def _opened(self, client_id: UUID, table: str, row_id: UUID, sealed: bytes | None) -> Any:
        return sealed and orjson.loads(self.rows.open_row(client_id, table, row_id, sealed))

    def destroy_keys(self, client: Client) -> None:
        """What erasure does to the keys of a client."""
        with self.databases.keys.begin() as connection:
            connection.execute(update(keys).where(keys.c.owner == client.id).values(wrapped=None, destroyed_at_us=1))
        self.ring.forget(client.id)

    def remove_state(self, position: int) -> None:
        """What redaction and retention do to an event."""
        with self.databases.events.begin() as connection:
            connection.execute(update(events).where(events.c.position == position).values(state=None))


def parked(world: World) -> list[tuple[str, int, str]]:
    with world.databases.views.begin() as connection:
        table = parked_events.c
        return [tuple(row) for row in connection.execute(select(table.projection, table.position, table.code))]


def history(world: World) -> UUID:
    client = registered()
    world.write(client, identity_of(client), entries=[AuditEntry(action="client.register", client_id=client.id)])
    session = recorded(client)
    world.write(session, entries=[AuditEntry(action="session.record", client_id=client.id, resources=(session.id,))])
    session.sign(at=T0, by=session.author_id)
    world.write(session, entries=[AuditEntry(action="session.sign", client_id=client.id, resources=(session.id,))])
    return client.id


@contextmanager
def running(runner: Runner):
    stop = Event()
    thread = Thread(target=runner.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()
