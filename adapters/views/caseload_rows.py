"""One row a client in the caseload, kept up by what changed: never by counting a client's whole journey again."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, select

from adapters.views.bulk import replace_rows
from adapters.views.stories import Item, Key
from adapters.views.tables import caseload, journey_items
from domain.model.client import ClientStatus
from domain.model.session import SessionStatus

_AT_ONCE: Final = 500  # SQLite counts variables
_UNSIGNED: Final = (SessionStatus.RECORDED.value, SessionStatus.AWAITING_COSIGNATURE.value)


@dataclass(frozen=True, slots=True)
class _Session:
    """What a session counts for in the caseload."""

    state: str
    happened_at_us: int

    @property
    def counts(self) -> bool:
        return self.state != SessionStatus.ENTERED_IN_ERROR.value

    @property
    def unsigned(self) -> bool:
        return self.state in _UNSIGNED


@dataclass(frozen=True, slots=True)
class SessionChange:
    """A session's row before the batch (None: new) and after it."""

    before: _Session | None
    after: _Session


Changes = Mapping[UUID, Sequence[SessionChange]]
"""By client."""


@dataclass(slots=True)
class _Row:
    """A caseload row, in the order of the table's columns."""

    client_id: UUID
    status: str = ClientStatus.ACTIVE.value
    sessions: int = 0
    unsigned_sessions: int = 0
    last_session_at_us: int | None = None
    identity: bytes | None = None
    last_position: int | None = None

    def values(self) -> tuple[Any, ...]:
        return (
            self.client_id.bytes,
            self.status,
            self.sessions,
            self.unsigned_sessions,
            self.last_session_at_us,
            self.identity,
            self.last_position,
        )

    def take(self, changes: Iterable[SessionChange]) -> bool:
        """Move the counts. True when the newest session moved back in time or no longer counts: only the journey knows
        which is newest then.
        """
        overtaken = False
        for change in changes:
            before, after = change.before, change.after
            if before:
                self.sessions -= before.counts
                self.unsigned_sessions -= before.unsigned
                overtaken = overtaken or (before.counts and before.happened_at_us == self.last_session_at_us)
            self.sessions += after.counts
            self.unsigned_sessions += after.unsigned
            if after.counts:
                self.last_session_at_us = max(self.last_session_at_us or after.happened_at_us, after.happened_at_us)
        return overtaken


def changes_of(sessions: Iterable[Item], before: Mapping[Key, _Session]) -> Changes:
    """What the sessions of a batch change, given those that stood in the journey already."""
    changes: dict[int, list[SessionChange]] = {}
    clients: dict[int, UUID] = {}
    for item in sessions:
        number = item.client_id.int
        clients[number] = item.client_id
        change = SessionChange(before.get(item.key), _Session(item.state, item.happened_at_us))
        changes.setdefault(number, []).append(change)
    return {clients[number]: of_client for number, of_client in changes.items()}


def update_caseload(
    connection: Connection,
    changes: Changes,
    statuses: Mapping[UUID, str],
    identities: Mapping[UUID, bytes],
    positions: Mapping[UUID, int],
) -> None:
    """Apply what a batch changed; `positions` are those of the newest event in each journey it touched. Call it when the
    journey's rows were written.
    """
    touched = {*changes, *statuses, *identities, *positions}
    if not touched:
        return
    stored = _stored_rows(connection, touched)
    rows = {client_id: stored.get(client_id) or _Row(client_id) for client_id in touched}
    overtaken = [client_id for client_id, of_client in changes.items() if rows[client_id].take(of_client)]
    newest = _newest_sessions(connection, overtaken)
    for client_id in overtaken:
        rows[client_id].last_session_at_us = newest.get(client_id)
    for client_id, status in statuses.items():
        rows[client_id].status = status
    for client_id, identity in identities.items():
        rows[client_id].identity = identity
    for client_id, position in positions.items():
        rows[client_id].last_position = position
    replace_rows(connection, caseload, [row.values() for row in rows.values()], [(each.bytes,) for each in stored])


def stored_sessions(connection: Connection, items: Iterable[Item]) -> dict[Key, _Session]:
    """Those of the items that stand in the journey, as they stand there."""
    found = {}
    for some in _parts([item.id for item in items if item.kind == "session"]):
        for row in connection.execute(_SESSIONS, {"ids": some}):
            found[row.id.int, row.client_id.int] = _Session(row.state, row.happened_at_us)
    return found


def _stored_rows(connection: Connection, clients: Collection[UUID]) -> dict[UUID, _Row]:
    found = {}
    for some in _parts(clients):
        for row in connection.execute(_ROWS, {"clients": some}):
            found[row.client_id] = _Row(*row)
    return found


def _newest_sessions(connection: Connection, clients: Collection[UUID]) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    for some in _parts(clients):
        found.update(connection.execute(_NEWEST, {"clients": some}).all())
    return found


def _parts(values: Collection[UUID]) -> Iterator[list[UUID]]:
    listed = list(values)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]


# Built once: they run for every batch.
_ROWS: Final = select(*caseload.c).where(caseload.c.client_id.in_(bindparam("clients", expanding=True)))
_SESSIONS: Final = select(
    journey_items.c.id, journey_items.c.client_id, journey_items.c.state, journey_items.c.happened_at_us
).where(journey_items.c.id.in_(bindparam("ids", expanding=True)))
_NEWEST: Final = (
    select(journey_items.c.client_id, func.max(journey_items.c.happened_at_us))
    .where(journey_items.c.client_id.in_(bindparam("clients", expanding=True)))
    .where(journey_items.c.kind == "session", journey_items.c.state != SessionStatus.ENTERED_IN_ERROR.value)
    .group_by(journey_items.c.client_id)
)
