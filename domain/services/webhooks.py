"""Webhooks: where word of changes goes, and how it gets there: in order, at least once, by ids alone.

Messages are Standard Webhooks' (https://www.standardwebhooks.com): signed with HMAC-SHA-256 over id, time and body. The id
is made of webhook and position, so that a message that comes twice is known by it.
"""

import json
import random
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.errors import Conflict, NotFound, StaleVersion
from domain.model import checks
from domain.model.webhook import PauseReason, Webhook, WebhookKind, WebhookNotFound, WebhookStatus
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Call
from domain.ports.feed import Change, ChangeFeed, PositionAhead
from domain.ports.identity import SecretSource
from domain.ports.ids import Clock
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.webhooks import Delivery, DeliveryOutcome, DeliveryStore, Message, WebhookSender
from domain.services.access import Access, Action
from domain.services.drafts import microseconds
from domain.services.versions import check_version

BATCH: Final = 50
"""Changes a batch, each a message; one audit entry a client and batch."""
RUN_S: Final = 45
"""How long one run delivers before it lets others."""
LEASE_S: Final = 180
"""Longer than a run and its last message may take; then another worker takes over."""
FIRST_DELAY_S: Final = 5
LONGEST_DELAY_S: Final = 3_600
GIVE_UP: Final = timedelta(hours=24)
_SECRET_MARK: Final = "whsec_"  # noqa: S105 - what every secret begins with
_POSITION_MOST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedWebhookSecret:
    """`secret` as Standard Webhooks writes it, told this once."""

    secret: str = field(repr=False)
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookState:
    """A webhook and how far it has come."""

    webhook: Webhook
    delivery: Delivery


class WebhookService:
    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        ledger: Ledger,
        access: Access,
        webhooks: AggregateStore[Webhook],
        deliveries: DeliveryStore,
        feed: ChangeFeed,
        sender: WebhookSender,
        secrets: SecretSource,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._feed = feed
        self._sender = sender
        self._secrets = secrets
        self._clock = clock
        self._jitter = jitter

    def register(
        self, call: Call, webhook_id: UUID, *, url: str, kinds: Sequence[WebhookKind], after: int | None = None
    ) -> IssuedWebhookSecret:
        """It is told of what comes after the position `after`, by default from now on.

        Raises Denied, TargetRefused, PositionAhead, Invalid.
        """
        self._access.require(call, Action.WEBHOOK_REGISTER, RecordClass.ACCESS, resources=(webhook_id,))
        last = self._feed.last_position()
        if after is not None:
            checks.integer("after", after, 0, _POSITION_MOST)
            if after > last:
                raise PositionAhead(after=after, last=last)
        secret = self._secrets.secret()
        webhook = Webhook.register(
            webhook_id,
            at=call.at,
            by=call.actor.id,
            url=url,
            kinds=tuple(kinds),
            secret=secret,
            after=last if after is None else after,
        )
        self._sender.check(url)
        return _issued(secret, self._save(call, Action.WEBHOOK_REGISTER, webhook))

    def read(self, call: Call, webhook_id: UUID) -> WebhookState:
        """Raises WebhookNotFound, Denied."""
        self._access.require(call, Action.WEBHOOK_READ, RecordClass.ACCESS, resources=(webhook_id,))
        delivery = self._deliveries.of(webhook_id)
        if delivery is None:
            raise WebhookNotFound(webhook_id=webhook_id)
        state = WebhookState(webhook=self._webhooks.get(webhook_id), delivery=delivery)
        self._ledger.note(call, _entry(Action.WEBHOOK_READ, webhook_id))
        return state

    def browse(self, call: Call) -> Sequence[WebhookState]:
        """All that were not removed, oldest first. Raises Denied."""
        self._access.require(call, Action.WEBHOOK_READ, RecordClass.ACCESS)
        listed = self._deliveries.listed()
        states = tuple(WebhookState(webhook=self._webhooks.get(one.webhook_id), delivery=one) for one in listed)
        self._ledger.note(call, _entry(Action.WEBHOOK_READ, *(one.webhook_id for one in listed)))
        return states

    def rotate_secret(self, call: Call, webhook_id: UUID) -> IssuedWebhookSecret:
        """A new secret; for a day messages are signed with both. Raises WebhookNotFound, Denied, StaleVersion."""
        webhook = self._for_change(call, webhook_id)
        secret = self._secrets.secret()
        webhook.rotate_secret(at=call.at, by=call.actor.id, secret=secret)
        return _issued(secret, self._save(call, Action.WEBHOOK_CHANGE, webhook))

    def pause(self, call: Call, webhook_id: UUID) -> Receipt:
        """Raises WebhookNotFound, WebhookPaused, Denied, StaleVersion."""
        webhook = self._for_change(call, webhook_id)
        webhook.pause(at=call.at, by=call.actor.id, reason=PauseReason.OPERATOR)
        return self._save(call, Action.WEBHOOK_CHANGE, webhook)

    def resume(self, call: Call, webhook_id: UUID) -> Receipt:
        """It goes on where it stopped. Raises WebhookNotFound, WebhookNotPaused, Denied, StaleVersion."""
        webhook = self._for_change(call, webhook_id)
        webhook.resume(at=call.at, by=call.actor.id)
        return self._save(call, Action.WEBHOOK_CHANGE, webhook)

    def remove(self, call: Call, webhook_id: UUID) -> Receipt:
        """For good. Raises WebhookNotFound, Denied, StaleVersion."""
        webhook = self._for_change(call, webhook_id)
        webhook.remove(at=call.at, by=call.actor.id)
        return self._save(call, Action.WEBHOOK_CHANGE, webhook)

    def due(self, call: Call) -> Sequence[UUID]:
        """Whose time has come and who have not seen the end of the log. For the worker. Raises Denied, StoreUnavailable."""
        self._access.require(call, Action.WEBHOOK_DELIVER, RecordClass.JOURNAL)
        return self._deliveries.due(microseconds(call.at), self._feed.last_position())

    def deliver(self, call: Call, webhook_id: UUID) -> int:
        """Follow the log from where this webhook stands, until there is nothing more, something fails, or the time of a
        run is over; how many messages were taken. For the worker; two that run at once don't deliver both.

        Raises Denied, StoreUnavailable, KeysUnavailable.
        """
        self._access.require(call, Action.WEBHOOK_DELIVER, RecordClass.JOURNAL, resources=(webhook_id,))
        began = self._clock.now()
        delivery = self._deliveries.take(webhook_id, microseconds(began), LEASE_S)
        if delivery is None:
            return 0
        webhook = self._active(webhook_id)
        if webhook is None:
            self._deliveries.keep(call, (), delivery, release=True)
            return 0
        run = _Run(call=call, webhook=webhook, until=began + timedelta(seconds=RUN_S))
        before = delivery.delivered
        going_on = True
        while going_on:
            delivery, going_on = self._batch(run, delivery)
        return delivery.delivered - before

    def _active(self, webhook_id: UUID) -> Webhook | None:
        """By its events: rows are in clear, and one that was altered or put back must send nothing."""
        with suppress(NotFound):
            webhook = self._webhooks.get(webhook_id)
            return webhook if webhook.status is WebhookStatus.ACTIVE else None
        return None

    def _batch(self, run: "_Run", delivery: Delivery) -> tuple[Delivery, bool]:
        """One page of the feed; the delivery after it, and whether to go on."""
        try:
            changes = self._feed.changes(delivery.position, BATCH)
        except PositionAhead:
            self._give_up(run, delivery, PauseReason.LOG_RESTORED)
            return delivery, False
        told: list[Change] = []
        outcome, scanned = DeliveryOutcome.NONE, changes.scanned
        for change in changes.items:
            if not run.webhook.wants(change.coarse):
                continue
            if self._clock.now() >= run.until or not self._goes_on(run.webhook.id):
                scanned = change.position - 1
                break
            outcome = self._sender.send(run.webhook.url, _message(run.webhook, change, self._clock.now()))
            told.append(change)
            if outcome is not DeliveryOutcome.DELIVERED:
                return self._fail(run, delivery, told, outcome), False
        done = replace(delivery, position=scanned, attempts=0, failing_since_us=0)
        if told:
            done = replace(done, delivered=delivery.delivered + len(told), outcome=outcome)
        more = changes.more and self._clock.now() < run.until
        if done == delivery and more:
            return done, True
        entries = _disclosed(run.webhook, told)
        holds = self._deliveries.keep(run.call, entries, done, release=not more)
        return done, more and holds

    def _goes_on(self, webhook_id: UUID) -> bool:
        """Asked before each message: nothing goes out any more to where an operator took it away from."""
        delivery = self._deliveries.of(webhook_id)
        return delivery is not None and delivery.status == WebhookStatus.ACTIVE

    def _fail(self, run: "_Run", delivery: Delivery, told: Sequence[Change], outcome: DeliveryOutcome) -> Delivery:
        """All but the last of `told` were taken; the last is tried again later, and nothing overtakes it."""
        taken, now = told[:-1], self._clock.now()
        now_us = microseconds(now)
        first = bool(taken) or not delivery.attempts
        attempts = 1 if first else delivery.attempts + 1
        failed = replace(
            delivery,
            position=told[-1].position - 1,
            attempts=attempts,
            failing_since_us=now_us if first else delivery.failing_since_us,
            due_at_us=now_us + int(self._delay_s(attempts) * 1_000_000),
            delivered=delivery.delivered + len(taken),
            failed=delivery.failed + 1,
            outcome=outcome,
        )
        # What was tried may have arrived: it is on record as what was taken is.
        tried = [
            replace(one, outcome=Outcome.FAILED, reason=outcome.value) for one in _disclosed(run.webhook, told[-1:])
        ]
        entries = [*_disclosed(run.webhook, taken), *tried]
        self._deliveries.keep(run.call, entries, failed, release=True)
        if outcome is DeliveryOutcome.GONE:
            self._give_up(run, failed, PauseReason.GONE)
        elif now_us - failed.failing_since_us >= GIVE_UP // timedelta(microseconds=1):
            self._give_up(run, failed, PauseReason.FAILING)
        return failed

    def _give_up(self, run: "_Run", delivery: Delivery, reason: PauseReason) -> None:
        entry = AuditEntry(
            action=Action.WEBHOOK_DELIVER,
            resources=(run.webhook.id,),
            outcome=Outcome.FAILED,
            reason=f"paused_{reason.value}",
        )
        with suppress(StaleVersion, Conflict, NotFound):  # an operator changed it at the same moment
            webhook = self._webhooks.get(run.webhook.id)
            webhook.pause(at=self._clock.now(), by=run.call.actor.id, reason=reason)
            self._ledger.save(run.call, entry, webhook)
        self._deliveries.keep(run.call, (), delivery, release=True)

    def _delay_s(self, attempts: int) -> float:
        """Twice as long each time, up to an hour, and between half of that and all: receivers that come back are not met
        by everybody at once.
        """
        longest = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(attempts - 1, 20))
        return longest * (0.5 + self._jitter() / 2)

    def _for_change(self, call: Call, webhook_id: UUID) -> Webhook:
        self._access.require(call, Action.WEBHOOK_CHANGE, RecordClass.ACCESS, resources=(webhook_id,))
        webhook = self._webhooks.get(webhook_id)
        if webhook.status is WebhookStatus.REMOVED:
            raise WebhookNotFound(webhook_id=webhook_id)
        check_version(call, webhook)
        return webhook

    def _save(self, call: Call, action: Action, webhook: Webhook) -> Receipt:
        return self._ledger.save(call, _entry(action, webhook.id), webhook)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    call: Call
    webhook: Webhook
    until: datetime


def _message(webhook: Webhook, change: Change, now: datetime) -> Message:
    """Ids alone: neither the precise kind nor any text, since a risk flag's existence tells much already."""
    body = {
        "type": "record.changed",
        "timestamp": change.recorded_at.isoformat().replace("+00:00", "Z"),
        "data": {
            "position": change.position,
            "client_id": str(change.client_id) if change.client_id else None,
            "resource_id": str(change.resource_id),
        },
    }
    # Receivers pass over ids that they had before: after a restore a position is another event's.
    fork = f"_{change.incarnation}" if change.incarnation > 1 else ""
    return Message(
        id=f"msg_{webhook.id.hex}_{change.position}{fork}",
        at=now,
        body=json.dumps(body, separators=(",", ":")),
        secrets=webhook.signing_secrets(now),
    )


def _disclosed(webhook: Webhook, told: Sequence[Change]) -> list[AuditEntry]:
    """That ids left the house: an entry a client, so that whoever asks what was told of them finds it."""
    return [
        AuditEntry(action=Action.WEBHOOK_DELIVER, client_id=client_id, resources=(webhook.id,))
        for client_id in dict.fromkeys(change.client_id for change in told)
    ]


def _issued(secret: bytes, receipt: Receipt) -> IssuedWebhookSecret:
    return IssuedWebhookSecret(secret=_SECRET_MARK + b64encode(secret).decode(), receipt=receipt)


def _entry(action: Action, *resources: UUID) -> AuditEntry:
    return AuditEntry(action=action, resources=resources)
