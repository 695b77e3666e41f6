"""Reports by seed: every class of trend, one event, ten years of weeks, nothing at all."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from domain.progress.report import (
    Appearance,
    By,
    Crossing,
    Cutoff,
    EmotionProgress,
    Engagement,
    FlagSummary,
    Gap,
    GoalProgress,
    Interval,
    MeasureProgress,
    MilestoneProgress,
    Observation,
    ReliableChange,
    Report,
    Source,
    Trend,
    TrendClass,
)

START = datetime(2025, 1, 6, 13, 0, tzinfo=UTC)
ZONE = "Europe/Berlin"
CLIENT = UUID("0190f5c8-0000-7000-8000-00000000c11e")
SEVERITIES = ((5, "mild"), (10, "moderate"), (15, "moderately severe"), (20, "severe"))


class Maker:
    """Numbers records and events as a log would, from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.position = 1000

    def uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def source(self, kind: str, events: int = 1) -> Source:
        positions = []
        for _ in range(events):
            self.position += self.random.randint(1, 9)
            positions.append(self.position)
        return Source(kind=kind, id=self.uuid(), positions=tuple(positions))


def trend(verdict, sources=(), *, unit="points", estimate=-0.42, change=-9.0, because=""):
    few = verdict is TrendClass.INSUFFICIENT_DATA
    return Trend(
        verdict=verdict,
        estimate=None if few else estimate,
        interval=None if few else Interval(low=estimate - 0.2, high=estimate + 0.2, level=0.95),
        change=None if few else change,
        unit=unit,
        rule="theil-sen-rci.1",
        because=because or f"The rule says {verdict.value.replace('_', ' ')} for these observations.",
        observations=len(sources),
        sources=tuple(sources),
    )


def _course(maker, verdict, n, least, most):
    level = {"improving": 0.75, "regressing": 0.3}.get(verdict.value, 0.55)
    drift = {"improving": -0.55, "regressing": 0.5}.get(verdict.value, 0.0)
    values = []
    for i in range(n):
        swing = 0.3 * (-1) ** (i // 3) if verdict is TrendClass.FLUCTUATING else 0
        noise = maker.random.gauss(0, 0.06)
        share = min(max(level + drift * (i / max(n - 1, 1)) + swing + noise, 0), 1)
        values.append(float(round(least + share * (most - least))))
    return values


def measure(maker, verdict, n, *, start=START, every=timedelta(days=7), holes=(), key="phq-9"):
    title, least, most, cuts, clinical, worse = {
        "phq-9": ("Patient Health Questionnaire (PHQ-9)", 0.0, 27.0, SEVERITIES, 10.0, True),
        "who-5": (
            "WHO-5 Well-Being Index",
            0.0,
            100.0,
            ((28, "likely depression"), (50, "low well-being")),
            50.0,
            False,
        ),
        "pcl-5": (
            "PTSD Checklist for DSM-5 (PCL-5)",
            0.0,
            80.0,
            ((31, "probable PTSD"), (33, "PTSD likely")),
            33.0,
            True,
        ),
    }[key]
    values = _course(maker, verdict, n, least, most)
    if not worse:
        values = [most - value for value in values]
    times = [start + i * every + timedelta(hours=maker.random.randint(0, 5)) for i in range(n)]
    scores = [
        Observation(at=at, value=value, source=maker.source("measure"))
        for i, (at, value) in enumerate(zip(times, values, strict=True))
        if i not in holes
    ]
    crossings = []
    for before, after in pairwise(scores):
        for score, label in cuts:
            if (before.value < score) != (after.value < score):
                crossings.append(
                    Crossing(
                        at=after.at,
                        cutoff=score,
                        label=label,
                        worsened=(after.value > before.value) == worse,
                        source=after.source,
                    )
                )
    change = None
    if len(scores) >= 2:
        difference = scores[-1].value - scores[0].value
        change = ReliableChange(
            first=scores[0],
            last=scores[-1],
            difference=difference,
            index=difference / 2.65,
            threshold=5.2,
            verdict=TrendClass.UNCLEAR if abs(difference) < 5.2 else verdict,
            recovered=bool(difference < -5.2 and scores[-1].value < 10),
        )
    return MeasureProgress(
        instrument=key,
        version="1",
        title=title,
        least=least,
        most=most,
        higher_is_worse=worse,
        cutoffs=tuple(Cutoff(score=score, label=label) for score, label in cuts),
        clinical_cutoff=clinical,
        band=5.2 * (most - least) / 27,
        minimal_important_difference=5.0,
        scores=tuple(scores),
        severities=tuple(next((label for cut, label in reversed(cuts) if s.value >= cut), "minimal") for s in scores),
        prorated=tuple(s.source for i, s in enumerate(scores) if i % 9 == 4),
        change=change,
        crossings=tuple(crossings),
        trend=trend(verdict, [s.source for s in scores]),
        buckets=(),
    )


def goal(maker, verdict, n, *, statement, start=START, status="active", counted_by="percentage", milestones=3):
    values = [round(min(100, max(0, 100 * i / max(n, 1) + maker.random.gauss(0, 5)))) for i in range(n)]
    course = tuple(
        Observation(at=start + timedelta(days=14 * i + 3), value=float(value), source=maker.source("goal"))
        for i, value in enumerate(values)
    )
    steps = tuple(
        MilestoneProgress(
            id=maker.uuid(),
            text=f"Milestone {i + 1}: a step on the way",
            due_on=(start + timedelta(days=40 * (i + 1))).date(),
            reached_on=(start + timedelta(days=40 * (i + 1) + (12 if i == 1 else -5))).date() if i < 2 else None,
            late=i == 1,
        )
        for i in range(milestones)
    )
    counted = counted_by != "milestones"
    return GoalProgress(
        id=maker.uuid(),
        statement=statement,
        status=status,
        set_on=start.date(),
        due_on=(start + timedelta(days=200)).date(),
        overdue=False,
        baseline=0.0 if counted else None,
        target=100.0 if counted else None,
        current=course[-1].value if course and counted else None,
        unit="%",
        counted_by=counted_by,
        completion=course[-1].value if course and counted else None,
        course=course if counted else (),
        milestones=steps,
        sessions=n,
        last_touched=(start + timedelta(days=14 * n)).date(),
        trend=trend(verdict, [o.source for o in course], unit="%", estimate=2.0, change=60.0),
        source=maker.source("goal", 4),
    )


def emotion(maker, name, valence, verdict, n, *, start=START, every=timedelta(days=7), holes=(), sessions=None):
    values = _course(maker, verdict, n, 0, 10)
    observations = tuple(
        Observation(
            at=start + i * every, value=value, source=(sessions or {}).get(start + i * every) or maker.source("session")
        )
        for i, value in enumerate(values)
        if i not in holes
    )
    numbers = [o.value for o in observations]
    mean = sum(numbers) / len(numbers) if numbers else None
    spread = (sum((x - mean) ** 2 for x in numbers) / (len(numbers) - 1)) ** 0.5 if len(numbers) > 1 else None
    return EmotionProgress(
        name=name,
        valence=valence,
        observations=observations,
        level=mean,
        variability=spread,
        instability=None if spread is None else spread**2,
        shift=None if len(numbers) < 4 else numbers[-1] - numbers[0],
        shift_interval=None,
        trend=trend(verdict, [o.source for o in observations], unit="points of intensity"),
        buckets=(),
    )


def engagement(maker, n, *, start=START, every=timedelta(days=7), holes=()):
    appearances = []
    for i in range(n):
        if i in holes:
            continue
        state = maker.random.choices(("held", "missed", "cancelled"), (85, 8, 7))[0]
        kind = "session" if state == "held" else "appointment"
        appearances.append(Appearance(at=start + i * every, state=state, source=maker.source(kind, 2)))
    appearances.extend(
        Appearance(at=start + (n + i) * every, state="planned", source=maker.source("appointment")) for i in range(2)
    )
    held = [a for a in appearances if a.state == "held"]
    gaps = tuple(
        Gap(since=a.at, until=b.at, days=(b.at - a.at).days, open=False, sources=(a.source, b.source))
        for a, b in pairwise(held)
        if b.at - a.at > 3 * every
    )
    counts = {state: sum(a.state == state for a in appearances) for state in ("held", "missed", "cancelled", "planned")}
    return Engagement(
        **counts,
        cancelled_late=min(1, counts["cancelled"]),
        sessions=counts["held"],
        attendance_rate=counts["held"] / max(1, counts["held"] + counts["missed"]),
        attendance_interval=Interval(low=0.7, high=0.95, level=0.95),
        median_gap_days=7.0,
        gaps=gaps,
        appearances=tuple(appearances),
        trend=trend(TrendClass.STABLE, [a.source for a in held], unit="share", estimate=0.0, change=0.0),
        buckets=(),
    )


def nothing():
    return Engagement(
        held=0,
        missed=0,
        cancelled=0,
        cancelled_late=0,
        planned=0,
        sessions=0,
        attendance_rate=None,
        attendance_interval=None,
        median_gap_days=None,
        gaps=(),
        appearances=(),
        trend=trend(TrendClass.INSUFFICIENT_DATA),
        buckets=(),
    )


def empty():
    return Report(
        client_id=CLIENT,
        since=START,
        until=START + timedelta(days=365),
        zone=ZONE,
        by=None,
        buckets=(),
        goals=(),
        measures=(),
        emotions=(),
        engagement=nothing(),
        flags=(),
        events=0,
        left_out=0,
    )


def one_event():
    maker = Maker(1)
    only = measure(maker, TrendClass.INSUFFICIENT_DATA, 1)
    return replace(empty(), measures=(only,), events=1)


def year(verdict=TrendClass.IMPROVING, *, seed=7, weeks=40):
    """A usual course: a measure every week, one every fourth, three goals, four states, a holiday, two flags."""
    maker = Maker(seed)
    holes = {14, 15, 16, 17, 18}
    attended = engagement(maker, weeks, holes=holes)
    sessions = {seen.at: seen.source for seen in attended.appearances}
    return replace(
        empty(),
        by=By.MONTH,
        measures=(
            measure(maker, verdict, weeks, holes=holes),
            measure(maker, verdict, max(weeks // 4, 1), every=timedelta(days=28), key="who-5"),
            measure(maker, TrendClass.UNCLEAR, 6, every=timedelta(days=42), key="pcl-5"),
        ),
        goals=(
            goal(maker, verdict, 14, statement="Take the bus to work alone on four days of the week"),
            goal(maker, verdict, 0, statement="Meet a friend every week", counted_by="milestones", status="completed"),
            goal(
                maker,
                TrendClass.UNCLEAR,
                5,
                statement="Sleep through the night: in bed by eleven, no phone in the bedroom, up at seven whatever happens",
                status="abandoned",
                milestones=0,
            ),
        ),
        emotions=(
            emotion(maker, "anxious", "negative", verdict, weeks, holes=holes, sessions=sessions),
            emotion(maker, "hopeful", "positive", TrendClass.FLUCTUATING, weeks, holes=holes, sessions=sessions),
            emotion(maker, "ashamed", "negative", TrendClass.UNCLEAR, 9, sessions=sessions),
            emotion(maker, "calm", "positive", TrendClass.INSUFFICIENT_DATA, 2),
        ),
        engagement=attended,
        flags=(
            FlagSummary(
                id=maker.uuid(),
                raised_at=START + timedelta(days=10),
                status="resolved",
                level="high",
                source=maker.source("risk_flag", 3),
            ),
            FlagSummary(
                id=maker.uuid(),
                raised_at=START + timedelta(days=150),
                status="raised",
                level="moderate",
                source=maker.source("risk_flag"),
            ),
        ),
        events=220,
        left_out=1,
    )


def decade(verdict=TrendClass.IMPROVING, *, seed=11, weeks=520):
    """Ten years of weeks: two measures, a dozen goals, eight states."""
    maker = Maker(seed)
    start = datetime(2016, 1, 4, 13, 0, tzinfo=UTC)
    holes = set(range(200, 224)) | set(range(400, 409))
    attended = engagement(maker, weeks, start=start, holes=holes)
    sessions = {seen.at: seen.source for seen in attended.appearances}
    names = ("anxious", "sad", "hopeful", "calm", "angry", "ashamed", "lonely", "proud")
    return replace(
        empty(),
        since=start,
        until=start + timedelta(weeks=weeks),
        by=By.YEAR,
        measures=(
            measure(maker, verdict, weeks, start=start, holes=holes),
            measure(maker, TrendClass.FLUCTUATING, weeks, start=start, holes=holes, key="who-5"),
        ),
        goals=tuple(
            goal(
                maker,
                verdict,
                20,
                statement=f"Goal number {i + 1}, told in a sentence of the usual length",
                start=start + timedelta(days=280 * i),
                status=("active", "completed", "abandoned")[i % 3],
            )
            for i in range(12)
        ),
        emotions=tuple(
            emotion(
                maker,
                name,
                "positive" if name in {"hopeful", "calm", "proud"} else "negative",
                list(TrendClass)[i % 6],
                weeks,
                start=start,
                holes=holes,
                sessions=sessions,
            )
            for i, name in enumerate(names)
        ),
        engagement=attended,
        flags=tuple(
            FlagSummary(
                id=maker.uuid(),
                raised_at=start + timedelta(days=400 * i),
                status="resolved",
                level=("low", "moderate", "high", "imminent")[i % 4],
                source=maker.source("risk_flag", 3),
            )
            for i in range(9)
        ),
        events=520 * 4,
        left_out=3,
    )


def of_class(verdict, seed=3):
    return replace(empty(), measures=(measure(Maker(seed), verdict, 16),), events=16)
