"""The transcript of a session: attached once; the right one takes the place of one that was entered in error."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Placer, Reader
from api.declare import changes, places, reads
from api.dispatch import BulkOperation
from api.models.care import TranscriptIn, TranscriptOut
from api.models.common import ReasonIn
from domain.errors import Erased
from domain.model.checks import OutOfRange, TextNotAllowed
from domain.model.client import ClientEnteredInError
from domain.model.session import SessionEnteredInError, SessionNotFound
from domain.model.transcript import TranscriptAlreadyAttached, TranscriptEnteredInError, TranscriptNotFound
from domain.services.access import Action, ConsentMissing, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering_care import transcript_as_json

router = APIRouter(prefix="/v1/sessions", tags=["Care record"], route_class=BulkOperation)

_THERE = (
    SessionNotFound,
    TranscriptNotFound,
    RoleNotPermitted,
    OutsideCareTeam,
    RelationNotPermitted,
    ConsentMissing,
    Erased,
)


@router.get(
    "/{session_id}/transcript",
    **reads("Read the transcript of a session", TranscriptOut, *_THERE, versioned=True, action=Action.TRANSCRIPT_READ),
)
def read_transcript(session_id: UUID, ask: Reader) -> Response:
    """Word for word. To accounts of clients those of signed sessions alone exist."""
    transcript = ask.services.transcripts.read(ask.call(), session_id)
    return found(transcript_as_json(transcript), version=transcript.version)


@router.put(
    "/{session_id}/transcript",
    **places(
        "Attach a transcript to a session",
        *_THERE,
        TextNotAllowed,
        OutOfRange,
        ClientEnteredInError,
        SessionEnteredInError,
        TranscriptAlreadyAttached,
        action=Action.TRANSCRIPT_ATTACH,
    ),
)
def put_transcript(session_id: UUID, body: TranscriptIn, ask: Placer) -> Response:
    """Without If-Match the session's first; with it the right one in the place of one that was entered in error."""
    transcripts, said = ask.services.transcripts, body.said()
    if ask.expected_version is not None:
        return written(transcripts.replace(ask.writing(), session_id, said, body.source))
    location = f"/v1/sessions/{session_id}/transcript"
    return written(transcripts.attach(ask.writing(201, location), session_id, said, body.source), location=location)


@router.post(
    "/{session_id}/transcript/entered-in-error",
    **changes(
        "Mark a transcript as entered in error",
        *_THERE,
        TextNotAllowed,
        TranscriptEnteredInError,
        action=Action.TRANSCRIPT_MARK_ENTERED_IN_ERROR,
    ),
)
def mark_transcript_entered_in_error(session_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """For the transcript of another session: it stays readable to the care team, marked, and counts for nothing."""
    return written(ask.services.transcripts.mark_entered_in_error(ask.writing(), session_id, body.reason))
