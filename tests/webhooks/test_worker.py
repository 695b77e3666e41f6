"""The worker delivers to a real receiver: duplicates after a kill, order through failures, ids alone in the log."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from adapters.access.tables import webhooks
from domain.model.identity import IdentityContent
from domain.model.values import PersonName
from domain.model.webhook import WebhookKind
from domain.ports.audit import Outcome
from domain.ports.call import Actor, Call, Purpose, Role
from ops.bootstrap import Part, System, build
from ops.jobs.caller import WORKER
from ops.jobs.deliver_webhooks import deliver_webhooks
from ops.settings import Settings
from tests.egress.kit import agreed
from tests.ops.conftest import Running, found, plain_environment, wait_for
from tests.webhooks.receiver import Receiver, receiving, status

OPERATOR = Actor(id=uuid4(), role=Role.OPERATOR)
LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def settings(tmp_path) -> Settings:
    return replace(found(tmp_path / "data"), webhook_networks=LOOPBACK)


@pytest.fixture
def system(settings: Settings) -> Iterator[System]:
    with build(settings, parts=Part.WORKER) as system:
        yield system


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


def call(system: System, who: Actor = OPERATOR, purpose: Purpose = Purpose.OPERATIONS) -> Call:
    return Call(actor=who, request_id=system.ids.ordered(), at=system.clock.now(), origin="test", purpose=purpose)


def registered(system: System, receiver: Receiver) -> UUID:
    webhook_id = uuid4()
    issued = system.services.webhooks.register(
        call(system),
        webhook_id,
        agreement_id=agreed(system.services, call(system)),
        url=receiver.url,
        kinds=tuple(WebhookKind),
        after=0,
    )
    receiver.secret = issued.secret
    return webhook_id


def clients(system: System, count: int) -> list[UUID]:
    """Charts that were opened: three changes each."""
    ids = [system.ids.opaque() for _ in range(count)]
    for client_id in ids:
        identity = IdentityContent(names=(PersonName(family="Lindqvist", given="Mara"),))
        system.services.clients.register(
            call(system, Actor(id=uuid4(), role=Role.CLINICIAN), Purpose.TREATMENT), client_id, identity
        )
    return ids


def due_now(system: System) -> None:
    """As if the time had passed that a webhook waits for, or a dead worker's lease."""
    with system.databases.events.begin() as connection:
        connection.execute(update(webhooks).values(due_at_us=0, leased_until_us=0))


def test_every_change_arrives_signed_and_in_order_and_the_audit_says_whose_ids_left(system, receiver):
    webhook_id = registered(system, receiver)
    ids = clients(system, 3)
    assert deliver_webhooks(system) == 9
    assert deliver_webhooks(system) == 0
    messages = receiver.verified()
    assert [message["data"]["client_id"] for message in messages] == [str(each) for each in ids for _ in range(3)]
    assert receiver.positions() == sorted(set(receiver.positions()))
    system.runner().catch_up()
    officer = Actor(id=uuid4(), role=Role.COMPLIANCE_OFFICER)
    agreement_id = system.services.webhooks.read(call(system), webhook_id).webhook.agreement_id
    for client_id in ids:
        asked = {"action": "disclosure.make", "client_id": client_id}
        (entry,) = system.services.audit.search(call(system, officer, Purpose.COMPLIANCE), **asked).items
        assert (entry.actor_id, entry.outcome, entry.resources) == (
            WORKER.id,
            Outcome.ALLOWED,
            (agreement_id, webhook_id),
        )


@pytest.mark.parametrize("code", [500, 302, 400])
def test_a_receiver_that_fails_for_a_while_gets_all_of_it_later(system, receiver, code):
    registered(system, receiver)
    clients(system, 2)
    receiver.answers = [status(204), status(code)]
    assert deliver_webhooks(system) == 1
    assert deliver_webhooks(system) == 0
    due_now(system)
    assert deliver_webhooks(system) == 5
    positions = receiver.positions()
    assert positions == sorted(positions)
    assert (positions[1], len(set(positions))) == (positions[2], 6)
    ids = [headers["webhook-id"] for _, headers, _ in receiver.requests]
    assert ids[1] == ids[2]


def test_a_receiver_that_is_gone_is_left_alone(system, receiver):
    webhook_id = registered(system, receiver)
    clients(system, 1)
    receiver.answers = [status(410)]
    deliver_webhooks(system)
    due_now(system)
    deliver_webhooks(system)
    assert len(receiver.requests) == 1
    webhook = system.services.webhooks.read(call(system), webhook_id).webhook
    assert webhook.pause_reason == "gone"


def test_a_receiver_that_hangs_holds_nobody_else_up(system, receiver):
    over = threading.Event()
    with receiving() as other:
        registered(system, receiver)
        registered(system, other)
        clients(system, 1)
        receiver.answers = [lambda _: over.wait(30)]
        working = threading.Thread(target=deliver_webhooks, args=(system,))
        working.start()
        wait_for(lambda: len(other.requests) == 3)
        # The other one has all of it while the first receiver still holds its answer back.
        assert working.is_alive()
        over.set()
        working.join(30)
        assert not working.is_alive()


def test_a_worker_that_is_killed_in_the_middle_leaves_nothing_out(settings, system, receiver, empty_redis_url):
    registered(system, receiver)
    clients(system, 3)
    reached, over = threading.Event(), threading.Event()

    def hang(_handler):
        reached.set()
        over.wait(30)

    receiver.answers = [status(204), status(204), hang]
    environment = plain_environment(
        settings.data_dir, redis_url=empty_redis_url, webhook_networks="127.0.0.0/8", log_level="debug"
    )
    running = Running(environment, "worker")
    try:
        assert reached.wait(60)
    finally:
        running.process.kill()
        _, told = running.process.communicate(timeout=30)
        over.set()
    due_now(system)
    assert deliver_webhooks(system) == 9
    positions = receiver.positions()
    assert positions[3:] == sorted(set(positions))
    assert positions[:3] == positions[3:6]
    assert receiver.secret not in told
    assert all("hooks" not in line for line in told.splitlines() if json.loads(line))
