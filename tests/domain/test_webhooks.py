"""Webhooks: who registers them, what they are told, and what happens when nobody takes it."""

import json
from base64 import b64decode
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.feed import InMemoryFeed
from adapters.memory.identity import InMemoryClock, InMemorySecrets
from adapters.memory.ledger import InMemoryAggregates, InMemoryLedger, InMemoryLog
from adapters.memory.webhooks import InMemoryDeliveries, InMemorySender
from domain.errors import Invalid
from domain.model.agreement import Agreement
from domain.model.client import Client
from domain.model.webhook import (
    PauseReason,
    Webhook,
    WebhookKind,
    WebhookNotFound,
    WebhookNotPaused,
    WebhookPaused,
    WebhookStatus,
    check_url,
)
from domain.ports.access import Relation
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Actor, Role
from domain.ports.feed import PositionAhead
from domain.ports.webhooks import Delivery
from domain.ports.webhooks import DeliveryOutcome as Ended
from domain.services.access import Access, RoleNotPermitted
from domain.services.egress import EgressService, PermitOffice
from domain.services.webhooks import BATCH, LEASE_S, LONGEST_DELAY_S, WebhookService
from tests.contracts.samples import call_by
from tests.domain.conftest import HOST
from tests.egress.kit import TERMS, agreed

URL = "https://platform.example/hooks"
WORKER = Actor(id=HOST.id, role=Role.SERVICE)


@pytest.fixture
def operator(house):
    return house.person(Role.OPERATOR)


def registered(house, operator, *kinds, after=None):
    webhook_id = uuid4()
    kinds = kinds or tuple(WebhookKind)
    issued = house.services.webhooks.register(
        house.call(operator),
        webhook_id,
        agreement_id=agreed(house.services, house.call(operator)),
        url=URL,
        kinds=kinds,
        after=after,
    )
    return webhook_id, issued


def deliver(house, webhook_id, call=None):
    return house.services.webhooks.deliver(call or house.call(WORKER), webhook_id)


def positions(house):
    """Of the messages that were sent, in the order they were."""
    return [json.loads(message.body)["data"]["position"] for _, message in house.sender.sent]


def state(house, operator, webhook_id):
    return house.services.webhooks.read(house.call(operator), webhook_id)


def changed(house, times=1):
    """Changes of a chart: two and an identity when it is opened, then two for each."""
    lead, colleague = house.person(), house.person()
    client_id = house.chart(lead)
    clients = house.services.clients
    for _ in range(times):
        clients.join_care_team(house.call(lead), client_id, colleague.id, Relation.CLINICIAN)
        clients.leave_care_team(house.call(lead), client_id, colleague.id)
    return client_id


def test_only_operators_have_to_do_with_webhooks(house, operator):
    webhook_id, _ = registered(house, operator)
    service = house.services.webhooks
    for role in (Role.CLINICIAN, Role.COMPLIANCE_OFFICER, Role.CLIENT, Role.ML_ENGINEER):
        call = house.call(house.person(role))
        for attempt in (
            lambda call=call: service.register(call, uuid4(), agreement_id=uuid4(), url=URL, kinds=tuple(WebhookKind)),
            lambda call=call: service.read(call, webhook_id),
            lambda call=call: service.browse(call),
            lambda call=call: service.rotate_secret(call, webhook_id),
            lambda call=call: service.pause(call, webhook_id),
            lambda call=call: service.resume(call, webhook_id),
            lambda call=call: service.remove(call, webhook_id),
            lambda call=call: service.due(call),
            lambda call=call: service.deliver(call, webhook_id),
        ):
            with pytest.raises(RoleNotPermitted):
                attempt()
    with pytest.raises(RoleNotPermitted):
        deliver(house, webhook_id, house.call(operator))


def test_messages_hold_ids_alone_and_say_nothing_of_what_it_was(house, operator):
    webhook_id, _ = registered(house, operator)
    client_id = changed(house)
    assert deliver(house, webhook_id) == 5
    urls, messages = zip(*house.sender.sent, strict=True)
    assert set(urls) == {URL}
    for message in messages:
        body = json.loads(message.body)
        assert set(body) == {"type", "timestamp", "data"}
        assert body["type"] == "record.changed"
        assert set(body["data"]) == {"position", "client_id", "resource_id"}
        assert body["data"]["client_id"] == str(client_id)
        assert message.id == f"msg_{webhook_id.hex}_{body['data']['position']}"
    assert positions(house) == sorted(positions(house))


def test_nothing_is_sent_twice_while_all_is_taken_and_nothing_left_out(house, operator):
    webhook_id, _ = registered(house, operator)
    changed(house, times=BATCH)
    total = 3 + 2 * BATCH
    assert deliver(house, webhook_id) == total
    assert deliver(house, webhook_id) == 0
    assert len(set(positions(house))) == len(positions(house)) == total
    changed(house)
    assert deliver(house, webhook_id) == 5


def test_it_follows_from_now_on_or_from_a_position_that_is_named(house, operator):
    changed(house)
    fresh, _ = registered(house, operator)
    whole, _ = registered(house, operator, after=0)
    assert (deliver(house, fresh), deliver(house, whole)) == (0, 5)
    with pytest.raises(PositionAhead):
        registered(house, operator, after=10_000)
    with pytest.raises(Invalid):
        registered(house, operator, after=-1)


def test_it_is_told_of_the_kinds_it_wants_and_of_what_was_erased(house, operator):
    webhook_id, _ = registered(house, operator, WebhookKind.IDENTITY)
    changed(house)
    assert deliver(house, webhook_id) == 1
    gone = changed(house)
    house.log.fences.add(gone)
    assert deliver(house, webhook_id) == 5


def test_what_left_the_house_is_on_record_by_client_and_batch(house, operator):
    webhook_id, _ = registered(house, operator)
    client_id, other_id = changed(house), changed(house)
    call = house.call(WORKER)
    deliver(house, webhook_id, call)
    entries = house.entries(call)
    assert {(entry.action, entry.outcome, entry.actor_id) for entry in entries} == {
        ("disclosure.make", "allowed", WORKER.id)
    }
    what = (state(house, operator, webhook_id).webhook.agreement_id, webhook_id)
    assert [(entry.client_id, entry.resources) for entry in entries] == [(client_id, what), (other_id, what)]


def test_a_failed_message_is_tried_again_later_and_nothing_overtakes_it(house, operator):
    webhook_id, _ = registered(house, operator)
    changed(house)
    answers = [Ended.DELIVERED, Ended.DELIVERED, Ended.BROKEN]
    house.sender.answer = lambda _: answers.pop(0)
    call = house.call(WORKER)
    assert deliver(house, webhook_id, call) == 2
    assert house.reasons(call) == [("disclosure.make", "allowed", ""), ("disclosure.make", "failed", "broken")]
    failed = state(house, operator, webhook_id).delivery
    assert (failed.attempts, failed.delivered, failed.failed, failed.outcome) == (1, 2, 1, Ended.BROKEN)
    assert deliver(house, webhook_id) == 0
    house.clock.forward(5)
    house.sender.answer = lambda _: Ended.DELIVERED
    assert deliver(house, webhook_id) == 3
    sent = positions(house)
    assert sent == sorted(sent)
    assert sent[2] == sent[3]
    assert len({message.id for _, message in house.sender.sent}) == 5
    assert state(house, operator, webhook_id).delivery.failing_since_us == 0


def test_waits_double_up_to_an_hour(house, operator):
    webhook_id, _ = registered(house, operator)
    changed(house)
    house.sender.answer = lambda _: Ended.TIMED_OUT
    waits = []
    for _ in range(14):
        deliver(house, webhook_id)
        now_us = int(house.clock.now().timestamp() * 1_000_000)
        waits.append((state(house, operator, webhook_id).delivery.due_at_us - now_us) // 1_000_000)
        house.clock.forward(waits[-1])
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, *[LONGEST_DELAY_S] * 4]


def test_after_a_day_of_failures_it_pauses_and_says_so_in_the_audit(house, operator):
    webhook_id, _ = registered(house, operator)
    changed(house)
    house.sender.answer = lambda _: Ended.UNREACHABLE
    calls = []
    for _ in range(60):
        calls.append(house.call(WORKER))
        deliver(house, webhook_id, calls[-1])
        if state(house, operator, webhook_id).webhook.status is WebhookStatus.PAUSED:
            break
        house.clock.forward(LONGEST_DELAY_S)
    webhook = state(house, operator, webhook_id).webhook
    assert (webhook.status, webhook.pause_reason) == (WebhookStatus.PAUSED, PauseReason.FAILING)
    assert 24 <= len(calls) <= 26
    assert house.reasons(calls[-1])[-1] == ("webhook.deliver", "failed", "paused_failing")
    sent = len(house.sender.sent)
    house.clock.forward(LONGEST_DELAY_S)
    assert (deliver(house, webhook_id), len(house.sender.sent)) == (0, sent)


def test_a_paused_one_that_is_resumed_goes_on_where_it_stopped(house, operator):
    webhook_id, _ = registered(house, operator)
    service = house.services.webhooks
    service.pause(house.call(operator), webhook_id)
    changed(house)
    assert webhook_id not in service.due(house.call(WORKER))
    assert deliver(house, webhook_id) == 0
    with pytest.raises(WebhookPaused):
        service.pause(house.call(operator), webhook_id)
    service.resume(house.call(operator), webhook_id)
    with pytest.raises(WebhookNotPaused):
        service.resume(house.call(operator), webhook_id)
    assert deliver(house, webhook_id) == 5


def test_who_answers_gone_is_not_asked_again(house, operator):
    webhook_id, _ = registered(house, operator)
    changed(house)
    house.sender.answer = lambda _: Ended.GONE
    deliver(house, webhook_id)
    assert state(house, operator, webhook_id).webhook.pause_reason is PauseReason.GONE
    assert len(house.sender.sent) == 1


def test_a_removed_one_is_sent_nothing_and_cannot_be_changed(house, operator):
    webhook_id, _ = registered(house, operator)
    service = house.services.webhooks
    service.remove(house.call(operator), webhook_id)
    changed(house)
    assert deliver(house, webhook_id) == 0
    assert service.browse(house.call(operator)) == ()
    for attempt in (service.read, service.pause, service.resume, service.rotate_secret, service.remove):
        with pytest.raises(WebhookNotFound):
            attempt(house.call(operator), webhook_id)


def test_secrets_stand_in_no_text_that_a_program_prints(house, operator):
    webhook_id, issued = registered(house, operator)
    house.services.webhooks.rotate_secret(house.call(operator), webhook_id)
    webhook = InMemoryAggregates(house.log, Webhook).get(webhook_id)
    events = house.log.streams[webhook_id]
    assert (len(webhook.secrets), len(events)) == (2, 3)
    for printed in (repr(webhook), str(webhook), repr(events), str(events[0]), repr(issued)):
        for secret in webhook.secrets:
            assert repr(secret)[2:-1] not in printed
        assert issued.secret not in printed


@pytest.mark.parametrize("end", ["pause", "remove"])
def test_a_row_that_says_active_sends_nothing_where_the_events_say_otherwise(house, operator, monkeypatch, end):
    webhook_id, _ = registered(house, operator)
    kept = house.deliveries.of(webhook_id)
    getattr(house.services.webhooks, end)(house.call(operator), webhook_id)
    changed(house)
    monkeypatch.setattr(house.deliveries, "take", lambda *_: replace(kept, leased_until_us=1))
    assert deliver(house, webhook_id) == 0
    assert house.sender.sent == []


def test_a_row_that_nobody_registered_holds_no_other_up(house, monkeypatch):
    made_up = Delivery(webhook_id=uuid4(), status="active", created_at_us=0, position=0, leased_until_us=1)
    monkeypatch.setattr(house.deliveries, "take", lambda *_: made_up)
    assert deliver(house, made_up.webhook_id) == 0


@pytest.mark.parametrize("end", ["pause", "remove"])
def test_one_that_is_ended_while_it_delivers_sends_nothing_more(house, operator, end):
    webhook_id, _ = registered(house, operator)
    changed(house, times=BATCH)
    call = house.call(WORKER)

    def end_once(_):
        if len(house.sender.sent) == 2:  # while the third is on its way
            getattr(house.services.webhooks, end)(house.call(operator), webhook_id)
        return Ended.DELIVERED

    house.sender.answer = end_once
    deliver(house, webhook_id, call)
    assert len(house.sender.sent) == 3
    assert [entry.outcome for entry in house.entries(call)] == [Outcome.ALLOWED]
    if end == "pause":
        found = state(house, operator, webhook_id)
        assert (found.webhook.pause_reason, found.delivery.delivered) == (PauseReason.OPERATOR, 3)
        house.services.webhooks.resume(house.call(operator), webhook_id)
        deliver(house, webhook_id)
        assert positions(house) == sorted(set(positions(house)))


def test_two_workers_do_not_deliver_the_same_at_once_and_a_dead_ones_work_is_taken_over(house, operator):
    webhook_id, _ = registered(house, operator)
    changed(house)

    def die(_):
        raise SystemExit

    house.sender.answer = die
    with pytest.raises(SystemExit):
        deliver(house, webhook_id)
    house.sender.answer = lambda _: Ended.DELIVERED
    assert deliver(house, webhook_id) == 0
    house.clock.forward(LEASE_S)
    assert deliver(house, webhook_id) == 5


def test_a_worker_that_lost_its_lease_moves_nothing(house, operator):
    webhook_id, _ = registered(house, operator)
    changed(house)

    def overtake(_):
        house.sender.answer = lambda _: Ended.DELIVERED
        house.clock.forward(LEASE_S)
        assert deliver(house, webhook_id) == 5
        return Ended.DELIVERED

    house.sender.answer = overtake
    deliver(house, webhook_id)
    assert state(house, operator, webhook_id).delivery.delivered == 5


def test_a_run_ends_after_its_time_and_the_next_goes_on(house, operator):
    webhook_id, _ = registered(house, operator)
    changed(house, times=5)

    def slow(_):
        house.clock.forward(20)
        return Ended.DELIVERED

    house.sender.answer = slow
    assert deliver(house, webhook_id) == 3
    house.sender.answer = lambda _: Ended.DELIVERED
    assert deliver(house, webhook_id) == 10
    assert positions(house) == sorted(set(positions(house)))


def test_a_log_that_is_shorter_than_what_was_delivered_pauses_it(house, operator):
    webhook_id, _ = registered(house, operator)
    kept = house.deliveries.of(webhook_id)
    house.deliveries._kept[webhook_id] = replace(kept, position=10_000)
    deliver(house, webhook_id)
    assert state(house, operator, webhook_id).webhook.pause_reason is PauseReason.LOG_RESTORED


def test_for_a_day_after_a_change_messages_are_signed_with_both_secrets(house, operator):
    webhook_id, first = registered(house, operator)
    second = house.services.webhooks.rotate_secret(house.call(operator), webhook_id)
    changed(house)
    deliver(house, webhook_id)
    secrets = [b64decode(one.secret.removeprefix("whsec_")) for one in (second, first)]
    assert list(house.sender.sent[-1][1].secrets) == secrets
    house.clock.forward(24 * 3600)
    changed(house)
    deliver(house, webhook_id)
    assert list(house.sender.sent[-1][1].secrets) == secrets[:1]
    assert first.secret not in repr(first)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@platform.example/",
        "https://platform.example/#part",
        "ftp://platform.example/",
        "https:///path",
        "https://platform.example:99999/",
        "https://platform.example:0/",
        "https://plåtform.example/",
        "https://[::1/",
        "javascript:alert(1)",
        "platform.example/hooks",
        "https://platform.example/a b",
        "https://platform.example/\nx",
        "https://" + "a" * 1000,
        "",
    ],
)
def test_addresses_that_cannot_be_called_are_refused(house, operator, url):
    with pytest.raises(Invalid) as refused:
        house.services.webhooks.register(
            house.call(operator), uuid4(), agreement_id=uuid4(), url=url, kinds=tuple(WebhookKind)
        )
    assert refused.value.facts["field"] == "url"
    assert "secret" not in str(refused.value)


@given(st.text(max_size=60))
def test_any_text_is_taken_for_an_address_or_refused(text):
    try:
        check_url(text)
    except Invalid:
        return
    assert text.lower().startswith(("https://", "http://"))


class Alone:
    """The service over plain objects, without the rest of the house."""

    def __init__(self):
        self.log, self.clock, self.sender = InMemoryLog(), InMemoryClock(), InMemorySender()
        self.ledger = InMemoryLedger(self.log)
        self.feed = InMemoryFeed(self.log)
        agreements = InMemoryAggregates(self.log, Agreement)
        access = Access(ledger=self.ledger, state=self.log.state)
        office = PermitOffice(agreements=agreements, clock=self.clock)
        self.service = WebhookService(
            ledger=self.ledger,
            access=access,
            egress=EgressService(access=access, state=self.log.state, agreements=agreements, office=office),
            webhooks=InMemoryAggregates(self.log, Webhook),
            deliveries=InMemoryDeliveries(self.log, self.ledger),
            feed=self.feed,
            sender=self.sender,
            secrets=InMemorySecrets(),
            clock=self.clock,
        )

    def call(self, role):
        return call_by(Actor(id=uuid4(), role=role), self.clock.now())


@given(st.lists(st.sampled_from([Ended.DELIVERED, Ended.BROKEN, Ended.TIMED_OUT]), max_size=12))
def test_whatever_fails_all_arrives_at_last_in_order_and_at_least_once(ends):
    world, webhook_id, ends, taken = Alone(), uuid4(), list(ends), []
    operator = world.call(Role.OPERATOR)
    agreement = Agreement.record(uuid4(), at=world.clock.now(), by=operator.actor.id, **TERMS)
    world.ledger.save(operator, AuditEntry(action="agreement.record"), agreement)
    again = world.call(Role.OPERATOR)
    world.service.register(again, webhook_id, agreement_id=agreement.id, url=URL, kinds=tuple(WebhookKind))
    for _ in range(5):
        client = Client.register(uuid4(), at=world.clock.now(), by=uuid4())
        world.ledger.save(world.call(Role.CLINICIAN), AuditEntry(action="client.register"), client)

    def answer(message):
        outcome = ends.pop(0) if ends else Ended.DELIVERED
        if outcome is Ended.DELIVERED:
            taken.append(json.loads(message.body)["data"]["position"])
        return outcome

    world.sender.answer = answer
    for _ in range(len(ends) + 1):
        world.service.deliver(world.call(Role.SERVICE), webhook_id)
        world.clock.forward(LONGEST_DELAY_S)
        if world.service.read(world.call(Role.OPERATOR), webhook_id).webhook.status is WebhookStatus.PAUSED:
            world.service.resume(world.call(Role.OPERATOR), webhook_id)
    assert taken == [change.position for change in world.feed.changes(0, 1000).items]
    assert len(taken) == 10


def test_reading_and_changing_webhooks_is_on_record(house, operator):
    webhook_id, _ = registered(house, operator)
    for attempt in ("read", "pause", "resume", "rotate_secret", "remove"):
        call = house.call(operator)
        getattr(house.services.webhooks, attempt)(call, webhook_id)
        (entry,) = house.entries(call)
        assert entry.action == ("webhook.read" if attempt == "read" else "webhook.change")
        assert entry.resources == (webhook_id,)


def test_notes_in_the_log_move_it_on_without_a_message(house, operator):
    webhook_id, _ = registered(house, operator)
    end = house.ledger.note(house.call(operator), AuditEntry(action="session.read"))
    assert deliver(house, webhook_id) == 0
    assert house.sender.sent == []
    assert house.deliveries.of(webhook_id).position >= end
