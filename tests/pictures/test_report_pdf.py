"""The report on paper: tagged, told in words, the same bytes anywhere, and nothing of what a person wrote read as markup."""

import hashlib
import io
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pikepdf
import pytest
import typst
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.pictures.altair import AltairPictures
from adapters.pictures.glyphs import MISSING
from adapters.pictures.records import ranges
from adapters.pictures.typst import FAMILIES, TypstPrinter
from domain.ports.pictures import Heading, Picture, PictureFormat
from domain.progress.build import report
from domain.progress.period import Period
from domain.progress.report import Notice, NoticeCode, TrendClass
from tests.pictures import samples
from tests.pictures.reading import elements, text
from tests.progress import samples as facts

ROOT = Path(__file__).parents[2]
PRINTER = TypstPrinter(AltairPictures())
HEADING = Heading(client_name="Ada Example", practice="Practice by the Lake", prepared_for="Dr. Chen")


@pytest.fixture(scope="module")
def year():
    return PRINTER.pdf(samples.year(), HEADING)


@pytest.fixture(scope="module")
def opened(year):
    with pikepdf.open(io.BytesIO(year)) as pdf:
        yield pdf


def words_of(made):
    with pikepdf.open(io.BytesIO(made)) as pdf:
        return text(pdf)


def squeezed(sentence):
    return "".join(sentence.split())


def with_goal(statement):
    goal = samples.goal(samples.Maker(9), TrendClass.STABLE, 4, statement=statement)
    return replace(samples.empty(), goals=(goal,), events=1)


def printed_goal(statement):
    return words_of(PRINTER.pdf(with_goal(statement), HEADING))


def test_the_file_declares_pdf_ua_1(opened):
    with opened.open_metadata() as metadata:
        assert metadata["{http://www.aiim.org/pdfua/ns/id/}part"] == "1"
        assert metadata["{http://purl.org/dc/elements/1.1/}title"] == "Progress report"
    assert opened.Root.MarkInfo.Marked
    assert opened.Root.Lang == "en"
    assert opened.Root.ViewerPreferences.DisplayDocTitle


def test_no_time_of_making_and_no_name_stand_in_the_metadata(year, opened):
    assert "/CreationDate" not in opened.docinfo
    assert "/ModDate" not in opened.docinfo
    with pikepdf.open(io.BytesIO(year)) as untouched:
        written = untouched.Root.Metadata.read_bytes()
    assert b"Date" not in written
    assert b"Ada" not in written


def test_headings_are_bookmarks_in_the_order_of_reading(opened):
    with opened.open_outline() as outline:
        titles = [item.title for item in outline.root]
    assert titles == [
        "Summary",
        "Measures",
        "Goals",
        "Emotional states",
        "Engagement",
        "Risk flags",
        "How to read this report",
        "Where the figures come from",
    ]
    kinds = [str(element.S) for element in elements(opened.Root.StructTreeRoot.K)]
    assert kinds.count("/H1") == len(titles)
    assert kinds.index("/Title") < kinds.index("/H1") < kinds.index("/H2")


def test_every_figure_has_the_words_of_its_picture(opened):
    told = [str(e.Alt) for e in elements(opened.Root.StructTreeRoot.K) if str(e.S) == "/Figure"]
    report = samples.year()
    expected = [AltairPictures().draw(Picture.JOURNEY, PictureFormat.SVG, report).alt]
    for measure in report.measures:
        drawing = AltairPictures().draw(Picture.SCORES, PictureFormat.SVG, report, instrument=measure.instrument)
        expected.append(drawing.alt)
    others = (Picture.GOALS, Picture.EMOTIONS, Picture.ATTENDANCE)
    expected += [AltairPictures().draw(picture, PictureFormat.SVG, report).alt for picture in others]
    assert told == expected


def test_tables_have_header_cells(opened):
    tables = [e for e in elements(opened.Root.StructTreeRoot.K) if str(e.S) == "/Table"]
    assert len(tables) >= 5
    for table in tables:
        kinds = [str(element.S) for element in elements(table.K)]
        assert "/TH" in kinds
        assert "/TD" in kinds


def test_every_page_is_tagged_and_its_fonts_are_embedded(opened):
    for page in opened.pages:
        assert "/StructParents" in page
        for font in page.Resources.get("/Font", {}).values():
            (descendant,) = font.DescendantFonts
            descriptor = descendant.FontDescriptor
            assert "/FontFile3" in descriptor or "/FontFile2" in descriptor
            assert "/ToUnicode" in font
            assert any(squeezed(family) in str(font.BaseFont) for family in FAMILIES)


def test_the_appendix_names_every_record_and_event_behind_every_figure(opened):
    said = text(opened)
    report = samples.year()
    sources = [score.source for measure in report.measures for score in measure.scores]
    sources += [seen.source for emotion in report.emotions for seen in emotion.observations]
    sources += [seen.source for seen in report.engagement.appearances]
    sources += [value.source for goal in report.goals for value in (goal, *goal.course) if hasattr(value, "source")]
    sources += [flag.source for flag in report.flags]
    for source in sources:
        assert squeezed(f"{source.id}: {ranges(source.positions)}") in said
    figures = [e for e in elements(opened.Root.StructTreeRoot.K) if str(e.S) == "/Caption"]
    named = set(re.findall(r"(?:Figure|Table)\d+,", said))
    assert len(named) == len(figures)


def test_numbers_of_records_lead_to_the_records_meant(opened):
    said = text(opened)
    first = samples.year().measures[0]
    assert squeezed(f"1\u2013{len(first.scores)}") in said
    assert squeezed(f"1 measure {first.scores[0].source.id}") in said


def test_each_trend_is_printed_with_rule_interval_and_observations(opened):
    said = text(opened)
    for measure in samples.year().measures:
        trend = measure.trend
        assert squeezed(f"{trend.observations} observations, rule {trend.rule}") in said
        assert squeezed(trend.because) in said
    assert squeezed("95 % interval \u22120.62 to \u22120.22") in said


def test_a_report_without_data_says_so_and_draws_nothing():
    made = PRINTER.pdf(samples.empty(), HEADING)
    said = words_of(made)
    assert squeezed("There is no data: nothing was recorded in this period.") in said
    assert "AdaExample" in said
    assert squeezed("There is no figure in this report.") in said
    with pikepdf.open(io.BytesIO(made)) as pdf:
        assert not [e for e in elements(pdf.Root.StructTreeRoot.K) if str(e.S) in {"/Figure", "/Table"}]


def test_one_event_makes_a_report():
    assert squeezed("The only one is 17") in squeezed(_alts(PRINTER.pdf(samples.one_event(), HEADING)))


def _alts(made):
    with pikepdf.open(io.BytesIO(made)) as pdf:
        return " ".join(str(e.Alt) for e in elements(pdf.Root.StructTreeRoot.K) if "/Alt" in e)


@pytest.mark.parametrize("verdict", TrendClass)
def test_each_verdict_can_be_printed(verdict):
    assert PRINTER.pdf(samples.year(verdict), HEADING).startswith(b"%PDF-1.7")


MARKUP = [
    '#import "@preview/cetz:0.3.0": *',
    '#read("/etc/passwd")',
    "$ x^2 $ and *bold* and _slanted_ and `raw`",
    "@reference and <label> and https://example.org",
    "= Not a heading",
    "- not a list",
    '"); #panic("out")',
    "\\u{41} \\ // comment /* more */",
    "~tilde and --- dashes ...",
]


@pytest.mark.parametrize("written", MARKUP, ids=[str(number) for number in range(len(MARKUP))])
def test_markup_that_a_person_wrote_prints_as_text(written):
    assert squeezed(written) in printed_goal(written)


def test_a_client_may_be_called_anything():
    heading = Heading(client_name='#set page(fill: red) "Ada" $', practice="*P*", prepared_for="@all")
    said = words_of(PRINTER.pdf(samples.empty(), heading))
    assert squeezed(heading.client_name) in said
    assert "*P*" in said
    assert "@all" in said


def test_ten_thousand_characters_are_all_printed():
    written = " ".join(f"word{number}" for number in range(1200))[:10_000]
    assert squeezed(written) in printed_goal(written)


def test_a_word_without_an_end_is_broken_instead_of_leaving_the_page():
    said = printed_goal("x" * 10_000)
    assert "x" * 10_000 in said.replace("\u200b", "")


@pytest.mark.parametrize("written", ["Ελευθερία", "Свобода", "Nguyễn Thị", "Łódź Čapek", "café naïve"])
def test_scripts_that_the_fonts_hold_are_printed(written):
    said = printed_goal(written)
    assert squeezed(written) in said
    assert MISSING not in said


@pytest.mark.parametrize("written", ["مرحبا بالعالم", "שלום עולם"])
def test_scripts_that_run_from_right_to_left_are_printed_without_boxes(written):
    assert "printedas" + MISSING not in printed_goal(written)


def test_scripts_that_join_letters_are_boxes_in_drawings_alone():
    said = printed_goal("नमस्ते and Ελευθερία")
    assert squeezed("Ελευθερία") in said
    assert "printedas" + MISSING in said


@pytest.mark.parametrize(("written", "boxes"), [("你好世界", 4), ("sad 😀 day", 1), ("สวัสดี", 4)])
def test_what_the_fonts_lack_is_a_box_and_the_report_says_how_many(written, boxes):
    made = PRINTER.pdf(with_goal(written), HEADING)
    said = words_of(made)
    assert MISSING * boxes in said or MISSING in said
    counted = re.search(r"(\d+)character(?:sare|is)printedas" + MISSING, said)
    assert counted
    assert int(counted.group(1)) >= boxes


def test_marks_that_turn_the_direction_of_text_are_left_out():
    assert "abcdef" in printed_goal("abc\u202e\u2066def\x00\x1b\x07")


def test_versions_of_an_instrument_are_told_for_themselves():
    maker = samples.Maker(6)
    old = replace(samples.measure(maker, TrendClass.STABLE, 7), version="1", other_versions=("2",))
    new = replace(samples.measure(maker, TrendClass.STABLE, 5), version="2", other_versions=("1",))
    made = PRINTER.pdf(replace(samples.empty(), measures=(old, new)), HEADING)
    said = words_of(made)
    assert squeezed("This is version 1. Scores of version 2 are told for themselves") in said
    assert "7 scores on a scale" in _alts(made)
    assert "5 scores on a scale" in _alts(made)


def test_measures_that_could_not_be_judged_are_named():
    source = samples.Maker(6).source("measure")
    said = words_of(PRINTER.pdf(replace(samples.empty(), not_judged=(source,)), HEADING))
    assert squeezed("1 measure is of an instrument or version unknown to this release") in said


@pytest.mark.parametrize("values", [(18, 17, 15, 14, 12, 9, 7, 6, 5, 4), (9,), (12, 12)])
def test_reports_that_the_rules_make_are_printed(values):
    whole = facts.record(
        scores=tuple(facts.scores(values)),
        aims=(facts.aim(baseline=0.0, steps=facts.steps(10, 30, 60), milestones=(facts.milestone(5),)),),
        feelings=tuple(facts.feeling(200 + i, facts.START + i * facts.WEEK, 8 - i % 3) for i in range(9)),
        bookings=tuple(facts.booking(300 + i, facts.START + i * facts.WEEK) for i in range(6)),
        flags=(facts.flag(400, facts.START),),
    )
    span = Period(since=facts.START - facts.WEEK, until=facts.START + 20 * facts.WEEK)
    made = report(whole, span, ZoneInfo("Europe/Berlin"), None, facts.SCALES)
    said = words_of(PRINTER.pdf(made, HEADING))
    assert squeezed(made.measures[0].trend.because) in said
    assert squeezed(made.measures[0].trend.rule) in said


def test_pages_hold_many_goals_and_long_names():
    goal = samples.goal(samples.Maker(9), TrendClass.STABLE, 4, statement="g " * 2000)
    heading = Heading(client_name="Anna-Maria " * 40)
    made = PRINTER.pdf(replace(samples.empty(), goals=(goal,) * 20), heading)
    with pikepdf.open(io.BytesIO(made)) as pdf:
        assert len(pdf.pages) > 10


def test_two_printers_make_the_same_bytes(year):
    assert TypstPrinter(AltairPictures()).pdf(samples.year(), HEADING) == year


def test_another_process_makes_the_same_bytes(year):
    program = (
        "import hashlib; from adapters.pictures.typst import TypstPrinter; from domain.ports.pictures import Heading;"
        "from tests.pictures import samples;"
        f"print(hashlib.sha256(TypstPrinter().pdf(samples.year(), {HEADING!r})).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == hashlib.sha256(year).hexdigest(), done.stderr


def test_threads_print_side_by_side(year):
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(PRINTER.pdf(samples.year(), HEADING)), name=f"print-{number}")
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [year] * 3


def test_nothing_is_written_to_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    PRINTER.pdf(with_goal("a secret"), HEADING)
    assert list(tmp_path.rglob("*")) == []


def test_text_that_the_shaper_can_not_set_is_printed_in_latin(monkeypatch):
    calls = []
    compile_it = TypstPrinter._compile

    def fails_once(self, content):
        calls.append(content)
        if len(calls) <= 2:
            raise typst.TypstError("the shaper gave up", "")
        return compile_it(self, content)

    monkeypatch.setattr(TypstPrinter, "_compile", fails_once)
    said = printed_goal("Łódź and Ελευθερία")
    assert squeezed("Łódź and " + MISSING * 9) in said


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(written=st.text(min_size=1, max_size=200), name=st.text(min_size=1, max_size=60))
def test_any_text_can_be_printed(written, name):
    emotion = samples.emotion(samples.Maker(4), written[:90] or "a", "negative", TrendClass.STABLE, 3)
    report = replace(with_goal(written), emotions=(emotion,))
    assert PRINTER.pdf(report, Heading(client_name=name)).startswith(b"%PDF-1.7")


@pytest.mark.parametrize(
    ("numbers", "said"), [((), ""), ((4,), "4"), ((1, 2), "1, 2"), ((3, 1, 2, 9, 8, 7, 5), "1\u20133, 5, 7\u20139")]
)
def test_runs_of_numbers_are_told_by_their_ends(numbers, said):
    assert ranges(numbers) == said


def test_what_must_not_be_missed_stands_before_everything_else():
    source = samples.Maker(6).source("risk_flag")
    notice = Notice(code=NoticeCode.OPEN_RISK_FLAGS, text="A risk flag is open: level high.", sources=(source,))
    said = words_of(PRINTER.pdf(replace(samples.empty(), notices=(notice,)), HEADING))
    first = said.index(squeezed("Read this first"))
    assert first < said.index(squeezed("A risk flag is open: level high. Records 1.")) < said.index("Summary")
    assert str(source.id) in said


def test_without_notices_there_is_no_box_and_still_the_limits():
    said = words_of(PRINTER.pdf(samples.empty(), HEADING))
    assert squeezed("Read this first") not in said
    assert squeezed("It is no diagnosis") in said


def test_an_assumed_error_is_called_assumed_in_text_and_picture():
    measure = replace(samples.measure(samples.Maker(6), TrendClass.STABLE, 7), assumed=True)
    made = PRINTER.pdf(replace(samples.empty(), measures=(measure,)), HEADING)
    assert squeezed("is assumed: it rests on a standard deviation taken for want of a published one") in words_of(made)
    assert "standard deviation taken for want of a published one" in _alts(made)


def test_a_recovery_that_the_course_speaks_against_is_not_left_uncontradicted():
    values = (20, 8, 21, 7, 20, 8, 19, 7, 20, 8)
    span = Period(since=facts.START - facts.WEEK, until=facts.START + 20 * facts.WEEK)
    known = facts.record(scores=tuple(facts.scores(values)))
    made = report(known, span, ZoneInfo("Europe/Berlin"), None, facts.SCALES)
    assert made.measures[0].change.recovered
    said = words_of(PRINTER.pdf(made, HEADING))
    assert squeezed("the scores between them speak against it") in said


def test_a_client_s_own_report_says_nothing_of_flags_not_even_that_there_are_none():
    known = facts.record(scores=tuple(facts.scores((12, 11))))
    span = Period(since=facts.START - facts.WEEK, until=facts.START + 20 * facts.WEEK)
    made = report(known, span, ZoneInfo("Europe/Berlin"), None, facts.SCALES)
    printed = PRINTER.pdf(replace(made, released=True), HEADING)
    assert squeezed("risk flag") not in words_of(printed).lower()
    assert "risk flag" not in _alts(printed).lower()
    assert squeezed("No risk flag was raised in this period") in words_of(PRINTER.pdf(made, HEADING))
