from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import Invalid
from domain.model.appointment import (
    Appointment,
    AppointmentEnteredInError,
    AppointmentNotPlanned,
    AppointmentNotYetDue,
    AppointmentStatus,
    CancellationReason,
    CancelledBy,
    MissReason,
    SessionAlreadyLinked,
)
from domain.model.values import Modality, MomentInZone
from tests.contracts.samples import NOW

START = MomentInZone.of("2026-03-03T10:00:00+01:00", "Europe/Berlin")
AFTER = START.instant + timedelta(minutes=50)


def planned(start: MomentInZone = START, at=NOW, duration_min: int = 50) -> Appointment:
    return Appointment.plan(
        uuid4(),
        at=at,
        by=uuid4(),
        client_id=uuid4(),
        clinician_id=uuid4(),
        start=start,
        duration_min=duration_min,
        modality=Modality.VIDEO,
    )


def cancel(appointment: Appointment, at=NOW, notified_at=None, by=CancelledBy.CLIENT) -> None:
    appointment.cancel(at=at, by=uuid4(), cancelled_by=by, reason=CancellationReason.ILLNESS, notified_at=notified_at)


def test_a_planned_appointment_is_held_with_the_session_written_about_it():
    appointment, session_id = planned(), uuid4()
    appointment.hold(at=AFTER, by=uuid4(), session_id=session_id)
    assert (appointment.status, appointment.session_id) == (AppointmentStatus.HELD, session_id)


def test_it_may_begin_a_little_early_and_not_a_day():
    appointment = planned()
    with pytest.raises(AppointmentNotYetDue):
        appointment.hold(at=START.instant - timedelta(hours=25), by=uuid4())
    appointment.hold(at=START.instant - timedelta(minutes=10), by=uuid4())
    assert appointment.status is AppointmentStatus.HELD


def test_a_client_who_does_not_come_is_missed_but_not_before_the_start():
    appointment = planned()
    with pytest.raises(AppointmentNotYetDue):
        appointment.miss(at=START.instant - timedelta(seconds=1), by=uuid4(), reason=MissReason.CLIENT_NO_SHOW)
    appointment.miss(at=START.instant, by=uuid4(), reason=MissReason.CLIENT_NO_SHOW)
    assert (appointment.status, appointment.miss_reason) == (AppointmentStatus.MISSED, MissReason.CLIENT_NO_SHOW)


def test_a_cancellation_says_how_much_notice_there_was():
    appointment = planned()
    cancel(appointment, at=START.instant - timedelta(hours=30))
    assert (appointment.status, appointment.notice_s) == (AppointmentStatus.CANCELLED, 30 * 3600)


def test_a_late_call_written_down_in_the_evening_counts_from_the_call():
    appointment = planned()
    cancel(appointment, at=AFTER + timedelta(hours=8), notified_at=START.instant - timedelta(hours=2))
    assert appointment.notice_s == 2 * 3600


def test_a_call_after_the_start_counts_as_negative_notice():
    appointment = planned()
    cancel(appointment, at=AFTER)
    assert appointment.notice_s == -50 * 60


def test_word_of_a_cancellation_cannot_come_tomorrow():
    with pytest.raises(Invalid):
        cancel(planned(), at=NOW, notified_at=NOW + timedelta(days=1))


def test_a_moved_appointment_keeps_its_plan_in_the_stream_and_shows_the_new_one():
    appointment = planned()
    later = MomentInZone.of("2026-03-30T10:00:00+02:00", "Europe/Berlin")
    appointment.reschedule(at=NOW, by=uuid4(), start=later, duration_min=90, modality=Modality.IN_PERSON)
    assert (appointment.start, appointment.duration_min, appointment.modality) == (later, 90, Modality.IN_PERSON)
    assert appointment.status is AppointmentStatus.PLANNED


@pytest.mark.parametrize("outcome", ["hold", "cancel", "miss"])
def test_an_appointment_has_one_outcome(outcome):
    appointment = planned()
    outcomes = {
        "hold": lambda: appointment.hold(at=AFTER, by=uuid4()),
        "cancel": lambda: cancel(appointment, at=AFTER),
        "miss": lambda: appointment.miss(at=AFTER, by=uuid4(), reason=MissReason.OTHER),
        "reschedule": lambda: appointment.reschedule(
            at=NOW, by=uuid4(), start=START, duration_min=50, modality=Modality.VIDEO
        ),
    }
    outcomes[outcome]()
    for attempt in outcomes.values():
        with pytest.raises(AppointmentNotPlanned) as refused:
            attempt()
        assert "entered in error" in refused.value.hint


def test_a_note_written_afterwards_is_linked_once():
    appointment, session_id = planned(), uuid4()
    appointment.hold(at=AFTER, by=uuid4())
    with pytest.raises(AppointmentNotPlanned) as refused:
        appointment.hold(at=AFTER, by=uuid4())
    assert "session_id" in refused.value.hint
    appointment.hold(at=AFTER, by=uuid4(), session_id=session_id)
    assert (appointment.status, appointment.session_id, appointment.version) == (AppointmentStatus.HELD, session_id, 3)
    for attempt in (session_id, uuid4()):
        with pytest.raises(SessionAlreadyLinked):
            appointment.hold(at=AFTER, by=uuid4(), session_id=attempt)
    appointment.mark_entered_in_error(at=AFTER, by=uuid4(), reason="Another day.")
    with pytest.raises(AppointmentEnteredInError):
        appointment.hold(at=AFTER, by=uuid4(), session_id=session_id)


def test_a_session_is_linked_to_nothing_that_did_not_take_place():
    off, missed = planned(), planned()
    cancel(off, at=AFTER)
    missed.miss(at=AFTER, by=uuid4(), reason=MissReason.OTHER)
    for appointment in (off, missed):
        with pytest.raises(AppointmentNotPlanned):
            appointment.hold(at=AFTER, by=uuid4(), session_id=uuid4())


def test_a_wrong_outcome_is_marked_and_the_appointment_planned_again_in_the_past():
    wrong = planned()
    wrong.miss(at=AFTER, by=uuid4(), reason=MissReason.CLIENT_NO_SHOW)
    wrong.mark_entered_in_error(at=AFTER, by=uuid4(), reason="The client was there.")
    with pytest.raises(AppointmentEnteredInError):
        wrong.hold(at=AFTER, by=uuid4())
    right = planned(at=AFTER)
    right.hold(at=AFTER, by=uuid4())
    assert right.status is AppointmentStatus.HELD


@pytest.mark.parametrize("days", [-400, 6 * 366])
def test_plans_too_far_back_or_ahead_are_refused(days):
    with pytest.raises(Invalid):
        planned(MomentInZone.of(NOW + timedelta(days=days), "Europe/Berlin"))


@pytest.mark.parametrize("minutes", [0, -1, 1441, True])
def test_an_appointment_lasts_between_a_minute_and_a_day(minutes):
    with pytest.raises(Invalid):
        planned(duration_min=minutes)
