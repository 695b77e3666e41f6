"""Reading the audit: one's own trail, the whole for compliance officers, who looked at a client's record for the client,
and to whom it was disclosed. Reading any of it is on record too.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Unpack
from uuid import UUID

from domain.model import checks
from domain.model.disclosure import LegalBasis
from domain.ports.access import AccessState
from domain.ports.audit import AuditEntry, AuditFilters, AuditRecord, AuditRendering, ExportProofs, Given, Recipients
from domain.ports.call import Call, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.views import AuditView, Page
from domain.services.access import Access, Action
from domain.services.audit_forms import AuditForm, written
from domain.services.audit_words import as_told_to_clients
from domain.services.journey import check_period

LIMIT_MOST: Final = 1_000
CODE_MOST: Final = 64
ORIGIN_MOST: Final = 200
SIX_YEARS: Final = timedelta(days=6 * 365 + 2)
"""How far back an accounting of disclosures goes (45 CFR 164.528(a)(3)), leap days included."""
DISCLOSING: Final = (Action.DISCLOSURE_MAKE, Action.DISCLOSURE_RECORD, Action.WEBHOOK_DELIVER, Action.EXPORT_MAKE)
"""What an accounting lists, newest first of each."""
BY_ITSELF: Final = (Action.WORKLIST_SWEEP, Action.REPORT_MAKE, Action.DRAFT_DISCARD_STALE)
"""What the worker does with records where nobody looks at them; a client's access log leaves it out."""
_NOT_FOR_THOSE_WHO_STAND: Final = frozenset((LegalBasis.ABUSE_REPORT, LegalBasis.SERIOUS_THREAT))
_CLOSED: Final = frozenset((RecordClass.SUD, RecordClass.NOTES, RecordClass.SUD_NOTES))
_CODES: Final = ("role", "action", "outcome", "reason", "purpose")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A disclosure as an accounting tells it: to whom, what, why, when (45 CFR 164.528(b)(2)). `recipient` is empty where
    only the id of the agreement or program is known; `what` are ids of the things disclosed.
    """

    record: AuditRecord
    recipient_id: UUID | None
    recipient: str
    what: tuple[UUID, ...]
    given: Given | None = None
    """What a person recorded about it, where it was given by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """An entry of somebody else's that touched a client's record. `who` is empty where the practice shows no names."""

    record: AuditRecord
    who: str


class AuditService:
    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        ledger: Ledger,
        access: Access,
        audit: AuditView,
        state: AccessState,
        recipients: Recipients,
        fhir: AuditRendering,
        proofs: Callable[[], ExportProofs],
        names: bool,
    ) -> None:
        """`names`: whether clients see the names of those who looked, beside their roles and ids."""
        self._ledger = ledger
        self._access = access
        self._audit = audit
        self._state = state
        self._recipients = recipients
        self._fhir = fhir
        self._proofs = proofs
        self._names = names

    def mine(
        self,
        call: Call,
        *,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        at_least: int = 0,
        **filters: Unpack[AuditFilters],
    ) -> Page:
        """AuditRecords of the caller's own doings, newest first. Raises Denied, ViewBehind, Invalid."""
        self._access.require(call, Action.AUDIT_READ_OWN, RecordClass.AUDIT)
        _check(filters, limit)
        own: AuditFilters = {**filters, "actor_id": call.actor.id}
        page = self._audit.search(at_least=at_least, after=after, limit=limit, **own)
        self._ledger.note(call, AuditEntry(action=Action.AUDIT_READ_OWN, resources=(call.actor.id,)))
        return page

    def search(
        self,
        call: Call,
        *,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        at_least: int = 0,
        **filters: Unpack[AuditFilters],
    ) -> Page:
        """AuditRecords of everybody, newest first, for compliance officers and the host. A page may hold fewer than `limit`
        and not be the last: go on while there is an `after`. Raises Denied, ViewBehind, Invalid.
        """
        self._access.require(call, Action.AUDIT_SEARCH, RecordClass.AUDIT)
        _check(filters, limit)
        page = self._audit.search(at_least=at_least, after=after, limit=limit, **filters)
        self._ledger.note(call, _sought(Action.AUDIT_SEARCH, filters))
        return page

    def export(
        self, call: Call, form: AuditForm, *, at_least: int = 0, **filters: Unpack[AuditFilters]
    ) -> Iterator[bytes]:
        """All that `search` finds, as a file in pieces: CSV, JSON lines or a FHIR R4B Bundle. On record before its first
        piece. Raises Denied, ViewBehind, Invalid; while it is read StoreUnavailable, KeysUnavailable.
        """
        self._access.require(call, Action.AUDIT_EXPORT, RecordClass.AUDIT)
        _check(filters, 1)
        # Tells now, and not half-way through the file, when the view is behind.
        self._audit.search(at_least=at_least, limit=1, **filters)
        position = self._ledger.note(call, _sought(Action.AUDIT_EXPORT, filters))
        # What comes to be on record while the file is read is not in it, the export's own entry included.
        return written(self._pages(filters, (position,)), form, self._fhir, self._proofs())

    def of_client(  # noqa: PLR0913 - which page of what
        self,
        call: Call,
        client_id: UUID,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        at_least: int = 0,
    ) -> Page:
        """Looks: who touched the client's record beside whoever asks, newest first, denials and lists included.

        For the client, a representative and compliance officers. The first two are told that, not with what, where it was a
        part of the record which they aren't shown. Raises Denied, ClientNotFound, ViewBehind, Invalid.
        """
        self._admit(call, Action.AUDIT_READ_OF_CLIENT, client_id)
        check_period(since, until)
        checks.integer("limit", limit, 1, LIMIT_MOST)
        filters: AuditFilters = {
            "client_id": client_id,
            "other_than": call.actor.id,
            "without": BY_ITSELF,
            "since": since,
            "until": until,
        }
        page = self._audit.search(at_least=at_least, after=after, limit=limit, **filters)
        self._ledger.note(call, AuditEntry(action=Action.AUDIT_READ_OF_CLIENT, client_id=client_id))
        who = self._names_of({record.actor_id for record in page.items})
        stands = _stands_for(call, client_id)
        told = _for_clients(page.items, stands=stands) if call.actor.role is Role.CLIENT else page.items
        looks = tuple(Look(record=record, who=who.get(record.actor_id, "")) for record in told)
        return Page(items=looks, after=page.after)

    def disclosures(
        self,
        call: Call,
        client_id: UUID,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        at_least: int = 0,
    ) -> Sequence[Disclosure]:
        """Disclosures of six years back, unless a later `since` is named; newest first. Also of clients whose record was
        erased: entries outlive it. For the client, a representative, compliance officers and the host; who stands for
        the client is not told of reports of abuse or threat, nor of classes of record that are closed to them.

        Raises Denied, ClientNotFound, ViewBehind, Invalid.
        """
        self._admit(call, Action.AUDIT_ACCOUNT_DISCLOSURES, client_id)
        check_period(since, until)
        earliest = call.at - SIX_YEARS
        filters: AuditFilters = {
            "client_id": client_id,
            "since": max(since, earliest) if since else earliest,
            "until": until,
            "outcome": "allowed",
        }
        self._audit.search(at_least=at_least, limit=1, client_id=client_id)
        found = [
            record
            for action in DISCLOSING
            for page in self._pages({**filters, "action": action})
            for record in page
            if not (action is Action.EXPORT_MAKE and record.actor_role == Role.CLIENT)
        ]
        self._ledger.note(call, AuditEntry(action=Action.AUDIT_ACCOUNT_DISCLOSURES, client_id=client_id))
        told = self._told(sorted(found, key=lambda record: record.position, reverse=True))
        return [each for each in told if not _kept_from_those_who_stand(each)] if _stands_for(call, client_id) else told

    def _admit(self, call: Call, action: Action, client_id: UUID) -> None:
        """Clients by how they stand to the record; officers and the host also where there is no record any more."""
        self._access.require_role(call, action, (client_id,), client_id)
        asked = client_id if call.actor.role is Role.CLIENT else None
        self._access.require(call, action, RecordClass.AUDIT, asked, (client_id,))

    def _pages(self, filters: AuditFilters, after: tuple[int, ...] | None = None) -> Iterator[Sequence[AuditRecord]]:
        while True:
            page = self._audit.search(after=after, limit=LIMIT_MOST, **filters)
            yield page.items
            if page.after is None:
                return
            after = page.after

    def _told(self, records: Sequence[AuditRecord]) -> Sequence[Disclosure]:
        recipients = {record.position: _recipient_of(record) for record in records}
        names = self._recipients.names({each for each in recipients.values() if each is not None})
        by_hand = {
            one for record in records if record.action == Action.DISCLOSURE_RECORD for one in record.resources[1:]
        }
        given = self._recipients.given(by_hand)
        return tuple(_disclosure(record, recipients[record.position], names, given) for record in records)

    def _names_of(self, account_ids: Collection[UUID]) -> Mapping[UUID, str]:
        if not self._names:
            return {}
        accounts = (self._state.account(account_id) for account_id in account_ids)
        return {account.id: account.display_name for account in accounts if account is not None}


class NoProofs:
    """Implements ExportProofs where no checkpoint is published."""

    def header(self) -> Mapping[str, object]:
        return {"format": "anamnesis-export/1", "size": 0, "checkpoint": ""}

    def proof(self, position: int) -> Sequence[str] | None:  # noqa: ARG002 - none is proven
        return None


class NoRecipients:
    """Implements Recipients where no agreements are kept: an accounting then names them by id."""

    def names(self, ids: Collection[UUID]) -> Mapping[UUID, str]:
        return dict.fromkeys(ids, "")

    def given(self, ids: Collection[UUID]) -> Mapping[UUID, Given]:  # noqa: ARG002 - nothing is kept
        return {}


def _recipient_of(record: AuditRecord) -> UUID | None:
    """What an entry names first; nobody for a copy that somebody exported, of which is not known where it went."""
    return record.resources[0] if record.resources and record.action != Action.EXPORT_MAKE else None


def _disclosure(
    record: AuditRecord, recipient_id: UUID | None, names: Mapping[UUID, str], given: Mapping[UUID, Given]
) -> Disclosure:
    if recipient_id is None:
        return Disclosure(record=record, recipient_id=None, recipient="", what=record.resources)
    recipient = names.get(recipient_id, "")
    what = record.resources[1:]
    told = next((given[one] for one in what if one in given), None)
    return Disclosure(record=record, recipient_id=recipient_id, recipient=recipient, what=what, given=told)


def _stands_for(call: Call, client_id: UUID) -> bool:
    """Whether the caller is a representative, and not the client."""
    return call.actor.role is Role.CLIENT and call.actor.client_id != client_id


def _kept_from_those_who_stand(disclosure: Disclosure) -> bool:
    """A report of abuse may be about whoever stands for the client (45 CFR 164.512(c)(2)); and who is not shown a class of
    record is not told to whom it was given either.
    """
    given = disclosure.given
    return given is not None and (given.basis in _NOT_FOR_THOSE_WHO_STAND or not _CLOSED.isdisjoint(given.classes))


def _for_clients(records: Iterable[AuditRecord], *, stands: bool) -> Sequence[AuditRecord]:
    """Without saying that a psychotherapy note was written or a risk flag raised: a parent who stands for the client would
    learn of it here.
    """
    told = ((record, as_told_to_clients(record.action, stands=stands)) for record in records)
    return [
        record if record.action == action else replace(record, action=action, resources=()) for record, action in told
    ]


def _sought(action: Action, filters: AuditFilters) -> AuditEntry:
    """What was searched for, as far as ids say it."""
    ids = (filters.get("actor_id"), filters.get("on_behalf_of"))
    resources = tuple(each for each in ids if each is not None)
    return AuditEntry(action=action, client_id=filters.get("client_id"), resources=resources)


def _check(filters: AuditFilters, limit: int) -> None:
    for name, code in filters.items():
        if name in _CODES and isinstance(code, str):
            checks.text(name, code, CODE_MOST, one_line=True)
    checks.text("origin", filters.get("origin") or "", ORIGIN_MOST, one_line=True)
    check_period(filters.get("since"), filters.get("until"))
    checks.integer("limit", limit, 1, LIMIT_MOST)
