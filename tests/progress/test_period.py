from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.progress.period import (
    MOST_BUCKETS,
    LookBackNotUnderstood,
    PeriodNotPossible,
    TooManyBuckets,
    bucket_index,
    buckets,
    day_start,
    look_back,
    period,
)
from domain.progress.report import By

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 31, 10, tzinfo=UTC)
ZONELESS = NOON.replace(tzinfo=None)
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "Africa/Cairo", "UTC"]
).map(ZoneInfo)
INSTANTS = st.integers(0, 70 * 365 * 24 * 3600).map(lambda s: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("1d", date(2026, 3, 30)),
        ("90d", date(2025, 12, 31)),
        ("12w", date(2026, 1, 6)),
        ("1m", date(2026, 2, 28)),
        ("6m", date(2025, 9, 30)),
        ("2y", date(2024, 3, 31)),
        ("100y", date(1926, 3, 31)),
    ],
)
def test_a_look_back_begins_with_the_whole_day_that_lies_so_far_back(text, first):
    back = look_back(text, NOON, BERLIN)
    assert back.since == datetime.combine(first, datetime.min.time(), tzinfo=BERLIN).astimezone(UTC)
    assert back.until == NOON


def test_a_year_before_a_leap_day_begins_on_the_last_of_february():
    assert look_back("1y", datetime(2024, 2, 29, 12, tzinfo=UTC), BERLIN).since == day_start(date(2023, 2, 28), BERLIN)


@pytest.mark.parametrize(
    "text",
    [
        *("", "d", "3", "-3d", "+3d", "0d", "00w", "3.5d", "5 fortnights", "5 d", " 5d", "5d ", "5d\n", "5D", "3x"),
        *("1e3d", "٣d", "101y", "999999d", "5201w", "1201m", "9999999d", "d5", "5d5d", "P90D"),
    ],
)
def test_a_look_back_that_is_none_is_refused_with_examples(text):
    with pytest.raises(LookBackNotUnderstood) as caught:
        look_back(text, NOON, BERLIN)
    assert caught.value.facts["field"] == "look_back"
    assert "90d" in caught.value.hint


def test_what_was_typed_is_not_repeated():
    with pytest.raises(LookBackNotUnderstood) as caught:
        look_back("since Ada came", NOON, BERLIN)
    assert "Ada" not in str(caught.value)


@given(st.text(max_size=8))
def test_no_text_at_all_breaks_the_reading_of_look_backs(text):
    try:
        back = look_back(text, NOON, BERLIN)
    except LookBackNotUnderstood:
        return
    assert back.since < back.until


@pytest.mark.parametrize("until", [NOON, NOON - timedelta(seconds=1)])
def test_a_period_ends_after_it_begins(until):
    with pytest.raises(PeriodNotPossible):
        period(NOON, until)


def test_a_period_needs_zones():
    with pytest.raises(PeriodNotPossible, match="since"):
        period(ZONELESS, NOON)
    with pytest.raises(PeriodNotPossible, match="until"):
        period(NOON, ZONELESS)
    with pytest.raises(PeriodNotPossible, match="zone or offset"):
        look_back("3d", ZONELESS, BERLIN)


@pytest.mark.parametrize("year", [1, 1899, 2201, 9999])
def test_nobody_lived_in_such_a_year(year):
    then = datetime(year, 6, 1, tzinfo=UTC)
    with pytest.raises(PeriodNotPossible, match="1900 to 2200"):
        period(min(then, NOON), max(then, NOON))
    with pytest.raises(PeriodNotPossible, match="1900 to 2200"):
        look_back("3d", then, BERLIN)


def test_a_look_back_from_long_ago_begins_where_the_calendar_of_records_does():
    assert look_back("100y", datetime(1950, 6, 1, tzinfo=UTC), BERLIN).since.year == 1900


def test_the_day_on_which_clocks_go_forward_has_23_hours_and_the_one_on_which_they_go_back_25():
    spring = buckets(period(day_start(date(2026, 3, 28), BERLIN), day_start(date(2026, 3, 31), BERLIN)), By.DAY, BERLIN)
    assert [(each.until - each.since).total_seconds() / 3600 for each in spring] == [24, 23, 24]
    autumn = buckets(
        period(day_start(date(2026, 10, 24), BERLIN), day_start(date(2026, 10, 27), BERLIN)), By.DAY, BERLIN
    )
    assert [(each.until - each.since).total_seconds() / 3600 for each in autumn] == [24, 25, 24]


def test_a_session_late_on_the_longer_day_belongs_to_that_day():
    parts = buckets(
        period(day_start(date(2026, 10, 24), BERLIN), day_start(date(2026, 10, 27), BERLIN)), By.DAY, BERLIN
    )
    late = datetime(2026, 10, 25, 23, 30, tzinfo=BERLIN).astimezone(UTC)
    place = bucket_index(parts, late)
    assert place is not None
    assert parts[place].label == "2026-10-25"


def test_a_day_that_begins_at_one_o_clock_begins_when_the_clocks_jump():
    zone = ZoneInfo("America/Sao_Paulo")
    assert day_start(date(2018, 11, 4), zone) == datetime(2018, 11, 4, 3, tzinfo=UTC)


def test_a_day_that_a_zone_left_out_is_no_bucket():
    zone = ZoneInfo("Pacific/Apia")
    parts = buckets(period(day_start(date(2011, 12, 29), zone), day_start(date(2012, 1, 1), zone)), By.DAY, zone)
    assert [each.label for each in parts] == ["2011-12-29", "2011-12-31"]


@pytest.mark.parametrize(
    ("by", "labels"),
    [
        (By.WEEK, ["2025-W52", "2026-W01", "2026-W02"]),
        (By.MONTH, ["2025-12", "2026-01"]),
        (By.QUARTER, ["2025-Q4", "2026-Q1"]),
        (By.YEAR, ["2025", "2026"]),
    ],
)
def test_parts_bear_the_names_of_the_calendar(by, labels):
    within = period(datetime(2025, 12, 24, 12, tzinfo=UTC), datetime(2026, 1, 5, 12, tzinfo=UTC))
    parts = buckets(within, by, BERLIN)
    assert [each.label for each in parts] == labels
    assert parts[0].since == within.since
    assert parts[-1].until == within.until
    assert parts[0].first_day <= date(2025, 12, 24)


@given(since=INSTANTS, hours=st.integers(1, 24 * 1000), by=st.sampled_from(By), zone=ZONES)
def test_parts_are_the_period_without_gap_or_overlap(since, hours, by, zone):
    within = period(since, since + timedelta(hours=hours))
    parts = buckets(within, by, zone)
    assert parts[0].since == within.since
    assert parts[-1].until == within.until
    assert all(before.until == after.since for before, after in pairwise(parts))
    assert all(each.since < each.until for each in parts)
    assert len({each.label for each in parts}) == len(parts)


@given(since=INSTANTS, minutes=st.integers(1, 60 * 24 * 60), at=st.integers(-10, 60 * 24 * 70), zone=ZONES)
def test_every_instant_lies_in_exactly_the_part_that_holds_it(since, minutes, at, zone):
    within = period(since, since + timedelta(minutes=minutes))
    parts = buckets(within, By.WEEK, zone)
    instant = since + timedelta(minutes=at)
    holding = [place for place, each in enumerate(parts) if each.since <= instant < each.until]
    place = bucket_index(parts, instant)
    assert holding == ([] if place is None else [place])
    assert bool(holding) is (instant in within)


def test_too_many_parts_are_refused_with_a_way_out():
    with pytest.raises(TooManyBuckets) as caught:
        buckets(period(NOON - timedelta(days=MOST_BUCKETS + 1), NOON), By.DAY, BERLIN)
    assert "week" in caught.value.hint
    assert len(buckets(period(NOON - timedelta(days=MOST_BUCKETS - 2), NOON), By.DAY, BERLIN)) <= MOST_BUCKETS


def test_ten_years_of_weeks_are_not_too_many():
    assert len(buckets(look_back("10y", NOON, BERLIN), By.WEEK, BERLIN)) in (522, 523)
