"""A deployment on real databases: recorder, keys, mapper, ledger, access state, drafts; and sample values."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from adapters.access.state import SqlAccessState
from adapters.access.vault import AccessVault
from adapters.access.writes import AccessWrites
from adapters.clock.system import UuidSource
from adapters.db.engines import Databases
from adapters.event_store.drafts import SealedDrafts
from adapters.event_store.ledger import EventLedger
from adapters.event_store.mapper import Mapper
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import StoredRow
from adapters.event_store.snapshots import SnapshotRecorder
from adapters.event_store.stores import AggregateStore
from adapters.keys.ring import KeyLimits, KeyRing
from adapters.keys.root_file import FileRootKey
from domain.model.account import Account
from domain.model.client import Client
from domain.model.identity import Identity, IdentityContent
from domain.model.session import Session, SessionContent
from domain.model.values import Emotion, Modality, MomentInZone, PersonName, RiskImpression, RiskLevel, Valence
from domain.ports.audit import AuditEntry
from domain.ports.call import Actor, Call, Command, Role

DEPLOYMENT = UUID("0d9a2b30-7c6f-4b77-9a40-6a4f4a8d3c01")
AT = datetime(2026, 3, 2, 9, 30, 15, 250_000, tzinfo=UTC)
ROOT = FileRootKey(bytes(range(32)))
NOTES_ROOT = FileRootKey(bytes(range(32, 64)))
IDS = UuidSource()


def ring_on(engine, *, root=ROOT, notes_root=NOTES_ROOT, deployment=DEPLOYMENT, **options) -> KeyRing:
    limits = options.pop("limits", None) or KeyLimits()
    return KeyRing(engine, deployment=deployment, root=root, notes_root=notes_root, limits=limits, **options)


@dataclass
class Kit:
    databases: Databases
    recorder: Recorder
    ring: KeyRing
    mapper: Mapper
    vault: AccessVault
    writes: AccessWrites
    ledger: EventLedger
    state: SqlAccessState
    drafts: SealedDrafts

    @classmethod
    def on(cls, databases: Databases) -> "Kit":
        recorder = Recorder(databases.events)
        recorder.open_log(DEPLOYMENT, time.time_ns() // 1000)
        ring = ring_on(databases.keys)
        mapper = Mapper(ring, DEPLOYMENT, recorder.incarnation)
        vault = AccessVault(ring, DEPLOYMENT)
        writes = AccessWrites(vault)
        return cls(
            databases=databases,
            recorder=recorder,
            ring=ring,
            mapper=mapper,
            vault=vault,
            writes=writes,
            ledger=EventLedger(recorder, mapper, writes),
            state=SqlAccessState(databases.events, vault),
            drafts=SealedDrafts(databases.events, recorder, mapper, ring, DEPLOYMENT),
        )

    def store(self, aggregate_class, **options) -> AggregateStore:
        snapshots = SnapshotRecorder(self.databases.events)
        return AggregateStore(self.databases.events, self.mapper, aggregate_class, snapshots, **options)

    def rows(self) -> list[StoredRow]:
        return self.recorder.read_log(0, 100_000)

    def events(self) -> list:
        return [self.mapper.to_event(row) for row in self.rows()]

    def audit(self) -> list:
        return [event for event in self.events() if getattr(event, "KIND", "") == "audit.entry"]

    def save(self, *aggregates, action="test.save", call=None):
        return self.ledger.save(call or a_call(), AuditEntry(action=action), *aggregates)


def a_call(*, request_id=None, actor=None, command: Command | None = None, origin="127.0.0.1") -> Call:
    return Call(
        actor=actor or Actor(id=uuid4(), role=Role.CLINICIAN),
        request_id=request_id or IDS.ordered(),
        at=AT,
        origin=origin,
        command=command,
    )


def a_client(client_id=None, by=None) -> Client:
    return Client.register(client_id or IDS.opaque(), at=AT, by=by or IDS.opaque())


def an_identity(client_id, family="Larsson", given="Ida", birth_date="1984-05-17") -> Identity:
    content = IdentityContent(names=(PersonName(family=family, given=given),), birth_date=birth_date)
    return Identity.record(client_id, at=AT, by=uuid4(), content=content)


def a_content(summary="We spoke about the week.", **fields) -> SessionContent:
    values = {
        "took_place": MomentInZone.of("2026-03-02T10:00:00+01:00", "Europe/Berlin"),
        "duration_min": 50,
        "modality": Modality.VIDEO,
        "themes": ("work", "sleep"),
        "emotions": (Emotion(name="fear", intensity=4, valence=Valence.NEGATIVE),),
        "interventions": ("cognitive restructuring",),
        "homework": "A diary of the evenings.",
        "risk": RiskImpression(level=RiskLevel.LOW, text="Passing thoughts, no plan."),
        "next_plan": "Look at the diary.",
    }
    return SessionContent(summary=summary, **(values | fields))


def a_session(client_id=None, *, author_id=None, session_id=None, draft_id=None, **content) -> Session:
    return Session.record(
        session_id or IDS.ordered(),
        at=AT,
        client_id=client_id or uuid4(),
        author_id=author_id or uuid4(),
        content=a_content(**content),
        draft_id=draft_id,
    )


def an_account(login="ida@clinic.example", **fields) -> Account:
    values = {
        "at": AT,
        "by": uuid4(),
        "login": login,
        "display_name": "Ida Larsson",
        "role": Role.CLINICIAN,
        "password_hash": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
    }
    return Account.create(fields.pop("account_id", None) or IDS.opaque(), **(values | fields))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
