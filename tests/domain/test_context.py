"""What a model is shown of a record: chosen for a budget, in order of time, each with its reasons."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.relevance.tokens import EstimatedTokens
from adapters.relevance.words import Bm25Words
from domain.ports.views import JourneyItem
from domain.services.context_candidates import KINDS, Means, Wish
from domain.services.context_choice import SEPARATOR, choose
from domain.services.context_text import GAP

CLIENT = UUID(int=7)
BEGAN = datetime(2024, 1, 8, 9, tzinfo=UTC)
COUNTER = EstimatedTokens()
MEANS = Means(COUNTER, Bm25Words())


def item(kind, day, state="signed", content=None, number=0):
    at = BEGAN + timedelta(days=day)
    return JourneyItem(
        kind=kind,
        id=uuid5(CLIENT, f"{kind}/{day}/{number}/{content!r}"),
        client_id=CLIENT,
        state=state,
        version=1,
        happened_at=at,
        recorded_at=at,
        positions=(day * 10 + number + 1,),
        content=content or {},
    )


def session(day, summary="Talked about the week.", *, state="signed", themes=(), goal_ids=(), number=0):
    content = {
        "took_place": {"instant": "", "local": (BEGAN + timedelta(days=day)).isoformat(), "zone": "UTC"},
        "duration_min": 50,
        "modality": "in_person",
        "summary": summary,
        "themes": list(themes),
        "emotions": [{"name": "worry", "intensity": 6, "valence": "negative"}],
        "interventions": ["thought record"],
        "goal_ids": [str(one) for one in goal_ids],
        "homework": "",
        "risk": {"level": "none", "text": ""},
        "next_plan": "",
    }
    return item("session", day, state, {"content": content, "addenda": []}, number)


def measure(day, score=12, instrument="phq_9"):
    content = {"instrument": instrument, "score": score, "severity": "moderate", "answers": [1, None], "prorated": True}
    return item("measure", day, "recorded", content)


def goal(day, statement="Sleep through three nights a week", state="active", **fields):
    content = {"statement": statement, "metric": "percentage", "baseline": 0.0, "target": 100.0, **fields}
    return item("goal", day, state, {"content": content, "session_ids": []})


def flag(day, state="raised"):
    return item("risk_flag", day, state, {"level": "high", "reason": "Said that it would be easier not to wake up."})


def plan():
    return item(
        "safety_plan",
        1,
        "active",
        {"content": {"warning_signs": ["Stays in bed"], "helpers": [{"name": "Ana", "contact": "+49 30 901820"}]}},
    )


def transcript(day, lines):
    told = [{"number": n, "speaker": "client", "text": text, "codes": []} for n, text in enumerate(lines)]
    return item("transcript", day, "attached", {"utterances": told})


def weekly(count, seed=5):
    """Sessions that each say something of their own."""
    words = [
        f"{one}{two}" for one in ("ba", "de", "ki", "lo", "mu") for two in ("ran", "sel", "tir", "von", "wuk", "zep")
    ]
    pick = Random(seed)
    return [
        session(7 * n, ". ".join(" ".join(pick.choices(words, k=12)).capitalize() for _ in range(12)) + ".")
        for n in range(count)
    ]


def of(choice, kind):
    return [one for one in choice.chosen if one.kind == kind]


def codes(chosen):
    return {reason.code for reason in chosen.because}


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=400)
RECORDS = st.lists(
    st.one_of(
        st.builds(
            session,
            st.integers(0, 900),
            TEXTS,
            state=st.sampled_from(["signed", "recorded", "entered_in_error", "awaiting_cosignature"]),
            themes=st.lists(st.sampled_from(["sleep", "work strain", "Trauer"]), max_size=2),
        ),
        st.builds(measure, st.integers(0, 900), st.integers(0, 27), st.sampled_from(["phq_9", "gad_7"])),
        st.builds(goal, st.integers(0, 900), TEXTS, st.sampled_from(["active", "completed", "entered_in_error"])),
        st.builds(flag, st.integers(0, 900), st.sampled_from(["raised", "escalated", "resolved", "entered_in_error"])),
        st.builds(transcript, st.integers(0, 900), st.lists(TEXTS, max_size=6)),
        st.builds(plan),
        st.builds(item, st.just("appointment"), st.integers(0, 900), st.sampled_from(["planned", "held", "missed"])),
        st.builds(item, st.just("consent"), st.integers(0, 900), st.just("given")),
    ),
    max_size=30,
    unique_by=lambda one: one.id,
)
WISHES = st.builds(
    Wish,
    themes=st.sampled_from([(), ("sleep",), ("work", "Trauer")]),
    words=st.one_of(st.just(""), st.just("sleep and worry"), TEXTS),
    only=st.booleans(),
)


@settings(max_examples=120, deadline=None)
@given(RECORDS, WISHES, st.integers(1, 3000), st.randoms(use_true_random=False))
def test_a_context_never_passes_its_budget_is_in_order_and_is_the_same_each_time(records, wish, budget, shuffler):
    choice = choose(records, wish, budget, MEANS)
    assert choice.tokens == COUNTER.count(SEPARATOR.join(one.text for one in choice.chosen))
    assert choice.tokens <= budget
    assert [(one.happened_at, one.id.int) for one in choice.chosen] == sorted(
        (one.happened_at, one.id.int) for one in choice.chosen
    )
    assert {one.state for one in choice.chosen}.isdisjoint({"entered_in_error"})
    assert {one.kind for one in choice.chosen} <= set(KINDS)
    assert all(one.because or one.kind for one in choice.chosen)
    shuffled = list(records)
    shuffler.shuffle(shuffled)
    assert choose(shuffled, wish, budget, MEANS) == choice


@settings(max_examples=60, deadline=None)
@given(RECORDS, WISHES, st.integers(256, 3000))
def test_what_is_chosen_and_what_is_left_out_is_all_there_is(records, wish, budget):
    choice = choose(records, wish, budget, MEANS)
    shown = {source.id for one in choice.chosen for source in one.sources}
    usable = [one for one in records if one.kind in KINDS and one.state != "entered_in_error"]
    assert len(shown) + sum(choice.left_out.values()) == len(usable)
    assert shown <= {one.id for one in usable}
    assert choice.entered_in_error == sum(one.kind in KINDS and one.state == "entered_in_error" for one in records)


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.integers(256, 3000))
def test_each_sentence_of_an_excerpt_stands_in_the_record(records, budget):
    by_id = {one.id: one for one in records}
    for one in choose(records, Wish(), budget, MEANS).chosen:
        if one.kind == "session" and not one.whole:
            assert GAP in one.text
            summary = by_id[one.id].content["content"]["summary"]
            labels = ("Themes: ", "Feelings: ", "Interventions: ", "Risk: ")
            for line in one.text.splitlines()[1:]:
                # A gap may stand before a label: what was left out then lay between.
                pieces = [piece.strip() for piece in line.split(GAP)]
                said = [piece for piece in pieces if not piece.startswith(labels)]
                assert all("".join(piece.split()) in "".join(summary.split()) for piece in said)


def test_everything_is_shown_whole_where_there_is_room():
    records = [goal(0), *weekly(3), measure(14)]
    choice = choose(records, Wish(), 8192, MEANS)
    assert (len(choice.chosen), choice.left_out) == (5, {})
    assert all(one.whole for one in choice.chosen)


def test_open_flags_and_the_safety_plan_come_before_all_else():
    records = [flag(0), plan(), flag(3, "resolved"), *weekly(80)]
    choice = choose(records, Wish(words="baran", themes=("sleep",), only=True), 256, MEANS)
    assert [one.kind for one in choice.chosen if "safety" in codes(one)] == ["risk_flag", "safety_plan"]
    assert choice.left_out["risk_flag"] == 1


def test_contacts_of_third_persons_are_not_told():
    text = choose([plan()], Wish(), 512, MEANS).chosen[0].text
    assert "Ana" in text
    assert "901820" not in text


def test_the_newest_session_and_the_newest_result_with_each_instrument_are_there():
    records = [measure(0, 20), measure(7, 9), measure(0, 15, "gad_7"), *weekly(60)]
    choice = choose(records, Wish(words="kitir"), 700, MEANS)
    assert "newest_session" in codes(max(of(choice, "session"), key=lambda one: one.happened_at))
    newest = of(choice, "measure")
    assert {one.text.partition(":")[0].partition(" ")[2] for one in newest} == {"PHQ-9", "GAD-7"}
    assert "2024-01-08 20" in next(one.text for one in newest if "PHQ" in one.text)


def test_a_course_of_scores_names_each_result_it_tells():
    records = [measure(7 * n, n) for n in range(20)]
    (shown,) = choose(records, Wish(), 2000, MEANS).chosen
    assert [source.positions for source in shown.sources] == [
        one.positions for one in (records[0], *records[12:19], records[19])
    ]
    assert shown.text.count(" 0,") == 1
    assert GAP in shown.text


def test_newer_sessions_are_preferred_when_nothing_else_is_asked_for():
    choice = choose(weekly(100), Wish(), 2000, MEANS)
    newest = max(one.happened_at for one in choice.chosen)
    assert newest == BEGAN + timedelta(days=99 * 7)
    assert all((newest - one.happened_at).days <= 90 for one in choice.chosen)
    assert choice.left_out == {"session": 100 - len(choice.chosen)}


def test_words_bring_back_what_is_long_ago():
    records = [*weekly(100), session(3, "The crossing at the lighthouse frightened her again.")]
    choice = choose(records, Wish(words="lighthouses"), 1500, MEANS)
    found = min(choice.chosen, key=lambda one: one.happened_at)
    assert found.happened_at == BEGAN + timedelta(days=3)
    assert ("words", "Says: lighthouse.") in [(reason.code, reason.text) for reason in found.because]
    assert found.parts["words"] == 1.0


def test_goals_bring_what_names_them():
    wanted = goal(0)
    touching = session(5, "Kept the evening free.", goal_ids=[wanted.id])
    linked = session(6, "Walked.")
    wanted.content["session_ids"].append(str(linked.id))
    choice = choose([wanted, touching, linked, *weekly(100)], Wish(goal_ids=(wanted.id,)), 1500, MEANS)
    named = {one.id for one in choice.chosen if "goal" in codes(one)}
    assert named == {wanted.id, touching.id, linked.id}
    assert "Goals: Sleep through three nights a week" in next(
        one.text for one in choice.chosen if one.id == touching.id
    )


def test_themes_count_more_as_themes_than_in_passing():
    carries = session(5, "Kept the evening free.", themes=["Sleep trouble"])
    mentions = session(6, "Slept badly; sleep came late.")
    choice = choose([carries, mentions, *weekly(9)], Wish(themes=("sleep",)), 4000, MEANS)
    parts = {one.id: one.parts["theme"] for one in choice.chosen}
    assert (parts[carries.id], parts[mentions.id]) == (1.0, 0.5)


def test_only_leaves_out_what_names_neither_goal_nor_theme():
    records = [session(5, themes=["sleep"]), plan(), *weekly(10)]
    choice = choose(records, Wish(themes=("sleep",), only=True), 4000, MEANS)
    assert {one.kind for one in choice.chosen} == {"session", "safety_plan"}
    assert len(of(choice, "session")) == 1


def test_what_stands_now_has_room_whatever_the_words_are():
    diagnosis = item("diagnosis", 2, "confirmed", {"content": {"code": "F41.1", "description": "Generalised anxiety"}})
    over = item("diagnosis", 3, "resolved", {"content": {"code": "F32.1", "description": "Depressive episode"}})
    long_ago = goal(0, "Drive across the bridge again")
    choice = choose([diagnosis, over, long_ago, *weekly(200)], Wish(words="baran desel kitir"), 1500, MEANS)
    assert {diagnosis.id, long_ago.id} <= {one.id for one in choice.chosen}
    assert over.id not in {one.id for one in choice.chosen}
    many = [goal(n, f"Goal number {n}: {'something to reach ' * n}") for n in range(1, 60)]
    crowded = choose([*many, *weekly(200)], Wish(words="baran desel kitir"), 3000, MEANS)
    assert len(of(crowded, "session")) >= 3


def test_copies_are_shown_once():
    text = "Did the breathing together for ten minutes, then went over the week as always and agreed on the same steps."
    records = [session(n, text, number=n) for n in range(0, 70, 7)]
    choice = choose(records, Wish(), 4000, MEANS)
    assert [one.happened_at for one in choice.chosen] == [records[-1].happened_at]
    assert choice.left_out == {"session": 9}


def test_an_unsigned_session_says_so():
    (shown,) = choose([session(1, state="recorded")], Wish(), 500, MEANS).chosen
    assert shown.state == "recorded"
    assert "not signed yet" in shown.text


def test_a_long_session_becomes_an_excerpt_that_keeps_what_is_asked_for():
    summary = "Sentence of filling words here. " * 200 + "The lighthouse again. " + "More of the filling. " * 200
    (shown,) = choose([session(1, summary)], Wish(words="lighthouse"), 400, MEANS).chosen
    assert not shown.whole
    assert "The lighthouse again." in shown.text


def test_a_transcript_is_shown_by_the_lines_that_say_the_words():
    lines = [f"Something about day {n}." for n in range(300)]
    lines[170] = "I dreamt of the lighthouse."
    choice = choose([transcript(3, lines), *weekly(5)], Wish(words="lighthouse dream"), 1200, MEANS)
    (shown,) = of(choice, "transcript")
    assert "client: I dreamt of the lighthouse." in shown.text


def test_a_kept_appointment_is_told_by_its_session():
    records = [
        item("appointment", 0, "held"),
        item("appointment", 1, "missed", {"miss_reason": "client_no_show"}),
        session(0),
    ]
    choice = choose(records, Wish(), 2000, MEANS)
    assert [one.text for one in of(choice, "appointment")] == ["2024-01-09 Appointment, missed: client no show"]
    assert choice.left_out == {"appointment": 1}


def test_nothing_gives_nothing():
    choice = choose([], Wish(words="anything", themes=("sleep",)), 500, MEANS)
    assert (choice.chosen, choice.tokens, choice.left_out) == ((), 0, {})


class Meaning:
    """Near to texts that hold a mark."""

    name = "meaning/marked"

    def scores(self, query, documents):
        return [0.9 if "lantern" in document else -0.2 for document in documents]


def test_meaning_brings_what_says_it_in_other_words():
    records = [*weekly(50), session(349, "She carried a lantern.")]
    choice = choose(records, Wish(words="lighthouse"), 1500, Means(COUNTER, Bm25Words(), Meaning()))
    found = next(one for one in choice.chosen if "meaning" in codes(one))
    assert found.parts["meaning"] == 0.9
    assert choice.chosen_by == ("recency/1", "bm25/1", "meaning/marked")


class Hungry:
    """A tokeniser that needs more for the whole than for its parts."""

    name = "hungry"

    def count(self, text):
        return len(text.split()) + text.count("\n\n") ** 2


@pytest.mark.parametrize("budget", [300, 400])
def test_the_budget_holds_for_tokenisers_that_need_more_for_the_whole(budget):
    choice = choose(weekly(60), Wish(), budget, Means(Hungry(), Bm25Words()))
    assert choice.chosen
    assert choice.tokens <= budget


def test_ids_settle_what_time_does_not():
    twins = [session(3, f"Number {n} said something of its own here.", number=n) for n in range(4)]
    assert [one.id for one in choose(twins, Wish(), 4000, MEANS).chosen] == sorted(
        (one.id for one in twins), key=lambda one: one.int
    )
    assert uuid4() not in {one.id for one in twins}
