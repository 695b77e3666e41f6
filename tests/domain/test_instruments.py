"""Questionnaires: what is cited is whole, scores are what their authors say, and thresholds follow from their parameters."""

import json
import re
from dataclasses import replace
from importlib import resources
from math import sqrt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instruments import (
    AnswerOutOfRange,
    AnswersIncomplete,
    Instruments,
    InstrumentUnknown,
    InstrumentVersionUnknown,
    instrument,
    instruments,
)
from domain.instruments.catalogue import published
from domain.model.risk_flag import FlagLevel

ROOT = Path(__file__).parents[2]
ALL = list(instruments())
KEYS = ["audit-c", "gad-7", "pcl-5", "phq-9", "who-5"]
each = pytest.mark.parametrize("which", ALL, ids=lambda one: one.key)


def answers_of(which, missing_most=0):
    """Any way to fill a questionnaire in, with up to `missing_most` items left out."""
    whole = st.tuples(*(st.integers(item.least, item.most) for item in which.items))
    if not missing_most:
        return whole
    gaps = st.sets(st.integers(0, len(which.items) - 1), max_size=missing_most)
    return st.builds(
        lambda given, left: tuple(None if at in left else one for at, one in enumerate(given)), whole, gaps
    )


def test_these_instruments_come_with_the_product():
    assert [one.key for one in ALL] == KEYS


@pytest.mark.parametrize(
    ("key", "items", "least", "most", "worse"),
    [
        ("phq-9", 9, 0, 27, True),
        ("gad-7", 7, 0, 21, True),
        ("pcl-5", 20, 0, 80, True),
        ("who-5", 5, 0, 100, False),
        ("audit-c", 3, 0, 12, True),
    ],
)
def test_length_and_range_are_those_of_the_published_form(key, items, least, most, worse):
    which = instrument(key)
    assert (len(which.items), which.least, which.most, which.higher_is_worse) == (items, least, most, worse)
    assert [item.number for item in which.items] == list(range(1, items + 1))


@each
@given(st.data())
def test_a_score_is_the_sum_of_the_answers_and_lies_in_the_range(which, data):
    answers = data.draw(answers_of(which))
    scored = which.score(answers)
    assert scored.score == which.multiplier * sum(answers)
    assert which.least <= scored.score <= which.most
    assert (scored.prorated, scored.missing) == (False, ())
    assert scored.severity in {band.label for band in which.bands}


@each
@given(st.data())
def test_a_prorated_score_is_the_mean_of_the_answers_times_the_items(which, data):
    allowed = which.proration.missing_most if which.proration else 0
    answers = data.draw(answers_of(which, allowed))
    told = [answer for answer in answers if answer is not None]
    scored = which.score(answers)
    assert scored.score == pytest.approx(which.multiplier * len(answers) * sum(told) / len(told), abs=0.005_001)
    assert which.least <= scored.score <= which.most
    assert scored.prorated is (len(told) < len(answers))
    assert scored.missing == tuple(number for number, answer in enumerate(answers, 1) if answer is None)


@each
def test_more_answers_missing_than_allowed_give_no_score_and_are_named(which):
    allowed = which.proration.missing_most if which.proration else 0
    answers = [None] * (allowed + 1) + [0] * (len(which.items) - allowed - 1)
    with pytest.raises(AnswersIncomplete) as refused:
        which.score(answers)
    assert refused.value.facts["items"] == ",".join(str(number) for number in range(1, allowed + 2))


def test_only_questionnaires_whose_literature_allows_it_are_prorated():
    assert {one.key: one.proration.missing_most for one in ALL if one.proration} == {"phq-9": 2, "gad-7": 1}


@each
@given(st.data())
def test_an_answer_out_of_range_is_refused_by_the_number_of_its_item(which, data):
    answers = list(data.draw(answers_of(which)))
    item = data.draw(st.sampled_from(which.items))
    wrong = data.draw(
        st.integers(max_value=item.least - 1) | st.integers(min_value=item.most + 1) | st.just(True) | st.just(1.0)
    )
    answers[item.number - 1] = wrong
    with pytest.raises(AnswerOutOfRange) as refused:
        which.score(answers)
    assert refused.value.facts["item"] == str(item.number)
    assert refused.value.facts["field"] == f"answers[{item.number - 1}]"


@each
def test_too_few_and_too_many_entries_are_refused(which):
    with pytest.raises(AnswersIncomplete):
        which.score([0] * (len(which.items) - 1))
    with pytest.raises(AnswersIncomplete):
        which.score([])
    with pytest.raises(AnswerOutOfRange):
        which.score([0] * (len(which.items) + 1))


def test_a_reversed_item_counts_from_the_other_end():
    which = instrument("gad-7")
    turned = replace(which, items=(replace(which.items[0], reversed=True), *which.items[1:]))
    assert turned.score((0, 0, 0, 0, 0, 0, 0)).score == 3
    assert turned.score((3, 0, 0, 0, 0, 0, 0)).score == 0


@pytest.mark.parametrize(
    ("key", "labels"),
    [
        (
            "phq-9",
            {0: "minimal", 4: "minimal", 5: "mild", 9: "mild", 10: "moderate", 14: "moderate", 15: "moderately severe"}
            | {19: "moderately severe", 20: "severe", 27: "severe"},
        ),
        ("gad-7", {4: "minimal", 5: "mild", 9: "mild", 10: "moderate", 14: "moderate", 15: "severe", 21: "severe"}),
        ("pcl-5", {30: "below the provisional cut-off", 31: "at or above the provisional cut-off"}),
        (
            "who-5",
            {0: "very low well-being", 28: "very low well-being", 32: "low well-being", 50: "low well-being"}
            | {52: "well-being not reduced", 100: "well-being not reduced"},
        ),
        (
            "audit-c",
            {2: "below the cut-offs for women and men", 3: "at the cut-off for women, below that for men"}
            | {4: "at or above the cut-offs for women and men"},
        ),
    ],
)
def test_severity_changes_at_the_published_scores(key, labels):
    which = instrument(key)
    assert {score: which.severity(score) for score in labels} == labels


@pytest.mark.parametrize(
    ("key", "inside", "outside"), [("phq-9", 10, 9), ("gad-7", 10, 9), ("pcl-5", 31, 30), ("who-5", 50, 52)]
)
def test_the_clinical_range_begins_at_the_cut_off(key, inside, outside):
    which = instrument(key)
    assert (which.is_clinical(inside), which.is_clinical(outside)) == (True, False)


def test_where_the_cut_off_depends_on_sex_none_decides():
    which = instrument("audit-c")
    assert which.clinical_cutoff is None
    assert which.is_clinical(12) is None
    assert [band.score for band in which.cutoffs] == [3, 4]


@each
def test_cut_offs_lie_in_the_range_in_order_and_cover_all_scores(which):
    scores = [band.score for band in which.bands]
    assert scores == sorted(set(scores))
    assert (scores[0] if which.higher_is_worse else scores[-1]) == (
        which.least if which.higher_is_worse else which.most
    )
    assert all(which.least < band.score < which.most for band in which.cutoffs)


@each
def test_the_reliable_change_follows_from_its_parameters(which):
    """Derived again, step by step: SEM = SD·√(1 - r), the error of a difference = √2·SEM, times 1.96."""
    error = which.change.sd * sqrt(1 - which.change.reliability)
    assert which.reliable_change == pytest.approx(1.96 * sqrt(2) * error, rel=1e-12)
    assert 0 < which.reliable_change < which.most / 2


@pytest.mark.parametrize(("key", "points"), [("phq-9", 6), ("gad-7", 4), ("pcl-5", 15)])
def test_the_reliable_change_agrees_with_what_is_published_in_whole_points(key, points):
    """NHS Talking Therapies: 6 and 4; Marx 2022: 15."""
    assert points - 1 < instrument(key).reliable_change < points + 0.01


@pytest.mark.parametrize(
    ("key", "points"), [("phq-9", 5), ("gad-7", 4), ("pcl-5", 10), ("who-5", 10), ("audit-c", None)]
)
def test_the_smallest_difference_that_matters_is_the_published_one_or_the_reliable_one(key, points):
    which = instrument(key)
    assert which.change.minimal_important == points
    assert which.minimal_important_difference == (which.reliable_change if points is None else points)


def test_what_is_assumed_is_said_to_be_assumed():
    assert {one.key for one in ALL if one.change.assumed} == {"who-5", "audit-c"}
    assert all("assumed" in one.change.source for one in ALL if one.change.assumed)


@each
def test_every_source_leads_to_a_citation(which):
    cited = {citation.key for citation in which.citations}
    sources = [which.licence_source, which.bands_source, which.clinical_cutoff_source, which.change.source]
    sources += [which.proration.source] if which.proration else []
    sources += [critical.source for critical in which.critical_items]
    for source in sources:
        named = set(re.findall(r"[a-z]+(?:-[a-z]+)*-\d{4}|phqscreeners|nhs-talking-therapies", source))
        assert named, source
        assert named <= cited, source
    assert "jacobson-1991" in cited
    assert all(citation.doi or citation.url for citation in which.citations)
    assert all(re.fullmatch(r"10\.\d{4,}/\S+", citation.doi) for citation in which.citations if citation.doi)


@each
def test_every_number_that_can_be_answered_has_a_label_and_every_item_a_short_descriptor(which):
    values = {value for item in which.items for value in range(item.least, item.most + 1)}
    assert {response.value for response in which.responses} == values
    for item in which.items:
        assert 1 <= len(item.about.split()) <= 7
        assert "?" not in item.about
    assert which.licence.endswith("The wording is not kept here.")


@pytest.mark.parametrize(
    ("answer", "level"), [(0, None), (1, "moderate"), (2, "high"), (3, "high"), (None, "moderate")]
)
def test_item_nine_of_the_phq_is_told_to_somebody(answer, level):
    told = instrument("phq-9").flag_level((0,) * 8 + (answer,))
    assert told == (None if level is None else (9, level))


@each
def test_levels_of_critical_items_are_levels_of_flags(which):
    for critical in which.critical_items:
        assert {*critical.levels.values(), critical.unanswered} <= set(FlagLevel)


@pytest.mark.parametrize("key", ["", "phq-10", "PHQ-9", "../phq-9"])
def test_an_unknown_instrument_is_refused_and_those_there_are_are_named(key):
    with pytest.raises(InstrumentUnknown) as refused:
        instrument(key)
    assert refused.value.facts["known"] == ",".join(KEYS)


def test_a_version_that_is_not_there_is_refused_and_those_there_are_are_named():
    with pytest.raises(InstrumentVersionUnknown) as refused:
        instrument("phq-9", "7")
    assert refused.value.facts == {"field": "instrument_version", "instrument": "phq-9", "known": "1"}


def test_the_current_version_is_the_newest_that_is_not_retired_and_old_ones_stay_readable():
    old = instrument("gad-7")
    versions = [replace(old, version="10"), replace(old, retired=True), replace(old, version="9")]
    known = Instruments([*versions, replace(old, version="11", retired=True)])
    assert known.get("gad-7").version == "10"
    assert known.get("gad-7", "1").retired
    assert [one.version for one in known.versions("gad-7")] == ["1", "9", "10", "11"]


def test_files_lie_where_their_key_and_version_say():
    folder = resources.files("domain.instruments")
    found = {
        (place.name, file.name.removesuffix(".json")): json.loads(file.read_text(encoding="utf-8"))
        for place in folder.iterdir()
        if place.is_dir() and not place.name.startswith("_")
        for file in place.iterdir()
    }
    assert {(data["key"], data["version"]) for data in found.values()} == set(found)
    assert {(one.key, one.version) for key in KEYS for one in published().versions(key)} == set(found)


@each
def test_the_page_for_clinicians_says_what_the_data_says(which):
    page = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith(f"| `{which.key}` |"))
    _, _, items, score, clinical, reliable, matters, missing, _ = (cell.strip() for cell in row.split("|"))
    assert int(items) == len(which.items)
    assert score.startswith(f"{which.least:g} to {which.most:g}")
    assert which.clinical_cutoff is None or f"{which.clinical_cutoff:g}" in clinical.split()
    assert reliable.split()[0] == f"{which.reliable_change:.1f}"
    assert ("assumed" in reliable) is which.change.assumed
    assert matters == (
        "none established" if which.change.minimal_important is None else f"{which.change.minimal_important:g}"
    )
    assert missing == (f"up to {which.proration.missing_most}" if which.proration else "never")
