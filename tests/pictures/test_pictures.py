"""Pictures: readable by eye and by ear, in grey, over a day or ten years, and the same everywhere."""

import hashlib
import itertools
import json
import re
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
import vl_convert
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.pictures import attendance, emotions, goals, render, theme, timeline, words
from adapters.pictures.altair import AltairPictures, sketch
from adapters.pictures.sheet import AREAS
from adapters.pictures.timeline import Clock
from domain.errors import NotFound, NothingToDraw
from domain.ports.pictures import Picture, PictureFormat
from domain.progress.build import report as report_of
from domain.progress.period import Period
from domain.progress.report import MilestoneProgress, Observation, TrendClass
from tests.pictures import samples
from tests.progress import samples as facts

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
PICTURES = AltairPictures()
REPORTS = {"year": samples.year(), "decade": samples.decade(), "one event": samples.one_event()}
DRAWN = [(name, picture) for name, report in REPORTS.items() for picture in Picture if name != "one event"]
DRAWN += [("one event", Picture.SCORES), ("one event", Picture.JOURNEY)]


def drawn(name, picture, form=PictureFormat.SVG):
    return PICTURES.draw(picture, form, REPORTS[name])


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("name", "picture"), DRAWN)
def test_a_drawing_tells_a_screen_reader_what_it_shows(name, picture):
    drawing = drawn(name, picture)
    root = ET.fromstring(drawing.body)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == drawing.alt
    assert root[0].tag == f"{SVG}title"
    assert root[1].tag == f"{SVG}desc"
    assert root[1].text == drawing.alt
    assert len(drawing.alt) > 40


@pytest.mark.parametrize(("name", "picture"), DRAWN)
def test_a_drawing_fetches_nothing_and_runs_nothing(name, picture):
    root = ET.fromstring(drawn(name, picture).body)
    for element in root.iter():
        assert element.tag.rpartition("}")[2] in {"svg", "title", "desc", "g", "rect", "path", "line", "text", "tspan"}
        for key, value in element.attrib.items():
            assert not key.rpartition("}")[2].lower().startswith("on")
            assert key.rpartition("}")[2] != "href"
            assert "url(" not in value


@pytest.mark.parametrize(("name", "picture"), DRAWN)
def test_a_drawing_names_no_id(name, picture):
    report = REPORTS[name]
    body = drawn(name, picture).body.decode()
    ids = [report.client_id, *(goal.id for goal in report.goals), *(flag.id for flag in report.flags)]
    ids += [score.source.id for measure in report.measures for score in measure.scores]
    assert not [known for known in ids if str(known) in body]


@pytest.mark.parametrize("verdict", TrendClass)
def test_each_verdict_and_its_number_of_observations_are_told_in_words(verdict):
    drawing = PICTURES.draw(Picture.SCORES, PictureFormat.SVG, samples.of_class(verdict))
    assert f"Verdict: {words.VERDICTS[verdict]}, from 16 observations." in drawing.alt
    assert words.VERDICTS[verdict] in drawing.body.decode()


@pytest.mark.parametrize("picture", Picture)
def test_without_data_nothing_is_drawn(picture):
    with pytest.raises(NothingToDraw) as refused:
        PICTURES.draw(picture, PictureFormat.SVG, samples.empty())
    assert isinstance(refused.value, NotFound)
    assert refused.value.code == "nothing_to_draw"


def test_scores_of_an_instrument_that_was_not_used_are_refused():
    with pytest.raises(NothingToDraw):
        PICTURES.draw(Picture.SCORES, PictureFormat.SVG, REPORTS["year"], instrument="audit-c")


def test_without_a_name_the_instrument_measured_last_is_drawn_and_the_others_are_named():
    report = REPORTS["year"]
    newest = max(report.measures, key=lambda each: each.scores[-1].at)
    few = replace(newest, scores=newest.scores[-1:], severities=newest.severities[-1:], change=None, crossings=())
    others = [each for each in report.measures if each.instrument != newest.instrument]
    alt = PICTURES.draw(Picture.SCORES, PictureFormat.SVG, replace(report, measures=(*others, few))).alt
    assert alt.startswith(f"{newest.title}: 1 score ")
    for other in others:
        assert other.title in alt.partition("Not drawn here: ")[2]


def test_an_instrument_is_drawn_by_its_name():
    assert "WHO-5" in PICTURES.draw(Picture.SCORES, PictureFormat.SVG, REPORTS["year"], instrument="who-5").alt


@pytest.mark.parametrize(("name", "picture"), DRAWN)
def test_the_specification_is_one_that_altair_accepts_and_vega_lite_draws_alike(name, picture):
    import altair as alt

    specification = json.loads(drawn(name, picture, PictureFormat.SPEC).body)
    alt.Chart.from_dict(specification, validate=True)
    assert specification["description"] == drawn(name, picture).alt
    theirs = vl_convert.vegalite_to_svg(specification, vl_version="6.4", allowed_base_urls=[])
    assert marks(theirs) == marks(drawn(name, picture).body.decode())


def marks(svg):
    """Paths, lines, boxes, and words with their places, whatever order they are drawn in."""
    root = ET.fromstring(svg)
    found = []
    for element in root.iter():
        kind = element.tag.rpartition("}")[2]
        if kind == "text":
            place = [round(float(number)) for number in re.findall(r"-?[\d.]+", element.get("transform", ""))]
            found.append((kind, "".join(element.itertext()), *place))
        elif kind in {"path", "line"} and element.get("stroke", element.get("fill")):
            found.append((kind, element.get("d", ""), element.get("transform", "")))
    return sorted(map(str, found))


@pytest.mark.parametrize(("name", "picture"), DRAWN)
def test_words_neither_overlap_nor_leave_the_picture(name, picture):
    check_words(sketch(picture, REPORTS[name])[0])


def check_words(sheet):
    boxes = []
    for x, y, row in sheet.words():
        width = theme.text_px(row["text"], row["size"], bold=row["weight"] == "bold")
        left = x - {"left": 0, "center": 0.5, "right": 1}[row["align"]] * width
        boxes.append((left, y - row["size"] * 0.75, left + width, y + row["size"] * 0.2, row["text"]))
    frame = sheet.frame
    for left, top, right, low, text in boxes:
        assert left >= -frame.left, text
        assert right <= frame.width + frame.right, text
        assert top >= -frame.top, text
        assert low <= frame.height + frame.bottom, text
    for one, two in itertools.combinations(boxes, 2):
        apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        assert apart, (one[4], two[4])
    dates = {label for _, label in sheet.x.ticks}
    assert 1 <= sum(row["text"] in dates for row in sheet.rows["words"]) <= 8


@pytest.mark.parametrize("colour", theme.TEXT_COLOURS)
def test_text_stands_out_from_paper_and_from_bands(colour):
    assert contrast(colour, theme.PAPER) >= 4.5
    assert contrast(colour, theme.BAND) >= 4.5


@pytest.mark.parametrize("colour", theme.MARK_COLOURS)
def test_marks_stand_out_from_paper(colour):
    assert contrast(colour, theme.PAPER) >= 3


def test_outcomes_of_appointments_differ_without_colour():
    signs = [(shape, fill == theme.PAPER) for shape, fill, *_ in attendance.SIGNS.values()]
    assert len(set(signs)) == len(attendance.LANES)


def test_states_of_milestones_differ_without_colour():
    sheet, _ = sketch(Picture.GOALS, REPORTS["year"])
    sheet.rows["signs"].clear()
    for state in (words.OPEN, words.REACHED, words.LATE, words.OVERDUE):
        goals.mark(sheet, state, 0, 0)
    signs = {(row["shape"], row["fill"] == theme.PAPER) for row in sheet.rows["signs"]}
    assert len(signs) == 4


def test_letters_stay_legible_at_half_the_width_of_a_page():
    points_at_half_width = theme.TEXT_PX * (85 / 25.4 * 72) / theme.WIDTH
    assert points_at_half_width >= 6


@pytest.mark.parametrize("key", ["phq-9", "who-5", "pcl-5"])
def test_the_axis_shows_the_whole_scale_whatever_was_scored(key):
    report = replace(samples.empty(), measures=(samples.measure(samples.Maker(5), TrendClass.STABLE, 9, key=key),))
    sheet, _ = sketch(Picture.SCORES, report)
    measure = report.measures[0]
    assert (sheet.y.low, sheet.y.high) == (measure.least, measure.most)
    assert [place for place, _ in sheet.y.ticks][:: len(sheet.y.ticks) - 1] == [measure.least, measure.most]


def test_a_line_is_broken_where_nothing_was_observed():
    sheet, _ = sketch(Picture.SCORES, REPORTS["year"])
    runs = {}
    for row in sheet.rows["lines"]:
        runs.setdefault(row["run"], []).append(row["x"])
    before, after = runs.values()
    assert after[0] - before[-1] == pytest.approx(6 * 7 * timeline.DAY_MS, abs=timeline.DAY_MS)


def test_ten_years_are_drawn_with_as_many_marks_as_the_eye_can_part():
    for picture in Picture:
        sheet, _ = sketch(picture, REPORTS["decade"])
        assert sum(map(len, sheet.rows.values())) < 1500, picture


def test_more_goals_than_fit_are_said_to_be_left_out():
    drawing = drawn("decade", Picture.GOALS)
    assert "7 goals (of 12; the others are in the text)" in drawing.body.decode()
    assert drawing.alt.startswith("12 goals")


def test_prorated_scores_are_marked_and_told():
    sheet, alt = sketch(Picture.SCORES, REPORTS["year"])
    prorated = len(REPORTS["year"].measures[0].prorated)
    hollow = [row for row in sheet.rows["signs"] if row["shape"] == theme.DIAMOND and row["fill"] == theme.PAPER]
    assert len(hollow) == prorated + 1  # and one in the key
    assert f"{prorated} scores prorated" in alt


def test_days_are_those_of_the_clinic():
    late = datetime(2025, 3, 1, 23, 30, tzinfo=UTC)
    maker = samples.Maker(2)
    measure = samples.measure(maker, TrendClass.INSUFFICIENT_DATA, 1)
    score = Observation(at=late, value=12.0, source=maker.source("measure"))
    report = replace(samples.empty(), measures=(replace(measure, scores=(score,)),))
    assert "on 2 March 2025" in sketch(Picture.SCORES, report)[1]
    assert "on 1 March 2025" in sketch(Picture.SCORES, replace(report, zone="America/New_York"))[1]


def test_clocks_that_are_set_back_do_not_turn_time_round_by_more_than_their_hour():
    clock = Clock(ZoneInfo("Europe/Berlin"))
    start = datetime(2025, 10, 25, 12, tzinfo=UTC)
    places = [clock.ms(start + timedelta(hours=hour)) for hour in range(48)]
    assert min(after - before for before, after in itertools.pairwise(places)) == 0
    assert places[-1] - places[0] == 46 * 3_600_000


@pytest.mark.parametrize(("name", "picture"), [("year", Picture.SCORES), ("decade", Picture.JOURNEY)])
def test_a_png_carries_its_words(name, picture):
    drawing = drawn(name, picture, PictureFormat.PNG)
    chunks, place = {}, 8
    assert drawing.body[:8] == b"\x89PNG\r\n\x1a\n"
    while place < len(drawing.body):
        length, kind = struct.unpack(">I4s", drawing.body[place : place + 8])
        content = drawing.body[place + 8 : place + 8 + length]
        (check,) = struct.unpack(">I", drawing.body[place + 8 + length : place + 12 + length])
        assert check == zlib.crc32(kind + content)
        chunks[kind] = content
        place += 12 + length
    assert next(iter(chunks)) == b"IHDR"
    assert list(chunks)[-1] == b"IEND"
    assert chunks[b"iTXt"] == b"Description\0\0\0en\0\0" + drawing.alt.encode()
    width, _ = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert width == theme.WIDTH * render.SCALE


def test_what_a_person_wrote_is_text_in_the_drawing():
    written = '</text><script>alert(1)</script> & "quoted" <b> ]]> \x00\x1b\ud800 {"expr": "1"} \u202e'
    goal = samples.goal(samples.Maker(4), TrendClass.STABLE, 3, statement=written)
    emotion = samples.emotion(samples.Maker(4), written[:99], "negative", TrendClass.STABLE, 6)
    report = replace(samples.empty(), goals=(goal,), emotions=(emotion,))
    for picture in (Picture.GOALS, Picture.EMOTIONS, Picture.JOURNEY):
        root = ET.fromstring(PICTURES.draw(picture, PictureFormat.SVG, report).body)
        assert not list(root.iter(f"{SVG}script"))
    assert PICTURES.draw(Picture.GOALS, PictureFormat.PNG, report).body.startswith(b"\x89PNG")
    said = "".join(ET.fromstring(PICTURES.draw(Picture.GOALS, PictureFormat.SVG, report).body).itertext())
    assert "</text><script>alert(1)</script>" in said


def test_letters_are_drawn_in_the_order_in_which_they_were_written():
    goal = samples.goal(samples.Maker(4), TrendClass.STABLE, 3, statement="A\u202eevil\u202c \u2067b\u2069")
    body = PICTURES.draw(Picture.GOALS, PictureFormat.SVG, replace(samples.empty(), goals=(goal,))).body
    assert "Aevil b" in "".join(ET.fromstring(body).itertext())


def test_a_milestone_without_any_day_has_no_place_in_time():
    step = MilestoneProgress(id=samples.Maker(1).uuid(), text="some day", due_on=None, reached_on=None, late=False)
    goal = replace(samples.goal(samples.Maker(1), TrendClass.STABLE, 3, statement="a"), milestones=(step,))
    assert "0 of 1 milestone reached" in sketch(Picture.GOALS, replace(samples.empty(), goals=(goal,)))[1]


def test_a_measure_that_the_report_left_without_a_smallest_important_difference_is_drawn():
    measure = replace(REPORTS["year"].measures[0], clinical_cutoff=None, change=None, crossings=())
    check_words(sketch(Picture.SCORES, replace(samples.empty(), measures=(measure,)))[0])


TIMES = st.integers(0, 20 * 365 * 24).map(lambda hours: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
TEXTS = st.text(min_size=1, max_size=60) | st.sampled_from(["a" * 10_000, "مرحبا بالعالم", "漢字" * 200, "😀" * 50])


@st.composite
def any_report(draw):
    maker = samples.Maker(draw(st.integers(0, 2**32)))
    whole = samples.empty()
    verdict = draw(st.sampled_from(TrendClass))
    times = sorted(draw(st.lists(TIMES, min_size=1, max_size=30)))
    base = samples.measure(maker, verdict, 2, key=draw(st.sampled_from(["phq-9", "who-5", "pcl-5"])))
    scores = tuple(
        Observation(
            at=at, value=draw(st.floats(base.least, base.most, allow_subnormal=False)), source=maker.source("measure")
        )
        for at in times
    )
    measure = replace(base, scores=scores, severities=tuple("mild" for _ in scores), title=draw(TEXTS), crossings=())
    seen = tuple(Observation(at=at, value=draw(st.floats(0, 10)), source=maker.source("session")) for at in times)
    emotion = replace(samples.emotion(maker, draw(TEXTS), "neutral", verdict, 3), observations=seen)
    goal = samples.goal(
        maker,
        verdict,
        draw(st.integers(0, 12)),
        statement=draw(TEXTS),
        start=draw(TIMES),
        status=draw(st.sampled_from(["active", "completed", "abandoned"])),
        counted_by=draw(st.sampled_from(["percentage", "milestones", "measure"])),
        milestones=draw(st.integers(0, 4)),
    )
    attended = samples.engagement(maker, draw(st.integers(1, 40)), start=times[0])
    return replace(
        whole, measures=(measure,), goals=(goal,) * draw(st.integers(1, 9)), emotions=(emotion,), engagement=attended
    )


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(report=any_report())
def test_any_report_can_be_sketched_with_words_that_fit(report):
    for picture in Picture:
        sheet, alt = sketch(picture, report)
        assert alt
        check_words(sheet)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(report=any_report(), picture=st.sampled_from(Picture))
def test_any_report_can_be_drawn(report, picture):
    drawing = PICTURES.draw(picture, PictureFormat.SVG, report)
    assert ET.fromstring(drawing.body)[1].text == drawing.alt


@pytest.mark.parametrize("form", PictureFormat)
def test_control_characters_in_a_title_end_no_process(form):
    measure = replace(REPORTS["year"].measures[0], title="a\x04b\x00c\x1b\ufffe<&>\"'d")
    drawing = PICTURES.draw(Picture.SCORES, form, replace(samples.empty(), measures=(measure,)))
    assert drawing.alt.startswith("abc<&>\"'d: ")


SUMS = """
import hashlib, sys
from adapters.pictures.altair import AltairPictures
from domain.ports.pictures import Picture, PictureFormat
from tests.pictures import samples
sys.path.insert(0, ".")
for report in (samples.year(), samples.decade()):
    for picture in Picture:
        for form in PictureFormat:
            print(hashlib.sha256(AltairPictures().draw(picture, form, report).body).hexdigest())
"""


def test_another_process_draws_the_same_bytes():
    here = [
        hashlib.sha256(drawn(name, picture, form).body).hexdigest()
        for name in ("year", "decade")
        for picture in Picture
        for form in PictureFormat
    ]
    done = subprocess.run([sys.executable, "-c", SUMS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == here, done.stderr


def test_the_first_reader_need_not_wait_after_warming_up():
    AltairPictures().warm()
    assert "altair" in sys.modules
    assert "vl_convert" in sys.modules


def test_naming_the_adapter_loads_no_drawing_library():
    program = "import sys, adapters.pictures.altair, adapters.pictures.typst; print({'altair', 'vl_convert', 'typst'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "set()", done.stderr


def test_a_journey_ends_with_the_last_day_of_its_period():
    known = facts.record(scores=tuple(facts.scores((12, 11))))
    zone = ZoneInfo("Europe/Berlin")
    until = datetime(2026, 1, 31, 23, tzinfo=UTC)
    made = report_of(known, Period(since=facts.START, until=until), zone, None, facts.SCALES)
    alt = PICTURES.draw(Picture.JOURNEY, PictureFormat.SVG, made).alt
    assert alt.startswith("The journey from 5 January 2026 to 31 January 2026")


def test_milestones_are_drawn_on_the_way_to_all_of_them():
    day = facts.START.date()
    aim = facts.aim(
        counted_by="milestones", target=None, milestones=(facts.milestone(1, day, day), facts.milestone(2, day))
    )
    span = Period(since=facts.START - facts.WEEK, until=facts.START + 9 * facts.WEEK)
    made = report_of(facts.record(aims=(aim,)), span, ZoneInfo("Europe/Berlin"), None, facts.SCALES)
    assert b"all 100 %" in PICTURES.draw(Picture.GOALS, PictureFormat.SVG, made).body


def test_milestones_without_a_course_have_no_line_for_all_of_them_across_their_words():
    assert b"all 100 %" not in PICTURES.draw(Picture.GOALS, PictureFormat.SVG, samples.year()).body


def test_a_state_s_ribbon_reaches_no_further_than_it_was_seen():
    seen = [facts.feeling(1, facts.START, 5, "calm"), facts.feeling(2, facts.START + facts.WEEK, 7, "calm")]
    later = [facts.feeling(3 + each, facts.START + each * facts.WEEK, 4) for each in range(20)]
    span = Period(since=facts.START, until=facts.START + 30 * facts.WEEK)
    made = report_of(facts.record(feelings=(*seen, *later)), span, ZoneInfo("Europe/Berlin"), None, facts.SCALES)
    sheet, _ = emotions.draw(made.emotions, Clock(ZoneInfo("Europe/Berlin")))
    _, calm = sheet.rows[AREAS]
    assert calm["x2"] - calm["x"] == facts.WEEK.total_seconds() * 1_000
