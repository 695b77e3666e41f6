"""Reports by real workers on a real Redis: killed in the middle, and with Redis away when they were asked for."""

import json
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from adapters.access.tables import reports
from domain.errors import ViewBehind
from domain.model.identity import IdentityContent
from domain.model.values import PersonName
from domain.ports.call import Actor, Call, Purpose, Role
from domain.ports.reports import ReportState
from domain.services.reports import ReportFormat, ReportWanted
from ops.bootstrap import Part, System, build
from ops.jobs.caller import WORKER
from ops.jobs.reports import sweep_reports
from ops.settings import Settings
from tests.ops.conftest import Running, StoppableRedis, found, plain_environment, wait_for

HOST = Actor(id=uuid4(), role=Role.SERVICE)
FAMILY = "Quandahl"


@pytest.fixture
def stoppable_redis(tmp_path) -> Iterator[StoppableRedis]:
    redis = StoppableRedis(tmp_path / "r")
    redis.start()
    yield redis
    redis.stop()
    redis.server.tidy()


@pytest.fixture
def settings(tmp_path, stoppable_redis) -> Settings:
    return replace(found(tmp_path / "data"), redis_url=stoppable_redis.url)


@pytest.fixture
def system(settings: Settings) -> Iterator[System]:
    with build(settings, parts=Part.API) as system:
        yield system


def call(system: System, who: Actor, purpose: Purpose = Purpose.TREATMENT) -> Call:
    return Call(actor=who, request_id=system.ids.ordered(), at=system.clock.now(), origin="test", purpose=purpose)


@pytest.fixture
def clinician(system: System) -> Actor:
    account_id = uuid4()
    system.services.accounts.bootstrap(
        call(system, HOST, Purpose.OPERATIONS),
        account_id,
        login=f"{account_id.hex}@practice.example",
        password="correct horse battery",
        display_name="Somebody",
        role=Role.CLINICIAN,
    )
    return Actor(id=account_id, role=Role.CLINICIAN)


@pytest.fixture
def client_id(system: System, clinician: Actor) -> UUID:
    client_id = system.ids.opaque()
    identity = IdentityContent(names=(PersonName(family=FAMILY, given="Mara"),))
    system.services.clients.register(call(system, clinician), client_id, identity)
    system.runner().catch_up()
    return client_id


def request(system: System, who: Actor, client_id: UUID, *, at_least: int = 0) -> UUID:
    report_id = uuid4()
    wanted = ReportWanted(format=ReportFormat.PDF, at_least=at_least)
    system.services.reports.request(call(system, who), report_id, client_id, wanted)
    return report_id


def state(system: System, who: Actor, report_id: UUID) -> ReportState:
    return system.services.reports.read(call(system, who), report_id).state


def environment(settings: Settings) -> dict[str, str]:
    return plain_environment(settings.data_dir, redis_url=settings.redis_url)


def told(running: Running) -> list[dict[str, object]]:
    return [json.loads(line) for line in running.errors.splitlines()]


def test_a_worker_killed_in_the_middle_is_followed_by_another(settings, system, clinician, client_id):
    # The report waits for a position that no view has reached: there the worker dies.
    ahead = system.recorder.last_position() + 50
    report_id = request(system, clinician, client_id, at_least=ahead)
    first = Running(environment(settings), "worker")
    try:
        wait_for(lambda: state(system, clinician, report_id) is ReportState.RUNNING, 60)
    finally:
        first.process.kill()
        first.process.communicate(timeout=30)
    while system.recorder.last_position() < ahead:
        system.services.clients.read(call(system, clinician), client_id)
    system.runner().catch_up()
    with system.databases.events.begin() as connection:  # as if the lease of the dead worker were over
        connection.execute(update(reports).values(leased_until_us=0))

    second = Running(environment(settings), "worker")
    try:
        wait_for(lambda: state(system, clinician, report_id) is ReportState.READY, 60)
    finally:
        assert second.stop() == 0
    job = system.services.reports.result(call(system, clinician), report_id)
    assert job.result.startswith(b"%PDF-")
    assert 1 <= job.attempts <= 2  # the first may have given it back before it was killed
    assert FAMILY not in second.errors
    assert all(FAMILY not in str(line) for line in told(second))


def test_a_report_asked_for_while_redis_is_away_is_found_when_it_is_back(
    settings, system, clinician, client_id, stoppable_redis
):
    stoppable_redis.stop()
    report_id = request(system, clinician, client_id)
    assert state(system, clinician, report_id) is ReportState.QUEUED
    stoppable_redis.start()
    running = Running(environment(settings), "worker")
    try:
        wait_for(lambda: state(system, clinician, report_id) is ReportState.READY, 60)
    finally:
        assert running.stop() == 0
    system.runner().catch_up()
    officer = Actor(id=uuid4(), role=Role.COMPLIANCE_OFFICER)
    audit = system.services.audit.search(call(system, officer, Purpose.COMPLIANCE), action="report.make")
    (entry,) = audit.items
    assert (entry.actor_id, entry.resources, entry.client_id) == (WORKER.id, (report_id, clinician.id), client_id)


def test_a_report_whose_row_was_damaged_keeps_no_other_from_being_made(system, clinician, client_id):
    damaged, whole = request(system, clinician, client_id), request(system, clinician, client_id)
    with system.databases.events.begin() as connection:
        connection.execute(update(reports).where(reports.c.id == damaged).values(parameters=bytes(64)))
    system.runner().catch_up()
    assert sweep_reports(system) == 1
    assert state(system, clinician, whole) is ReportState.READY


def test_a_report_that_waits_for_a_position_keeps_no_other_waiting_and_nothing_from_expiring(
    system, clinician, client_id
):
    system.tracking.patience_s = 0.0
    waits = request(system, clinician, client_id, at_least=system.recorder.last_position() + 50)
    whole, expired = request(system, clinician, client_id), request(system, clinician, client_id)
    with system.databases.events.begin() as connection:
        connection.execute(update(reports).where(reports.c.id == expired).values(expires_at_us=1))
    system.runner().catch_up()
    with pytest.raises(ViewBehind):
        sweep_reports(system)
    assert state(system, clinician, whole) is ReportState.READY
    assert state(system, clinician, waits) is ReportState.QUEUED
    with system.databases.events.begin() as connection:
        assert set(connection.scalars(select(reports.c.id))) == {waits, whole}


def test_the_queue_holds_ids_alone_and_the_worker_makes_what_it_is_told(settings, system, clinician, client_id):
    running = Running(environment(settings), "worker")
    try:
        wait_for(system.queue.worker_seen)
        report_id = request(system, clinician, client_id)
        wait_for(lambda: state(system, clinician, report_id) is ReportState.READY, 60)
    finally:
        assert running.stop() == 0
    made = next(line for line in told(running) if line.get("job") == "make_report" and "count" in line)
    assert made["count"] == 1
    assert str(report_id) in str(made["job_id"])
