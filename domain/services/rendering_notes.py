"""Psychotherapy notes as JSON, for those who may read them."""

from uuid import UUID

from domain.model.note import Note, NoteText
from domain.model.notes_folder import Authorisation, FiledNote
from domain.ports.access import NotesPlace, Relation
from domain.services.notes import ListedNotes
from domain.services.rendering import Json, instant_as_json, marked


def note_as_json(note: Note) -> Json:
    """With all it ever read."""
    shown = {
        "id": str(note.id),
        "client_id": str(note.client_id),
        "author_id": str(note.author_id),
        "session_id": None if note.session_id is None else str(note.session_id),
        "version": note.version,
        "status": note.status.value,
        "written_at": instant_as_json(note.created_on),
        "changed_at": instant_as_json(note.modified_on),
        "error_reason": note.error_reason,
        "text": note.text,
        "texts": [_text(each) for each in note.texts],
    }
    return marked(note, shown)


def listed_notes_as_json(client_id: UUID, author_id: UUID, listed: ListedNotes) -> Json:
    """Who else reads is told to those who answer for it."""
    folder = listed.folder
    keeps = folder is not None and listed.relation is not Relation.AUTHORISED
    return {
        "client_id": str(client_id),
        "author_id": str(author_id),
        "version": folder.version if folder is not None else 0,
        "relation": listed.relation.value,
        "items": [_listed(each) for each in listed.notes],
        "custodian_id": str(folder.custodian_id) if folder is not None and keeps and folder.custodian_id else None,
        "custody_since": instant_as_json(folder.custody_since) if folder is not None and keeps else None,
        "authorisations": [_authorisation(each) for each in folder.authorisations] if folder and keeps else [],
    }


def place_as_json(place: NotesPlace) -> Json:
    return {
        "client_id": str(place.client_id),
        "author_id": str(place.author_id),
        "custodian_id": None if place.custodian_id is None else str(place.custodian_id),
    }


def _text(text: NoteText) -> Json:
    return {"version": text.version, "written_at": instant_as_json(text.written_at), "text": text.text}


def _listed(note: FiledNote) -> Json:
    return {"id": str(note.id), "written_at": instant_as_json(note.filed_at)}


def _authorisation(given: Authorisation) -> Json:
    return {
        "id": str(given.id),
        "account_id": str(given.account_id),
        "note_ids": [str(note_id) for note_id in given.note_ids],
        "scope": given.scope,
        "signed_on": given.signed_on.isoformat(),
        "until": instant_as_json(given.until),
        "recorded_by": str(given.recorded_by),
        "recorded_at": instant_as_json(given.recorded_at),
        "revoked_at": instant_as_json(given.revoked_at),
    }
