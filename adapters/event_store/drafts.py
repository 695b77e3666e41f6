"""Drafts: sealed rows of the event database that change as their author types, each change with its audit entry."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Engine, and_, bindparam, delete, exists, insert, select, update

from adapters.access.tables import drafts
from adapters.event_store.envelope import length_prefixed
from adapters.event_store.journal import AuditedAppends
from adapters.event_store.ledger import command_row
from adapters.event_store.mapper import Mapper
from adapters.event_store.reading import reading
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, CommandRow, StateWrite
from adapters.event_store.tables import fences
from domain.errors import Erased, NotFound
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.keys import RecordClass, Sealer
from domain.ports.ledger import Draft

STALE_ACTION: Final = "draft.discard_stale"
_STALE_AT_ONCE: Final = 100

_THIS: Final = and_(
    drafts.c.id == bindparam("draft"),
    drafts.c.author_id == bindparam("author"),
    drafts.c.client_id == bindparam("client"),
)
_FENCED: Final = exists(select(fences.c.subject).where(fences.c.subject == bindparam("client")))
_REPLACE: Final = (
    update(drafts).where(_THIS, ~_FENCED).values(saved_at_us=bindparam("saved_us"), state=bindparam("sealed"))
)
_ADD: Final = insert(drafts).from_select(
    ["id", "client_id", "author_id", "saved_at_us", "state"],
    select(
        bindparam("draft", type_=drafts.c.id.type),
        bindparam("client", type_=drafts.c.client_id.type),
        bindparam("author", type_=drafts.c.author_id.type),
        bindparam("saved_us", type_=drafts.c.saved_at_us.type),
        bindparam("sealed", type_=drafts.c.state.type),
    ).where(~_FENCED, ~exists(select(drafts.c.id).where(drafts.c.id == bindparam("draft")))),
)
_REMOVE: Final = delete(drafts).where(drafts.c.id == bindparam("draft"))
_REMOVE_STALE: Final = delete(drafts).where(
    drafts.c.id == bindparam("draft"), drafts.c.saved_at_us < bindparam("before_us")
)
_ROWS: Final = select(drafts, exists(select(fences.c.subject).where(fences.c.subject == drafts.c.client_id)))


class SealedDrafts:
    """Satisfies domain.ports.ledger.DraftStore. A draft keeps its author and its client; writing it for others changes
    nothing. Drafts of fenced clients can be neither written nor read.
    """

    def __init__(self, engine: Engine, recorder: Recorder, mapper: Mapper, sealer: Sealer, deployment: UUID) -> None:
        self._engine = engine
        self._audited = AuditedAppends(recorder, mapper)
        self._sealer = sealer
        self._deployment = deployment

    def put(self, call: Call, entry: AuditEntry, draft: Draft) -> int:
        """Raises NotFound when the id is another author's or client's, Erased when the client is fenced."""
        known = self._row(draft.id)
        if self._fenced(draft.client_id):
            raise Erased(client=draft.client_id)
        if known is not None and (known.author_id, known.client_id) != (draft.author_id, draft.client_id):
            raise NotFound("There is no draft of yours with this id.", draft_id=draft.id)
        row = {
            "draft": draft.id,
            "client": draft.client_id,
            "author": draft.author_id,
            "saved_us": draft.saved_at_us,
            "sealed": self._sealed(draft),
        }
        writes = (StateWrite(statement=_REPLACE, parameters=row), StateWrite(statement=_ADD, parameters=row))
        return self._append(call, [entry], command_row(call, resource_id=draft.id), writes)

    def get(self, draft_id: UUID) -> Draft:
        row = self._row(draft_id)
        if row is None:
            raise NotFound("There is no draft with this id.", draft_id=draft_id)
        return self._opened(row)

    def of_author(self, author_id: UUID) -> Sequence[Draft]:
        """Those of erased clients are left out."""
        newest = _ROWS.where(drafts.c.author_id == author_id).order_by(drafts.c.saved_at_us.desc(), drafts.c.id)
        with reading(self._engine) as connection:
            rows: Sequence[Any] = connection.execute(newest).all()
        return tuple(self._readable(rows))

    def discard(self, call: Call, entry: AuditEntry, draft_id: UUID) -> int:
        remove = StateWrite(statement=_REMOVE, parameters={"draft": draft_id})
        return self._append(call, [entry], command_row(call, resource_id=draft_id), (remove,))

    def discard_stale(self, call: Call, older_than_us: int) -> int:
        """In portions, so that no append grows large; a draft saved meanwhile stays."""
        stale = select(drafts.c.id, drafts.c.client_id).where(drafts.c.saved_at_us < older_than_us)
        discarded = 0
        while True:
            with reading(self._engine) as connection:
                rows = connection.execute(stale.order_by(drafts.c.saved_at_us).limit(_STALE_AT_ONCE)).all()
            if not rows:
                return discarded
            entries = [AuditEntry(action=STALE_ACTION, client_id=row.client_id, resources=(row.id,)) for row in rows]
            writes = [
                StateWrite(statement=_REMOVE_STALE, parameters={"draft": row.id, "before_us": older_than_us})
                for row in rows
            ]
            self._append(call, entries, CommandRow(id=uuid4()), writes)
            discarded += len(rows)

    def _append(
        self, call: Call, entries: Sequence[AuditEntry], command: CommandRow, writes: Sequence[StateWrite]
    ) -> int:
        return self._audited.append(
            call, entries, lambda audit: Append(rows=audit, command=command, writes=writes)
        ).last

    def _row(self, draft_id: UUID) -> Any:
        with reading(self._engine) as connection:
            return connection.execute(_ROWS.where(drafts.c.id == draft_id)).one_or_none()

    def _fenced(self, client_id: UUID) -> bool:
        with reading(self._engine) as connection:
            return bool(connection.execute(select(_FENCED), {"client": client_id}).scalar_one())

    def _readable(self, rows: Iterable[Any]) -> Iterable[Draft]:
        for row in rows:
            try:
                yield self._opened(row)
            except Erased:
                continue

    def _sealed(self, draft: Draft) -> bytes:
        key_id = self._sealer.key_id(draft.client_id, RecordClass.JOURNAL)
        context = self._context(draft.id, draft.author_id, draft.client_id, draft.saved_at_us)
        return self._sealer.seal(key_id, draft.content.encode(), context)

    def _opened(self, row: Any) -> Draft:
        if row[-1]:
            raise Erased(client=row.client_id)
        context = self._context(row.id, row.author_id, row.client_id, row.saved_at_us)
        return Draft(
            id=row.id,
            client_id=row.client_id,
            author_id=row.author_id,
            saved_at_us=row.saved_at_us,
            content=self._sealer.open(bytes(row.state), context).decode(),
        )

    def _context(self, draft_id: UUID, author_id: UUID, client_id: UUID, saved_at_us: int) -> bytes:
        return length_prefixed(
            b"anamnesis/draft/1",
            self._deployment.bytes,
            draft_id.bytes,
            author_id.bytes,
            client_id.bytes,
            saved_at_us.to_bytes(8, "big", signed=True),
        )
