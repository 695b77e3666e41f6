"""What waits to be done, and where the facts it follows from are kept between sweeps.

That something is overdue is no fact of the record: it follows from facts and the clock. So facts are derived from a client's
journey and kept, sealed, beside it; what is overdue is worked out from them whenever somebody asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID


class WorkKind(StrEnum):
    RISK_FLAG_UNACKNOWLEDGED = "risk_flag_unacknowledged"
    SESSION_AWAITING_COSIGNATURE = "session_awaiting_cosignature"
    SESSION_UNSIGNED = "session_unsigned"
    PLAN_REVIEW_DUE = "plan_review_due"
    MEASURE_OVERDUE = "measure_overdue"
    GOAL_STALE = "goal_stale"
    EXCEPTIONAL_ACCESS = "exceptional_access"
    """Somebody got into the chart past the care team, and nobody has looked at that yet."""


class Severity(StrEnum):
    """Worst first."""

    URGENT = "urgent"
    HIGH = "high"
    MODERATE = "moderate"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """`since` is when it became due, `resource_id` the record in question (None where one is missing), `instrument` the
    measure that the plan asks for. `account_id` is whom it waits for, beside or, for co-signatures, instead of the care team.
    """

    kind: WorkKind
    client_id: UUID
    resource_id: UUID | None
    since: datetime
    severity: Severity
    instrument: str | None = None
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFacts:
    """A small JSON object that the use case alone understands, derived from a client's journey up to position `as_of`.
    `accounts` are those whom something waits for wherever they stand: authors, supervisors.
    """

    client_id: UUID
    as_of: int
    facts: Mapping[str, Any]
    accounts: frozenset[UUID] = frozenset()


class FactsStore(Protocol):
    """Facts of erased clients can be neither kept nor read. All but `keep` raise ViewBehind."""

    def outdated(self, *, after: UUID | None = None, limit: int) -> Sequence[tuple[UUID, int]]:
        """Clients whose journey has moved on from their facts, or that have none, by id, each with the position of the
        newest event in the journey. Facts derived from now on are as of that position at least.
        """

    def keep(self, facts: Sequence[ClientFacts]) -> None:
        """Replace what is kept of these clients by what is newer. Safe to repeat, and for several at once.
        Raises StoreUnavailable, KeysUnavailable.
        """

    def of_clients(self, client_ids: Sequence[UUID], *, at_least: int = 0) -> Mapping[UUID, ClientFacts]:
        """Facts of those clients whose journey has not moved on from them."""

    def waiting_for(self, account_id: UUID, *, at_least: int = 0) -> Sequence[UUID]:
        """Clients of whom something waits for this account."""

    def page(self, *, after: UUID | None = None, limit: int) -> Sequence[ClientFacts]:
        """Facts of all clients by id, outdated ones too."""
