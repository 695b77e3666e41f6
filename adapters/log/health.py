"""How publishing goes, from what the database remembers of it: for metrics and the doctor."""

from collections.abc import Callable
from dataclasses import dataclass
from time import time_ns

from sqlalchemy import Engine, select

from adapters.db.engines import read_transaction
from adapters.db.errors import translated
from adapters.event_store.reads import last_position
from adapters.event_store.tables import checkpoint_attempts, checkpoints
from adapters.event_store.writer import OpenLog


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointHealth:
    """`size` 0 means that none was published yet; `outcome` is the code of what the last try failed for, "" for well."""

    size: int
    age_s: float
    cosignatures: int
    unprotected: int
    outcome: str


class CheckpointHealthReader:
    """`clock_ns` gives nanoseconds since 1970, UTC."""

    def __init__(self, engine: Engine, clock_ns: Callable[[], int] = time_ns) -> None:
        self._engine = engine
        self._clock_ns = clock_ns

    def health(self) -> CheckpointHealth:
        """Of this incarnation. Raises LogNotOpened, StoreUnavailable."""
        with translated("events"), read_transaction(self._engine) as connection:
            incarnation = OpenLog.of(connection).incarnation
            of_log = select(checkpoints).where(checkpoints.c.incarnation == incarnation)
            newest = connection.execute(of_log.order_by(checkpoints.c.size.desc()).limit(1)).one_or_none()
            tried = select(checkpoint_attempts.c.outcome).where(checkpoint_attempts.c.incarnation == incarnation)
            outcome: str | None = connection.execute(tried).scalar_one_or_none()
            last = last_position(connection)
        size = newest.size if newest else 0
        age_us = self._clock_ns() // 1000 - newest.published_at_us if newest else 0
        return CheckpointHealth(
            size=size,
            age_s=max(0.0, age_us / 1_000_000),
            cosignatures=newest.cosignatures if newest else 0,
            unprotected=max(0, last - size),
            outcome=outcome or "",
        )
