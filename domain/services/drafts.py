"""Unfinished work, saved as it is typed: the author's alone, outside the record."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.errors import Invalid, NotFound
from domain.model import checks
from domain.model.client import ClientEnteredInError
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.keys import RecordClass
from domain.ports.ledger import Draft, DraftStore, Ledger
from domain.services.access import Access, Action

CONTENT_MOST: Final = 300_000
"""Characters: twice what the fields of a session hold."""


class DraftNotFound(NotFound):
    code = "draft_not_found"
    message = "You have no draft with this id."


class DraftService:
    def __init__(self, *, ledger: Ledger, access: Access, drafts: DraftStore) -> None:
        self._ledger = ledger
        self._access = access
        self._drafts = drafts

    def save(self, call: Call, draft_id: UUID, client_id: UUID, content_json: str) -> int:
        """Create or replace; answers the position. An id in use for another author or client is no draft of yours.

        Raises Denied, ClientNotFound, ClientEnteredInError, DraftNotFound, Invalid, Erased.
        """
        standing = self._access.require(call, Action.DRAFT_SAVE, RecordClass.JOURNAL, client_id, (draft_id,))
        if not standing.open:
            raise ClientEnteredInError(client_id=client_id)
        _check_content(content_json)
        existing = self._existing(draft_id)
        if existing is not None and (existing.author_id, existing.client_id) != (call.actor.id, client_id):
            raise DraftNotFound(draft_id=draft_id)
        draft = Draft(
            id=draft_id,
            client_id=client_id,
            author_id=call.actor.id,
            saved_at_us=microseconds(call.at),
            content=content_json,
        )
        return self._drafts.put(call, _entry(Action.DRAFT_SAVE, draft), draft)

    def read(self, call: Call, draft_id: UUID) -> Draft:
        """Raises DraftNotFound, Denied, Erased."""
        draft = self._own(call, Action.DRAFT_READ, draft_id)
        self._ledger.note(call, _entry(Action.DRAFT_READ, draft))
        return draft

    def mine(self, call: Call) -> Sequence[Draft]:
        """The caller's drafts, newest first. Raises Denied."""
        self._access.require(call, Action.DRAFT_LIST, RecordClass.JOURNAL)
        drafts = self._drafts.of_author(call.actor.id)
        clients = tuple(sorted({draft.client_id for draft in drafts}))
        resources = tuple(draft.id for draft in drafts)
        self._ledger.note(call, AuditEntry(action=Action.DRAFT_LIST, resources=resources, clients=clients))
        return drafts

    def discard(self, call: Call, draft_id: UUID) -> int:
        """Answers the position. Raises DraftNotFound, Denied, Erased."""
        draft = self._own(call, Action.DRAFT_DISCARD, draft_id)
        return self._drafts.discard(call, _entry(Action.DRAFT_DISCARD, draft), draft_id)

    def discard_stale(self, call: Call, older_than: datetime) -> int:
        """Remove what nobody has saved since; answers how many. For the worker. Raises Denied."""
        self._access.require(call, Action.DRAFT_DISCARD_STALE, RecordClass.JOURNAL)
        return self._drafts.discard_stale(call, microseconds(older_than))

    def _existing(self, draft_id: UUID) -> Draft | None:
        try:
            return self._drafts.get(draft_id)
        except NotFound:
            return None

    def _own(self, call: Call, action: Action, draft_id: UUID) -> Draft:
        """Another author's draft is answered as if there were none: unfinished work is nobody else's business."""
        self._access.require_role(call, action, (draft_id,))
        draft = self._existing(draft_id)
        if draft is None:
            raise DraftNotFound(draft_id=draft_id)
        if draft.author_id != call.actor.id:
            self._access.note_denial(call, action, draft.client_id, (draft_id,), "not_the_author")
            raise DraftNotFound(draft_id=draft_id)
        self._access.require(call, action, RecordClass.JOURNAL, draft.client_id, (draft_id,), author_id=draft.author_id)
        return draft


def microseconds(instant: datetime) -> int:
    """Since 1970, UTC."""
    return int(instant.timestamp()) * 1_000_000 + instant.microsecond


def _check_content(content_json: str) -> None:
    checks.text("content", content_json, CONTENT_MOST)
    try:
        whole = isinstance(json.loads(content_json), dict)
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise Invalid("content must be a JSON object.", field="content")


def _entry(action: Action, draft: Draft) -> AuditEntry:
    return AuditEntry(action=action, client_id=draft.client_id, resources=(draft.id,))
