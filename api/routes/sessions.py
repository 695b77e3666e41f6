"""Session journal entries: record, amend, sign, co-sign or return, add to, mark as entered in error.

The example that other routes follow: parse, call, answer. Who may do what is decided by the services.
"""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.models.common import ReasonIn
from api.models.sessions import AddendumIn, ReturnIn, SessionContentIn, SessionIn, SessionOut
from domain.errors import Erased, NotFound
from domain.model.checks import ImpossibleTime, OutOfRange, TextNotAllowed
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.goal import GoalEnteredInError, GoalNotFound
from domain.model.moment import UnknownZone, ZonelessTime
from domain.model.session import (
    AwaitingCosignature,
    NotAwaitingCosignature,
    NotTheAuthor,
    NotTheSupervisor,
    SessionAlreadySigned,
    SessionEnteredInError,
    SessionNotFound,
    SessionNotSigned,
    TooManyAddenda,
)
from domain.services.access import Action, ConsentMissing, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering import session_as_json

router = APIRouter(prefix="/v1", tags=["Sessions"], route_class=Operation)

_DENIED = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted, ConsentMissing)
_CONTENT = (ImpossibleTime, ZonelessTime, UnknownZone, TextNotAllowed, OutOfRange)
_THERE = (SessionNotFound, Erased, *_DENIED)


@router.post(
    "/clients/{client_id}/sessions",
    **creates(
        "Record a session",
        ClientNotFound,
        NotFound,
        GoalNotFound,
        GoalEnteredInError,
        ClientEnteredInError,
        Erased,
        *_DENIED,
        *_CONTENT,
        action=Action.SESSION_RECORD,
    ),
)
def record_session(client_id: UUID, body: SessionIn, ask: Writer) -> Response:
    """Write a session into the client's journal, unsigned. The draft it was written from goes in the same transaction.

    `took_place` is when it happened; when it was recorded is the server's to say.
    """
    session_id = ask.runtime.ids.ordered()
    location = f"/v1/sessions/{session_id}"
    receipt = ask.services.sessions.record(
        ask.writing(201, location),
        session_id,
        client_id,
        body.content(),
        body.draft_id,
        substance_use=body.substance_use,
    )
    return written(receipt, location=location)


@router.get(
    "/sessions/{session_id}", **reads("Read a session", SessionOut, *_THERE, versioned=True, action=Action.SESSION_READ)
)
def read_session(session_id: UUID, ask: Reader) -> Response:
    """The entry with its signatures and addenda, always as of now. The read is on record before it is answered."""
    session = ask.services.sessions.read(ask.call(), session_id)
    return found(session_as_json(session), version=session.version)


@router.put(
    "/sessions/{session_id}",
    **changes(
        "Amend a session",
        *_THERE,
        *_CONTENT,
        NotTheAuthor,
        SessionAlreadySigned,
        AwaitingCosignature,
        SessionEnteredInError,
        ClientEnteredInError,
        GoalNotFound,
        GoalEnteredInError,
        action=Action.SESSION_AMEND,
    ),
)
def amend_session(session_id: UUID, body: SessionContentIn, ask: Editor) -> Response:
    """Replace what the author wrote, while unsigned: send `content` as it was read, changed. What it said before stays in
    the log. In a chart entered in error nothing is rewritten: mark the session so too, and write it in the right chart.
    """
    return written(ask.services.sessions.amend(ask.writing(), session_id, body.content()))


@router.post(
    "/sessions/{session_id}/signature",
    **changes(
        "Sign a session",
        *_THERE,
        NotTheAuthor,
        SessionAlreadySigned,
        AwaitingCosignature,
        SessionEnteredInError,
        action=Action.SESSION_SIGN,
    ),
)
def sign_session(session_id: UUID, ask: Editor) -> Response:
    """Lock the entry as its author, in a chart entered in error too. A trainee's then waits for the supervisor's
    co-signature.
    """
    return written(ask.services.sessions.sign(ask.writing(), session_id))


@router.post(
    "/sessions/{session_id}/cosignature",
    **changes(
        "Co-sign a session",
        *_THERE,
        NotTheSupervisor,
        NotAwaitingCosignature,
        SessionEnteredInError,
        action=Action.SESSION_COSIGN,
    ),
)
def cosign_session(session_id: UUID, ask: Editor) -> Response:
    """As the supervisor of its author, or as another supervisor in the client's care team who stands in."""
    return written(ask.services.sessions.cosign(ask.writing(), session_id))


@router.post(
    "/sessions/{session_id}/return",
    **changes(
        "Return a session to its author",
        *_THERE,
        TextNotAllowed,
        NotTheSupervisor,
        NotAwaitingCosignature,
        SessionEnteredInError,
        action=Action.SESSION_RETURN,
    ),
)
def return_session(session_id: UUID, body: ReturnIn, ask: Editor) -> Response:
    """Instead of co-signing: the author's signature is undone and the entry open again, with the comment."""
    return written(ask.services.sessions.return_to_author(ask.writing(), session_id, body.comment))


@router.post(
    "/sessions/{session_id}/addenda",
    **changes(
        "Add an addendum",
        *_THERE,
        TextNotAllowed,
        SessionNotSigned,
        AwaitingCosignature,
        SessionEnteredInError,
        TooManyAddenda,
        ClientEnteredInError,
        action=Action.SESSION_ADD_ADDENDUM,
    ),
)
def add_addendum(session_id: UUID, body: AddendumIn, ask: Writer) -> Response:
    """Beside a signed entry, never in it: the original stays readable. If-Match may be sent and is then checked."""
    addendum_id = ask.runtime.ids.ordered()
    return written(ask.services.sessions.add_addendum(ask.writing(), session_id, addendum_id, body.text))


@router.post(
    "/sessions/{session_id}/entered-in-error",
    **changes(
        "Mark a session as entered in error",
        *_THERE,
        TextNotAllowed,
        SessionEnteredInError,
        action=Action.SESSION_MARK_ENTERED_IN_ERROR,
    ),
)
def mark_session_entered_in_error(session_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """For a wrong chart or a session that never was: it stays readable, marked, and counts for nothing."""
    return written(ask.services.sessions.mark_entered_in_error(ask.writing(), session_id, body.reason))
