"""The sample clinic: what each client is there to show, held to the rules that the product itself applies."""

import string
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import cache
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.codes.icd10cm import Icd10Cm
from adapters.memory.access import InMemoryAccessState
from domain.instruments import instrument
from domain.model.appointment import Appointment, AppointmentStatus
from domain.model.diagnosis import Diagnosis
from domain.model.goal import Goal, GoalMetric, GoalStatus
from domain.model.measure import Measure
from domain.model.risk_flag import FlagStatus, RiskFlag
from domain.model.safety_plan import SafetyPlan
from domain.model.session import Session, SessionStatus
from domain.model.treatment_plan import TreatmentPlan
from domain.progress.report import Observation, Source, TrendClass
from domain.progress.trend import trend
from domain.progress.yardstick import Better, Yardstick
from domain.services.rendering import session_as_json
from ops.samples.care import CARE, EDITION
from ops.samples.chart import Cast, Chart
from ops.samples.clinic import clinic
from ops.samples.noise import answers, leanings, scores
from ops.samples.scripts import SCRIPTS
from ops.samples.words import spoken, told

TODAY = date(2026, 11, 22)
ZONE = "Europe/Berlin"
DAYS = st.dates(date(2026, 1, 1), date(2040, 12, 31))
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"])
CAST = Cast(
    clinician=UUID(int=1), trainee=UUID(int=2), supervisor=UUID(int=3), id=lambda name: uuid5(UUID(int=9), name)
)


@cache
def charts() -> dict[str, Chart]:
    return {plan.script.key: plan.chart() for plan in clinic(TODAY, ZONE, CAST)}


def of_kind(chart: Chart, kind: type) -> list:
    return [each for each in chart.aggregates if isinstance(each, kind)]


def observations(chart: Chart) -> list[Observation]:
    measures = [measure for measure in of_kind(chart, Measure) if not measure.in_error]
    return [
        Observation(
            at=measure.taken_at.instant,
            value=measure.score,
            source=Source(kind="measure", id=measure.id, positions=(number,)),
        )
        for number, measure in enumerate(measures, 1)
    ]


def test_there_are_25_and_every_class_of_trend_is_among_them() -> None:
    assert len(SCRIPTS) == 25
    assert {script.label for script in SCRIPTS} == set(TrendClass)


def verdict(chart: Chart) -> tuple[TrendClass, str]:
    scale = chart.instrument
    yardstick = Yardstick(
        threshold=scale.reliable_change,
        important=scale.minimal_important_difference,
        better=Better.LOWER if scale.higher_is_worse else Better.HIGHER,
        known=True,
    )
    found = trend(observations(chart), yardstick)
    return found.verdict, found.because


@pytest.mark.parametrize("key", [script.key for script in SCRIPTS])
def test_each_client_really_has_the_trend_that_the_label_says(key: str) -> None:
    chart = charts()[key]

    found, because = verdict(chart)

    assert found is chart.script.label, because


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2027, 3, 29), date(2028, 2, 29)], ids=str)
def test_labels_hold_whenever_the_demo_is_begun(today: date) -> None:
    begun = {plan.script: plan.chart() for plan in clinic(today, ZONE, CAST)}

    assert {script.key: verdict(chart)[0] for script, chart in begun.items()} == {
        script.key: script.label for script in SCRIPTS
    }


def test_the_same_seed_and_day_give_the_same_records() -> None:
    again = [plan.chart() for plan in clinic(TODAY, ZONE, CAST)]

    assert [chart.aggregates for chart in again] == [chart.aggregates for chart in charts().values()]


def test_another_seed_gives_other_people_with_the_same_stories() -> None:
    others = clinic(TODAY, ZONE, CAST, seed=2)

    assert [plan.script for plan in others] == list(SCRIPTS)
    assert {plan.face.identity.names[0] for plan in others[5:]} != {
        chart.face.identity.names[0] for chart in list(charts().values())[5:]
    }


@settings(max_examples=5)
@given(DAYS, ZONES)
def test_every_record_can_be_written_on_any_day_in_any_zone_and_lies_before_it(today: date, zone: str) -> None:
    now = datetime(today.year, today.month, today.day, 13, tzinfo=UTC)

    for plan in clinic(today, zone, CAST):
        for aggregate in plan.record().aggregates:
            times = [event.timestamp for event in aggregate.pending_events]
            assert times == sorted(times)
            assert times[-1] <= now
        assert plan.record().client_id == plan.outline().client_id


def test_histories_reach_back_up_to_two_years() -> None:
    lengths = [TODAY - chart.visits[0].day for chart in charts().values() if chart.visits]

    assert max(lengths) > timedelta(days=700)
    assert max(lengths) < timedelta(days=2 * 366)


def test_nobody_has_the_name_of_another_and_addresses_are_fictional() -> None:
    people = [chart.face.identity for chart in charts().values()]

    assert len({person.names[0] for person in people}) == 25
    assert len({person.names[0].family for person in people}) == 25
    for person in people:
        phone, email = person.contacts
        assert email.value.endswith("@mail.example")
        assert phone.value.startswith(("+49 30 23125 ", "+44 20 7946 0"))


def test_entries_read_differently_from_one_another() -> None:
    for chart in charts().values():
        summaries = [session.content.summary for session in of_kind(chart, Session)]
        repeated = Counter(summaries)
        if len(summaries) > 5:
            assert len(repeated) > 0.6 * len(summaries), chart.script.key


def test_no_phrase_is_left_with_a_blank() -> None:
    for topic in told()["topics"].values():
        for phase in topic.values():
            for name in ("happened", "did", "took_away", "homework", "next_plan"):
                for phrase in phase[name]:
                    fields = {field for _, field, _, _ in string.Formatter().parse(phrase) if field}
                    assert fields <= {"they", "They", "their", "Their", "them", "theirs", "self", "was"}, phrase
                    assert "{" not in spoken(phrase, "they/them")


def test_answers_give_the_score_within_their_ranges() -> None:
    import random

    for key in ("phq-9", "gad-7", "pcl-5", "who-5", "audit-c"):
        scale, chance = instrument(key), random.Random(key)
        most = sum(item.most for item in scale.items)
        lean = leanings(scale, chance)
        for total in range(most + 1):
            given_answers = answers(scale, total, lean, {}, chance)
            assert scale.score(given_answers).score == total * scale.multiplier
    fixed = answers(instrument("phq-9"), 27, leanings(instrument("phq-9"), chance), {9: 0}, chance)
    assert (sum(fixed), fixed[8]) == (24, 0)


def test_scores_scatter_as_much_as_the_instrument_allows() -> None:
    import random
    from statistics import stdev

    scale = instrument("pcl-5")
    drawn = list(scores(scale, [0.5] * 4000, random.Random(4)))

    error = scale.change.sd * (1 - scale.change.reliability) ** 0.5
    assert 0.6 * error < stdev(drawn) < error


def test_diagnoses_read_as_the_published_list_has_them() -> None:
    codes = Icd10Cm()

    assert codes.edition == EDITION
    for care in CARE.values():
        entry = codes.find(care.code)
        assert entry is not None
        assert entry.billable
        assert entry.description == care.description


def test_the_crisis_was_flagged_taken_on_planned_for_and_resolved() -> None:
    chart = charts()["crisis"]
    (flag,) = of_kind(chart, RiskFlag)
    (plan,) = of_kind(chart, SafetyPlan)
    raising = next(measure for measure in of_kind(chart, Measure) if measure.id == flag.measure_id)

    assert raising.answers[8] == 2
    assert flag.acknowledged_at < flag.due_at
    assert flag.raised_at < plan.created_on < flag.resolved_at
    assert flag.status is FlagStatus.RESOLVED


def test_one_flag_is_overdue_and_nobody_else_has_an_open_one() -> None:
    flags = {key: of_kind(chart, RiskFlag) for key, chart in charts().items() if of_kind(chart, RiskFlag)}
    (waiting,) = flags["overdue-flag"]

    assert set(flags) == {"crisis", "overdue-flag"}
    assert waiting.waiting
    assert waiting.due_at < datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)


def test_the_drop_out_stayed_away_and_has_nothing_planned() -> None:
    appointments = of_kind(charts()["drop-out"], Appointment)

    assert [each.status for each in appointments[-3:]] == [AppointmentStatus.MISSED] * 3
    assert TODAY - appointments[-1].start.local.date() > timedelta(days=0)
    assert AppointmentStatus.PLANNED not in {each.status for each in appointments}


def test_the_relapse_came_after_a_recovery() -> None:
    values = [observation.value for observation in observations(charts()["relapse"])]
    best = values.index(min(values))

    assert values[0] >= 15
    assert values[best] < 5
    assert values[-1] >= 15
    assert 5 < best < len(values) - 5


def test_one_entry_waits_for_a_cosignature_and_one_is_unsigned() -> None:
    states = Counter(session.status for chart in charts().values() for session in of_kind(chart, Session))

    assert states[SessionStatus.AWAITING_COSIGNATURE] == 1
    assert states[SessionStatus.RECORDED] == 1
    assert states[SessionStatus.ENTERED_IN_ERROR] == 1
    assert states[SessionStatus.SIGNED] > 800


def test_a_trainees_entries_carry_the_supervisors_signature() -> None:
    for chart in charts().values():
        if chart.script.clinician == "trainee":
            signed = [each for each in of_kind(chart, Session) if each.status is SessionStatus.SIGNED]
            assert signed
            assert {session.cosigned_by for session in signed} == {CAST.supervisor}


def test_one_was_only_registered_and_one_came_once() -> None:
    nothing, once = charts()["registered-only"], charts()["one-session"]

    assert len(nothing.aggregates) == 2
    assert [type(each).__name__ for each in once.aggregates] == ["Client", "Identity", "Session"]


def test_goals_of_each_metric_have_milestones_and_endings_of_each_kind() -> None:
    goals = [goal for chart in charts().values() for goal in of_kind(chart, Goal)]
    milestones: set[str] = set()
    for goal in goals:
        reached = {each.id: each.reached_on for each in goal.reached}
        for milestone in goal.content.milestones:
            if milestone.id in reached:
                milestones.add("late" if reached[milestone.id] > milestone.due_on else "in time")
            else:
                milestones.add("overdue" if milestone.due_on < TODAY else "ahead")

    assert {goal.content.metric for goal in goals} == set(GoalMetric)
    assert {goal.status for goal in goals} == {GoalStatus.ACTIVE, GoalStatus.COMPLETED, GoalStatus.ABANDONED}
    assert milestones == {"in time", "late", "overdue", "ahead"}


def test_plans_say_what_is_measured_how_often_and_name_goals_and_diagnoses_that_are_there() -> None:
    for chart in charts().values():
        ids = {each.id for each in chart.aggregates}
        for plan in of_kind(chart, TreatmentPlan):
            (planned,) = plan.content.measures
            assert planned.instrument == chart.instrument.key
            assert set(plan.content.goal_ids) <= ids
            assert set(plan.content.diagnosis_ids) <= {each.id for each in of_kind(chart, Diagnosis)}
        for session in of_kind(chart, Session):
            assert set(session.content.goal_ids) <= ids


def test_the_wrong_entry_says_why_it_counts_for_nothing() -> None:
    wrong = [each for each in of_kind(charts()["wrong-chart"], Session) if each.error_reason]

    assert [session_as_json(session)["status"] for session in wrong] == ["entered_in_error"]


def test_who_answers_for_a_client_is_in_the_care_team() -> None:
    state = InMemoryAccessState()
    for chart in charts().values():
        for aggregate in chart.aggregates[:2]:
            for event in aggregate.pending_events:
                state.apply(event)

    assert len(state.caseload(CAST.clinician)) == 21
    assert len(state.caseload(CAST.trainee)) == len(state.caseload(CAST.supervisor)) == 4
