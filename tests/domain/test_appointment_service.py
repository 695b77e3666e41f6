from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import Invalid, StaleVersion
from domain.model.appointment import (
    AppointmentNotFound,
    AppointmentStatus,
    CancellationReason,
    CancelledBy,
    MissReason,
    SessionAlreadyLinked,
    SessionOfAnotherClient,
)
from domain.model.client import ClientEnteredInError
from domain.model.session import SessionEnteredInError, SessionNotFound
from domain.model.values import Modality, MomentInZone
from domain.ports.access import Relation
from domain.ports.call import Role
from domain.services.access import OutsideCareTeam, RoleNotPermitted
from tests.contracts.samples import content

START = MomentInZone.of("2026-03-03T10:00:00+01:00", "Europe/Berlin")


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


@pytest.fixture
def plan(house, clinician, client_id):
    def plan(who=clinician, client_id=client_id, **more):
        appointment_id = uuid4()
        house.services.appointments.plan(
            house.call(who), appointment_id, client_id, START, 50, Modality.IN_PERSON, **more
        )
        return appointment_id

    return plan


def read(house, who, appointment_id):
    return house.services.appointments.read(house.call(who), appointment_id)


def test_an_appointment_is_with_whoever_plans_it_or_a_colleague_in_the_team(house, clinician, plan):
    assert read(house, clinician, plan()).clinician_id == clinician.id
    colleague = house.person()
    with pytest.raises(Invalid):
        plan(clinician_id=colleague.id)
    shared = house.chart(clinician, (colleague, Relation.CLINICIAN))
    assert read(house, colleague, plan(client_id=shared, clinician_id=colleague.id)).clinician_id == colleague.id


def test_nothing_is_planned_outside_the_team_or_in_a_closed_chart(house, clinician, client_id, plan):
    with pytest.raises(OutsideCareTeam):
        plan(house.person())
    house.services.clients.mark_entered_in_error(house.call(clinician), client_id, "Opened twice.")
    with pytest.raises(ClientEnteredInError):
        plan()


def test_a_plan_in_a_closed_chart_is_not_moved_but_called_off_or_told_how_it_went(house, clinician, client_id, plan):
    moved, off, held = plan(), plan(), plan()
    house.services.clients.mark_entered_in_error(house.call(clinician), client_id, "Opened twice.")
    later = MomentInZone.of("2026-03-04T10:00:00+01:00", "Europe/Berlin")
    with pytest.raises(ClientEnteredInError):
        house.services.appointments.reschedule(house.call(clinician), moved, later, 50, Modality.VIDEO)
    house.services.appointments.cancel(house.call(clinician), off, CancelledBy.PRACTICE, CancellationReason.OTHER)
    house.clock.at = START.instant + timedelta(hours=1)
    house.services.appointments.hold(house.call(clinician), held)
    assert [read(house, clinician, each).status for each in (moved, off, held)] == ["planned", "cancelled", "held"]


def test_it_is_held_with_a_session_of_the_same_client(house, clinician, client_id, plan):
    own, foreign = uuid4(), uuid4()
    elsewhere = house.chart(clinician, family="Adeyemi")
    house.services.sessions.record(house.call(clinician), own, client_id, content())
    house.services.sessions.record(house.call(clinician), foreign, elsewhere, content())
    appointment_id = plan()
    house.clock.at = START.instant + timedelta(hours=1)
    hold = house.services.appointments.hold
    with pytest.raises(SessionOfAnotherClient):
        hold(house.call(clinician), appointment_id, foreign)
    with pytest.raises(SessionNotFound):
        hold(house.call(clinician), appointment_id, uuid4())
    hold(house.call(clinician), appointment_id, own)
    assert read(house, clinician, appointment_id).session_id == own


def test_the_note_written_afterwards_is_linked_if_it_is_the_clients_and_stands(house, clinician, client_id, plan):
    own, foreign, wrong = uuid4(), uuid4(), uuid4()
    appointment_id = plan()
    house.clock.at = START.instant + timedelta(hours=1)
    hold = house.services.appointments.hold
    hold(house.call(clinician), appointment_id)
    elsewhere = house.chart(clinician, family="Adeyemi")
    house.services.sessions.record(house.call(clinician), own, client_id, content())
    house.services.sessions.record(house.call(clinician), foreign, elsewhere, content())
    house.services.sessions.record(house.call(clinician), wrong, client_id, content())
    house.services.sessions.mark_entered_in_error(house.call(clinician), wrong, "Another day's.")
    with pytest.raises(SessionOfAnotherClient):
        hold(house.call(clinician), appointment_id, foreign)
    with pytest.raises(SessionEnteredInError):
        hold(house.call(clinician), appointment_id, wrong)
    call = house.call(clinician)
    hold(call, appointment_id, own)
    assert read(house, clinician, appointment_id).session_id == own
    assert [entry.action for entry in house.entries(call)] == ["appointment.hold"]
    with pytest.raises(SessionAlreadyLinked):
        hold(house.call(clinician), appointment_id, own)


def test_it_is_not_held_with_a_session_that_was_entered_in_error(house, clinician, client_id, plan):
    session_id = uuid4()
    house.services.sessions.record(house.call(clinician), session_id, client_id, content())
    house.services.sessions.mark_entered_in_error(house.call(clinician), session_id, "Wrong chart.")
    appointment_id = plan()
    house.clock.at = START.instant + timedelta(hours=1)
    with pytest.raises(SessionEnteredInError):
        house.services.appointments.hold(house.call(clinician), appointment_id, session_id)
    assert read(house, clinician, appointment_id).status is AppointmentStatus.PLANNED


def test_a_no_show_is_written_down_and_a_plan_moved(house, clinician, plan):
    appointment_id = plan()
    later = MomentInZone.of("2026-03-04T10:00:00+01:00", "Europe/Berlin")
    house.services.appointments.reschedule(house.call(clinician), appointment_id, later, 50, Modality.VIDEO)
    house.clock.at = later.instant + timedelta(hours=1)
    house.services.appointments.miss(house.call(clinician), appointment_id, MissReason.CLIENT_NO_SHOW)
    assert read(house, clinician, appointment_id).status is AppointmentStatus.MISSED
    house.services.appointments.mark_entered_in_error(house.call(clinician), appointment_id, "She was there.")
    assert read(house, clinician, appointment_id).status is AppointmentStatus.ENTERED_IN_ERROR


def test_clients_call_off_their_own_appointments_for_themselves_as_of_now(house, clinician, client_id, plan):
    person = house.person(Role.CLIENT, client_id=client_id)
    stranger = house.person(Role.CLIENT, client_id=house.chart(clinician, family="Adeyemi"))
    appointment_id = plan()
    cancel = house.services.appointments.cancel
    with pytest.raises(AppointmentNotFound):
        cancel(house.call(stranger), appointment_id, CancelledBy.CLIENT, CancellationReason.ILLNESS)
    with pytest.raises(Invalid):
        cancel(house.call(person), appointment_id, CancelledBy.CLINICIAN, CancellationReason.ILLNESS)
    long_ago = house.clock.now() - timedelta(days=9)
    with pytest.raises(Invalid):
        cancel(house.call(person), appointment_id, CancelledBy.CLIENT, CancellationReason.ILLNESS, long_ago)
    cancel(house.call(person), appointment_id, CancelledBy.CLIENT, CancellationReason.ILLNESS)
    assert read(house, person, appointment_id).notice_s == 24 * 3600
    with pytest.raises(RoleNotPermitted):
        house.services.appointments.miss(house.call(person), appointment_id, MissReason.OTHER)


def test_a_clinician_notes_when_word_of_a_cancellation_came(house, clinician, plan):
    appointment_id, when = plan(), house.clock.now() - timedelta(hours=2)
    house.services.appointments.cancel(
        house.call(clinician), appointment_id, CancelledBy.CLIENT, CancellationReason.WORK, when
    )
    assert read(house, clinician, appointment_id).notice_s == 26 * 3600


def test_a_stale_version_and_an_unknown_id_are_refused(house, clinician, plan):
    appointment_id = plan()
    with pytest.raises(StaleVersion):
        house.services.appointments.miss(house.call(clinician, expected_version=7), appointment_id, MissReason.OTHER)
    with pytest.raises(AppointmentNotFound):
        read(house, clinician, uuid4())


def test_each_step_is_on_record(house, clinician, client_id):
    call, appointment_id = house.call(clinician), uuid4()
    house.services.appointments.plan(call, appointment_id, client_id, START, 50, Modality.VIDEO)
    (entry,) = house.entries(call)
    assert (entry.action, entry.client_id, entry.resources) == ("appointment.plan", client_id, (appointment_id,))
