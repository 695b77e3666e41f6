"""The store of a deployment, put together as `ops.bootstrap` does, with the sealer as the one part that can be swapped."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from adapters.access.vault import AccessVault
from adapters.access.writes import AccessWrites
from adapters.db.engines import Databases, open_databases
from adapters.event_store.envelope import leaf_hash, log_id
from adapters.event_store.ledger import EventLedger
from adapters.event_store.mapper import Mapper
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import StoredRow
from adapters.event_store.tables import commands, events
from adapters.keys.addresses import load_roots
from adapters.keys.ring import OVERHEAD_BYTES, SEAL_FORMAT, KeyRing
from domain.ports.keys import RecordClass, Sealer
from migrations.role_names import APPLICATION
from ops.bench.places import Place
from ops.bench.processes import BenchmarkFailed
from ops.bench.samples import Piece

POOL: Final = 40
_SAMPLE: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    databases: Databases
    recorder: Recorder
    ring: KeyRing
    mapper: Mapper
    ledger: EventLedger

    def save(self, piece: Piece) -> int:
        """One append, as a service makes it; the position it took."""
        return self.ledger.save(piece.call, piece.entry, *piece.aggregates).position

    def check(self, expected: int) -> None:
        """The log holds exactly `expected` events, gapless; the newest of them have the leaf that their envelope gives,
        and open. Raises BenchmarkFailed.
        """
        with self.databases.events.connect() as connection:
            count, first, last = connection.execute(
                select(func.count(), func.min(events.c.position), func.max(events.c.position))
            ).one()
            appends = connection.execute(select(func.count()).select_from(commands)).scalar_one()
        if (count, first, last) != (expected, 1, expected) or appends == 0:
            raise BenchmarkFailed("The log is not what was written.", events=count, last=last, expected=expected)
        for row in self.recorder.read_log(max(0, expected - _SAMPLE), _SAMPLE):
            if row.leaf != _leaf(row, self.recorder.deployment_id) or row.state_hash != sha256(row.state).digest():
                raise BenchmarkFailed("A leaf does not follow from its row.", position=row.position)
            self.mapper.to_event(row)


@contextmanager
def store(place: Place, sealer: Callable[[KeyRing], Sealer] = lambda ring: ring) -> Iterator[Store]:
    """The deployment's store; `sealer` may put another in the key ring's place."""
    settings = place.settings
    with open_databases(
        settings.events_url, settings.keys_url, settings.views_url, pool_size=POOL, application_role=APPLICATION
    ) as databases:
        recorder = Recorder(databases.events)
        ring = KeyRing(
            databases.keys, deployment=recorder.deployment_id, root=load_roots(settings.root_addresses("main"))
        )
        mapper = Mapper(sealer(ring), recorder.deployment_id, recorder.incarnation)
        ledger = EventLedger(recorder, mapper, AccessWrites(AccessVault(ring, recorder.deployment_id)))
        yield Store(databases=databases, recorder=recorder, ring=ring, mapper=mapper, ledger=ledger)


class PlainSealer:
    """Stands for sealing in the measure of what sealing costs: the same bytes, not encrypted. Nothing else may use it."""

    def __init__(self, ring: KeyRing) -> None:
        self._mac = ring.mac
        self._ids = {record_class: UUID(bytes=os.urandom(16)) for record_class in RecordClass}
        self._filler = bytes(OVERHEAD_BYTES - 17)

    def key_id(self, owner: UUID | None, record_class: RecordClass) -> UUID:
        del owner
        return self._ids[record_class]

    def seal(self, key_id: UUID, plaintext: bytes, context: bytes) -> bytes:
        del context
        return SEAL_FORMAT + key_id.bytes + self._filler + plaintext

    def open(self, sealed: bytes, context: bytes, record_class: RecordClass | None = None) -> bytes:
        del context, record_class
        return sealed[OVERHEAD_BYTES:]

    def mac(self, label: str, *parts: bytes) -> bytes:
        return self._mac(label, *parts)


def _leaf(row: StoredRow, deployment: UUID) -> bytes:
    return leaf_hash(
        log_id(deployment, row.incarnation),
        row.position,
        UUID(str(row.originator_id)),
        row.originator_version,
        row.topic,
        row.subject,
        row.record_class,
        row.key_id,
        row.recorded_at_us,
        row.state_hash,
    )
