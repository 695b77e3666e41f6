from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.checks import ImpossibleTime
from domain.model.moment import MomentInZone, UnknownZone, ZonelessTime

BERLIN = "Europe/Berlin"
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]


def test_a_time_keeps_its_instant_its_zone_and_its_offset():
    moment = MomentInZone.of("2026-07-01T10:00:00+02:00", BERLIN)
    assert moment == MomentInZone(datetime(2026, 7, 1, 8, tzinfo=UTC), BERLIN, 7200)
    assert moment.local.isoformat() == "2026-07-01T10:00:00+02:00"


def test_z_states_an_instant_and_the_zone_tells_the_wall_clock():
    moment = MomentInZone.of("2026-07-01T08:00:00Z", BERLIN)
    assert moment == MomentInZone.of("2026-07-01T10:00:00+02:00", BERLIN)


def test_the_hour_that_comes_twice_is_told_apart_by_its_offset():
    first = MomentInZone.of("2026-10-25T02:30:00+02:00", BERLIN)
    second = MomentInZone.of("2026-10-25T02:30:00+01:00", BERLIN)
    assert second.instant - first.instant == timedelta(hours=1)
    assert first.local.replace(tzinfo=None) == second.local.replace(tzinfo=None)


@pytest.mark.parametrize("offset", ["+01:00", "+02:00"])
def test_the_hour_that_is_skipped_in_spring_does_not_exist(offset):
    with pytest.raises(ImpossibleTime, match="put forward"):
        MomentInZone.of(f"2026-03-29T02:30:00{offset}", BERLIN)


def test_a_session_across_the_change_of_clocks_is_two_true_moments():
    begun = MomentInZone.of("2026-03-29T01:50:00+01:00", BERLIN)
    ended = MomentInZone.of("2026-03-29T03:40:00+02:00", BERLIN)
    assert ended.instant - begun.instant == timedelta(minutes=50)


def test_client_and_clinician_in_two_zones_mean_one_instant():
    berlin = MomentInZone.of("2026-07-01T16:00:00+02:00", BERLIN)
    new_york = MomentInZone.of("2026-07-01T10:00:00-04:00", "America/New_York")
    assert berlin.instant == new_york.instant
    assert berlin != new_york


@pytest.mark.parametrize("text", ["2026-07-01T10:00:00", "2026-07-01T10:00"])
def test_a_time_without_offset_is_refused_with_what_to_send(text):
    with pytest.raises(ZonelessTime) as refused:
        MomentInZone.of(text, BERLIN)
    assert "+01:00" in refused.value.hint


def test_a_naive_datetime_is_refused():
    with pytest.raises(ZonelessTime):
        MomentInZone.of(datetime(2026, 7, 1, 10), BERLIN)  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    "text", ["2026-07-01T10:00:00+01:00", "2026-07-01T10:00:00+00:00", "2026-07-01T10:00:00-04:00"]
)
def test_an_offset_the_zone_does_not_have_then_is_refused(text):
    with pytest.raises(ImpossibleTime, match="offset"):
        MomentInZone.of(text, BERLIN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-02-30T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-07-01T24:30:00Z",
        "2026-07-01T10:00:60Z",
        "2026-W27-3T10:00:00Z",
        "20260701T100000Z",
        "2026-07-01 10:00:00Z",
        "2026-07-01T10:00:00+99:00",
        "\uff12026-07-01T10:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "2026-07-01T10:00:00Z" + "0" * 1000,
    ],
)
def test_what_is_no_time_is_refused_without_repeating_it(text):
    with pytest.raises(ImpossibleTime) as refused:
        MomentInZone.of(text, BERLIN)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("year", ["1899", "2201", "9999"])
def test_years_outside_any_treatment_are_refused(year):
    with pytest.raises(ImpossibleTime):
        MomentInZone.of(f"{year}-07-01T10:00:00Z", BERLIN)


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "Mars/Olympus",
        "../../etc/passwd",
        "/etc/localtime",
        "localtime",
        "right/UTC",
        "Europe",
        "Europe/",
        "é",
        "a" * 300,
    ],
)
def test_a_zone_that_is_none_is_refused(zone):
    with pytest.raises(UnknownZone):
        MomentInZone.of("2026-07-01T08:00:00Z", zone)


def test_an_offset_of_seconds_from_before_standard_time_survives():
    moment = MomentInZone.of(datetime(1911, 1, 1, 12, tzinfo=ZoneInfo("Europe/Paris")), "Europe/Paris")
    assert moment.offset_s == 561
    moment.check("took_place")


def test_a_moment_put_together_by_hand_is_found_out_by_the_command():
    for moment in (
        MomentInZone(datetime(2026, 7, 1, 8, tzinfo=UTC), BERLIN, 3600),
        MomentInZone(datetime(2026, 7, 1, 8), BERLIN, 7200),  # noqa: DTZ001 - what is refused
        MomentInZone(datetime(2026, 7, 1, 8, tzinfo=UTC), "Nowhere/Land", 0),
    ):
        with pytest.raises(ImpossibleTime):
            moment.check("took_place")


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
    st.sampled_from(ZONES),
)
def test_every_instant_written_with_its_own_offset_is_read_back(instant, zone):
    moment = MomentInZone.of(instant, zone)
    moment.check("took_place")
    assert moment.instant == instant
    if moment.offset_s % 60 == 0:
        assert MomentInZone.of(moment.local.isoformat(), zone) == moment


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)),  # noqa: DTZ001 - bounds are naive
    st.integers(-14 * 4, 14 * 4).map(lambda quarters: quarters * 15),
    st.sampled_from(ZONES[:-1]),
)
def test_a_wall_clock_is_taken_exactly_when_the_zone_showed_it(wall, offset_min, zone):
    told = wall.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    shown = told.astimezone(ZoneInfo(zone))
    try:
        moment = MomentInZone.of(told.isoformat(), zone)
    except ImpossibleTime:
        assert shown.replace(tzinfo=None) != wall
    else:
        assert shown.replace(tzinfo=None) == wall
        assert moment.local.replace(tzinfo=None) == wall
