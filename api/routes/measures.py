"""Measures: record a questionnaire, read it, take back one that went into the wrong chart."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.errors import CursorInvalid
from api.models.common import ReasonIn
from api.models.measures import MeasureIn, MeasureOut, MeasuresOut
from api.models.pages import Cursor
from api.models.records import PageLimit
from api.pages import page_of
from domain.errors import Erased, Invalid, ViewBehind
from domain.instruments import (
    AnswerOutOfRange,
    AnswersIncomplete,
    InstrumentRetired,
    InstrumentUnknown,
    InstrumentVersionUnknown,
)
from domain.model.checks import ImpossibleTime, TextNotAllowed
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.measure import MeasureEnteredInError, MeasureNotFound
from domain.model.moment import UnknownZone, ZonelessTime
from domain.model.session import SessionEnteredInError, SessionNotFound
from domain.ports.call import Role
from domain.services.access import Action, ConsentMissing, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering_outcomes import measure_as_json

router = APIRouter(prefix="/v1", tags=["Measures"], route_class=Operation)

_DENIED = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted, ConsentMissing)
_THERE = (MeasureNotFound, Erased, *_DENIED)
_INSTRUMENT = (InstrumentUnknown, InstrumentVersionUnknown, InstrumentRetired, AnswersIncomplete, AnswerOutOfRange)


@router.post(
    "/clients/{client_id}/measures",
    **creates(
        "Record a measure",
        ClientNotFound,
        ClientEnteredInError,
        SessionNotFound,
        SessionEnteredInError,
        Erased,
        Invalid,
        ImpossibleTime,
        ZonelessTime,
        UnknownZone,
        *_INSTRUMENT,
        *_DENIED,
        action=Action.MEASURE_RECORD,
    ),
)
def record_measure(client_id: UUID, body: MeasureIn, ask: Writer) -> Response:
    """A questionnaire, scored as it is recorded. Where the instrument's literature allows it, a score is estimated for
    missing answers, and says so. An answer that tells of danger raises a risk flag in the same write: read the measure for
    its `flag_id`. Clients record their own answers.
    """
    measure_id = ask.runtime.ids.ordered()
    location = f"/v1/measures/{measure_id}"
    receipt = ask.services.measures.record(
        ask.writing(201, location),
        measure_id,
        client_id,
        instrument=body.instrument,
        version=body.instrument_version,
        taken_at=body.taken_at.moment("taken_at"),
        answers=body.answers,
        completed_by=body.completed_by,
        session_id=body.session_id,
        substance_use=body.substance_use,
    )
    return written(receipt, location=location)


@router.get(
    "/clients/{client_id}/measures",
    **reads(
        "List a client's measures",
        MeasuresOut,
        ClientNotFound,
        Erased,
        ViewBehind,
        CursorInvalid,
        *_DENIED,
        action=Action.MEASURE_READ,
    ),
)
def list_measures(client_id: UUID, ask: Reader, limit: PageLimit = 100, cursor: Cursor = None) -> Response:
    """In the order they were taken; those entered in error are marked, and not shown to clients."""
    return page_of(ask, client_id, "measures", ask.services.measures.of_client, limit=limit, cursor=cursor)


@router.get(
    "/measures/{measure_id}", **reads("Read a measure", MeasureOut, *_THERE, versioned=True, action=Action.MEASURE_READ)
)
def read_measure(measure_id: UUID, ask: Reader) -> Response:
    """With its answers, always as of now."""
    measure = ask.services.measures.read(ask.call(), measure_id)
    shown = None if measure.flag_id is None or ask.actor.role is Role.CLIENT else str(measure.flag_id)
    return found(measure_as_json(measure) | {"flag_id": shown}, version=measure.version)


@router.post(
    "/measures/{measure_id}/entered-in-error",
    **changes(
        "Mark a measure as entered in error",
        *_THERE,
        TextNotAllowed,
        MeasureEnteredInError,
        action=Action.MEASURE_MARK_ENTERED_IN_ERROR,
    ),
)
def mark_measure_entered_in_error(measure_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """For a wrong chart. The flag it raised is marked too, as long as nobody has taken it on or passed it up; otherwise it
    stays, and says that its measure was withdrawn.
    """
    return written(ask.services.measures.mark_entered_in_error(ask.writing(), measure_id, body.reason))
