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
from domain.ports.call import Call, Purpose
from domain.ports.egress import (
    Departure,
    EgressClassNotAgreed,
    EgressConsentMissing,
    EgressDenied,
    Form,
    Permit,
)
from domain.ports.feed import Change, ChangeFeed, Changes, PositionAhead
from domain.ports.identity import SecretSource
from domain.ports.ids import Clock
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.webhooks import Delivery, DeliveryOutcome, DeliveryStore, Message, WebhookSender
from domain.services.access import Access, Action
from domain.services.drafts import microseconds
from domain.services.egress import EgressService
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
        egress: EgressService,
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
        self._egress = egress
        self._deliveries = deliveries
        self._feed = feed
        self._sender = sender
        self._secrets = secrets
        self._clock = clock
        self._jitter = jitter

    def register(  # noqa: PLR0913 - one argument a fact of the webhook
        self,
        call: Call,
        webhook_id: UUID,
        *,
        agreement_id: UUID,
        url: str,
        kinds: Sequence[WebhookKind],
        after: int | None = None,
    ) -> IssuedWebhookSecret:
        """It is told of what comes after the position `after`, by default from now on, as far as the agreement covers it.

        Raises Denied, EgressDenied, TargetRefused, PositionAhead, Invalid.
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
        self._require_terms(call, Action.WEBHOOK_REGISTER, webhook, agreement_id)
        webhook.place_under(agreement_id, at=call.at, by=call.actor.id)
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
        """It goes on where it stopped. Raises WebhookNotFound, WebhookNotPaused, Denied, EgressDenied, StaleVersion."""
        webhook = self._for_change(call, webhook_id)
        if webhook.status is WebhookStatus.PAUSED:
            self._require_terms(call, Action.WEBHOOK_CHANGE, webhook, webhook.agreement_id)
        webhook.resume(at=call.at, by=call.actor.id)
        return self._save(call, Action.WEBHOOK_CHANGE, webhook)

    def place_under(self, call: Call, webhook_id: UUID, agreement_id: UUID) -> Receipt:
        """Under another agreement, or under one at last. Raises WebhookNotFound, Denied, EgressDenied, StaleVersion."""
        webhook = self._for_change(call, webhook_id)
        self._require_terms(call, Action.WEBHOOK_CHANGE, webhook, agreement_id)
        webhook.place_under(agreement_id, at=call.at, by=call.actor.id)
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
        page = self._tell(run, changes)
        if page.outcome.failed:
            return self._fail(run, delivery, page), False
        done = replace(delivery, position=page.scanned, attempts=0, failing_since_us=0)
        if page.told:
            done = replace(done, delivered=delivery.delivered + len(page.told), outcome=page.outcome)
        more = changes.more and self._clock.now() < run.until and not page.not_agreed
        if done == delivery and more:
            return done, True
        holds = self._deliveries.keep(run.call, _entries(run.webhook, page), done, release=not more)
        if page.not_agreed:
            self._give_up(run, done, PauseReason.NOT_AGREED)
        return done, more and holds

    def _tell(self, run: "_Run", changes: Changes) -> "_Page":
        """One message after the other, each by a permit of its own, until one fails, time is over or nothing may go there."""
        page = _Page(scanned=changes.scanned)
        for change in changes.items:
            if not run.webhook.wants(change.coarse):
                continue
            if self._clock.now() >= run.until or not self._goes_on(run.webhook.id):
                page.scanned = change.position - 1
                break
            try:
                permit = self._permit(run, change)
            except (EgressClassNotAgreed, EgressConsentMissing) as denial:
                page.left_out.append((change, denial.code))
                continue
            except EgressDenied:
                page.scanned, page.not_agreed = change.position - 1, True
                break
            message = _message(run.webhook, change, self._clock.now())
            page.outcome = self._sender.send(run.webhook.url, message, permit)
            page.told.append(change)
            if page.outcome.failed:
                break
        return page

    def _permit(self, run: "_Run", change: Change) -> Permit:
        """As of now, not of when the run began: what was ended meanwhile counts. Raises EgressDenied."""
        departure = Departure(
            agreement_id=run.webhook.agreement_id,
            host=run.webhook.host,
            purpose=Purpose.OPERATIONS,
            form=Form.IDS,
            clients=frozenset(filter(None, (change.client_id,))),
            classes=frozenset((RecordClass(change.record_class),)),
        )
        return self._egress.permit(replace(run.call, at=self._clock.now()), departure)

    def _require_terms(self, call: Call, action: Action, webhook: Webhook, agreement_id: UUID | None) -> None:
        """That the agreement lets ids go to this host. A refusal is on record. Raises EgressDenied."""
        try:
            self._egress.require_terms(call, agreement_id, webhook.host, Purpose.OPERATIONS)
        except EgressDenied as denial:
            self._access.note_denial(call, action, None, (webhook.id,), denial.code)
            raise

    def _goes_on(self, webhook_id: UUID) -> bool:
        """Asked before each message: nothing goes out any more to where an operator took it away from."""
        delivery = self._deliveries.of(webhook_id)
        return delivery is not None and delivery.status == WebhookStatus.ACTIVE

    def _fail(self, run: "_Run", delivery: Delivery, page: "_Page") -> Delivery:
        """All but the last that were told were taken; the last is tried again later, and nothing overtakes it."""
        told, outcome = page.told, page.outcome
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
        self._deliveries.keep(run.call, _entries(run.webhook, page), failed, release=True)
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


@dataclass(slots=True, kw_only=True)
class _Page:
    """What became of a page of changes. The last of `told` was not taken where `outcome` says that it failed."""

    scanned: int
    told: list[Change] = field(default_factory=list)
    left_out: list[tuple[Change, str]] = field(default_factory=list)
    outcome: DeliveryOutcome = DeliveryOutcome.NONE
    not_agreed: bool = False


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


def _entries(webhook: Webhook, page: _Page) -> list[AuditEntry]:
    """That ids left the house, were tried to be sent or did not leave: an entry a client, so that whoever asks what was told
    of them finds it. What was tried may have arrived.
    """
    failed = page.outcome.failed
    taken, tried = (page.told[:-1], page.told[-1:]) if failed else (page.told, [])
    codes = dict.fromkeys(code for _, code in page.left_out)
    left_out = {code: [change for change, why in page.left_out if why == code] for code in codes}
    return [
        *_entry_each(webhook, taken, Outcome.ALLOWED),
        *_entry_each(webhook, tried, Outcome.FAILED, page.outcome.value),
        *(entry for code, changes in left_out.items() for entry in _entry_each(webhook, changes, Outcome.DENIED, code)),
    ]


def _entry_each(webhook: Webhook, changes: Sequence[Change], outcome: Outcome, reason: str = "") -> list[AuditEntry]:
    resources = (*filter(None, (webhook.agreement_id,)), webhook.id)
    return [
        AuditEntry(
            action=Action.DISCLOSURE_MAKE, client_id=client_id, resources=resources, outcome=outcome, reason=reason
        )
        for client_id in dict.fromkeys(change.client_id for change in changes)
    ]


def _issued(secret: bytes, receipt: Receipt) -> IssuedWebhookSecret:
    return IssuedWebhookSecret(secret=_SECRET_MARK + b64encode(secret).decode(), receipt=receipt)


def _entry(action: Action, *resources: UUID) -> AuditEntry:
    return AuditEntry(action=action, resources=resources)
