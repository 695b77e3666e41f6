"""Forks of the log: each restore opens an incarnation of its own, and nothing starts before the restore is finished."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine, func, insert, select, update

from adapters.db.errors import translated
from adapters.db.transactions import read_transaction, write_transaction
from adapters.event_store.tables import deployment, events, restores
from adapters.event_store.writer import LogReplaced, OpenLog, exclusive_transaction
from domain.errors import Misconfigured

RESTORED: Final = "system.restored"
"""Kind of the record that an incarnation opened by a restore begins with."""


class RestoreUnfinished(Misconfigured):
    """A back-up was loaded, but erasures were not replayed yet, or the new incarnation was not opened."""

    code = "restore_unfinished"
    message = "A restore began here and was not finished; nothing starts before it is."
    hint = "Run `anamnesis restore` with the same back-up again: it goes on where it stopped."


class Stage(StrEnum):
    """How far a restore has come. Each is reached in one transaction."""

    LOADED = "loaded"
    """The events are there."""
    KEYED = "keyed"
    """The keys are there."""
    REPLAYED = "replayed"
    """The register of erasures was replayed: from here on keys may be opened."""
    OPENED = "opened"
    """The new incarnation stands, its first record is written."""
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """`backup` is the SHA-256 of the manifest restored from; `kept` the last position that came from it; `begun_at_us`
    microseconds since 1970, UTC.
    """

    incarnation: int
    backup: str
    kept: int
    stage: Stage
    begun_at_us: int

    @property
    def finished(self) -> bool:
        return self.stage is Stage.FINISHED


def newest_restore(connection: Connection) -> Restore | None:
    """The restore that came last, finished or not."""
    row = connection.execute(select(restores).order_by(restores.c.incarnation.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return Restore(
        incarnation=row.incarnation,
        backup=row.backup,
        kept=row.kept,
        stage=Stage(row.stage),
        begun_at_us=row.begun_at_us,
    )


def check_restored(engine: Engine) -> None:
    """What every process asks before it starts. Raises RestoreUnfinished, StoreUnavailable."""
    with translated("events"), read_transaction(engine) as connection:
        newest = newest_restore(connection)
    if newest is not None and not newest.finished:
        raise RestoreUnfinished(incarnation=newest.incarnation, stage=newest.stage.value, backup=newest.backup)


def begin_restore(connection: Connection, restore: Restore) -> None:
    """Mark what was just loaded as not to be used yet: in the transaction that loads it."""
    connection.execute(
        insert(restores).values(
            incarnation=restore.incarnation,
            backup=restore.backup,
            kept=restore.kept,
            stage=restore.stage.value,
            begun_at_us=restore.begun_at_us,
            finished_at_us=0,
        )
    )


def reach(engine: Engine, incarnation: int, stage: Stage, now_us: int) -> None:
    """Raises StoreUnavailable."""
    finished_at_us = now_us if stage is Stage.FINISHED else 0
    with translated("events"), write_transaction(engine) as connection:
        connection.execute(
            update(restores)
            .where(restores.c.incarnation == incarnation)
            .values(stage=stage.value, finished_at_us=finished_at_us)
        )


def open_incarnation(engine: Engine, incarnation: int, at_us: int) -> OpenLog:
    """The log goes on under another name from the next position. Once: again it gives the one that stands.

    Under the lock of the log: whoever wrote for the incarnation before is refused from then on (LogReplaced). Raises
    LogReplaced when a later one stands, LogNotOpened, StoreUnavailable.
    """
    with translated("events"), exclusive_transaction(engine) as connection:
        log = OpenLog.of(connection)
        if log.incarnation > incarnation:
            raise LogReplaced(incarnation=log.incarnation, expected=incarnation)
        if log.incarnation < incarnation:
            last = connection.execute(select(func.coalesce(func.max(events.c.position), 0))).scalar_one()
            row = {
                "incarnation": incarnation,
                "deployment_id": log.deployment_id,
                "first_position": last + 1,
                "opened_at_us": at_us,
            }
            connection.execute(insert(deployment).values(row))
        return OpenLog(log.deployment_id, incarnation)
