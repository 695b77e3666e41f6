"""What happens in a sample record beside the visits: signatures, goals, plans, medicines, a crisis, a wrong chart."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from domain.model.diagnosis import Diagnosis, DiagnosisContent, DiagnosisStatus
from domain.model.goal import Goal, GoalContent, GoalMetric, Milestone
from domain.model.medication import Medication, MedicationContent
from domain.model.risk_flag import RiskFlag
from domain.model.safety_plan import Ally, Professional, SafetyPlan, SafetyPlanContent
from domain.model.session import Session
from domain.model.substance_use import code_tells
from domain.model.treatment_plan import Frequency, PlannedMeasure, TreatmentPlan, TreatmentPlanContent
from domain.model.values import Modality
from ops.samples.care import CARE, EDITION, REASONS_TO_ABANDON
from ops.samples.chart import Chart
from ops.samples.visits import Visit

_SOON: Final = timedelta(minutes=5)
_FEWEST_FOR_PLANS: Final = 6
_ADDENDUM: Final = (
    "Correction to the entry above: the telephone call described took place on the evening before, not on the day itself. "
    "The client noticed it when we read the entry together."
)


def finish(chart: Chart) -> None:
    """Everything beside the visits."""
    if len(chart.held) >= _FEWEST_FOR_PLANS:
        _diagnose(chart)
        _goals(chart)
        _plan(chart)
    if "medication" in chart.script.marks:
        _medicate(chart)
    if "crisis" in chart.script.marks:
        _crisis(chart)
    _sign(chart)
    if "wrong_chart" in chart.script.marks:
        _wrong_chart(chart)


def _sign(chart: Chart) -> None:
    """All but the newest of a few, where something is left to do."""
    newest = chart.held[-1].number if chart.held else None
    for visit in chart.held:
        session, at = chart.sessions[visit.number], visit.end + timedelta(minutes=20)
        if visit.number == newest and "unsigned" in chart.script.marks:
            continue
        session.sign(at=at, by=chart.author, supervisor_id=chart.supervisor)
        if chart.supervisor is None or (visit.number == newest and "cosignature" in chart.script.marks):
            continue
        _cosign(chart, session, visit, chart.supervisor)
    if "addendum" in chart.script.marks:
        visit = chart.held[4]
        chart.sessions[visit.number].add_addendum(
            at=visit.end + timedelta(days=7), by=chart.author, addendum_id=chart.named("addendum"), text=_ADDENDUM
        )


def _cosign(chart: Chart, session: Session, visit: Visit, supervisor: UUID) -> None:
    at = visit.end + timedelta(hours=4)
    if "returned" in chart.script.marks and visit is chart.held[3]:
        session.return_to_author(at=at, by=supervisor, comment="Please say what the physician advised on cutting down.")
        session.sign(at=at + timedelta(hours=1), by=chart.author, supervisor_id=supervisor)
        at += timedelta(hours=2)
    session.cosign(at=at, by=supervisor)


def _diagnose(chart: Chart) -> None:
    care, first, third = CARE[chart.script.topic], chart.held[0], chart.held[2]
    content = DiagnosisContent(code=care.code, description=care.description, edition=EDITION, principal=True)
    diagnosis = chart.add(
        Diagnosis.record(
            chart.named("diagnosis"),
            at=first.end,
            client_id=chart.client_id,
            by=chart.author,
            content=content,
            substance_use=code_tells(content.code),
        )
    )
    confirmed = DiagnosisContent(
        code=care.code,
        description=care.description,
        edition=EDITION,
        status=DiagnosisStatus.CONFIRMED,
        principal=True,
        onset=str(first.day.year - 1),
    )
    diagnosis.change(at=third.end, by=chart.author, content=confirmed)


def _plan(chart: Chart) -> None:
    care, at = CARE[chart.script.topic], chart.held[2].end + timedelta(minutes=30)
    script, due = chart.script, at.date() + timedelta(weeks=26)
    content = TreatmentPlanContent(
        presenting_problems=(care.description.split(",")[0],),
        formulation="What keeps it going was drawn together in the first sessions; the drawing is the plan's beginning.",
        diagnosis_ids=(chart.named("diagnosis"),),
        goal_ids=tuple(chart.named("goal", name) for name in ("measure", "percentage", "milestones")),
        modality=Modality(script.modality),
        approach=care.approach,
        frequency=Frequency(sessions=1, weeks=script.every),
        interventions=care.interventions,
        discharge_criteria=(care.discharge,),
        measures=(PlannedMeasure(instrument=script.instrument, every_days=7 * script.every * script.measured),),
        review_due=due,
    )
    plan = chart.add(TreatmentPlan.write(chart.client_id, at=at, by=chart.author, content=content))
    for visit in chart.held[3:]:
        if visit.day >= due - timedelta(weeks=2):
            due = visit.day + timedelta(weeks=26)
            plan.review(at=visit.end, by=chart.author, note="Gone through together.", review_due=due)


def _goals(chart: Chart) -> None:
    _measure_goal(chart)
    _percentage_goal(chart)
    _milestone_goal(chart)


def _set(chart: Chart, name: str, **content: Any) -> Goal:
    """As of the third session."""
    goal: Goal = chart.add(
        Goal.set_goal(
            chart.named("goal", name),
            at=chart.held[2].end,
            by=chart.author,
            client_id=chart.client_id,
            content=GoalContent(session_ids=(chart.sessions[chart.held[2].number].id,), **content),
            instrument=chart.instrument if content["metric"] is GoalMetric.MEASURE else None,
        )
    )
    return goal


def _measure_goal(chart: Chart) -> None:
    """Out of the clinical range; for whoever began outside of it, half as far from health."""
    scale, first = chart.instrument, chart.measures[min(chart.measures)].score
    best = scale.least if scale.higher_is_worse else scale.most
    target = float(round((first + best) / 2))
    if scale.clinical_cutoff is not None and scale.is_clinical(first):
        target = scale.clinical_cutoff + (-scale.multiplier if scale.higher_is_worse else scale.multiplier)
    every = 7 * chart.script.every * chart.script.measured
    _set(
        chart,
        "measure",
        statement=f"Reach {target:g} on the {scale.key.upper()}.",
        measurable=f"{scale.title}, every {every} days.",
        metric=GoalMetric.MEASURE,
        instrument=scale.key,
        baseline=first,
        target=target,
        due_on=chart.held[-1].day + timedelta(weeks=8),
    )


def _percentage_goal(chart: Chart) -> None:
    """Told by hand every few sessions, and completed or given up where the story says so."""
    goal = _set(
        chart,
        "percentage",
        statement=CARE[chart.script.topic].percentage,
        metric=GoalMetric.PERCENTAGE,
        baseline=0.0,
        target=100.0,
    )
    begin = chart.level(chart.held[2])
    for visit in chart.held[5::4]:
        reached = 100 * (1 - chart.level(visit) / max(begin, 0.01)) + chart.chance.gauss(0, 6)
        value = float(min(100, max(0, 5 * round(reached / 5))))
        goal.record_progress(
            at=visit.end,
            by=chart.author,
            value=value,
            took_place=visit.start,
            session_id=chart.sessions[visit.number].id,
        )
    if "abandoned_goal" in chart.script.marks:
        visit = chart.held[-2]
        goal.abandon(
            at=visit.end, by=chart.author, reason=chart.chance.choice(REASONS_TO_ABANDON), abandoned_on=visit.day
        )


def _milestone_goal(chart: Chart) -> None:
    """Reached in time, reached late, still ahead, or overdue, as the course has it."""
    care, begin = CARE[chart.script.topic], chart.held[2]
    span = (chart.held[-1].day - begin.day).days
    due = [begin.day + timedelta(days=round(span * share)) for share in (0.3, 0.7, 1.1)]
    ids = [chart.named("milestone", number) for number in range(len(due))]
    listed = zip(ids, care.milestones, due, strict=True)
    goal = _set(
        chart,
        "milestones",
        statement=care.milestone_goal,
        metric=GoalMetric.MILESTONES,
        due_on=due[-1],
        milestones=tuple(Milestone(id=each, text=text, due_on=day) for each, text, day in listed),
    )
    first = chart.level(begin)
    reached = 0
    for visit in chart.held[4:]:
        if reached < len(ids) and chart.level(visit) < first * (0.82, 0.6, 0.32)[reached]:
            goal.reach_milestone(at=visit.end, by=chart.author, milestone_id=ids[reached], reached_on=visit.day)
            reached += 1
            if reached == len(ids):
                goal.complete(at=visit.end, by=chart.author, completed_on=visit.day)


def _medicate(chart: Chart) -> None:
    name, dose, frequency = CARE[chart.script.topic].medicine
    visit = chart.held[1]
    content = MedicationContent(
        name=name,
        dose=dose,
        frequency=frequency,
        prescriber="Dr. Petra Ohm, family physician",
        started_on=f"{visit.day:%Y-%m}",
        reason=CARE[chart.script.topic].description,
    )
    medication = chart.add(
        Medication.record(
            chart.named("medication"), at=visit.end, client_id=chart.client_id, by=chart.author, content=content
        )
    )
    last = chart.held[-1]
    if chart.level(last) < 0.25:
        medication.stop(
            at=last.end,
            by=chart.author,
            stopped_on=last.day.isoformat(),
            reason="Tapered off, as agreed with the physician.",
        )


def _crisis(chart: Chart) -> None:
    """Flag, taken on within the hour, a safety plan in the same session, and resolved when the danger had passed."""
    flag: RiskFlag = next(each for each in chart.aggregates if isinstance(each, RiskFlag))
    visit = next(each for each in chart.held if chart.named("measure", each.number) == flag.measure_id)
    flag.acknowledge(
        at=visit.start.instant + _SOON, by=chart.author, note="Seen before the session; talked about at once."
    )
    content = SafetyPlanContent(
        warning_signs=("Not answering the telephone for a day", "Thinking that everybody would be better off"),
        coping_strategies=("Cold water on the wrists", "The walk to the canal and back"),
        distractions=(Ally(name="The swimming pool, while it is open"),),
        helpers=(Ally(name="The emergency contact on file, day and night"),),
        professionals=(
            Professional(name="The practice", available="Weekdays, 8 to 18"),
            Professional(name="Emergency number", contact="112", available="Always"),
        ),
        environment=("Tablets kept by the family, a week's worth at a time",),
        reasons_for_living=("The nephew's school play", "The garden in April"),
        reviewed_on=visit.day,
    )
    plan = chart.add(SafetyPlan.write(chart.client_id, at=visit.end, by=chart.author, content=content))
    after = [each for each in chart.held if each.number > visit.number]
    flag.resolve(
        at=after[1].end,
        by=chart.author,
        outcome="No thoughts of death for ten days; safety plan used once, and it held. Weekly check goes on.",
    )
    plan.revise(at=after[1].end, by=chart.author, content=replace(content, reviewed_on=after[1].day))


def _wrong_chart(chart: Chart) -> None:
    """An entry about somebody else, written here by mistake and marked an hour later."""
    visit = chart.held[-3]
    wrong = chart.add(
        Session.record(
            chart.named("wrong-chart"),
            at=visit.end + timedelta(hours=1),
            client_id=chart.client_id,
            author_id=chart.author,
            content=chart.sessions[chart.held[-4].number].content,
            supervisor_id=chart.supervisor,
        )
    )
    wrong.mark_entered_in_error(
        at=visit.end + timedelta(hours=2),
        by=chart.author,
        reason="Written into the wrong chart; the entry stands in the right one.",
    )
