from datetime import timedelta
from uuid import UUID

import pytest

from domain.progress.caseload import Case, caseload
from domain.progress.report import CaseloadStanding
from tests.progress.samples import SCALES, START, WEEK, flag, record, scores

NOW = START + 30 * WEEK


def case(known, session_days=5, next_at=None):
    return Case(
        record=known,
        last_session_at=None if session_days is None else NOW - timedelta(days=session_days),
        next_appointment_at=next_at,
    )


def entry(known, session_days=5):
    (told,) = caseload([case(known, session_days)], NOW - 52 * WEEK, NOW, SCALES)
    return told


def measured(values, ended=timedelta(days=3), **more):
    """A client in treatment, whose last score is so old."""
    start = NOW - ended - (len(values) - 1) * WEEK
    taken = scores(values, start=start)
    return record(scores=tuple(taken), **more)


@pytest.mark.parametrize(
    ("values", "standing"),
    [
        ([20 - each for each in range(12)], CaseloadStanding.RECOVERED),
        ([25 - each for each in range(12)], CaseloadStanding.IMPROVING),
        ([9 + each for each in range(12)], CaseloadStanding.OFF_TRACK),
        ([14, 15, 14, 14, 15, 14, 14, 15, 14, 15], CaseloadStanding.OFF_TRACK),
        ([6, 7, 6, 6, 7, 6, 6, 7, 6, 7], CaseloadStanding.STABLE),
        ([4, 8, 3, 7, 4], CaseloadStanding.UNCLEAR),
        ([14, 15, 14, 14], CaseloadStanding.UNCLEAR),
        ([14, 15, 14, 14, 15], CaseloadStanding.STABLE),
    ],
)
def test_a_course_gives_a_standing(values, standing):
    told = entry(measured(values))
    assert told.standing is standing
    assert told.because
    assert told.sources


def test_no_improvement_before_eight_weeks_is_not_off_track_yet():
    assert entry(measured([14, 15] * 4)).standing is not CaseloadStanding.OFF_TRACK
    assert entry(measured([14, 15] * 4 + [14])).standing is CaseloadStanding.OFF_TRACK


def test_an_open_flag_goes_before_everything():
    told = entry(measured([25 - each for each in range(12)], flags=(flag(1, NOW - WEEK, "acknowledged"),)))
    assert told.standing is CaseloadStanding.FLAGGED
    assert told.open_flags == 1
    assert told.sources[0].kind == "risk_flag"


def test_a_resolved_flag_is_none():
    told = entry(measured([25 - each for each in range(12)], flags=(flag(1, NOW - WEEK, "resolved"),)))
    assert told.standing is CaseloadStanding.IMPROVING
    assert told.open_flags == 0


@pytest.mark.parametrize(("days", "missing"), [(27, False), (28, False), (29, True)])
def test_a_client_in_treatment_without_a_score_for_more_than_four_weeks_is_not_measured(days, missing):
    told = entry(measured([6, 7, 6, 6, 7, 6, 6, 7, 6, 7], ended=timedelta(days=days)))
    assert (told.standing is CaseloadStanding.NOT_MEASURED) is missing


def test_a_client_in_treatment_who_was_never_measured_is_not_measured():
    told = entry(record(), session_days=60)
    assert told.standing is CaseloadStanding.NOT_MEASURED
    assert told.last_measured_at is None


def test_a_client_who_left_is_not_reproached_for_it():
    told = entry(record(), session_days=61)
    assert told.standing is CaseloadStanding.UNCLEAR
    assert told.measures == ()


def test_a_client_of_whom_nothing_is_known_has_no_figures():
    told = entry(record(), session_days=None)
    assert told.standing is CaseloadStanding.UNCLEAR
    assert told.last_measured_at is told.last_session_at is told.next_appointment_at is None
    assert told.measures == told.sources == ()


def test_scores_from_before_the_last_year_count_for_nothing():
    old = record(scores=tuple(scores([20, 5], start=NOW - 60 * WEEK)))
    assert entry(old).measures == ()


def test_what_the_calendar_says_is_handed_on():
    (told,) = caseload([case(measured([12]), next_at=NOW + WEEK)], NOW - 52 * WEEK, NOW, SCALES)
    assert told.next_appointment_at == NOW + WEEK
    assert told.last_session_at == NOW - timedelta(days=5)


def test_the_worst_come_first():
    known = [
        measured([25 - each for each in range(12)]),
        measured([9 + each for each in range(12)]),
        measured([12], flags=(flag(1, NOW - WEEK),)),
    ]
    clients = [
        type(each)(**{name: getattr(each, name) for name in each.__slots__} | {"client_id": UUID(int=9 - place)})
        for place, each in enumerate(known)
    ]
    told = caseload([case(each) for each in clients], NOW - 52 * WEEK, NOW, SCALES)
    assert [each.standing.value for each in told] == ["flagged", "off_track", "improving"]


def test_each_measure_tells_its_trend_and_last_score():
    told = entry(measured([25 - each for each in range(12)]))
    ((instrument, trend, last),) = told.measures
    assert instrument == "phq-9"
    assert trend.observations == 12
    assert last.value == 14
