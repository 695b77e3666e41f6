"""Who keeps one author's psychotherapy notes about one client, and who else may read them: never what they say.

Apart from the notes, because it lies under another key: access is decided, and the tables of access are made anew, by
processes that can't open a note.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import ClassVar, Final
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Denied, Invalid, NotFound
from domain.model import checks
from domain.ports.access import Relation
from domain.ports.keys import RecordClass

SCOPE_MOST: Final = 2_000
AUTHORISATIONS_MOST: Final = 200
NOTES_MOST: Final = 500
_UNTIL_FIELD: Final = "until"


class NotesFolderNotFound(NotFound):
    code = "notes_folder_not_found"
    message = "This author keeps no psychotherapy notes about this client."


class AuthorisationNotFound(NotFound):
    code = "authorisation_not_found"
    message = "There is no such authorisation to these notes."


class AuthorisationOver(Conflict):
    code = "authorisation_over"
    message = "The authorisation was taken back already."


class TooManyAuthorisations(Conflict):
    code = "too_many_authorisations"
    message = f"Notes about a client take {AUTHORISATIONS_MOST} authorisations at most."


class CustodianUnfit(Conflict):
    code = "custodian_unfit"
    message = "The custodian must be somebody else who treats people here and whose account is open."
    hint = "Name a clinician or supervisor other than the author."


class CustodianUnchanged(Conflict):
    code = "custodian_unchanged"
    message = "The notes have this custodian already."


class AuthorStillHere(Denied):
    code = "author_still_here"
    message = "The notes are their author's as long as the author's account is open."
    hint = "A custodian takes over once an operator has disabled the account of who left."


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledNote:
    id: UUID
    filed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """The client's written authorisation (45 CFR 164.508): who may read, what of it, for what, until when. No `note_ids`
    means all notes of this author about the client. `scope` is what the signed form says it is for.
    """

    id: UUID
    account_id: UUID
    note_ids: tuple[UUID, ...]
    scope: str
    signed_on: date
    until: datetime
    recorded_by: UUID
    recorded_at: datetime
    revoked_at: datetime | None = None

    def holds(self, at: datetime, note_id: UUID | None = None) -> bool:
        """For that note, or, without one, for any."""
        covers = note_id is None or not self.note_ids or note_id in self.note_ids
        return self.revoked_at is None and at < self.until and covers


class NotesFolder(Aggregate):
    """`custody_since` is when the custodian took over, None as long as the author keeps the notes."""

    TOPIC_KIND = "client"
    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = NotesFolderNotFound

    def __init__(self) -> None:
        self.client_id: UUID
        self.author_id: UUID
        self.notes: tuple[FiledNote, ...] = ()
        self.custodian_id: UUID | None = None
        self.custody_since: datetime | None = None
        self.authorisations: tuple[Authorisation, ...] = ()

    @property
    def subject(self) -> UUID:
        return self.client_id

    class Event(Aggregate.Event):
        pass

    class Opened(Event, Aggregate.Created):
        KIND: ClassVar[str] = "notes_folder.opened"
        client_id: UUID
        author_id: UUID

        def apply(self, aggregate: "NotesFolder") -> None:
            aggregate.client_id = self.client_id
            aggregate.author_id = self.author_id

    class NoteFiled(Event):
        KIND: ClassVar[str] = "notes_folder.note_filed"
        note_id: UUID

        def apply(self, aggregate: "NotesFolder") -> None:
            aggregate.notes = (*aggregate.notes, FiledNote(id=self.note_id, filed_at=self.timestamp))

    class CustodianNamed(Event):
        """In the place of any before; what that one took over ends."""

        KIND: ClassVar[str] = "notes_folder.custodian_named"
        custodian_id: UUID
        named_by: UUID

        def apply(self, aggregate: "NotesFolder") -> None:
            aggregate.custodian_id = self.custodian_id
            aggregate.custody_since = None

    class CustodyTaken(Event):
        KIND: ClassVar[str] = "notes_folder.custody_taken"
        custodian_id: UUID

        def apply(self, aggregate: "NotesFolder") -> None:
            aggregate.custody_since = self.timestamp

    class Authorised(Event):
        KIND: ClassVar[str] = "notes_folder.authorised"
        authorisation_id: UUID
        account_id: UUID
        note_ids: tuple[UUID, ...]
        scope: str
        signed_on: date
        until: datetime
        recorded_by: UUID

        def apply(self, aggregate: "NotesFolder") -> None:
            given = Authorisation(
                id=self.authorisation_id,
                account_id=self.account_id,
                note_ids=self.note_ids,
                scope=self.scope,
                signed_on=self.signed_on,
                until=self.until,
                recorded_by=self.recorded_by,
                recorded_at=self.timestamp,
            )
            aggregate.authorisations = (*aggregate.authorisations, given)

    class AuthorisationRevoked(Event):
        KIND: ClassVar[str] = "notes_folder.authorisation_revoked"
        authorisation_id: UUID
        recorded_by: UUID

        def apply(self, aggregate: "NotesFolder") -> None:
            aggregate.authorisations = tuple(
                replace(each, revoked_at=self.timestamp) if each.id == self.authorisation_id else each
                for each in aggregate.authorisations
            )

    @staticmethod
    def stream_of(client_id: UUID, author_id: UUID) -> UUID:
        """There is one of each author about each client."""
        return uuid5(client_id, f"notes/{author_id}")

    @classmethod
    def open(cls, *, at: datetime, client_id: UUID, author_id: UUID) -> "NotesFolder":
        stream = cls.stream_of(client_id, author_id)
        return cls._create(cls.Opened, id=stream, timestamp=at, client_id=client_id, author_id=author_id)

    def file(self, *, at: datetime, note_id: UUID) -> None:
        """A note was written."""
        self.trigger_event(self.NoteFiled, timestamp=at, note_id=note_id)

    def name_custodian(self, *, at: datetime, by: UUID, custodian_id: UUID) -> None:
        """Raises CustodianUnfit, CustodianUnchanged."""
        if custodian_id == self.author_id:
            raise CustodianUnfit(account_id=custodian_id)
        if custodian_id == self.custodian_id:
            raise CustodianUnchanged(account_id=custodian_id)
        self.trigger_event(self.CustodianNamed, timestamp=at, custodian_id=custodian_id, named_by=by)

    def take_custody(self, *, at: datetime, by: UUID) -> None:
        """Once the author can keep them no longer; a second time changes nothing."""
        if self.custody_since is None and by == self.custodian_id:
            self.trigger_event(self.CustodyTaken, timestamp=at, custodian_id=by)

    def authorise(  # noqa: PLR0913 - what a written authorisation says
        self,
        *,
        at: datetime,
        by: UUID,
        authorisation_id: UUID,
        account_id: UUID,
        scope: str,
        signed_on: date,
        until: datetime,
        note_ids: tuple[UUID, ...] = (),
    ) -> None:
        """Raises TooManyAuthorisations, ImpossibleTime, Invalid."""
        if len(self.authorisations) >= AUTHORISATIONS_MOST:
            raise TooManyAuthorisations(client_id=self.client_id)
        checks.text("scope", scope, SCOPE_MOST, least=1)
        checks.count("note_ids", note_ids, NOTES_MOST)
        checks.distinct("note_ids", note_ids)
        if not {note.id for note in self.notes}.issuperset(note_ids):
            raise Invalid("note_ids names a note that is not one of this author's about this client.", field="note_ids")
        if until.tzinfo is None or until <= at:
            raise checks.ImpossibleTime("until must lie ahead.", field=_UNTIL_FIELD)
        if signed_on > at.date() and (signed_on - at.date()).days > 1:  # a day ahead is another zone's today
            raise checks.ImpossibleTime("signed_on lies in the future.", field="signed_on")
        self.trigger_event(
            self.Authorised,
            timestamp=at,
            authorisation_id=authorisation_id,
            account_id=account_id,
            note_ids=note_ids,
            scope=scope,
            signed_on=signed_on,
            until=until,
            recorded_by=by,
        )

    def revoke(self, *, at: datetime, by: UUID, authorisation_id: UUID) -> None:
        """The client took it back. Raises AuthorisationNotFound, AuthorisationOver."""
        found = next((each for each in self.authorisations if each.id == authorisation_id), None)
        if found is None:
            raise AuthorisationNotFound(authorisation_id=authorisation_id)
        if found.revoked_at is not None:
            raise AuthorisationOver(authorisation_id=authorisation_id)
        self.trigger_event(self.AuthorisationRevoked, timestamp=at, authorisation_id=authorisation_id, recorded_by=by)

    def relation_of(
        self, account_id: UUID, at: datetime, *, author_gone: bool, note_id: UUID | None = None
    ) -> Relation | None:
        """How an account stands to these notes, or to one of them; None for everybody else. `author_gone`: whether the
        author's account is disabled.
        """
        if account_id == self.author_id:
            return Relation.AUTHOR
        if account_id == self.custodian_id and author_gone:
            return Relation.CUSTODIAN
        if any(each.account_id == account_id and each.holds(at, note_id) for each in self.authorisations):
            return Relation.AUTHORISED
        return None
