import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from adapters.access.tables import drafts
from adapters.cache.redis import connect
from adapters.keys.tables import keys
from adapters.queue.arq import ArqQueue
from adapters.queue.format import HEALTH_KEY, QUEUE
from domain.errors import NotFound, StoreUnavailable
from domain.model.identity import IdentityContent
from domain.model.values import PersonName
from domain.ports.audit import Outcome
from domain.ports.call import Actor, Call, Purpose, Role
from domain.ports.keys import RecordClass
from ops import worker
from ops.bootstrap import Part, System, build
from ops.jobs import JOBS
from ops.jobs.caller import WORKER
from ops.jobs.discard_stale_drafts import discard_stale_drafts
from ops.jobs.job import Job
from ops.jobs.projection_health import projection_health
from ops.jobs.sweep_orphan_keys import sweep_orphan_keys
from ops.settings import Settings
from tests.ops.conftest import Running, StoppableRedis, plain_environment, wait_for

CLINICIAN = Actor(id=uuid4(), role=Role.CLINICIAN)


@pytest.fixture
def system(founded: Settings, stoppable_redis: StoppableRedis) -> Iterator[System]:
    with build(replace(founded, redis_url=stoppable_redis.url), parts=Part.WORKER) as system:
        yield system


def call(system: System, days_ago: float = 0) -> Call:
    at = system.clock.now() - timedelta(days=days_ago)
    return Call(actor=CLINICIAN, request_id=system.ids.ordered(), at=at, origin="test")


def registered_client(system: System) -> object:
    client_id = system.ids.opaque()
    identity = IdentityContent(names=(PersonName(family="Lindqvist", given="Mara"),))
    system.services.clients.register(call(system), client_id, identity)
    return client_id


# Jobs --------------------------------------------------------------------------------------------------------------


def test_drafts_that_nobody_touched_for_a_month_go_each_with_its_audit_entry(system: System) -> None:
    client_id = registered_client(system)
    old, young = uuid4(), uuid4()
    system.services.drafts.save(call(system, days_ago=31), old, client_id, '{"summary": "old"}')
    system.services.drafts.save(call(system, days_ago=29), young, client_id, '{"summary": "young"}')

    assert discard_stale_drafts(system) == 1
    assert discard_stale_drafts(system) == 0

    with system.databases.events.connect() as connection:
        assert connection.execute(select(drafts.c.id)).scalars().all() == [young]
    with pytest.raises(NotFound):
        system.services.drafts.read(call(system), old)
    system.runner().catch_up()
    audit = system.services.audit.search(
        replace(call(system), actor=Actor(id=uuid4(), role=Role.COMPLIANCE_OFFICER), purpose=Purpose.COMPLIANCE),
        action="draft.discard_stale",
    )
    (entry,) = audit.items
    assert (entry.actor_id, entry.resources, entry.outcome) == (WORKER.id, (old,), Outcome.ALLOWED)


def test_the_practice_decides_when_a_draft_is_stale(system: System) -> None:
    client_id = registered_client(system)
    system.services.drafts.save(call(system, days_ago=3), uuid4(), client_id, "{}")

    assert discard_stale_drafts(replace(system, settings=replace(system.settings, draft_days=7))) == 0
    assert discard_stale_drafts(replace(system, settings=replace(system.settings, draft_days=2))) == 1


def test_views_in_order_need_no_attention(system: System) -> None:
    registered_client(system)
    system.runner().catch_up()

    assert projection_health(system) == 0


def test_keys_that_were_made_for_nothing_go_after_a_day_and_others_stay(system: System) -> None:
    client_id, orphan = registered_client(system), uuid4()
    system.keys.key_id(orphan, RecordClass.JOURNAL)
    assert sweep_orphan_keys(system) == 0

    with system.databases.keys.begin() as connection:
        connection.execute(update(keys).values(created_at_us=keys.c.created_at_us - 2 * 86_400_000_000))

    assert sweep_orphan_keys(system) > 0
    with system.databases.keys.connect() as connection:
        owners = set(connection.execute(select(keys.c.owner)).scalars())
    assert client_id in owners
    assert orphan not in owners


# The worker --------------------------------------------------------------------------------------------------------


def work_until(system: System, jobs: list[Job], condition: Callable[[], object]) -> None:
    """Run a worker in this thread until the condition holds, then end it as a supervisor would."""
    failed = []

    def end() -> None:
        try:
            wait_for(condition)
        except AssertionError as exc:
            failed.append(exc)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end)
    thread.start()
    worker.run(system, jobs)
    thread.join()
    assert not failed, "the condition did not come true in time"


def test_a_job_runs_at_start_and_the_worker_says_that_it_lives(system: System) -> None:
    ran: list[System] = []

    def run(given: System) -> int:
        ran.append(given)
        return 1

    work_until(system, [Job(name="once", run=run, at_start=True)], lambda: ran and system.queue.worker_seen())

    assert ran == [system]
    assert not system.queue.worker_seen()


def test_a_job_that_meets_an_outage_is_tried_again(system: System) -> None:
    tries: list[int] = []

    def run(_system: System) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise StoreUnavailable(retry_after_s=0.05)
        return 0

    work_until(system, [Job(name="again", run=run, at_start=True)], lambda: len(tries) >= 2)


def test_a_job_that_fails_does_not_end_the_worker(system: System) -> None:
    ran: list[str] = []

    def fail(_system: System) -> int:
        ran.append("fail")
        raise ZeroDivisionError("what somebody said")

    def work(_system: System) -> int:
        ran.append("work")
        return 0

    jobs = [Job(name="fail", run=fail, at_start=True), Job(name="work", run=work)]

    def queued_and_ran() -> bool:
        if ran == ["fail"]:
            system.queue.put("work", job_id="later")
        return "work" in ran

    work_until(system, jobs, queued_and_ran)

    assert ran[:2] == ["fail", "work"]


def test_the_worker_waits_for_redis_and_goes_on(system: System, stoppable_redis: StoppableRedis) -> None:
    ran: list[int] = []
    jobs = [Job(name="count", run=lambda _system: len(ran) or ran.append(1) or 0, at_start=True)]
    stoppable_redis.stop()
    begun = threading.Timer(0.3, stoppable_redis.start)
    begun.start()

    work_until(system, jobs, lambda: ran)
    begun.join()


def test_a_job_ends_before_the_worker_does(system: System) -> None:
    began, ended = threading.Event(), threading.Event()

    def slow(_system: System) -> int:
        began.set()
        threading.Event().wait(0.5)
        ended.set()
        return 0

    work_until(system, [Job(name="slow", run=slow, at_start=True)], began.is_set)

    assert ended.is_set()


def test_the_worker_of_the_command_line_does_what_is_queued_and_logs_ids_alone(
    founded: Settings, stoppable_redis: StoppableRedis
) -> None:
    environment = plain_environment(founded.data_dir, redis_url=stoppable_redis.url)
    running = Running(environment, "worker")
    client = connect(stoppable_redis.url)
    queue = ArqQueue(client)
    try:
        wait_for(queue.worker_seen)
        queue.put("discard_stale_drafts", job_id="now")
        wait_for(lambda: client.zscore(QUEUE, "now") is None)
    finally:
        code = running.stop()
    told = [json.loads(line) for line in running.errors.splitlines()]
    client.close()

    assert code == 0
    assert {"job": "discard_stale_drafts", "job_id": "now", "count": 0}.items() <= next(
        line for line in told if line.get("job_id") == "now"
    ).items()
    assert all(line.get("logger", "ops").partition(".")[0] != "arq" for line in told)


def test_every_job_has_a_name_of_its_own() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert HEALTH_KEY.startswith("anamnesis:")
