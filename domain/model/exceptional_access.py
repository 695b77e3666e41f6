"""A way into a chart that somebody must look at afterwards: broken glass, or a chart handed over by an operator."""

from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Invalid, NotFound
from domain.model import checks
from domain.ports.exceptional import AccessWay, Verdict
from domain.ports.keys import RecordClass

REASON_MOST: Final = 2_000
MINUTES_MOST: Final = 24 * 60


class ExceptionalAccessNotFound(NotFound):
    code = "exceptional_access_not_found"
    message = "There is no exceptional access with this id."


class BreakGlassNotNeeded(Conflict):
    code = "break_glass_not_needed"
    message = "You are in this client's care team already; nothing needs to be broken."
    hint = "Read the chart as usual, without the purpose emergency."


class BreakGlassOpen(Conflict):
    code = "break_glass_open"
    message = "You have broken the glass for this client already, and the time is not over."
    hint = "Go on under the purpose emergency; it can be broken again, with a new reason, once it has ended."


class BreakGlassEnded(Conflict):
    code = "break_glass_ended"
    message = "This access has ended already."


class AccessAlreadyReviewed(Conflict):
    code = "access_already_reviewed"
    message = "This access was reviewed with a verdict that closes it."


class ReviewOfOwnAccess(Invalid):
    code = "review_of_own_access"
    message = "Nobody reviews an access that they opened or were given."
    hint = "Another compliance officer reviews it."


class ExceptionalAccess(Aggregate):
    """`account_id` got into the chart, `opened_by` opened it: the same person where glass was broken. What was given by
    breaking the glass holds until `until`; a handover gives nothing of itself (`until` is its own time), the care team does.
    """

    TOPIC_KIND = "client"
    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = ExceptionalAccessNotFound

    def __init__(self) -> None:
        self.client_id: UUID
        self.account_id: UUID
        self.way: AccessWay
        self.opened_by: UUID
        self.reason: str
        self.until: datetime
        self.review_due_at: datetime
        self.ended_by: UUID | None = None
        self.verdict: Verdict | None = None
        self.remark = ""
        self.reviewed_by: UUID | None = None
        self.reviewed_at: datetime | None = None

    @property
    def subject(self) -> UUID:
        return self.client_id

    @property
    def waiting(self) -> bool:
        """Whether somebody must still look at it."""
        return self.verdict in (None, Verdict.NEEDS_FOLLOW_UP)

    class Event(Aggregate.Event):
        pass

    class Opened(Event, Aggregate.Created):
        """`reason` is empty for a handover."""

        KIND: ClassVar[str] = "exceptional_access.opened"
        client_id: UUID
        account_id: UUID
        way: AccessWay
        opened_by: UUID
        reason: str
        until: datetime
        review_due_at: datetime

        def apply(self, aggregate: "ExceptionalAccess") -> None:
            aggregate.client_id = self.client_id
            aggregate.account_id = self.account_id
            aggregate.way = self.way
            aggregate.opened_by = self.opened_by
            aggregate.reason = self.reason
            aggregate.until = self.until
            aggregate.review_due_at = self.review_due_at

    class Ended(Event):
        """Before its time. `account_id` is whose access it was."""

        KIND: ClassVar[str] = "exceptional_access.ended"
        account_id: UUID
        ended_by: UUID

        def apply(self, aggregate: "ExceptionalAccess") -> None:
            aggregate.until = self.timestamp
            aggregate.ended_by = self.ended_by

    class Reviewed(Event):
        KIND: ClassVar[str] = "exceptional_access.reviewed"
        reviewed_by: UUID
        verdict: Verdict
        remark: str

        def apply(self, aggregate: "ExceptionalAccess") -> None:
            aggregate.verdict = self.verdict
            aggregate.remark = self.remark
            aggregate.reviewed_by = self.reviewed_by
            aggregate.reviewed_at = self.timestamp

    @classmethod
    def break_glass(  # noqa: PLR0913 - one argument a fact of it
        cls,
        access_id: UUID,
        *,
        at: datetime,
        by: UUID,
        client_id: UUID,
        reason: str,
        minutes: int,
        review_within: timedelta,
    ) -> "ExceptionalAccess":
        """Open a chart in an emergency, for so many minutes. Raises Invalid for a reason that says nothing."""
        checks.text("reason", reason, REASON_MOST, least=1)
        if not reason.strip():
            raise Invalid("reason must say something.", field="reason")
        checks.integer("minutes", minutes, 1, MINUTES_MOST)
        return cls._create(
            cls.Opened,
            id=access_id,
            timestamp=at,
            client_id=client_id,
            account_id=by,
            way=AccessWay.BREAK_GLASS,
            opened_by=by,
            reason=reason,
            until=at + timedelta(minutes=minutes),
            review_due_at=at + review_within,
        )

    @classmethod
    def hand_over(  # noqa: PLR0913 - one argument a fact of it
        cls, *, at: datetime, by: UUID, client_id: UUID, version: int, account_id: UUID, review_within: timedelta
    ) -> "ExceptionalAccess":
        """An operator let `account_id` into the care team; `version` is the chart's after that, and makes the id."""
        return cls._create(
            cls.Opened,
            id=uuid5(client_id, f"handover/{version}"),
            timestamp=at,
            client_id=client_id,
            account_id=account_id,
            way=AccessWay.HANDOVER,
            opened_by=by,
            reason="",
            until=at,
            review_due_at=at + review_within,
        )

    def end(self, *, at: datetime, by: UUID) -> None:
        """Before its time. Raises BreakGlassEnded."""
        if at >= self.until:
            raise BreakGlassEnded(exceptional_access_id=self.id)
        self.trigger_event(self.Ended, timestamp=at, account_id=self.account_id, ended_by=by)

    def review(self, *, at: datetime, by: UUID, verdict: Verdict, remark: str) -> None:
        """Say whether it was right. One that needs follow-up is reviewed again. Raises AccessAlreadyReviewed,
        ReviewOfOwnAccess, Invalid.
        """
        if not self.waiting:
            raise AccessAlreadyReviewed(exceptional_access_id=self.id)
        if by in (self.account_id, self.opened_by):
            raise ReviewOfOwnAccess(exceptional_access_id=self.id)
        checks.text("remark", remark, REASON_MOST)
        self.trigger_event(self.Reviewed, timestamp=at, reviewed_by=by, verdict=verdict, remark=remark)
