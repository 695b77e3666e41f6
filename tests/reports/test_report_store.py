"""Reports that wait, are made and go, in memory and on both databases."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text, update

from adapters.access.tables import reports
from adapters.db.engines import open_databases
from adapters.event_store.reports import SealedReports
from adapters.event_store.tables import fences
from adapters.memory.ledger import InMemoryLedger, InMemoryLog
from adapters.memory.reports import InMemoryReports
from domain.errors import Erased, NotFound, SealBroken
from domain.ports.audit import AuditEntry
from domain.ports.reports import LISTED_MOST, ReportJob, ReportState, ReportStore
from migrations.role_names import APPLICATION
from tests.contracts.samples import actor, call_by
from tests.seal.kit import DEPLOYMENT, Kit
from tests.seal.test_ledger import destroy_keys

ENTRY = AuditEntry(action="report.request")
NOW_US = 1_780_000_000_000_000


@dataclass(kw_only=True)
class World:
    reports: ReportStore
    fence: Callable[[UUID], None]
    last_position: Callable[[], int]

    def put(self, job: ReportJob) -> int:
        return self.reports.put(call_by(actor()), ENTRY, job)

    def finish(self, job: ReportJob) -> int:
        return self.reports.finish(call_by(actor()), ENTRY, job)


def new_job(**fields) -> ReportJob:
    values = {
        "id": uuid4(),
        "client_id": uuid4(),
        "requested_by": uuid4(),
        "role": "clinician",
        "state": ReportState.QUEUED,
        "requested_at_us": NOW_US,
        "expires_at_us": NOW_US + 10**12,
        "media_type": "application/pdf",
        "parameters": '{"since": "2026-01-01"}',
    }
    return ReportJob(**(values | fields))


def begun(world, job, now_us=NOW_US, lease_s=60) -> ReportJob:
    assert world.reports.begin(job.id, now_us, lease_s)
    return world.reports.get(job.id)


def ready(job) -> ReportJob:
    return replace(job, state=ReportState.READY, finished_at_us=NOW_US + 5, result=b"%PDF what was said")


class ReportStoreContract:
    @pytest.fixture
    def world(self) -> World:
        raise NotImplementedError

    def test_a_job_reads_back_as_it_was_put_with_its_entry_in_the_log(self, world):
        before = world.last_position()
        job = new_job()
        assert world.put(job) == before + 1 == world.last_position()
        assert world.reports.get(job.id) == job
        with pytest.raises(NotFound):
            world.reports.get(uuid4())

    def test_a_finished_job_keeps_its_result_apart(self, world):
        world.put(job := new_job())
        done = ready(begun(world, job))
        world.finish(done)
        assert world.reports.get(job.id, with_result=True) == done
        assert world.reports.get(job.id) == replace(done, result=None)

    def test_a_failed_job_has_a_code_and_no_result(self, world):
        world.put(job := new_job())
        failed = replace(begun(world, job), state=ReportState.FAILED, failure="outside_care_team", finished_at_us=7)
        world.finish(failed)
        assert world.reports.get(job.id, with_result=True) == failed

    def test_a_requesters_jobs_come_newest_first(self, world):
        who = uuid4()
        older, newer = (new_job(requested_by=who, requested_at_us=NOW_US + us) for us in (1, 2))
        for job in (newer, new_job(), older):
            world.put(job)
        assert list(world.reports.of_requester(who)) == [newer, older]

    def test_one_worker_alone_begins_it_until_its_lease_is_over(self, world):
        world.put(job := new_job())
        assert world.reports.begin(job.id, NOW_US, 60)
        assert not world.reports.begin(job.id, NOW_US + 59_999_999, 60)
        assert list(world.reports.unfinished(NOW_US)) == []
        assert list(world.reports.unfinished(NOW_US + 60_000_000)) == [job.id]
        assert world.reports.begin(job.id, NOW_US + 60_000_000, 60)
        now = world.reports.get(job.id)
        assert (now.state, now.attempts, now.started_at_us) == (ReportState.RUNNING, 2, NOW_US + 60_000_000)
        assert not world.reports.begin(uuid4(), NOW_US, 60)

    def test_whose_lease_was_lost_finishes_nothing(self, world):
        world.put(job := new_job())
        slow = begun(world, job)
        fast = begun(world, job, NOW_US + 60_000_000)
        world.finish(ready(slow))
        assert world.reports.get(job.id, with_result=True) == fast
        world.finish(ready(fast))
        assert world.reports.get(job.id).state is ReportState.READY
        world.finish(replace(fast, state=ReportState.FAILED, failure="late"))
        assert world.reports.get(job.id).state is ReportState.READY

    def test_a_finished_job_is_not_begun_again(self, world):
        world.put(job := new_job())
        world.finish(ready(begun(world, job)))
        assert not world.reports.begin(job.id, NOW_US + 10**9, 60)
        assert list(world.reports.unfinished(NOW_US + 10**9)) == []

    def test_a_job_that_is_given_back_waits_again(self, world):
        world.put(job := new_job())
        first = begun(world, job)
        world.reports.release(first)
        assert list(world.reports.unfinished(NOW_US)) == [job.id]
        assert world.reports.get(job.id).attempts == 0
        second = begun(world, job, NOW_US + 1)
        world.reports.release(first)
        assert world.reports.get(job.id).state is second.state is ReportState.RUNNING

    def test_what_waits_comes_oldest_first_and_expired_ones_do_not_wait(self, world):
        late, early = new_job(requested_at_us=NOW_US + 2), new_job(requested_at_us=NOW_US + 1)
        for job in (late, early, new_job(expires_at_us=NOW_US)):
            world.put(job)
        assert list(world.reports.unfinished(NOW_US)) == [early.id, late.id]

    def test_expired_jobs_go(self, world):
        gone, stays = new_job(expires_at_us=NOW_US), new_job(expires_at_us=NOW_US + 1)
        world.put(gone)
        world.put(stays)
        assert world.reports.discard_expired(NOW_US) == 1
        assert world.reports.discard_expired(NOW_US) == 0
        with pytest.raises(NotFound):
            world.reports.get(gone.id)
        assert world.reports.get(stays.id) == stays

    def test_a_fenced_clients_reports_are_neither_written_nor_read(self, world):
        who = uuid4()
        world.put(job := new_job(requested_by=who))
        world.put(stays := new_job(requested_by=who))
        running = begun(world, job)
        world.fence(job.client_id)
        with pytest.raises(Erased):
            world.reports.get(job.id)
        with pytest.raises(Erased):
            world.put(new_job(client_id=job.client_id))
        assert list(world.reports.of_requester(who)) == [stays]
        world.finish(replace(running, state=ReportState.FAILED, failure="client_erased"))

    def test_nobody_works_any_more_for_a_fenced_client(self, world):
        world.put(waits := new_job())
        world.put(lost := new_job())
        begun(world, lost)
        for job in (waits, lost):
            world.fence(job.client_id)
            assert not world.reports.begin(job.id, NOW_US + 10**9, 60)
        assert list(world.reports.unfinished(NOW_US + 10**9)) == []

    def test_a_list_of_reports_ends_somewhere(self, world):
        who = uuid4()
        jobs = [new_job(requested_by=who, requested_at_us=NOW_US + us) for us in range(LISTED_MOST + 2)]
        for job in jobs:
            world.put(job)
        assert list(world.reports.of_requester(who)) == jobs[:1:-1]


class TestInMemory(ReportStoreContract):
    @pytest.fixture
    def world(self):
        log = InMemoryLog()
        return World(
            reports=InMemoryReports(log, InMemoryLedger(log)),
            fence=log.fences.add,
            last_position=lambda: len(log.events),
        )


@pytest.fixture
def kit(databases):
    kit = Kit.on(databases)
    yield kit
    kit.recorder.close()


def sealed(kit: Kit) -> SealedReports:
    return SealedReports(kit.databases.events, kit.recorder, kit.mapper, kit.ring, DEPLOYMENT)


class TestSql(ReportStoreContract):
    @pytest.fixture
    def world(self, kit):
        def fence(client_id):
            with kit.databases.events.begin() as connection:
                connection.execute(insert(fences).values(subject=client_id, position=0, reason="test"))

        return World(reports=sealed(kit), fence=fence, last_position=kit.recorder.last_position)


@pytest.fixture
def done(kit):
    """A finished report, and the store it lies in."""
    store, job = sealed(kit), new_job()
    store.put(call_by(actor()), ENTRY, job)
    store.begin(job.id, NOW_US, 60)
    store.finish(call_by(actor()), ENTRY, ready(store.get(job.id)))
    return store, job


def test_what_was_asked_for_and_what_came_of_it_lie_sealed(kit, done):
    _, job = done
    with kit.databases.events.connect() as connection:
        row = connection.execute(select(reports)).one()
    for part in (row.parameters, row.result):
        assert bytes(part)[:1] == b"\x01"
        assert b"since" not in bytes(part)
        assert b"said" not in bytes(part)
    assert job.parameters not in repr(job)


@pytest.mark.parametrize("field", ["id", "client_id", "requested_by", "media_type"])
def test_a_report_moved_to_another_row_does_not_open(kit, done, field):
    store, job = done
    other = "application/json" if field == "media_type" else uuid4()
    with kit.databases.events.begin() as connection:
        connection.execute(update(reports).values(**{field: other}))
    with pytest.raises(SealBroken):
        store.get(other if field == "id" else job.id, with_result=True)


def test_parameters_and_result_do_not_open_in_each_others_place(kit, done):
    store, job = done
    with kit.databases.events.begin() as connection:
        connection.execute(text("UPDATE reports SET result = parameters"))
    with pytest.raises(SealBroken):
        store.get(job.id, with_result=True)


def test_an_erased_clients_reports_cannot_be_opened_and_are_left_out(kit, done):
    store, job = done
    destroy_keys(kit, job.client_id)
    with pytest.raises(Erased):
        store.get(job.id)
    assert list(store.of_requester(job.requested_by)) == []


def test_what_was_made_when_a_fence_came_is_not_stored(kit):
    store, job = sealed(kit), new_job()
    store.put(call_by(actor()), ENTRY, job)
    assert store.begin(job.id, NOW_US, 60)
    begun_job = store.get(job.id)
    with kit.databases.events.begin() as connection:
        connection.execute(insert(fences).values(subject=job.client_id, position=0, reason="test"))
    store.finish(call_by(actor()), ENTRY, ready(begun_job))
    with kit.databases.events.connect() as connection:
        assert connection.execute(select(reports.c.result)).scalar_one() is None


def test_a_fence_that_comes_between_look_and_append_still_holds(kit, monkeypatch):
    store, job = sealed(kit), new_job()
    monkeypatch.setattr(store, "_fenced", lambda _: False)
    with kit.databases.events.begin() as connection:
        connection.execute(insert(fences).values(subject=job.client_id, position=0, reason="test"))
    store.put(call_by(actor()), ENTRY, job)
    with pytest.raises(NotFound):
        store.get(job.id)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=False)
def test_the_rights_of_the_application_are_enough(databases, database_urls):
    Kit.on(databases).recorder.close()  # the log is opened by the owner of the tables
    with open_databases(*database_urls, pool_size=4, application_role=APPLICATION) as restricted:
        kit = Kit.on(restricted)
        store, job = sealed(kit), new_job()
        store.put(call_by(actor()), ENTRY, job)
        assert store.begin(job.id, NOW_US, 60)
        store.release(store.get(job.id))
        assert store.begin(job.id, NOW_US + 1, 60)
        store.finish(call_by(actor()), ENTRY, ready(store.get(job.id)))
        assert store.get(job.id, with_result=True).result
        assert store.discard_expired(NOW_US + 10**13) == 1
        kit.recorder.close()
