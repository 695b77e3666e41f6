"""What there is of exceptional access, by ids and codes: what limits count, and lists show. Why it was is sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class AccessWay(StrEnum):
    """How somebody got into a chart past its care team."""

    BREAK_GLASS = "break_glass"
    HANDOVER = "handover"
    """An operator let a colleague into the care team."""


class Verdict(StrEnum):
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"
    NEEDS_FOLLOW_UP = "needs_follow_up"
    """Not closed: it is reviewed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionalItem:
    """Times in microseconds since 1970, UTC. `verdict` is None until somebody looked at it."""

    id: UUID
    client_id: UUID
    account_id: UUID
    way: AccessWay
    opened_by: UUID
    opened_at_us: int
    until_us: int
    review_due_us: int
    verdict: Verdict | None

    @property
    def waiting(self) -> bool:
        """Whether somebody must still look at it."""
        return self.verdict in (None, Verdict.NEEDS_FOLLOW_UP)


class ExceptionalList(Protocol):
    """Written in the transaction of the events it follows from, like all access state. Raises StoreUnavailable."""

    def page(
        self, *, waiting: bool | None = None, after: tuple[int, UUID] | None = None, limit: int
    ) -> Sequence[ExceptionalItem]:
        """At most `limit`, oldest first; `after` is (opened_at_us, id) of the last one seen."""

    def of_clients(self, client_ids: Sequence[UUID], *, waiting: bool | None = None) -> Sequence[ExceptionalItem]:
        """Those into the charts of these clients, oldest first."""

    def broken_since(self, account_id: UUID, since_us: int) -> int:
        """How often the account has broken the glass since then."""

    def counted(self, now_us: int) -> tuple[int, int, int]:
        """How many are open now, how many wait for a review, and how many of those are overdue."""
