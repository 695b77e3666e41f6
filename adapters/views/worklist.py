"""Facts for the work list: a sealed row a client, good until the client's journey moves on."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
import structlog
from sqlalchemy import BindParameter, Connection, bindparam, delete, or_, select

from adapters.db.errors import translated
from adapters.db.transactions import write_transaction
from adapters.views.bulk import insert_rows, replace_rows
from adapters.views.fences import fenced_among
from adapters.views.opening import Opens
from adapters.views.tables import JOURNEY, caseload, worklist, worklist_accounts
from adapters.views.tracking import ViewTracking
from domain.errors import Erased, KeyMissing, SealBroken
from domain.ports.worklist import ClientFacts

_log = structlog.get_logger("views")
_STEP: Final = 2048
_AT_ONCE: Final = 500  # SQLite counts variables
_CLIENTS: Final[BindParameter[Any]] = bindparam("clients", expanding=True)
_KNOWN: Final = select(*worklist.c).where(worklist.c.client_id.in_(_CLIENTS))
# Told of both tables: PostgreSQL does not conclude it, and would read the whole caseload.
_UP_TO_DATE: Final = _KNOWN.join(caseload, caseload.c.client_id == worklist.c.client_id).where(
    caseload.c.client_id.in_(_CLIENTS), worklist.c.as_of >= caseload.c.last_position
)
_OUTDATED: Final = (
    select(caseload.c.client_id, caseload.c.last_position)
    .select_from(caseload.outerjoin(worklist, caseload.c.client_id == worklist.c.client_id))
    .where(or_(worklist.c.as_of.is_(None), worklist.c.as_of < caseload.c.last_position))
    .where(caseload.c.last_position.is_not(None))
    .order_by(caseload.c.client_id)
)


class SealsAndOpens(Opens, Protocol):
    """What is needed of the row sealer."""

    def seal_row(self, client_id: UUID, table: str, row_id: UUID, plaintext: bytes) -> bytes: ...


class SqlFactsStore:
    """Implements domain.ports.worklist.FactsStore, in the view database: a rebuild of the journey empties it."""

    def __init__(self, tracking: ViewTracking, sealer: SealsAndOpens) -> None:
        self._tracking = tracking
        self._sealer = sealer

    def outdated(self, *, after: UUID | None = None, limit: int) -> Sequence[tuple[UUID, int]]:
        query = _OUTDATED if after is None else _OUTDATED.where(caseload.c.client_id > after)
        with self._tracking.snapshot(JOURNEY) as connection:
            rows = connection.execute(query.limit(limit)).all()
        return [(row.client_id, row.last_position) for row in rows]

    def keep(self, facts: Sequence[ClientFacts]) -> None:
        sealed = {each.client_id: row for each in facts if (row := self._row(each)) is not None}
        if not sealed:
            return
        with translated("views"), write_transaction(self._tracking.engine) as connection:
            # The lock of all writers of the journey: who fences a client holds it too, and removes what stands.
            self._tracking.claim(connection, (JOURNEY,))
            stored = {row.client_id: row.as_of for row in _stored(connection, sealed)}
            unwanted = fenced_among(connection, sealed)
            written = [
                each
                for each in facts
                if each.client_id in sealed
                and each.client_id not in unwanted
                and stored.get(each.client_id, -1) <= each.as_of
            ]
            _replace(connection, written, sealed, stored)

    def of_clients(self, client_ids: Sequence[UUID], *, at_least: int = 0) -> Mapping[UUID, ClientFacts]:
        rows: list[Any] = []
        with self._tracking.snapshot(JOURNEY, at_least) as connection:
            for start in range(0, len(client_ids), _AT_ONCE):
                some = client_ids[start : start + _AT_ONCE]
                fenced = fenced_among(connection, some)
                found = connection.execute(_UP_TO_DATE, {"clients": some})
                rows += [row for row in found if row.client_id not in fenced]
        return {facts.client_id: facts for facts in self._opened(rows)}

    def waiting_for(self, account_id: UUID, *, at_least: int = 0) -> Sequence[UUID]:
        query = select(worklist_accounts.c.client_id).where(worklist_accounts.c.account_id == account_id)
        with self._tracking.snapshot(JOURNEY, at_least) as connection:
            found = connection.scalars(query.order_by(worklist_accounts.c.client_id)).all()
            fenced = fenced_among(connection, found)
        return [client_id for client_id in found if client_id not in fenced]

    def page(self, *, after: UUID | None = None, limit: int) -> Sequence[ClientFacts]:
        query = select(*worklist.c).order_by(worklist.c.client_id).limit(limit)
        while True:
            with self._tracking.snapshot(JOURNEY) as connection:
                rows = connection.execute(query if after is None else query.where(worklist.c.client_id > after)).all()
                fenced = fenced_among(connection, [row.client_id for row in rows])
            found = self._sound([row for row in rows if row.client_id not in fenced])
            if found or not rows:
                return found
            after = rows[-1].client_id  # all of them erased meanwhile, or damaged

    def _sound(self, rows: Collection[Any]) -> list[ClientFacts]:
        """As `_opened`, without rows that were damaged or altered: these go, so that they are derived anew, and are told of."""
        found, damaged = [], []
        for row in rows:
            try:
                found += self._opened((row,))
            except (SealBroken, KeyMissing) as error:
                _log.error("facts of the work list do not open", client_id=str(row.client_id), code=error.code)
                damaged.append(row)
        if damaged:
            with translated("views"), write_transaction(self._tracking.engine) as connection:
                self._tracking.claim(connection, (JOURNEY,))
                for row in damaged:
                    same = (worklist.c.client_id == row.client_id, worklist.c.as_of == row.as_of)
                    connection.execute(delete(worklist).where(*same, worklist.c.facts == row.facts))
        return found

    def _row(self, facts: ClientFacts) -> tuple[Any, ...] | None:
        """In the order of the table's columns; None when the client's keys were destroyed."""
        try:
            plain = orjson.dumps(dict(facts.facts))
            # Spaces behind it: its exact length would tell by a glance who has an open flag.
            sealed = self._sealer.seal_row(
                facts.client_id, worklist.name, facts.client_id, plain.ljust(-(-len(plain) // _STEP) * _STEP)
            )
        except Erased:
            return None
        return facts.client_id.bytes, facts.as_of, sealed

    def _opened(self, rows: Collection[Any]) -> list[ClientFacts]:
        found = []
        for row in rows:
            try:
                opened = self._sealer.open_row(row.client_id, worklist.name, row.client_id, row.facts)
            except Erased:
                continue
            found.append(ClientFacts(client_id=row.client_id, as_of=row.as_of, facts=orjson.loads(opened)))
        return found


def _stored(connection: Connection, clients: Collection[UUID]) -> list[Any]:
    wanted = list(clients)
    found: list[Any] = []
    for start in range(0, len(wanted), _AT_ONCE):
        found += connection.execute(_KNOWN, {"clients": wanted[start : start + _AT_ONCE]}).all()
    return found


def _replace(
    connection: Connection,
    facts: Sequence[ClientFacts],
    sealed: Mapping[UUID, tuple[Any, ...]],
    stored: Collection[UUID],
) -> None:
    ids = [each.client_id for each in facts]
    replace_rows(
        connection, worklist, [sealed[each] for each in ids], [(each.bytes,) for each in ids if each in stored]
    )
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        connection.execute(delete(worklist_accounts).where(worklist_accounts.c.client_id.in_(some)))
    named = [(account.bytes, each.client_id.bytes) for each in facts for account in sorted(each.accounts)]
    insert_rows(connection, worklist_accounts, named)
