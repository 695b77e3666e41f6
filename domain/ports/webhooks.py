"""Webhooks on their way: how far each has come, and how a message leaves the house."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.errors import Invalid
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.egress import Permit


class TargetRefused(Invalid):
    code = "webhook_target_refused"
    message = "Webhooks go to public addresses over https; this one is neither public nor allowed."
    hint = "An operator of the host can allow a private network with ANAMNESIS_WEBHOOK_NETWORKS."


class DeliveryOutcome(StrEnum):
    """How an attempt ended. Codes: what the receiver said beside its status is neither read nor kept."""

    NONE = ""
    DELIVERED = "delivered"
    GONE = "gone"
    """410."""
    REDIRECTED = "redirected"
    """3xx: where it pointed was not called."""
    REFUSED = "refused"
    """Any other status but 2xx and 5xx."""
    BROKEN = "broken"
    """5xx."""
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    """No such host, no connection, no valid certificate, or no HTTP."""
    ADDRESS_REFUSED = "address_refused"
    """The host leads into a network that webhooks may not call."""
    NOT_PERMITTED = "not_permitted"
    """The gate refused the permit: its agreement ended meanwhile, say."""

    @property
    def failed(self) -> bool:
        """Whether it must be tried again."""
        return self not in (DeliveryOutcome.NONE, DeliveryOutcome.DELIVERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How far a webhook has come. Times in microseconds since 1970, UTC; 0 for none.

    `position`: everything up to there was delivered or was nothing to tell. `attempts` failed in a row, since
    `failing_since_us`. `delivered` and `failed` count attempts since it was registered. `leased_until_us` names the lease
    of whoever works on it.
    """

    webhook_id: UUID
    status: str
    created_at_us: int
    position: int
    due_at_us: int = 0
    leased_until_us: int = 0
    attempts: int = 0
    failing_since_us: int = 0
    delivered: int = 0
    failed: int = 0
    outcome: DeliveryOutcome = DeliveryOutcome.NONE


class DeliveryStore(Protocol):
    """Rows that come, pause and go with the webhooks' events, in their transactions. Methods raise StoreUnavailable."""

    def of(self, webhook_id: UUID) -> Delivery | None:
        """None when it was removed or never was."""

    def listed(self) -> Sequence[Delivery]:
        """All that were not removed, oldest first."""

    def due(self, now_us: int, last: int) -> Sequence[UUID]:
        """Active ones whose time has come, that nobody works on and that are not at position `last`."""

    def take(self, webhook_id: UUID, now_us: int, lease_s: int) -> Delivery | None:
        """For one caller only, until the lease runs out or `keep` ends it; None when it is not due."""

    def keep(self, call: Call, entries: Sequence[AuditEntry], delivery: Delivery, *, release: bool) -> bool:
        """Store how far it has come, with its audit entries in one transaction; nothing but the entries when the lease that
        `delivery` names was lost. `release` ends the lease. Whether the caller may go on: it holds the lease, and the
        webhook is still active.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`id` is the same on every attempt: receivers know by it what they had before."""

    id: str
    at: datetime
    body: str
    secrets: Sequence[bytes] = field(repr=False)


class WebhookSender(Protocol):
    def check(self, url: str) -> None:
        """Before it is registered, without looking the host up. Raises TargetRefused."""

    def send(self, url: str, message: Message, permit: Permit) -> DeliveryOutcome:
        """One attempt, for which the permit is used up, signed as Standard Webhooks has it, bounded in time. Never raises
        for what the other side does; raises StoreUnavailable, KeysUnavailable.
        """
