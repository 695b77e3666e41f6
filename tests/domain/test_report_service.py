"""Reports in the background: whose they are, whom they are made as, and what becomes of them."""

import json
from uuid import uuid4

import pytest

from domain.errors import Erased, StoreUnavailable, TooMany
from domain.model.client import ClientNotFound
from domain.ports.access import Relation
from domain.ports.call import Role
from domain.ports.reports import ReportState
from domain.progress.period import LookBackNotUnderstood, PeriodNotPossible
from domain.progress.report import By
from domain.services.access import OutsideCareTeam, RoleNotPermitted
from domain.services.rendering_progress import report_as_json
from domain.services.reports import (
    ATTEMPTS_MOST,
    LEASE_S,
    ReportFailed,
    ReportFormat,
    ReportNotFound,
    ReportNotReady,
    ReportWanted,
)
from tests.domain.conftest import HOST

JSON = ReportWanted(format=ReportFormat.JSON)
PDF = ReportWanted(format=ReportFormat.PDF)
DAY_S = 24 * 3600


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


def request(house, who, client_id, wanted=JSON):
    report_id = uuid4()
    house.services.reports.request(house.call(who), report_id, client_id, wanted)
    return report_id


def make(house, report_id, call=None):
    return house.services.reports.make(call or house.call(HOST), report_id)


def read(house, who, report_id):
    return house.services.reports.read(house.call(who), report_id)


def result(house, who, report_id):
    return house.services.reports.result(house.call(who), report_id)


# Who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER, Role.CLIENT])
def test_who_does_not_treat_neither_asks_for_reports_nor_reads_them(house, clinician, client_id, role):
    report_id = request(house, clinician, client_id)
    make(house, report_id)
    other = house.person(role)
    for attempt in (request, read, result):
        with pytest.raises(RoleNotPermitted):
            attempt(house, other, client_id if attempt is request else report_id)
    with pytest.raises(RoleNotPermitted):
        house.services.reports.mine(house.call(other))


def test_only_the_care_team_asks(house, client_id):
    stranger = house.person()
    with pytest.raises(OutsideCareTeam):
        request(house, stranger, client_id)
    with pytest.raises(ClientNotFound):
        request(house, stranger, uuid4())
    assert house.queue.jobs == {}


def test_a_report_is_its_requesters_alone(house, clinician, client_id):
    colleague = house.person()
    house.services.clients.join_care_team(house.call(clinician), client_id, colleague.id, Relation.CLINICIAN)
    report_id = request(house, clinician, client_id)
    make(house, report_id)
    for attempt in ("read", "result"):
        call = house.call(colleague)
        with pytest.raises(ReportNotFound):
            getattr(house.services.reports, attempt)(call, report_id)
        assert house.reasons(call) == [("report.read", "denied", "not_the_requester")]
    assert house.services.reports.mine(house.call(colleague)) == []


def test_nobody_fills_the_store_with_reports(house, clinician, client_id, monkeypatch):
    monkeypatch.setattr("domain.services.reports.KEPT_MOST", 3)
    colleague = house.person()
    house.services.clients.join_care_team(house.call(clinician), client_id, colleague.id, Relation.CLINICIAN)
    make(house, request(house, clinician, client_id))
    for _ in range(2):
        request(house, clinician, client_id)
    with pytest.raises(TooMany):
        request(house, clinician, client_id)
    request(house, colleague, client_id)
    house.clock.forward(8 * DAY_S)
    request(house, clinician, client_id)


def test_only_the_worker_makes_reports(house, clinician, client_id):
    report_id = request(house, clinician, client_id)
    for call in (house.call(clinician), house.call(house.person(Role.OPERATOR))):
        with pytest.raises(RoleNotPermitted):
            make(house, report_id, call)
        with pytest.raises(RoleNotPermitted):
            house.services.reports.unfinished(call)
        with pytest.raises(RoleNotPermitted):
            house.services.reports.discard_expired(call)


# What -------------------------------------------------------------------------------------------------------------


def test_a_report_is_queued_by_id_made_and_read(house, clinician, client_id):
    report_id = request(house, clinician, client_id)
    assert list(house.queue.jobs.values()) == [("make_report", str(report_id))]
    assert read(house, clinician, report_id).state is ReportState.QUEUED
    with pytest.raises(ReportNotReady):
        result(house, clinician, report_id)
    assert make(house, report_id)
    job = result(house, clinician, report_id)
    told = json.loads(job.result)
    assert (job.state, job.media_type, told["client_id"]) == (ReportState.READY, "application/json", str(client_id))
    assert read(house, clinician, report_id).result is None
    assert not make(house, report_id)


def test_it_says_what_the_report_at_once_would_have_said(house, clinician, client_id):
    at_once = house.services.progress.report(house.call(clinician), client_id, by=By.MONTH, back="12w")
    wanted = ReportWanted(format=ReportFormat.JSON, by=By.MONTH, back="12w")
    report_id = request(house, clinician, client_id, wanted)
    house.clock.forward(3600)
    make(house, report_id)
    assert json.loads(result(house, clinician, report_id).result) == json.loads(json.dumps(report_as_json(at_once)))


def test_a_pdf_tells_the_name_unless_it_was_not_wanted(house, clinician, client_id):
    named = request(house, clinician, client_id, PDF)
    plain = request(house, clinician, client_id, ReportWanted(format=ReportFormat.PDF, named=False))
    make(house, named)
    make(house, plain)
    assert b"Okafor" in result(house, clinician, named).result
    assert b"Okafor" not in result(house, clinician, plain).result
    assert str(client_id).encode() in result(house, clinician, plain).result


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (ReportWanted(format=ReportFormat.JSON, back="-3d"), LookBackNotUnderstood),
        (ReportWanted(format=ReportFormat.JSON, back="5 fortnights"), LookBackNotUnderstood),
        (ReportWanted(format=ReportFormat.JSON, back="0d"), LookBackNotUnderstood),
    ],
)
def test_periods_that_cannot_be_meant_are_refused_at_the_request(house, clinician, client_id, wanted, error):
    with pytest.raises(error):
        request(house, clinician, client_id, wanted)
    assert house.services.reports.mine(house.call(clinician)) == []


def test_a_period_that_begins_after_its_end_is_refused_at_the_request(house, clinician, client_id):
    now = house.clock.now()
    with pytest.raises(PeriodNotPossible):
        request(house, clinician, client_id, ReportWanted(format=ReportFormat.JSON, since=now, until=now))


def test_a_cut_with_too_many_parts_fails_with_a_code(house, clinician, client_id):
    report_id = request(house, clinician, client_id, ReportWanted(format=ReportFormat.JSON, back="50y", by=By.DAY))
    assert not make(house, report_id)
    job = read(house, clinician, report_id)
    assert (job.state, job.failure) == (ReportState.FAILED, "too_many_buckets")
    with pytest.raises(ReportFailed) as told:
        result(house, clinician, report_id)
    assert told.value.facts["failure"] == "too_many_buckets"


# Whom as ----------------------------------------------------------------------------------------------------------


def test_who_left_the_care_team_meanwhile_gets_no_report_and_reads_none(house, clinician, client_id):
    colleague = house.person()
    house.services.clients.join_care_team(house.call(clinician), client_id, colleague.id, Relation.CLINICIAN)
    early, late = request(house, colleague, client_id), request(house, colleague, client_id)
    make(house, early)
    house.services.clients.leave_care_team(house.call(clinician), client_id, colleague.id)
    call = house.call(HOST)
    assert not make(house, late, call)
    assert house.reasons(call) == [
        ("report.read", "denied", "outside_care_team"),
        ("report.make", "failed", "outside_care_team"),
    ]
    for report_id in (early, late):
        with pytest.raises(OutsideCareTeam):
            result(house, colleague, report_id)
        with pytest.raises(OutsideCareTeam):
            read(house, colleague, report_id)


def test_a_disabled_requester_gets_no_report(house, clinician, client_id):
    report_id = request(house, clinician, client_id)
    house.services.accounts.disable(house.call(house.person(Role.OPERATOR)), clinician.id)
    assert not make(house, report_id)
    assert house.reports.get(report_id).failure == "account_not_usable"


def test_the_requester_the_worker_and_the_readings_are_on_record(house, clinician, client_id):
    asked, made, taken = house.call(clinician), house.call(HOST), house.call(clinician)
    report_id = uuid4()
    house.services.reports.request(asked, report_id, client_id, PDF)
    make(house, report_id, made)
    house.services.reports.result(taken, report_id)
    assert house.reasons(asked) == [("report.request", "allowed", "")]
    assert [(entry.action, entry.actor_id, entry.on_behalf_of) for entry in house.entries(made)] == [
        ("progress.read", HOST.id, clinician.id),
        ("identity.read", HOST.id, clinician.id),
        ("report.make", HOST.id, None),
    ]
    assert house.entries(made)[-1].resources == (report_id, clinician.id)
    assert house.entries(made)[-1].client_id == client_id
    assert house.reasons(taken) == [("report.read", "allowed", "")]


def test_a_client_under_erasure_has_no_reports(house, clinician, client_id):
    made, waiting = request(house, clinician, client_id), request(house, clinician, client_id)
    make(house, made)
    house.log.fences.add(client_id)
    assert not make(house, waiting)
    for report_id in (made, waiting):
        with pytest.raises(Erased):
            result(house, clinician, report_id)
    assert house.services.reports.mine(house.call(clinician)) == []
    with pytest.raises(Erased):
        request(house, clinician, client_id)


# When -------------------------------------------------------------------------------------------------------------


def test_without_a_queue_a_report_waits_for_whoever_looks(house, clinician, client_id):
    house.queue.away = True
    report_id = request(house, clinician, client_id)
    assert list(house.services.reports.unfinished(house.call(HOST))) == [report_id]
    assert make(house, report_id)
    assert list(house.services.reports.unfinished(house.call(HOST))) == []


def test_what_a_dead_worker_began_is_made_by_the_next_when_the_lease_is_over(house, clinician, client_id, monkeypatch):
    report_id = request(house, clinician, client_id)

    def die(*_args, **_more):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(house.services.progress, "report", die)
        with pytest.raises(SystemExit):
            make(house, report_id)
    assert not make(house, report_id)
    house.clock.forward(LEASE_S)
    assert list(house.services.reports.unfinished(house.call(HOST))) == [report_id]
    assert make(house, report_id)


def test_what_was_written_before_it_was_asked_for_is_waited_for(house, clinician, client_id):
    report_id = request(house, clinician, client_id)
    asked_at = len(house.log.events) - 1
    assert json.loads(house.reports.get(report_id).parameters)["at_least"] == asked_at


def test_an_outage_gives_it_back_at_once(house, clinician, client_id, monkeypatch):
    report_id = request(house, clinician, client_id)

    def away(*_args, **_more):
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(house.services.progress, "report", away)
        for _ in range(2 * ATTEMPTS_MOST):
            with pytest.raises(StoreUnavailable):
                make(house, report_id)
    assert read(house, clinician, report_id).state is ReportState.QUEUED
    assert make(house, report_id)


def test_what_kills_every_worker_is_given_up(house, clinician, client_id, monkeypatch):
    report_id = request(house, clinician, client_id)

    def die(*_args, **_more):
        raise SystemExit

    monkeypatch.setattr(house.services.progress, "report", die)
    for _ in range(ATTEMPTS_MOST):
        with pytest.raises(SystemExit):
            make(house, report_id)
        house.clock.forward(LEASE_S)
    assert not make(house, report_id)
    assert read(house, clinician, report_id).failure == "gave_up"
    assert list(house.services.reports.unfinished(house.call(HOST))) == []


def test_reports_expire_also_those_that_nobody_made(house, clinician, client_id):
    made, waiting = request(house, clinician, client_id), request(house, clinician, client_id)
    house.clock.forward(DAY_S - 1)
    make(house, made)
    house.clock.forward(6 * DAY_S + 1)
    assert house.services.reports.discard_expired(house.call(HOST)) == 1
    with pytest.raises(ReportNotFound):
        read(house, clinician, waiting)
    assert result(house, clinician, made).result
    house.clock.forward(DAY_S)
    with pytest.raises(ReportNotFound):
        result(house, clinician, made)
    assert house.services.reports.mine(house.call(clinician)) == []
    assert house.services.reports.discard_expired(house.call(HOST)) == 1
    assert house.services.reports.discard_expired(house.call(HOST)) == 0


def test_a_report_that_was_not_made_in_a_day_is_not_made_any_more(house, clinician, client_id):
    report_id = request(house, clinician, client_id)
    house.clock.forward(DAY_S)
    make(house, report_id)
    assert house.reports.get(report_id).failure == "grant_expired"


def test_ones_own_reports_come_newest_first_and_the_list_is_on_record(house, clinician, client_id):
    first = request(house, clinician, client_id)
    house.clock.forward(1)
    second = request(house, clinician, client_id)
    call = house.call(clinician)
    assert [job.id for job in house.services.reports.mine(call)] == [second, first]
    (entry,) = house.entries(call)
    assert (entry.action, entry.resources) == ("report.list", (second, first))
