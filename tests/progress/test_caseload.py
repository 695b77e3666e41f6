from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.progress.caseload import Case, caseload
from domain.progress.report import CaseloadStanding
from tests.progress.samples import SCALES, START, WEEK, WHO_5, flag, record, scores

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


def both(first, second):
    """Two questionnaires over the same weeks, the second where high is good."""
    weeks = max(len(first), len(second)) - 1
    start = NOW - timedelta(days=3) - weeks * WEEK
    taken = (*scores(first, start=start), *scores(second, WHO_5, first=500, start=start))
    return record(scores=taken)


def test_up_and_down_is_no_recovery_though_first_and_last_differ():
    told = entry(measured([20, 8, 21, 7, 20, 8, 19, 7, 20, 8]))
    ((_, trend, _),) = told.measures
    assert trend.verdict.value == "fluctuating"
    assert told.standing is CaseloadStanding.UNCLEAR
    assert "fluctuating" in told.because


def test_a_relapse_is_off_track_and_says_from_where():
    told = entry(measured([20, 18, 15, 12, 9, 6, 4, 3, 3, 4, 15, 16]))
    assert told.standing is CaseloadStanding.OFF_TRACK
    assert "worse than at its best, from 3 to 16" in told.because
    assert len(told.sources) == 2


def test_who_is_worse_again_short_of_the_clinical_range_is_not_called_recovered():
    told = entry(measured([27, 22, 15, 8, 3, 0, 0, 0, 0, 0, 5, 9, 9]))
    assert told.standing is not CaseloadStanding.RECOVERED


def test_one_good_day_is_no_recovery():
    assert entry(measured([18, 17, 18, 17, 9])).standing is not CaseloadStanding.RECOVERED
    assert entry(measured([18, 17, 18, 9, 8])).standing is CaseloadStanding.RECOVERED


def test_the_worst_questionnaire_decides_and_the_others_are_named():
    better = [20 - each for each in range(13)]
    still_low = [40, 44, 36, 44, 40, 36, 40, 44, 36, 40, 44, 40, 40]
    told = entry(both(better, still_low))
    assert told.standing is CaseloadStanding.OFF_TRACK
    assert "WHO-5" in told.because
    assert "Beside it: PHQ-9 recovered." in told.because


def test_a_few_low_scores_of_another_questionnaire_leave_a_recovery_unclear():
    told = entry(both([20 - each for each in range(13)], [40, 44]))
    assert told.standing is CaseloadStanding.UNCLEAR


def test_what_never_was_ill_says_nothing_against_a_recovery():
    told = entry(both([20 - each for each in range(13)], [80, 84, 76]))
    assert told.standing is CaseloadStanding.RECOVERED


@given(st.lists(st.integers(0, 27), min_size=1, max_size=20), st.lists(st.integers(0, 25), max_size=12))
def test_nobody_is_called_recovered_who_is_in_the_clinical_range_or_goes_up_and_down(first, second):
    told = entry(both(first, [4 * each for each in second]))
    if told.standing is CaseloadStanding.RECOVERED:
        assert first[-1] < 10 or (second and 4 * second[-1] > 50)
        assert all(trend.verdict.value not in {"fluctuating", "regressing"} for _, trend, _ in told.measures)


def test_an_open_flag_does_not_pass_with_the_year():
    told = entry(record(flags=(flag(1, NOW - 70 * WEEK, "acknowledged"),)))
    assert told.standing is CaseloadStanding.FLAGGED
    assert "490 days ago" in told.because


def test_a_flag_does_not_hide_that_a_client_gets_worse():
    told = entry(measured([9 + each for each in range(12)], flags=(flag(1, NOW - WEEK),)))
    assert told.standing is CaseloadStanding.FLAGGED
    assert "nobody has taken it on" in told.because
    assert "Off track as well: PHQ-9: regressing." in told.because


def test_among_flagged_clients_the_most_urgent_come_first():
    low, imminent = (
        record(client_id=UUID(int=place), flags=(replace(flag(place, NOW - WEEK), level=level),))
        for place, level in enumerate(("low", "imminent"), start=1)
    )
    told = caseload([case(low), case(imminent)], NOW - 52 * WEEK, NOW, SCALES)
    assert [each.flag_level for each in told] == ["imminent", "low"]


def test_a_sudden_worsening_is_off_track_before_any_line_can_show_it():
    told = entry(measured([4, 5, 4, 5, 16]))
    ((_, trend, _),) = told.measures
    assert trend.verdict.value == "unclear"
    assert told.standing is CaseloadStanding.OFF_TRACK
    assert "from 4 to 16" in told.because
