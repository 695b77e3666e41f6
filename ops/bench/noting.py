"""What putting reads on record costs: the same use cases with a ledger that keeps their entries and one that drops them.

Threads read one journey and single sessions as requests do, without HTTP around them, which would only make the share
smaller. Rounds of both take turns.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from adapters.event_store.ledger import EventLedger
from adapters.event_store.snapshots import SnapshotRecorder
from adapters.event_store.stores import AggregateStore
from adapters.keys.row_sealer import RowSealer
from adapters.views.journey import SqlJourneyView
from domain.model.goal import Goal
from domain.model.identity import IdentityContent
from domain.model.session import Session, SessionContent
from domain.model.values import Modality, MomentInZone, PersonName
from domain.ports.audit import AuditEntry
from domain.ports.call import Actor, Call, Role
from domain.ports.ledger import Receipt, Recordable
from domain.services.journey import JourneyService
from domain.services.sessions import SessionService
from ops.bench.options import Options
from ops.bench.places import Home
from ops.bench.results import Aim, Row
from ops.bootstrap import Part, System, build

COST: Final = Aim(20)
_THREADS: Final = 16
_SESSIONS: Final = 60


class _Dropping:
    """A ledger that writes what is written and drops the entries of reads. For this measurement alone."""

    def __init__(self, ledger: EventLedger) -> None:
        self._ledger = ledger

    def save(self, call: Call, entry: AuditEntry, *aggregates: Recordable, more: Sequence[AuditEntry] = ()) -> Receipt:
        return self._ledger.save(call, entry, *aggregates, more=more)

    def note(self, call: Call, *entries: AuditEntry) -> int:  # noqa: ARG002 - dropped
        return 0

    def replay(self, call: Call) -> Receipt | None:
        return self._ledger.replay(call)


def reads(home: Home, options: Options) -> Iterator[Row]:
    """Reads a second with entries and without, and what the entries cost, in per cent."""
    with home.deployment() as place, build(place.settings, parts=Part.API) as system:
        client_id, sessions = _written(system)
        system.runner().catch_up()
        for what in ("session", "journey of a page"):
            kept = _reader(system, system.ledger, what, client_id, sessions)
            dropped = _reader(system, _Dropping(system.ledger), what, client_id, sessions)
            rates = [(_rate(kept, options.seconds), _rate(dropped, options.seconds)) for _ in range(options.rounds)]
            yield from _rows(home, what, rates)


def _rows(home: Home, what: str, rates: Sequence[tuple[float, float]]) -> Iterator[Row]:
    facts: dict[str, Any] = {"benchmark": "audit", "database": home.kind}
    yield Row.of_rounds([kept for kept, _ in rates], what=f"reads of a {what}, on record", unit="1/s", **facts)
    yield Row.of_rounds(
        [dropped for _, dropped in rates], what=f"reads of a {what}, not on record", unit="1/s", **facts
    )
    costs = [100 * (1 - kept / dropped) for kept, dropped in rates]
    yield Row.of_rounds(costs, what=f"cost of the record, {what}", unit="%", aim=COST, **facts)


def _reader(
    system: System, ledger: Any, what: str, client_id: UUID, sessions: Sequence[UUID]
) -> Callable[[int], object]:
    common: dict[str, Any] = {"ledger": ledger, "access": system.access()}
    if what == "session":
        snapshots = SnapshotRecorder(system.databases.events)
        written = AggregateStore(system.databases.events, system.mapper, Session, snapshots)
        goals = AggregateStore(system.databases.events, system.mapper, Goal, snapshots)
        service = SessionService(**common, sessions=written, goals=goals, drafts=system.drafts)
        return lambda number: service.read(_call(system), sessions[number % len(sessions)])
    view = SqlJourneyView(system.tracking, RowSealer(system.keys, system.mapper.log))
    journey = JourneyService(**common, journey=view, zone="UTC")
    return lambda _number: journey.read(_call(system), client_id, limit=50)


def _rate(read: Callable[[int], object], seconds: float) -> float:
    """Reads a second of all threads together."""
    counts = [0] * _THREADS
    stop = time.monotonic() + seconds

    def work(place: int) -> None:
        while time.monotonic() < stop:
            read(counts[place])
            counts[place] += 1

    threads = [threading.Thread(target=work, args=(place,)) for place in range(_THREADS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - started)


_READER: Final = Actor(id=UUID(int=5), role=Role.CLINICIAN)


def _call(system: System) -> Call:
    return Call(actor=_READER, request_id=system.ids.ordered(), at=system.clock.now(), origin="192.0.2.1")


def _written(system: System) -> tuple[UUID, Sequence[UUID]]:
    """A client of the reader's, with sessions."""
    client_id = system.ids.opaque()
    who = IdentityContent(names=(PersonName(family="Sample", given="Person"),))
    system.services.clients.register(_call(system), client_id, who)
    sessions = [system.ids.ordered() for _ in range(_SESSIONS)]
    begun = datetime.now(UTC) - timedelta(weeks=_SESSIONS + 1)
    for number, session_id in enumerate(sessions):
        moment = MomentInZone(instant=begun + timedelta(weeks=number), zone="UTC", offset_s=0)
        content = SessionContent(took_place=moment, duration_min=50, modality=Modality.VIDEO, summary="Talked. " * 60)
        system.services.sessions.record(_call(system), session_id, client_id, content)
    return client_id, sessions
