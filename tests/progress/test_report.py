import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.progress.build import report
from domain.progress.period import TooManyBuckets, period
from domain.progress.report import By, NoticeCode, Report, Source, TrendClass
from tests.progress.samples import (
    SCALES,
    START,
    WEEK,
    aim,
    booking,
    feeling,
    flag,
    meeting,
    record,
    scores,
    steps,
)

BERLIN = ZoneInfo("Europe/Berlin")
YEAR = period(START, START + 52 * WEEK)


def full(weeks=20):
    """A client with some of everything."""
    return record(
        scores=tuple(scores([max(3, 20 - each) for each in range(weeks)], first=1_000)),
        aims=(aim(steps=steps(10, 30, 50)),),
        feelings=tuple(feeling(2_000 + each, START + each * WEEK, 9 - each / 4) for each in range(weeks)),
        meetings=tuple(meeting(2_000 + each, START + each * WEEK) for each in range(weeks)),
        bookings=tuple(booking(3_000 + each, START + each * WEEK) for each in range(weeks)),
        flags=(flag(4_000, START + WEEK),),
        withdrawn=(START + WEEK, START - WEEK),
    )


def told(known, within=YEAR, by=None) -> Report:
    return report(known, within, BERLIN, by, SCALES)


def test_a_client_of_whom_nothing_is_known_gets_a_report_without_a_figure():
    nothing = told(record(), by=By.MONTH)
    assert nothing.goals == nothing.measures == nothing.emotions == nothing.flags == ()
    assert nothing.engagement.attendance_rate is None
    assert nothing.events == nothing.left_out == 0
    assert len(nothing.buckets) == 13
    assert all(each.sources == () for each in nothing.engagement.buckets)


def test_one_score_gives_one_point_and_no_trend():
    known = told(record(scores=tuple(scores([12]))))
    (measure,) = known.measures
    assert [each.value for each in measure.scores] == [12]
    assert measure.change is None
    assert measure.crossings == ()
    assert measure.trend.verdict is TrendClass.INSUFFICIENT_DATA
    assert known.events == 1


def test_a_full_record_is_told_in_all_its_parts():
    known = told(full(), by=By.QUARTER)
    (measure,) = known.measures
    assert measure.trend.verdict is TrendClass.IMPROVING
    assert measure.change.recovered
    assert [each.worsened for each in measure.crossings] == [False] * 3
    assert known.goals[0].completion == 50
    assert known.emotions[0].trend.verdict is TrendClass.IMPROVING
    assert known.engagement.held == 20
    assert known.flags[0].level == "high"
    assert known.left_out == 1
    assert known.events == 20 + 1 + 20 + 20 + 1
    assert [each.bucket for each in measure.buckets] == list(known.buckets)


def test_only_the_period_counts():
    known = told(full(), within=period(START + 2 * WEEK, START + 5 * WEEK))
    assert [each.value for each in known.measures[0].scores] == [18, 17, 16]
    assert len(known.emotions[0].observations) == 3
    assert known.engagement.sessions == 3
    assert known.flags == ()
    assert known.left_out == 0


def test_the_end_of_a_period_belongs_to_the_next_one():
    first = told(full(), within=period(START, START + 5 * WEEK))
    second = told(full(), within=period(START + 5 * WEEK, START + 10 * WEEK))
    assert [each.value for each in first.measures[0].scores] == [20, 19, 18, 17, 16]
    assert [each.value for each in second.measures[0].scores] == [15, 14, 13, 12, 11]


def test_scores_of_two_versions_are_told_apart_and_each_names_the_other():
    old = scores([20, 18])
    new = [
        type(each)(**{name: getattr(each, name) for name in each.__slots__} | {"version": "2"})
        for each in scores([9, 8], first=50, start=START + 5 * WEEK)
    ]
    known = report(record(scores=(*old, *new)), YEAR, BERLIN, None, SCALES | {("phq-9", "2"): SCALES["phq-9", "1"]})
    assert [[each.value for each in measure.scores] for measure in known.measures] == [[20, 18], [9, 8]]
    assert [measure.other_versions for measure in known.measures] == [("2",), ("1",)]


def test_scores_of_an_unknown_version_are_named_and_counted_for_nothing():
    known = report(record(scores=tuple(scores([20, 5]))), YEAR, BERLIN, None, {})
    assert known.measures == ()
    assert [each.kind for each in known.not_judged] == ["measure", "measure"]


def test_prorated_scores_are_marked():
    marked = [
        type(each)(**{name: getattr(each, name) for name in each.__slots__} | {"prorated": place == 1})
        for place, each in enumerate(scores([20, 18, 16]))
    ]
    (measure,) = told(record(scores=tuple(marked))).measures
    assert measure.prorated == (marked[1].source,)


def test_too_fine_a_cut_of_ten_years_is_refused():
    with pytest.raises(TooManyBuckets):
        told(record(), within=period(START - 520 * WEEK, START), by=By.DAY)


def test_days_around_a_change_of_clocks_hold_what_happened_on_them():
    evening = START.replace(month=3, day=29, hour=21, minute=30)  # half past eleven in Berlin, a day of 23 hours
    known = told(
        record(scores=tuple(scores([12], start=evening))),
        within=period(evening - timedelta(days=1), evening + timedelta(days=1)),
        by=By.DAY,
    )
    assert [(each.bucket.label, each.count) for each in known.measures[0].buckets] == [
        ("2026-03-28", 0),
        ("2026-03-29", 1),
        ("2026-03-30", 0),
    ]


def every_source(value) -> list[Source]:
    """All sources anywhere in a report."""
    if isinstance(value, Source):
        return [value]
    if isinstance(value, tuple):
        return [source for each in value for source in every_source(each)]
    if hasattr(value, "__slots__") and not isinstance(value, (str, UUID)):
        return [source for name in value.__slots__ for source in every_source(getattr(value, name, None))]
    return []


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 27)), max_size=12),
    st.lists(st.tuples(st.integers(0, 600), st.sampled_from(["held", "missed", "cancelled"])), max_size=8),
    st.sampled_from([None, By.MONTH]),
    st.randoms(use_true_random=False),
)
def test_every_figure_leads_to_a_record_of_the_period_and_input_order_means_nothing(taken, booked, by, chance):
    known = record(
        scores=tuple(
            scores([value], first=place, start=START + timedelta(days=day))[0]
            for place, (day, value) in enumerate(taken)
        ),
        bookings=tuple(
            booking(100 + place, START + timedelta(days=day), state) for place, (day, state) in enumerate(booked)
        ),
    )
    made = told(known, by=by)
    assert made == told(known, by=by)
    rng: random.Random = chance
    shuffled = record(
        scores=tuple(rng.sample(known.scores, len(known.scores))),
        bookings=tuple(rng.sample(known.bookings, len(known.bookings))),
    )
    assert told(shuffled, by=by) == made
    inside = {each.source for each in (*known.scores, *known.bookings) if each.at in YEAR}
    assert set(every_source(made)) == inside
    assert made.events == len(inside)


def test_ten_thousand_events_make_a_report():
    many = [scores([12 + each % 3], first=each, start=START + timedelta(hours=each))[0] for each in range(6_000)]
    met = [meeting(10_000 + each, START + timedelta(hours=each)) for each in range(4_000)]
    made = told(record(scores=tuple(many), meetings=tuple(met)), by=By.WEEK)
    assert made.events == 10_000
    assert sum(each.count for each in made.measures[0].buckets) == 6_000
    assert made.measures[0].trend.verdict is TrendClass.STABLE


def notices_of(known, **more):
    return {each.code.value: each for each in told(known, **more).notices}


def test_nothing_known_needs_no_notice():
    assert told(record()).notices == ()


def test_an_open_flag_from_before_the_period_is_said_first():
    later = period(START + 20 * WEEK, START + 22 * WEEK)
    known = told(full(), within=later)
    assert known.flags == ()
    first = known.notices[0]
    assert first.code is NoticeCode.OPEN_RISK_FLAGS
    assert "level high, raised on 12 January 2026; nobody has taken it on" in first.text
    assert first.sources == (flag(4_000, START).source,)


def test_a_settled_flag_and_one_of_a_later_time_need_no_notice():
    known = record(flags=(flag(1, START, "resolved"), flag(2, START + 60 * WEEK)))
    assert told(known).notices == ()


def test_several_flags_are_counted_and_the_most_urgent_is_named():
    flags = (
        replace(flag(1, START), level="low", status="acknowledged"),
        replace(flag(2, START + WEEK), level="imminent"),
    )
    text = notices_of(record(flags=flags))["open_risk_flags"].text
    assert text.startswith("2 risk flags are open, the most urgent of level imminent, raised on 12 January 2026")
    assert "nobody has taken on 1." in text


def test_sessions_without_a_measure_are_said():
    met = tuple(meeting(each, START + each * WEEK) for each in range(8))
    never = notices_of(record(meetings=met))["not_measured"]
    assert never.text == "Nothing was ever measured; 8 sessions took place in this period."
    once = notices_of(record(meetings=met, scores=tuple(scores([12]))))["not_measured"]
    assert once.text == "Nothing was measured since 5 January 2026; 7 sessions took place since."
    assert once.sources == (scores([12])[0].source,)


def test_a_recent_measure_and_a_pause_without_sessions_need_no_notice():
    assert "not_measured" not in notices_of(record(scores=tuple(scores([12]))))
    known = record(scores=tuple(scores([12] * 3)), meetings=(meeting(9, START + 3 * WEEK),))
    assert "not_measured" not in notices_of(known, within=period(START, START + 4 * WEEK))


def test_unsigned_sessions_are_counted_and_named():
    known = record(meetings=(meeting(1, START), replace(meeting(2, START + WEEK), signed=False)))
    found = notices_of(known)["unsigned_sessions"]
    assert found.text.startswith("1 session is counted that nobody has signed for yet")
    assert [each.id for each in found.sources] == [meeting(2, START).id]


def test_estimates_assumptions_and_what_was_left_out_are_said():
    taken = [replace(each, prorated=place == 0) for place, each in enumerate(scores([12, 11]))]
    known = record(scores=tuple(taken), withdrawn=(START, START + WEEK))
    scales = {key: replace(scale, assumed=True) for key, scale in SCALES.items()}
    found = report(known, YEAR, BERLIN, None, scales)
    assert [each.code.value for each in found.notices] == ["prorated_scores", "assumed_error", "entered_in_error"]
    assert "assumed, for want of a published one" in found.notices[1].text
    assert found.notices[2].text == "2 records were marked as entered in error and left out."
    assert found.measures[0].assumed
