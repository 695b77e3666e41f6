"""Psychotherapy notes: written and read by their author, kept by a custodian afterwards, and read by nobody else unless the
client authorised it in writing.

Who may is decided from the sealed events of the author's `NotesFolder`, never from a table that can be altered.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from domain.errors import Conflict, Misconfigured, StaleVersion, Unavailable
from domain.model.account import Account, AccountNotFound
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.note import Note, NoteNotFound
from domain.model.notes_folder import AuthorStillHere, CustodianUnfit, FiledNote, NotesFolder, NotesFolderNotFound
from domain.model.session import Session
from domain.ports.access import AccessState, NotesPlace, Relation
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action
from domain.services.links import check_sessions
from domain.services.versions import check_version

_ATTEMPTS: Final = 20
_READERS: Final = frozenset((Role.CLINICIAN, Role.SUPERVISOR))


class NotesClosed(Unavailable):
    code = "notes_closed"
    message = "This process does not hold the key of psychotherapy notes, so it can neither write nor open one."
    hint = "Only the API process loads it; ask there."


class ReaderUnfit(Conflict):
    code = "reader_unfit"
    message = "Only somebody else who treats people here, and whose account is open, can be let in to notes."


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedNotes:
    """Which notes of an author about a client the caller may read: ids and times, nothing of what they say."""

    folder: NotesFolder | None
    notes: Sequence[FiledNote]
    relation: Relation


class NoteService:
    def __init__(  # noqa: PLR0913 - what it works with
        self,
        *,
        ledger: Ledger,
        access: Access,
        state: AccessState,
        notes: AggregateStore[Note],
        folders: AggregateStore[NotesFolder],
        accounts: AggregateStore[Account],
        sessions: AggregateStore[Session],
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._notes = notes
        self._folders = folders
        self._accounts = accounts
        self._sessions = sessions

    # The notes -------------------------------------------------------------------------------------------------------

    def write(  # noqa: PLR0913 - one argument a fact of the note
        self,
        call: Call,
        note_id: UUID,
        client_id: UUID,
        text: str,
        *,
        session_id: UUID | None = None,
        substance_use: bool = False,
    ) -> Receipt:
        """Of two at the same moment one follows the other. What is about a session of substance-use treatment is kept as
        such, whatever `substance_use` says.

        Raises Denied, ClientNotFound, ClientEnteredInError, SessionNotFound, SessionEnteredInError, Invalid, NotesClosed.
        """
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._write(call, note_id, client_id, text, session_id, substance_use)
            except StaleVersion:
                continue
        return self._write(call, note_id, client_id, text, session_id, substance_use)

    def read(self, call: Call, note_id: UUID) -> Note:
        """With all it read before. Raises NoteNotFound, Denied, Erased, NotesClosed."""
        note = self._loaded(call, Action.NOTE_READ, note_id)
        self._ledger.note(call, _entry(Action.NOTE_READ, note.client_id, note_id))
        return note

    def revise(self, call: Call, note_id: UUID, text: str) -> Receipt:
        """The whole text anew, by its author. Raises NoteNotFound, Denied, StaleVersion, ClientEnteredInError,
        NoteEnteredInError, NoteUnchanged, Invalid, NotesClosed.
        """
        note = self._loaded(call, Action.NOTE_CHANGE, note_id)
        check_version(call, note)
        self._access.require_open(note.client_id)
        note.revise(at=call.at, text=text)
        with _root_held():
            return self._ledger.save(call, _entry(Action.NOTE_CHANGE, note.client_id, note_id), note)

    def mark_entered_in_error(self, call: Call, note_id: UUID, reason: str) -> Receipt:
        """A wrong chart. Raises NoteNotFound, Denied, StaleVersion, NoteEnteredInError, Invalid, NotesClosed."""
        note = self._loaded(call, Action.NOTE_MARK_ENTERED_IN_ERROR, note_id)
        check_version(call, note)
        note.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        with _root_held():
            return self._ledger.save(call, _entry(Action.NOTE_MARK_ENTERED_IN_ERROR, note.client_id, note_id), note)

    def for_export(self, call: Call, client_id: UUID) -> Sequence[Note]:
        """The caller's own notes about the client, for an export that asks for them: nobody else's, whoever asks. None
        where the caller wrote none. Raises Denied, Erased, NotesClosed.
        """
        self._access.require_role(call, Action.NOTE_READ, (), client_id)
        try:
            folder = self._folders.get(NotesFolder.stream_of(client_id, call.actor.id))
        except NotesFolderNotFound:
            return ()
        with _root_held():
            notes = [self._notes.get(filed.id) for filed in folder.notes]
        for note in notes:
            self._access.require(
                call, Action.NOTE_READ, note.record_class, client_id, (note.id,), author_id=note.author_id
            )
        if notes:
            self._ledger.note(call, _entry(Action.NOTE_READ, client_id, *(note.id for note in notes)))
        return notes

    # Who keeps and reads them ------------------------------------------------------------------------------------------

    def of_client(self, call: Call, client_id: UUID, author_id: UUID | None = None) -> ListedNotes:
        """The caller's own, or those of an author whose notes the caller keeps or was let in to.

        Raises ClientNotFound, Denied, Erased.
        """
        author_id = author_id or call.actor.id
        self._access.require_role(call, Action.NOTE_LIST, (client_id,), client_id)
        if not self._state.client_exists(client_id):
            raise ClientNotFound(client_id=client_id)
        folder = self._folder(client_id, author_id)
        relation = self._relation(call, folder) if folder else _own(call, author_id)
        self._require(call, Action.NOTE_LIST, client_id, relation)
        notes = folder.notes if folder else ()
        if folder is not None and relation is Relation.AUTHORISED:
            given = [each for each in folder.authorisations if each.account_id == call.actor.id]
            notes = tuple(note for note in notes if any(each.holds(call.at, note.id) for each in given))
        self._ledger.note(call, _entry(Action.NOTE_LIST, client_id, client_id))
        return ListedNotes(folder=folder, notes=notes, relation=relation or Relation.NONE)

    def places(self, call: Call, author_id: UUID | None = None) -> Sequence[NotesPlace]:
        """About which clients there are notes: those the caller wrote or is to keep; for compliance, those of any author.

        Raises Denied.
        """
        self._access.require(call, Action.NOTE_FIND, RecordClass.NOTES)
        of_house = call.actor.role is Role.COMPLIANCE_OFFICER
        asked = author_id if of_house and author_id is not None else call.actor.id
        found = self._state.notes_places(asked)
        clients = tuple(dict.fromkeys(place.client_id for place in found))
        self._ledger.note(call, AuditEntry(action=Action.NOTE_FIND, clients=clients))
        return found

    def name_custodian(self, call: Call, client_id: UUID, custodian_id: UUID, author_id: UUID | None = None) -> Receipt:
        """By the author, or by compliance for an author who can't. Raises Denied, ClientNotFound, NotesFolderNotFound,
        StaleVersion, CustodianUnfit, CustodianUnchanged, Erased.
        """
        action = Action.NOTE_NAME_CUSTODIAN
        folder = self._for_house(call, action, client_id, author_id)
        if not self._treats(custodian_id):
            raise CustodianUnfit(account_id=custodian_id)
        folder.name_custodian(at=call.at, by=call.actor.id, custodian_id=custodian_id)
        return self._ledger.save(call, _entry(action, client_id, folder.id, custodian_id), folder)

    def take_custody(self, call: Call, client_id: UUID, author_id: UUID) -> Receipt:
        """By the custodian, once the author's account is disabled: from then on they read what the author left, as long as it
        stays so. Raises Denied, AuthorStillHere, NotesFolderNotFound, Erased.
        """
        action = Action.NOTE_TAKE_CUSTODY
        self._access.require_role(call, action, (client_id,), client_id)
        folder = self._folder(client_id, author_id)
        if folder is None or folder.custodian_id != call.actor.id:
            self._require(call, action, client_id, None)
            raise NotesFolderNotFound(client_id=client_id)
        if not self._gone(author_id):
            self._access.note_denial(call, action, client_id, (folder.id,), AuthorStillHere.code)
            raise AuthorStillHere(author_id=author_id)
        self._require(call, action, client_id, Relation.CUSTODIAN)
        folder.take_custody(at=call.at, by=call.actor.id)
        return self._ledger.save(call, _entry(action, client_id, folder.id), folder)

    def authorise(  # noqa: PLR0913 - what a written authorisation says
        self,
        call: Call,
        client_id: UUID,
        authorisation_id: UUID,
        *,
        account_id: UUID,
        scope: str,
        signed_on: date,
        until: datetime,
        note_ids: tuple[UUID, ...] = (),
        author_id: UUID | None = None,
    ) -> Receipt:
        """Record what the client signed: that somebody may read these notes, until then. Raises Denied,
        NotesFolderNotFound, ReaderUnfit, TooManyAuthorisations, ImpossibleTime, Invalid, StaleVersion, Erased.
        """
        action = Action.NOTE_AUTHORISE
        folder = self._kept(call, action, client_id, author_id)
        if account_id == folder.author_id or not self._treats(account_id):
            raise ReaderUnfit(account_id=account_id)
        folder.authorise(
            at=call.at,
            by=call.actor.id,
            authorisation_id=authorisation_id,
            account_id=account_id,
            scope=scope,
            signed_on=signed_on,
            until=until,
            note_ids=note_ids,
        )
        return self._ledger.save(call, _entry(action, client_id, folder.id, authorisation_id, account_id), folder)

    def revoke(self, call: Call, client_id: UUID, authorisation_id: UUID, author_id: UUID | None = None) -> Receipt:
        """The client took it back: nobody reads by it from now on. Raises Denied, NotesFolderNotFound,
        AuthorisationNotFound, AuthorisationOver, StaleVersion, Erased.
        """
        action = Action.NOTE_REVOKE_AUTHORISATION
        officer = call.actor.role is Role.COMPLIANCE_OFFICER
        get = self._for_house if officer else self._kept
        folder = get(call, action, client_id, author_id)
        folder.revoke(at=call.at, by=call.actor.id, authorisation_id=authorisation_id)
        return self._ledger.save(call, _entry(action, client_id, folder.id, authorisation_id), folder)

    # ------------------------------------------------------------------------------------------------------------------

    def _write(  # noqa: PLR0913, PLR0917 - as write
        self,
        call: Call,
        note_id: UUID,
        client_id: UUID,
        text: str,
        session_id: UUID | None,
        substance_use: bool,  # noqa: FBT001 - as write
    ) -> Receipt:
        standing = self._access.require(call, Action.NOTE_WRITE, _class_of(substance_use), client_id, (note_id,))
        if not standing.open:
            raise ClientEnteredInError(client_id=client_id)
        if session_id is not None:
            check_sessions(self._sessions, client_id, session_id)
            substance_use = substance_use or self._sessions.get(session_id).substance_use
        note = Note.write(
            note_id,
            at=call.at,
            client_id=client_id,
            by=call.actor.id,
            text=text,
            session_id=session_id,
            substance_use=substance_use,
        )
        folder = self._folder(client_id, call.actor.id)
        folder = folder or NotesFolder.open(at=call.at, client_id=client_id, author_id=call.actor.id)
        folder.file(at=call.at, note_id=note_id)
        with _root_held():
            return self._ledger.save(call, _entry(Action.NOTE_WRITE, client_id, note_id), note, folder)

    def _loaded(self, call: Call, action: Action, note_id: UUID) -> Note:
        self._access.require_role(call, action, (note_id,))
        with _root_held():
            note = self._notes.get(note_id)
        folder = self._folders.get(NotesFolder.stream_of(note.client_id, note.author_id))
        relation = self._relation(call, folder, note_id)
        self._require(call, action, note.client_id, relation, note.record_class, (note_id,))
        return note

    def _require(  # noqa: PLR0913, PLR0917 - what a decision depends on
        self,
        call: Call,
        action: Action,
        client_id: UUID,
        relation: Relation | None,
        record_class: RecordClass = RecordClass.NOTES,
        resources: tuple[UUID, ...] = (),
    ) -> None:
        self._access.require(
            call,
            action,
            record_class,
            client_id,
            resources or (client_id,),
            relation=relation,
            hidden=NoteNotFound,
        )

    def _kept(self, call: Call, action: Action, client_id: UUID, author_id: UUID | None) -> NotesFolder:
        """The folder, for its author or custodian: to others there is none that they could tell from another."""
        author_id = author_id or call.actor.id
        self._access.require_role(call, action, (client_id,), client_id)
        folder = self._folder(client_id, author_id)
        self._require(call, action, client_id, self._relation(call, folder) if folder else _own(call, author_id))
        if folder is None:
            raise NotesFolderNotFound(client_id=client_id)
        check_version(call, folder)
        return folder

    def _for_house(self, call: Call, action: Action, client_id: UUID, author_id: UUID | None) -> NotesFolder:
        """The folder, for its author or for compliance."""
        author_id = author_id or call.actor.id
        self._require(call, action, client_id, _own(call, author_id))
        folder = self._folder(client_id, author_id)
        if folder is None:
            raise NotesFolderNotFound(client_id=client_id)
        check_version(call, folder)
        return folder

    def _folder(self, client_id: UUID, author_id: UUID) -> NotesFolder | None:
        try:
            return self._folders.get(NotesFolder.stream_of(client_id, author_id))
        except NotesFolderNotFound:
            return None

    def _relation(self, call: Call, folder: NotesFolder, note_id: UUID | None = None) -> Relation | None:
        """Whether the author is gone is asked of their sealed account, and only where it matters."""
        who = call.actor.id
        gone = who == folder.custodian_id and folder.custody_since is not None and self._gone(folder.author_id)
        return folder.relation_of(who, call.at, author_gone=gone, note_id=note_id)

    def _gone(self, author_id: UUID) -> bool:
        return self._accounts.get(author_id).disabled

    def _treats(self, account_id: UUID) -> bool:
        try:
            account = self._accounts.get(account_id)
        except AccountNotFound:
            return False
        return account.role in _READERS and not account.disabled


def _own(call: Call, author_id: UUID) -> Relation | None:
    return Relation.AUTHOR if author_id == call.actor.id else None


def _class_of(substance_use: bool) -> RecordClass:  # noqa: FBT001 - the one thing it depends on
    return RecordClass.SUD_NOTES if substance_use else RecordClass.NOTES


def _entry(action: Action, client_id: UUID, *resources: UUID) -> AuditEntry:
    return AuditEntry(action=action, client_id=client_id, resources=resources)


@contextmanager
def _root_held() -> Iterator[None]:
    """Raises NotesClosed where the process was started without the second root."""
    try:
        yield
    except Misconfigured as exc:
        if exc.code == "notes_root_not_loaded":
            raise NotesClosed(retry_after_s=60.0) from exc
        raise
