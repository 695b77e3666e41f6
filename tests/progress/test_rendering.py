import json
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from domain.progress.build import report
from domain.progress.caseload import Case, caseload
from domain.progress.period import period
from domain.progress.report import By
from domain.services.rendering_progress import caseload_as_json, report_as_json
from tests.progress.samples import (
    SCALES,
    START,
    WEEK,
    aim,
    booking,
    feeling,
    flag,
    meeting,
    milestone,
    record,
    scores,
    steps,
)

BERLIN = ZoneInfo("Europe/Berlin")


def rendered(known, by=None, weeks=52):
    return report_as_json(report(known, period(START, START + weeks * WEEK), BERLIN, by, SCALES))


def full(weeks=12):
    return record(
        scores=tuple(scores([20 - each for each in range(weeks)], first=1_000)),
        aims=(aim(steps=steps(10, 30)), aim(901, counted_by="milestones", target=None, milestones=(milestone(1),))),
        feelings=tuple(feeling(2_000 + each, START + each * WEEK, 9 - each / 4) for each in range(weeks)),
        meetings=tuple(meeting(2_000 + each, START + each * WEEK) for each in range(weeks)),
        bookings=tuple(booking(3_000 + each, START + each * WEEK, "missed") for each in range(weeks)),
        flags=(flag(4_000, START + WEEK),),
    )


def places(value):
    """All places of records that figures name."""
    found = []
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "source":
                found.append(inner)
            elif name in {"prorated", "not_judged"} or (
                name == "sources" and all(isinstance(each, int) for each in inner)
            ):
                found.extend(inner)
            else:
                found.extend(places(inner))
    elif isinstance(value, list):
        for inner in value:
            found.extend(places(inner))
    return found


def test_every_figure_names_a_record_of_the_list_and_every_record_is_named():
    told = rendered(full(), By.MONTH)
    assert set(places({name: value for name, value in told.items() if name != "sources"})) == set(
        range(len(told["sources"]))
    )
    assert len({each["id"] for each in told["sources"]}) == len(told["sources"]) == told["events"]


def test_a_figure_leads_to_the_positions_of_its_events():
    told = rendered(full())
    score = told["measures"][0]["scores"][3]
    assert told["sources"][score["source"]] == {"kind": "measure", "id": str(UUID(int=1_004)), "positions": [1_004]}


def test_what_can_not_be_told_is_null_and_never_zero():
    told = rendered(record(scores=tuple(scores([12])), aims=(aim(),), feelings=(feeling(50, START, 4),)), By.MONTH)
    (measure,), (goal,), (emotion,) = told["measures"], told["goals"], told["emotions"]
    assert measure["change"] is None
    assert measure["trend"]["estimate"] is measure["trend"]["interval"] is measure["trend"]["change"] is None
    assert goal["completion"] is goal["current"] is None
    assert emotion["variability"] is emotion["shift"] is emotion["shift_interval"] is None
    assert told["engagement"]["attendance_rate"] is told["engagement"]["median_gap_days"] is None
    empty = measure["buckets"][1]
    assert empty["count"] == 0
    assert empty["mean"] is empty["least"] is empty["most"] is empty["last"] is None


def test_a_report_without_anything_renders():
    told = rendered(record())
    assert told["sources"] == told["measures"] == told["buckets"] == []
    assert told["by"] is None
    assert told["zone"] == "Europe/Berlin"


@given(st.integers(0, 15), st.sampled_from([None, *By]))
def test_what_is_rendered_is_plain_json(weeks, by):
    told = rendered(full(weeks), by, weeks=20)
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_ten_years_of_weeks_stay_below_a_megabyte():
    weeks = 520
    many = record(
        scores=tuple(scores([10 + each % 7 for each in range(weeks)], first=1_000)),
        feelings=tuple(
            feeling(2_000 + each, START + each * WEEK, each % 10, name)
            for each in range(weeks)
            for name in ("fear", "hope", "shame")
        ),
        meetings=tuple(meeting(2_000 + each, START + each * WEEK) for each in range(weeks)),
        bookings=tuple(booking(3_000 + each, START + each * WEEK) for each in range(weeks)),
    )
    assert len(json.dumps(rendered(many, weeks=weeks), separators=(",", ":"))) < 1_000_000


def test_a_caseload_renders_with_its_records():
    told = caseload_as_json(
        caseload(
            [Case(record=each, last_session_at=None, next_appointment_at=None) for each in (full(), record())],
            START - WEEK,
            START + 13 * WEEK,
            SCALES,
        ),
        {record().client_id: "Ada Bee"},
    )
    first, second = told["clients"]
    assert first["name"] == second["name"] == "Ada Bee"
    assert first["standing"] == "flagged"
    assert first["flag_level"] == "high"
    assert first["measures"][0]["instrument"] == "phq-9"
    assert told["sources"][first["sources"][0]]["kind"] == "risk_flag"
    assert second["measures"] == []
    assert second["last_measured_at"] is None
    assert json.loads(json.dumps(told, allow_nan=False)) == told
