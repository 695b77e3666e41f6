"""How far webhooks have come, in memory and on both databases."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from adapters.access.rebuild import rebuild_access_state
from adapters.db.engines import open_databases
from adapters.event_store.webhooks import SqlDeliveryStore
from adapters.memory.ledger import InMemoryLedger, InMemoryLog
from adapters.memory.webhooks import InMemoryDeliveries
from domain.model.webhook import PauseReason, Webhook, WebhookKind
from domain.ports.audit import AuditEntry
from domain.ports.webhooks import DeliveryOutcome, DeliveryStore
from migrations.role_names import APPLICATION
from tests.contracts.samples import NOW, actor, call_by
from tests.seal.kit import Kit

ENTRY = AuditEntry(action="webhook.deliver")
LATER_US = 2_000_000_000_000_000


@dataclass(kw_only=True)
class World:
    ledger: Any
    deliveries: DeliveryStore
    last_position: Callable[[], int]

    def save(self, *webhooks: Webhook) -> None:
        self.ledger.save(call_by(actor()), AuditEntry(action="webhook.register"), *webhooks)


def new_webhook(after: int = 0) -> Webhook:
    return Webhook.register(
        uuid4(),
        at=NOW,
        by=uuid4(),
        url="https://platform.example/",
        kinds=tuple(WebhookKind),
        secret=bytes(32),
        after=after,
    )


@pytest.fixture
def kit(databases):
    kit = Kit.on(databases)
    yield kit
    kit.recorder.close()


class DeliveryStoreContract:
    @pytest.fixture
    def world(self) -> World:
        raise NotImplementedError

    def test_a_row_comes_with_its_webhook_and_goes_with_it(self, world):
        webhook = new_webhook(after=7)
        world.save(webhook)
        delivery = world.deliveries.of(webhook.id)
        assert (delivery.position, delivery.status, delivery.attempts) == (7, "active", 0)
        assert world.deliveries.listed() == (delivery,) or list(world.deliveries.listed()) == [delivery]
        webhook.remove(at=NOW, by=uuid4())
        world.save(webhook)
        assert world.deliveries.of(webhook.id) is None
        assert list(world.deliveries.listed()) == []

    def test_one_caller_alone_takes_it_until_the_lease_is_over(self, world):
        world.save(webhook := new_webhook())
        taken = world.deliveries.take(webhook.id, LATER_US, 60)
        assert taken.webhook_id == webhook.id
        assert world.deliveries.take(webhook.id, LATER_US + 59_999_999, 60) is None
        assert list(world.deliveries.due(LATER_US, 99)) == []
        assert world.deliveries.take(webhook.id, LATER_US + 60_000_000, 60) is not None

    def test_paused_ones_and_those_that_wait_are_not_due(self, world):
        waits, paused, due = new_webhook(), new_webhook(), new_webhook()
        world.save(waits, paused, due)
        taken = world.deliveries.take(waits.id, LATER_US, 60)
        world.deliveries.keep(call_by(actor()), (), replace(taken, due_at_us=LATER_US + 1), release=True)
        paused.pause(at=NOW, by=uuid4(), reason=PauseReason.OPERATOR)
        world.save(paused)
        assert list(world.deliveries.due(LATER_US, 99)) == [due.id]
        assert world.deliveries.take(paused.id, LATER_US, 60) is None
        assert set(world.deliveries.due(LATER_US + 1, 99)) == {waits.id, due.id}
        assert list(world.deliveries.due(LATER_US + 1, 0)) == []

    @pytest.mark.parametrize("entries", [(), (ENTRY, ENTRY)])
    def test_what_was_kept_is_read_back_with_its_entries_in_the_log(self, world, entries):
        world.save(webhook := new_webhook())
        taken = world.deliveries.take(webhook.id, LATER_US, 60)
        moved = replace(
            taken,
            position=12,
            attempts=3,
            failing_since_us=5,
            delivered=40,
            failed=4,
            outcome=DeliveryOutcome.BROKEN,
            due_at_us=9,
        )
        before = world.last_position()
        assert world.deliveries.keep(call_by(actor()), entries, moved, release=False)
        assert world.last_position() == before + len(entries)
        assert world.deliveries.of(webhook.id) == moved
        assert not world.deliveries.keep(call_by(actor()), entries, moved, release=True)
        assert world.deliveries.of(webhook.id) == replace(moved, leased_until_us=0)

    @pytest.mark.parametrize("entries", [(), (ENTRY,)])
    def test_who_lost_the_lease_moves_nothing_and_is_told(self, world, entries):
        world.save(webhook := new_webhook())
        first = world.deliveries.take(webhook.id, LATER_US, 60)
        second = world.deliveries.take(webhook.id, LATER_US + 60_000_000, 60)
        call = call_by(actor())
        assert not world.deliveries.keep(call, entries, replace(first, position=99), release=False)
        assert world.deliveries.of(webhook.id) == second

    def test_who_works_on_one_that_was_paused_is_told_to_stop_and_what_was_done_counts(self, world):
        world.save(webhook := new_webhook())
        taken = world.deliveries.take(webhook.id, LATER_US, 60)
        webhook.pause(at=NOW, by=uuid4(), reason=PauseReason.OPERATOR)
        world.save(webhook)
        assert not world.deliveries.keep(call_by(actor()), (ENTRY,), replace(taken, position=5), release=False)
        now = world.deliveries.of(webhook.id)
        assert (now.position, now.status) == (5, "paused")

    def test_one_that_is_resumed_is_due_at_once(self, world):
        world.save(webhook := new_webhook())
        taken = world.deliveries.take(webhook.id, LATER_US, 60)
        failed = replace(taken, attempts=9, failing_since_us=1, due_at_us=LATER_US * 2)
        world.deliveries.keep(call_by(actor()), (), failed, release=True)
        webhook.pause(at=NOW, by=uuid4(), reason=PauseReason.FAILING)
        webhook.resume(at=NOW, by=uuid4())
        world.save(webhook)
        now = world.deliveries.take(webhook.id, LATER_US, 60)
        assert (now.attempts, now.failing_since_us) == (0, 0)


class TestInMemory(DeliveryStoreContract):
    @pytest.fixture
    def world(self):
        log = InMemoryLog()
        ledger = InMemoryLedger(log)
        return World(ledger=ledger, deliveries=InMemoryDeliveries(log, ledger), last_position=lambda: len(log.events))


class TestSql(DeliveryStoreContract):
    @pytest.fixture
    def world(self, kit):
        return World(
            ledger=kit.ledger,
            deliveries=SqlDeliveryStore(kit.databases.events, kit.recorder, kit.mapper),
            last_position=kit.recorder.last_position,
        )


def test_making_the_access_tables_anew_keeps_how_far_webhooks_have_come(kit):
    deliveries = SqlDeliveryStore(kit.databases.events, kit.recorder, kit.mapper)
    stays, gone = new_webhook(), new_webhook()
    kit.save(stays)
    kit.save(gone)
    gone.remove(at=NOW, by=uuid4())
    kit.save(gone)
    taken = deliveries.take(stays.id, LATER_US, 60)
    deliveries.keep(call_by(actor()), (), replace(taken, position=3, delivered=8), release=True)
    before = deliveries.listed()
    rebuild_access_state(kit.databases.events, kit.recorder, kit.mapper, kit.writes)
    assert deliveries.listed() == before
    assert [one.webhook_id for one in before] == [stays.id]


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_the_rights_of_the_application_are_enough(databases, database_urls):
    Kit.on(databases).recorder.close()  # the log is opened by the owner of the tables
    with open_databases(*database_urls, pool_size=4, application_role=APPLICATION) as restricted:
        kit = Kit.on(restricted)
        deliveries = SqlDeliveryStore(restricted.events, kit.recorder, kit.mapper)
        kit.save(webhook := new_webhook())
        taken = deliveries.take(webhook.id, LATER_US, 60)
        assert deliveries.keep(call_by(actor()), (ENTRY,), replace(taken, position=4), release=False)
        assert not deliveries.keep(call_by(actor()), (), taken, release=True)
        webhook.remove(at=NOW, by=uuid4())
        kit.save(webhook)
        assert deliveries.listed() == ()
        kit.recorder.close()


def test_addresses_and_secrets_of_webhooks_lie_sealed(kit):
    webhook = new_webhook()
    kit.save(webhook)
    assert kit.store(Webhook).get(webhook.id) == webhook
    assert all(b"platform" not in row.state for row in kit.rows())
