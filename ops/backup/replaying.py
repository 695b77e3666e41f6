"""The register of erasures carried out once more on what was just loaded: before any key is opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, insert, select

from adapters.access.instants import microseconds
from adapters.access.tables import erasures
from adapters.db.engines import Databases
from adapters.db.errors import translated
from adapters.erasure.fence import fence_reason
from adapters.erasure.purge import empty_write_ahead_log, purge_events, redact
from adapters.event_store.tables import fences
from adapters.event_store.writer import exclusive_transaction
from adapters.keys.destruction import KeyDestruction
from domain.model.erasure import ErasureState
from domain.ports.erasure import ErasureNote

_RECORDED_IN_FULL: Final = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """`redacted` are positions whose states went: events of the erased clients' own accounts."""

    notes: Sequence[ErasureNote]
    redacted: tuple[int, ...]


def replay(databases: Databases, notes: Sequence[ErasureNote], kept: int) -> Replayed:
    """Fence, keys, rows, states of accounts, as the erasure did; `kept` is the last position that the back-up holds.

    Repeatable. `databases` work with the rights of their owner. Raises StoreUnavailable, KeysUnavailable.
    """
    destruction = KeyDestruction(databases.keys)
    redacted: set[int] = set()
    for note in notes:
        _fence(databases.events, note, kept)
        at_us = microseconds(note.at)
        if note.classes:
            destruction.destroy_classes(note.client_id, note.classes, at_us)
        else:
            destruction.destroy_owner(note.client_id, at_us)
        purged = purge_events(databases.events, note.erasure_id, note.client_id, note.classes)
        redacted.update(purged.redacted)
    positions = tuple(sorted(redacted))
    redact(databases.events, positions)
    for engine in (databases.events, databases.keys):
        empty_write_ahead_log(engine)
    return Replayed(notes=notes, redacted=positions)


def _fence(engine: Engine, note: ErasureNote, kept: int) -> None:
    """The erasure in the tables, where the back-up doesn't know it yet, and its fence. One that the back-up knows as begun
    stays so: the worker goes on with it, and ends it with its receipt.
    """
    with translated("events"), exclusive_transaction(engine) as connection:
        known = connection.execute(select(erasures.c.id).where(erasures.c.id == note.erasure_id)).one_or_none()
        if known is None:
            connection.execute(insert(erasures).values(_row(connection, note)))
        standing = connection.execute(select(fences.c.subject).where(fences.c.subject == note.client_id)).one_or_none()
        if standing is None and not note.classes:
            connection.execute(
                insert(fences).values(
                    # Not where it stood before: entries of the register are named by it, and stay as they are.
                    subject=note.client_id,
                    position=max(kept, note.fence_position) + 1,
                    reason=fence_reason(note.erasure_id),
                )
            )


def _row(connection: Connection, note: ErasureNote) -> dict[str, Any]:
    number = connection.execute(select(func.coalesce(func.max(erasures.c.number), 0))).scalar_one()
    at_us = microseconds(note.at)
    return {
        "id": note.erasure_id,
        "client_id": note.client_id,
        "classes": " ".join(note.classes),
        "state": ErasureState.COMPLETED.value,
        "requested_at_us": at_us,
        "due_at_us": at_us,
        "number": int(number) + 1,
        "redacted": _RECORDED_IN_FULL,
    }
