"""Psychotherapy notes: their author's alone, and apart from the record."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.models.common import ReasonIn, instant
from api.models.notes import (
    AuthorisationIn,
    CustodianIn,
    CustodyIn,
    NoteIn,
    NoteOut,
    NotesOut,
    NotesPlacesOut,
    NoteTextIn,
    RevocationIn,
)
from domain.errors import Erased, Invalid
from domain.model.checks import ImpossibleTime, OutOfRange, TextNotAllowed
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.note import NoteEnteredInError, NoteNotFound, NoteUnchanged
from domain.model.notes_folder import (
    AuthorisationNotFound,
    AuthorisationOver,
    AuthorStillHere,
    CustodianUnchanged,
    CustodianUnfit,
    NotesFolderNotFound,
    TooManyAuthorisations,
)
from domain.model.session import NotTheAuthor, SessionEnteredInError, SessionNotFound
from domain.model.values import ZonelessTime
from domain.services.access import (
    Action,
    OutsideCareTeam,
    PurposeNotPermitted,
    RelationNotPermitted,
    RoleNotPermitted,
)
from domain.services.notes import NotesClosed, ReaderUnfit
from domain.services.rendering_notes import listed_notes_as_json, note_as_json, place_as_json

router = APIRouter(prefix="/v1", tags=["Psychotherapy notes"], route_class=Operation)

_DENIED = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted, NotTheAuthor, PurposeNotPermitted, Erased)
_NOTE = (NoteNotFound, NotesClosed, *_DENIED)
_FOLDER = (ClientNotFound, NotesFolderNotFound, *_DENIED)
_Author = Annotated[UUID | None, Query(description="Whose notes; left out, the caller's own.")]


@router.post(
    "/clients/{client_id}/notes",
    **creates(
        "Write a psychotherapy note",
        ClientNotFound,
        ClientEnteredInError,
        SessionNotFound,
        SessionEnteredInError,
        NotesClosed,
        TextNotAllowed,
        *_DENIED,
        action=Action.NOTE_WRITE,
    ),
)
def write_note(client_id: UUID, body: NoteIn, ask: Writer) -> Response:
    """For oneself, apart from the record: no colleague, supervisor or client reads it, no report or model is made of it."""
    note_id = ask.runtime.ids.ordered()
    location = f"/v1/notes/{note_id}"
    receipt = ask.services.notes.write(
        ask.writing(201, location),
        note_id,
        client_id,
        body.text,
        session_id=body.session_id,
        substance_use=body.substance_use,
    )
    return written(receipt, location=location)


@router.get(
    "/clients/{client_id}/notes",
    **reads("List psychotherapy notes", NotesOut, ClientNotFound, *_DENIED, action=Action.NOTE_LIST),
)
def list_notes(client_id: UUID, ask: Reader, author_id: _Author = None) -> Response:
    """The caller's own about this client, or with `author_id` those that the caller keeps or was let in to."""
    listed = ask.services.notes.of_client(ask.call(), client_id, author_id)
    return found(listed_notes_as_json(client_id, author_id or ask.actor.id, listed))


@router.get(
    "/notes-places",
    **reads("Find who keeps notes about whom", NotesPlacesOut, RoleNotPermitted, action=Action.NOTE_FIND),
)
def find_notes(ask: Reader, author_id: _Author = None) -> Response:
    """Which clients the caller wrote notes about, or is to keep notes about. Compliance asks for any author by `author_id`."""
    places = ask.services.notes.places(ask.call(), author_id)
    return found({"items": [place_as_json(place) for place in places]})


@router.get(
    "/notes/{note_id}",
    **reads("Read a psychotherapy note", NoteOut, *_NOTE, versioned=True, action=Action.NOTE_READ),
)
def read_note(note_id: UUID, ask: Reader) -> Response:
    """With all it ever read. By its author; its custodian, once the author is gone; whom the client let in in writing."""
    note = ask.services.notes.read(ask.call(), note_id)
    return found(note_as_json(note), version=note.version)


@router.put(
    "/notes/{note_id}",
    **changes(
        "Rewrite a psychotherapy note",
        NoteEnteredInError,
        NoteUnchanged,
        ClientEnteredInError,
        TextNotAllowed,
        *_NOTE,
        action=Action.NOTE_CHANGE,
    ),
)
def revise_note(note_id: UUID, body: NoteTextIn, ask: Editor) -> Response:
    """The whole text anew, by its author."""
    return written(ask.services.notes.revise(ask.writing(), note_id, body.text))


@router.post(
    "/notes/{note_id}/entered-in-error",
    **changes(
        "Mark a psychotherapy note as entered in error",
        NoteEnteredInError,
        TextNotAllowed,
        *_NOTE,
        action=Action.NOTE_MARK_ENTERED_IN_ERROR,
    ),
)
def mark_note_entered_in_error(note_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """For a wrong chart: it stays readable to its author, marked."""
    return written(ask.services.notes.mark_entered_in_error(ask.writing(), note_id, body.reason))


@router.post(
    "/clients/{client_id}/notes/custodian",
    **changes(
        "Name who keeps the notes afterwards",
        CustodianUnfit,
        CustodianUnchanged,
        *_FOLDER,
        action=Action.NOTE_NAME_CUSTODIAN,
    ),
)
def name_custodian(client_id: UUID, body: CustodianIn, ask: Writer) -> Response:
    """By the author, or by compliance. The custodian reads nothing until the author's account is disabled."""
    return written(ask.services.notes.name_custodian(ask.writing(), client_id, body.custodian_id, body.author_id))


@router.post(
    "/clients/{client_id}/notes/custody",
    **changes("Take over an author's notes", AuthorStillHere, *_FOLDER, action=Action.NOTE_TAKE_CUSTODY),
)
def take_custody(client_id: UUID, body: CustodyIn, ask: Writer) -> Response:
    """By the custodian, once the author's account is disabled, and for as long as it is. It is on record who took over."""
    return written(ask.services.notes.take_custody(ask.writing(), client_id, body.author_id))


@router.post(
    "/clients/{client_id}/notes/authorisations",
    **creates(
        "Let somebody read notes",
        ReaderUnfit,
        TooManyAuthorisations,
        ImpossibleTime,
        ZonelessTime,
        TextNotAllowed,
        OutOfRange,
        Invalid,
        *_FOLDER,
        action=Action.NOTE_AUTHORISE,
    ),
)
def authorise_reader(client_id: UUID, body: AuthorisationIn, ask: Writer) -> Response:
    """Record what the client authorised in writing. It permits to read, and nothing else, until the day it says."""
    authorisation_id = ask.runtime.ids.ordered()
    location = f"/v1/clients/{client_id}/notes"
    receipt = ask.services.notes.authorise(
        ask.writing(201, location),
        client_id,
        authorisation_id,
        account_id=body.account_id,
        scope=body.scope,
        signed_on=body.signed_on,
        until=instant(body.until, "until"),
        note_ids=body.note_ids,
        author_id=body.author_id,
    )
    return written(receipt, location=location)


@router.post(
    "/clients/{client_id}/notes/authorisations/{authorisation_id}/revoked",
    **changes(
        "Say that an authorisation was taken back",
        AuthorisationNotFound,
        AuthorisationOver,
        *_FOLDER,
        action=Action.NOTE_REVOKE_AUTHORISATION,
    ),
)
def revoke_authorisation(client_id: UUID, authorisation_id: UUID, body: RevocationIn, ask: Writer) -> Response:
    """By the author, the custodian or compliance. Nobody reads by it from now on."""
    return written(ask.services.notes.revoke(ask.writing(), client_id, authorisation_id, body.author_id))
