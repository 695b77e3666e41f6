"""Webhooks of one world in memory: rows that follow the events, and a receiver that tests tell how to answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from adapters.memory.access import to_us
from adapters.memory.ledger import InMemoryLedger, InMemoryLog
from domain.model.webhook import Webhook, WebhookStatus
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.egress import Permit
from domain.ports.webhooks import Delivery, DeliveryOutcome, Message


class InMemoryDeliveries:
    """A DeliveryStore. What events say is read from them each time; what only rows hold is kept."""

    def __init__(self, log: InMemoryLog, ledger: InMemoryLedger) -> None:
        self._log = log
        self._ledger = ledger
        self._kept: dict[UUID, Delivery] = {}
        self._seen = 0

    def of(self, webhook_id: UUID) -> Delivery | None:
        with self._log.lock:
            self._catch_up()
            return self._kept.get(webhook_id)

    def listed(self) -> Sequence[Delivery]:
        with self._log.lock:
            self._catch_up()
            return sorted(self._kept.values(), key=lambda one: (one.created_at_us, one.webhook_id))

    def due(self, now_us: int, last: int) -> Sequence[UUID]:
        return tuple(one.webhook_id for one in self.listed() if _due(one, now_us) and one.position != last)

    def take(self, webhook_id: UUID, now_us: int, lease_s: int) -> Delivery | None:
        with self._log.lock:
            delivery = self.of(webhook_id)
            if delivery is None or not _due(delivery, now_us):
                return None
            taken = replace(delivery, leased_until_us=now_us + lease_s * 1_000_000)
            self._kept[webhook_id] = taken
            return taken

    def keep(self, call: Call, entries: Sequence[AuditEntry], delivery: Delivery, *, release: bool) -> bool:
        with self._log.lock:
            if entries:
                self._ledger.note(call, *entries)
            now = self.of(delivery.webhook_id)
            if now is None or now.leased_until_us != delivery.leased_until_us:
                return False
            lease = 0 if release else delivery.leased_until_us
            self._kept[delivery.webhook_id] = replace(delivery, status=now.status, leased_until_us=lease)
            return not release and now.status == WebhookStatus.ACTIVE.value

    def _catch_up(self) -> None:
        for event in self._log.events[self._seen :]:
            webhook_id = event.originator_id
            match event:
                case Webhook.Registered():
                    self._kept[webhook_id] = Delivery(
                        webhook_id=webhook_id,
                        status=WebhookStatus.ACTIVE.value,
                        created_at_us=to_us(event.timestamp),
                        position=event.after,
                    )
                case Webhook.Paused():
                    self._change(webhook_id, status=WebhookStatus.PAUSED.value)
                case Webhook.Resumed():
                    active = WebhookStatus.ACTIVE.value
                    self._change(webhook_id, status=active, attempts=0, failing_since_us=0, due_at_us=0)
                case Webhook.Removed():
                    self._kept.pop(webhook_id, None)
        self._seen = len(self._log.events)

    def _change(self, webhook_id: UUID, **changes: str | int) -> None:
        self._kept[webhook_id] = replace(self._kept[webhook_id], **changes)  # type: ignore[arg-type]  # its own fields


class InMemorySender:
    """A WebhookSender that keeps what it was given; `answer` says how each attempt ends."""

    def __init__(self, answer: Callable[[Message], DeliveryOutcome] | None = None) -> None:
        self.answer = answer or (lambda _: DeliveryOutcome.DELIVERED)
        self.sent: list[tuple[str, Message]] = []

    def check(self, url: str) -> None:
        """Everything is allowed here."""

    def send(self, url: str, message: Message, permit: Permit) -> DeliveryOutcome:  # noqa: ARG002 - there is no gate here
        outcome = self.answer(message)
        self.sent.append((url, message))
        return outcome


def _due(delivery: Delivery, now_us: int) -> bool:
    active = delivery.status == WebhookStatus.ACTIVE.value
    return active and delivery.due_at_us <= now_us and delivery.leased_until_us <= now_us
