"""Leases: how an erasure knows that no process holds a client's keys any more.

Every process renews its lease every few seconds; on the way it learns of new fences, forgets those clients for good, and
only then acknowledges. One that could not renew in time stops using clients' keys by its own clock, so that an erasure may
count a lease that ran out like one that was acknowledged.
"""

import socket
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from time import monotonic, sleep, time_ns
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

import structlog
from sqlalchemy import BigInteger, Connection, Engine, cast, delete, func, insert, select, update

from adapters.access.tables import erasures, process_leases
from adapters.db.errors import translated
from adapters.db.transactions import read_transaction, write_transaction
from domain.errors import AnamnesisError, Unavailable
from domain.ports.erasure import Released
from domain.ports.keys import RecordClass

_RENEWALS: Final = 4
"""Tries within one lease."""
_DEAD_US: Final = 3_600_000_000
"""After which the row of a process that died is removed."""
_POLL_S: Final = 0.05
_PATIENCE_S: Final = 150.0
_LEASE = process_leases.c
_log = structlog.get_logger("adapters.erasure.leases")


class ProcessHoldsOn(Unavailable):
    """It renews its lease and does not acknowledge."""

    code = "process_holds_on"
    message = "A process does not let go of the client's keys."
    hint = "Restart the process that `process` names; the erasure then goes on by itself."


class Forgets(Protocol):
    """What a lease needs of the key ring."""

    leased_until_s: float

    def bar(self, owner: UUID, classes: Collection[RecordClass] = ()) -> None:
        """Forget an owner's keys, or those of some classes, and never take them up again."""


@dataclass(frozen=True, slots=True)
class _Fenced:
    number: int
    client_id: UUID
    classes: Sequence[RecordClass]


class ProcessLease:
    """One a process. `renew` runs in a thread of its own once `start` was called."""

    def __init__(self, engine: Engine, ring: Forgets, *, part: str, length_s: float) -> None:
        self._engine = engine
        self._ring = ring
        self._part = part
        self._length_s = length_s
        self._known = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self.id: Final = uuid4()

    def start(self) -> None:
        """Take the lease, then keep it. Raises StoreUnavailable."""
        self.renew()
        self._thread.start()

    def stop(self) -> None:
        """Keys stay closed from here on, and nobody waits for this process."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._ring.leased_until_s = 0.0
        try:
            with translated("events"), write_transaction(self._engine) as connection:
                connection.execute(delete(process_leases).where(_LEASE.id == self.id))
        except AnamnesisError:
            return  # it runs out by itself

    def renew(self) -> None:
        """Learn of new fences, forget, acknowledge. Raises StoreUnavailable."""
        began_s = monotonic()
        known = self._forget_fenced()
        with translated("events"), write_transaction(self._engine) as connection:
            self._write(connection, known)
        # Once more, now that everybody can see the lease: an erasure that looked for leases a moment before it was there,
        # or when the last one was over, waits for nobody, so its fence must be known before keys are used.
        self._forget_fenced()
        # From before the question: what was fenced after it finds this lease over in time.
        self._ring.leased_until_s = began_s + self._length_s

    def _forget_fenced(self) -> int:
        """The number of the newest fence of which this process knows."""
        for each in self._fences():
            self._ring.bar(each.client_id, each.classes)
            self._known = max(self._known, each.number)
        return self._known

    def _fences(self) -> list[_Fenced]:
        query = select(erasures.c.number, erasures.c.client_id, erasures.c.classes)
        with translated("events"), read_transaction(self._engine) as connection:
            rows = connection.execute(query.where(erasures.c.number > self._known)).all()
        return [_Fenced(row.number, row.client_id, [RecordClass(name) for name in row.classes.split()]) for row in rows]

    def _write(self, connection: Connection, known: int) -> None:
        now_us = server_now_us(connection)
        values = {
            "renewed_at_us": now_us,
            "expires_at_us": now_us + int(self._length_s * 1_000_000),
            "acknowledged": known,
        }
        if connection.execute(update(process_leases).where(_LEASE.id == self.id).values(values)).rowcount:
            return
        connection.execute(delete(process_leases).where(_LEASE.expires_at_us < now_us - _DEAD_US))
        started = {"id": self.id, "part": self._part, "host": socket.gethostname()[:64], "started_at_us": now_us}
        connection.execute(insert(process_leases).values(started | values))

    def _run(self) -> None:
        away = False
        while not self._stopped.wait(self._length_s / _RENEWALS):
            try:
                self.renew()
            except AnamnesisError as error:
                if not away:
                    _log.warning("The lease could not be renewed; clients' keys close when it is over", code=error.code)
                away = True
            except Exception:  # noqa: BLE001 - the keys close by themselves, and the next try may do
                _log.exception("the lease could not be renewed")
                away = True
            else:
                if away:
                    _log.warning("The lease is renewed again")
                away = False


def released(
    engine: Engine,
    number: int,
    *,
    patience_s: float = _PATIENCE_S,
    pause: Callable[[float], object] = sleep,
) -> Released:
    """Waits until each lease has acknowledged fence `number` or is over. Raises ProcessHoldsOn, StoreUnavailable."""
    end_s = monotonic() + patience_s
    while True:
        with translated("events"), read_transaction(engine) as connection:
            now_us = server_now_us(connection)
            rows: Sequence[Any] = connection.execute(select(process_leases)).all()
        behind = [row for row in rows if row.acknowledged < number]
        waiting = [row for row in behind if row.expires_at_us >= now_us]
        if not waiting:
            return Released(acknowledged=len(rows) - len(behind), expired=len(behind))
        if monotonic() > end_s:
            raise ProcessHoldsOn(process=waiting[0].part, host=waiting[0].host, lease=waiting[0].id)
        pause(_POLL_S)


def server_now_us(connection: Connection) -> int:
    """Microseconds since 1970 by one clock for all processes: the server's, or this machine's where they share it."""
    if connection.dialect.name == "sqlite":
        return time_ns() // 1000
    now = cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
    return int(connection.execute(select(now)).scalar_one())
