"""A session journal entry: written by its author, amended while unsigned, signed, then locked; addenda afterwards."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Denied, NotFound
from domain.model import checks
from domain.model.clinical import REASON_MOST, ClinicalRecord, MarkedInError
from domain.model.values import Emotion, Modality, MomentInZone, RiskImpression
from domain.ports.keys import RecordClass

SUMMARY_MOST: Final = 100_000
TEXT_MOST: Final = 20_000
ADDENDA_MOST: Final = 200


class SessionNotFound(NotFound):
    code = "session_not_found"
    message = "There is no session with this id."


class SessionAlreadySigned(Conflict):
    code = "session_already_signed"
    message = "The session is signed and locked."
    hint = "Add an addendum; the original stays readable beside it."


class SessionNotSigned(Conflict):
    code = "session_not_signed"
    message = "The session is not signed yet."
    hint = "While unsigned it can be amended instead."


class AwaitingCosignature(Conflict):
    code = "session_awaiting_cosignature"
    message = "The session is signed by its author and waits for the supervisor."
    hint = "The supervisor can co-sign it, or return it so that its author can amend it."


class NotAwaitingCosignature(Conflict):
    code = "session_not_awaiting_cosignature"
    message = "The session does not wait for a co-signature."


class SessionEnteredInError(Conflict):
    code = "session_entered_in_error"
    message = "The session was marked as entered in error; it stays readable and takes no more changes."


class TooManyAddenda(Conflict):
    code = "too_many_addenda"
    message = f"A session takes {ADDENDA_MOST} addenda at most."


class NotTheAuthor(Denied):
    code = "not_the_author"
    message = "Only the author of the entry may do this."


class NotTheSupervisor(Denied):
    code = "not_the_supervisor"
    message = "Only the supervisor of the session's author may do this."


class SessionStatus(StrEnum):
    RECORDED = "recorded"
    AWAITING_COSIGNATURE = "awaiting_cosignature"
    SIGNED = "signed"
    ENTERED_IN_ERROR = "entered_in_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionContent:
    """What the author writes. `duration_min` is the time spent together."""

    took_place: MomentInZone
    duration_min: int
    modality: Modality
    summary: str
    themes: tuple[str, ...] = ()
    emotions: tuple[Emotion, ...] = ()
    interventions: tuple[str, ...] = ()
    goal_ids: tuple[UUID, ...] = ()
    homework: str = ""
    risk: RiskImpression | None = None
    next_plan: str = ""

    def check(self, now: datetime) -> None:
        """Raises Invalid naming the field. A session may be written down later, never ahead."""
        self.took_place.check_past("took_place", now)
        checks.integer("duration_min", self.duration_min, 1, 1440)
        checks.text("summary", self.summary, SUMMARY_MOST, least=1)
        checks.texts("themes", self.themes, 50, 200)
        checks.texts("interventions", self.interventions, 50, 200)
        checks.count("emotions", self.emotions, 50)
        for index, emotion in enumerate(self.emotions):
            emotion.check(f"emotions[{index}]")
        checks.count("goal_ids", self.goal_ids, 100)
        checks.distinct("goal_ids", self.goal_ids)
        checks.text("homework", self.homework, TEXT_MOST)
        checks.text("next_plan", self.next_plan, TEXT_MOST)
        if self.risk is not None:
            self.risk.check("risk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Addendum:
    """Added after signing, beside the original."""

    id: UUID
    author_id: UUID
    added_at: datetime
    text: str


class Session(ClinicalRecord):
    """Commands check and raise; events only apply.

    `supervisor_id` is who must co-sign (None for licensed authors): as of recording, renewed at signing.
    `cosigned_by` may differ from it when a colleague in the client's care team stood in.
    """

    NAME = "session"
    WRITTEN_BY = "author_id"
    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = SessionNotFound
    ENTERED_IN_ERROR = SessionEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.author_id: UUID
        self.supervisor_id: UUID | None = None
        self.content: SessionContent
        self.status = SessionStatus.RECORDED
        self.signed_by: UUID | None = None
        self.signed_at: datetime | None = None
        self.cosigned_by: UUID | None = None
        self.cosigned_at: datetime | None = None
        self.return_comment = ""
        self.addenda: tuple[Addendum, ...] = ()
        self.error_reason = ""

    class Event(Aggregate.Event):
        pass

    class Recorded(Event, Aggregate.Created):
        """Whoever keeps the drafts removes `draft_id` in the same transaction."""

        KIND: ClassVar[str] = "session.recorded"
        client_id: UUID
        author_id: UUID
        supervisor_id: UUID | None
        content: SessionContent
        draft_id: UUID | None = None
        substance_use: bool = False

        def apply(self, aggregate: "Session") -> None:
            aggregate.client_id = self.client_id
            aggregate.substance_use = self.substance_use
            aggregate.author_id = self.author_id
            aggregate.supervisor_id = self.supervisor_id
            aggregate.content = self.content

    class Amended(Event):
        KIND: ClassVar[str] = "session.amended"
        content: SessionContent

        def apply(self, aggregate: "Session") -> None:
            aggregate.content = self.content

    class Signed(Event):
        """`supervisor_id` None locks the session; otherwise it waits for that co-signature."""

        KIND: ClassVar[str] = "session.signed"
        signed_by: UUID
        supervisor_id: UUID | None

        def apply(self, aggregate: "Session") -> None:
            aggregate.signed_by = self.signed_by
            aggregate.signed_at = self.timestamp
            aggregate.supervisor_id = self.supervisor_id
            aggregate.return_comment = ""
            awaiting = self.supervisor_id is not None
            aggregate.status = SessionStatus.AWAITING_COSIGNATURE if awaiting else SessionStatus.SIGNED

    class Cosigned(Event):
        KIND: ClassVar[str] = "session.cosigned"
        cosigned_by: UUID

        def apply(self, aggregate: "Session") -> None:
            aggregate.cosigned_by = self.cosigned_by
            aggregate.cosigned_at = self.timestamp
            aggregate.status = SessionStatus.SIGNED

    class Returned(Event):
        """The supervisor would not co-sign: the author's signature is undone and the entry open again."""

        KIND: ClassVar[str] = "session.returned"
        returned_by: UUID
        comment: str

        def apply(self, aggregate: "Session") -> None:
            aggregate.signed_by = None
            aggregate.signed_at = None
            aggregate.return_comment = self.comment
            aggregate.status = SessionStatus.RECORDED

    class AddendumAdded(Event):
        KIND: ClassVar[str] = "session.addendum_added"
        addendum_id: UUID
        author_id: UUID
        text: str

        def apply(self, aggregate: "Session") -> None:
            added = Addendum(id=self.addendum_id, author_id=self.author_id, added_at=self.timestamp, text=self.text)
            aggregate.addenda = (*aggregate.addenda, added)

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "session.entered_in_error"

    @classmethod
    def record(  # noqa: PLR0913 - one argument a fact of the entry
        cls,
        session_id: UUID,
        *,
        at: datetime,
        client_id: UUID,
        author_id: UUID,
        content: SessionContent,
        supervisor_id: UUID | None = None,
        draft_id: UUID | None = None,
        substance_use: bool = False,
    ) -> "Session":
        """Write the entry down, unsigned. Raises Invalid."""
        content.check(at)
        return cls._create(
            cls.Recorded,
            id=session_id,
            timestamp=at,
            client_id=client_id,
            author_id=author_id,
            supervisor_id=supervisor_id,
            content=content,
            draft_id=draft_id,
            substance_use=substance_use,
        )

    def amend(self, *, at: datetime, by: UUID, content: SessionContent) -> None:
        """Replace the content while unsigned. Raises SessionAlreadySigned, AwaitingCosignature, NotTheAuthor, Invalid."""
        self._require_unsigned()
        self._require_author(by)
        content.check(at)
        self.trigger_event(self.Amended, timestamp=at, content=content)

    def sign(self, *, at: datetime, by: UUID, supervisor_id: UUID | None = None) -> None:
        """Lock the entry; a trainee's (`supervisor_id` given) waits for the co-signature.

        Raises SessionAlreadySigned, AwaitingCosignature, NotTheAuthor, SessionEnteredInError.
        """
        self._require_unsigned()
        self._require_author(by)
        self.trigger_event(self.Signed, timestamp=at, signed_by=by, supervisor_id=supervisor_id)

    def cosign(self, *, at: datetime, by: UUID, standing_in: bool = False) -> None:
        """By the named supervisor, or by another of the client's supervisors `standing_in`; never by the author.

        Raises NotAwaitingCosignature, NotTheSupervisor, SessionEnteredInError.
        """
        self._require_supervisor(by, standing_in=standing_in)
        self.trigger_event(self.Cosigned, timestamp=at, cosigned_by=by)

    def return_to_author(self, *, at: datetime, by: UUID, comment: str, standing_in: bool = False) -> None:
        """Refuse to co-sign and say what is missing. Raises as `cosign`, and Invalid."""
        self._require_supervisor(by, standing_in=standing_in)
        checks.text("comment", comment, REASON_MOST, least=1)
        self.trigger_event(self.Returned, timestamp=at, returned_by=by, comment=comment)

    def add_addendum(self, *, at: datetime, by: UUID, addendum_id: UUID, text: str) -> None:
        """Raises SessionNotSigned, AwaitingCosignature, SessionEnteredInError, TooManyAddenda, Invalid."""
        self.require_standing()
        if self.status is SessionStatus.AWAITING_COSIGNATURE:
            raise AwaitingCosignature(session_id=self.id)
        if self.status is not SessionStatus.SIGNED:
            raise SessionNotSigned(session_id=self.id)
        if len(self.addenda) >= ADDENDA_MOST:
            raise TooManyAddenda(session_id=self.id)
        checks.text("text", text, TEXT_MOST, least=1)
        self.trigger_event(self.AddendumAdded, timestamp=at, addendum_id=addendum_id, author_id=by, text=text)

    def _require_unsigned(self) -> None:
        self.require_standing()
        if self.status is SessionStatus.AWAITING_COSIGNATURE:
            raise AwaitingCosignature(session_id=self.id)
        if self.status is SessionStatus.SIGNED:
            raise SessionAlreadySigned(session_id=self.id)

    def _require_author(self, account_id: UUID) -> None:
        if account_id != self.author_id:
            raise NotTheAuthor(session_id=self.id)

    def _require_supervisor(self, account_id: UUID, *, standing_in: bool) -> None:
        self.require_standing()
        if self.status is not SessionStatus.AWAITING_COSIGNATURE:
            raise NotAwaitingCosignature(session_id=self.id)
        if account_id == self.author_id or (account_id != self.supervisor_id and not standing_in):
            raise NotTheSupervisor(session_id=self.id)
