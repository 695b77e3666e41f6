"""The audit: what the caller did, what everybody did for those who review it, and who looked for whom it is about."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from api.answers import found
from api.asks import Reader, Reading
from api.declare import reads, represents
from api.dispatch import Operation
from api.errors import CursorInvalid, NotAcceptable
from api.models.audit import AccessLogOut, AuditOut, DisclosuresOut
from api.models.pages import Cursor, Since, Until
from api.negotiation import preferred
from domain.errors import ViewBehind
from domain.model.checks import ImpossibleTime
from domain.model.client import ClientNotFound
from domain.ports.audit import AuditFilters, Outcome
from domain.ports.call import Purpose, Role
from domain.ports.views import Page
from domain.services.access import Action, RoleNotPermitted
from domain.services.audit import Disclosure, Look
from domain.services.audit_forms import MEDIA_TYPES, AuditForm, record_as_json
from domain.services.audit_words import in_words
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1", tags=["Audit"], route_class=Operation)

_ERRORS = (RoleNotPermitted, ViewBehind, CursorInvalid, ImpossibleTime)
ActionCode = Annotated[
    str | None, Query(pattern="^[a-z_]{1,32}\\.[a-z_]{1,40}$", description="A code such as session.sign.")
]
ReasonCode = Annotated[
    str | None, Query(pattern="^[a-z0-9_]{1,64}$", description="Why it was denied, such as outside_care_team.")
]
OutcomeCode = Annotated[Outcome | None, Query(description="Only entries with this outcome.")]
PurposeCode = Annotated[Purpose | None, Query(description="Only what was done for this purpose.")]
RoleCode = Annotated[Role | None, Query(description="Only what accounts of this role did.")]
Origin = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="A network address as it is on record, or `worker` or `host`."),
]
Client = Annotated[UUID | None, Query(description="Only entries that name this client, alone or in a list.")]
Principal = Annotated[UUID | None, Query(description="Only what jobs did under this account's grant.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Most entries of a page.")]
_FORMS: Final = {media_type: form for form, media_type in MEDIA_TYPES.items()}
_EXPORTED: Final[dict[str, Any]] = {"text/csv": str, "application/x-ndjson": str, "application/fhir+json": dict}


@dataclass(frozen=True, slots=True)
class _Asked:
    """The filters of a search, and what its cursors are bound to."""

    filters: AuditFilters
    query: dict[str, Any]


def _asked(name: str, **filters: Any) -> _Asked:
    return _Asked(AuditFilters(**filters), {"of": name, **filters})  # type: ignore[typeddict-item]  # named by the routes


@router.get("/audit/mine", **reads("Read one's own trail", AuditOut, *_ERRORS, action=Action.AUDIT_READ_OWN))
def read_own_trail(  # noqa: PLR0917 - FastAPI passes them by name
    ask: Reader,
    client_id: Client = None,
    action: ActionCode = None,
    outcome: OutcomeCode = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What is on record about the caller's own doings, newest first. Reading it is on record too."""
    asked = _asked("audit/mine", client_id=client_id, action=action, outcome=outcome, since=since, until=until)
    after = ask.cursors.open(ask.actor.id, asked.query, cursor)
    page = ask.services.audit.mine(ask.call(), after=after, limit=limit, at_least=ask.at_least, **asked.filters)
    return _page(ask, asked.query, page)


@router.get("/audit", **reads("Search the audit", AuditOut, *_ERRORS, action=Action.AUDIT_SEARCH))
def search_audit(  # noqa: PLR0917 - FastAPI passes them by name
    ask: Reader,
    actor_id: UUID | None = None,
    on_behalf_of: Principal = None,
    client_id: Client = None,
    role: RoleCode = None,
    action: ActionCode = None,
    outcome: OutcomeCode = None,
    reason: ReasonCode = None,
    purpose: PurposeCode = None,
    origin: Origin = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """For compliance officers: who did what, newest first. Entries hold ids and codes, never clinical text. `position` and
    `leaf` lead back to the log. All filters hold together. A page may hold fewer entries than `limit`, even none, and not
    be the last: go on while there is a `next`.
    """
    asked = _asked(
        "audit",
        actor_id=actor_id,
        on_behalf_of=on_behalf_of,
        client_id=client_id,
        role=role,
        action=action,
        outcome=outcome,
        reason=reason,
        purpose=purpose,
        origin=origin,
        since=since,
        until=until,
    )
    after = ask.cursors.open(ask.actor.id, asked.query, cursor)
    page = ask.services.audit.search(ask.call(), after=after, limit=limit, at_least=ask.at_least, **asked.filters)
    return _page(ask, asked.query, page)


@router.get(
    "/audit/export",
    **represents(
        "Export audit entries",
        _EXPORTED,
        RoleNotPermitted,
        ViewBehind,
        ImpossibleTime,
        NotAcceptable,
        action=Action.AUDIT_EXPORT,
    ),
)
def export_audit(  # noqa: PLR0917 - FastAPI passes them by name
    ask: Reader,
    actor_id: UUID | None = None,
    on_behalf_of: Principal = None,
    client_id: Client = None,
    role: RoleCode = None,
    action: ActionCode = None,
    outcome: OutcomeCode = None,
    reason: ReasonCode = None,
    purpose: PurposeCode = None,
    origin: Origin = None,
    since: Since = None,
    until: Until = None,
) -> Response:
    """For compliance officers: all that the same search finds, newest first, as a file of any length. By the header Accept:
    CSV, JSON lines, or a FHIR R4B Bundle of AuditEvents. Each entry carries its position and its leaf, by which
    `anamnesis verify --export` holds the file against a checkpoint. The export is on record before its first byte.
    """
    media_type = preferred(ask.origin.headers.get("accept"), tuple(_EXPORTED))
    filters = _asked(
        "audit/export",
        actor_id=actor_id,
        on_behalf_of=on_behalf_of,
        client_id=client_id,
        role=role,
        action=action,
        outcome=outcome,
        reason=reason,
        purpose=purpose,
        origin=origin,
        since=since,
        until=until,
    ).filters
    form = _FORMS[media_type]
    pieces = ask.services.audit.export(ask.call(), form, at_least=ask.at_least, **filters)
    return _file(pieces, form, media_type, ask.origin.at)


@router.get(
    "/clients/{client_id}/access-log",
    **reads("Read who looked at a record", AccessLogOut, ClientNotFound, *_ERRORS, action=Action.AUDIT_READ_OF_CLIENT),
)
def read_access_log(  # noqa: PLR0917 - FastAPI passes them by name
    client_id: UUID,
    ask: Reader,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """For the client, a representative and compliance officers: what others did with the record, newest first: lists that
    showed the client, denials and emergency access included. What the system does by itself, without anybody looking, is
    left out. A page may hold fewer entries than `limit` and not be the last: go on while there is a `next`.
    """
    query = {"of": "access-log", "client_id": client_id, "since": since, "until": until}
    page = ask.services.audit.of_client(
        ask.call(),
        client_id,
        since=since,
        until=until,
        after=ask.cursors.open(ask.actor.id, query, cursor),
        limit=limit,
        at_least=ask.at_least,
    )
    onward = ask.cursors.seal(ask.actor.id, query, page.after) if page.after is not None else None
    return found({"items": [_look_as_json(look) for look in page.items], "next": onward})


@router.get(
    "/clients/{client_id}/disclosures",
    **reads(
        "Read to whom a record was disclosed",
        DisclosuresOut,
        ClientNotFound,
        RoleNotPermitted,
        ViewBehind,
        ImpossibleTime,
        action=Action.AUDIT_ACCOUNT_DISCLOSURES,
    ),
)
def read_disclosures(client_id: UUID, ask: Reader, since: Since = None, until: Until = None) -> Response:
    """The accounting of disclosures (45 CFR 164.528), for the client, a representative and compliance officers: six years
    back, newest first. Compliance officers ask in the same way for a client whose record was erased, by the id on the
    receipt of the erasure.
    """
    listed = ask.services.audit.disclosures(ask.call(), client_id, since=since, until=until, at_least=ask.at_least)
    return found({"items": [_disclosure_as_json(each) for each in listed]})


def _page(ask: Reading, query: dict[str, Any], page: Page) -> Response:
    onward = ask.cursors.seal(ask.actor.id, query, page.after) if page.after is not None else None
    return found({"items": [record_as_json(record) for record in page.items], "next": onward})


def _file(pieces: Iterator[bytes], form: AuditForm, media_type: str, at: datetime) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="audit-{at:%Y%m%dT%H%M%SZ}.{form.value}"',
        "Cache-Control": "no-store",
        "Vary": "Accept",
    }
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def _look_as_json(look: Look) -> dict[str, Any]:
    record = look.record
    return {
        "position": record.position,
        "at": instant_as_json(record.recorded_at),
        "account_id": str(record.actor_id),
        "role": record.actor_role,
        "name": look.who,
        "action": record.action,
        "words": in_words(record.action, record.outcome),
        "purpose": record.purpose,
        "outcome": record.outcome,
        "emergency": record.purpose == Purpose.EMERGENCY or record.action == Action.BREAK_GLASS_OPEN,
    }


def _disclosure_as_json(disclosure: Disclosure) -> dict[str, Any]:
    record, given = disclosure.record, disclosure.given
    return {
        "position": record.position,
        "leaf": record.leaf.hex(),
        "at": instant_as_json(record.recorded_at),
        "recipient_id": str(disclosure.recipient_id) if disclosure.recipient_id else None,
        "recipient": disclosure.recipient,
        "action": record.action,
        "words": in_words(record.action),
        "what": [str(thing) for thing in disclosure.what],
        "purpose": given.purpose if given else record.purpose,
        "disclosed_on": given.on.isoformat() if given else None,
        "classes": list(given.classes) if given else [],
        "legal_basis": given.basis if given else None,
        "account_id": str(record.actor_id),
        "role": record.actor_role,
    }
