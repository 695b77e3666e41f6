"""Plain facts of made-up clients, for tests of statistics."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.progress.record import Aim, Booking, Feeling, Flag, Meeting, Milestone, Record, Scale, Score, Step
from domain.progress.report import Cutoff, Observation, Source
from domain.progress.yardstick import Better, Yardstick

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
PHQ_9 = Scale(
    instrument="phq-9",
    version="1",
    title="PHQ-9",
    least=0,
    most=27,
    higher_is_worse=True,
    cutoffs=(Cutoff(score=5, label="mild"), Cutoff(score=10, label="moderate"), Cutoff(score=15, label="severe")),
    clinical_cutoff=10,
    reliable=5.6,
    important=5,
)
WHO_5 = Scale(
    instrument="who-5",
    version="1",
    title="WHO-5",
    least=0,
    most=100,
    higher_is_worse=False,
    cutoffs=(Cutoff(score=28, label="very low"), Cutoff(score=50, label="low")),
    clinical_cutoff=50,
    reliable=21,
    important=10,
)
SCALES = {("phq-9", "1"): PHQ_9, ("who-5", "1"): WHO_5}
POINTS = PHQ_9.yardstick
UPWARDS = Yardstick(threshold=5.6, important=5, better=Better.HIGHER, known=True)


def source(number: int, kind: str = "measure") -> Source:
    return Source(kind=kind, id=UUID(int=number + 1), positions=(number + 1,))


def observations(values: Sequence[float], every: timedelta = WEEK, start: datetime = START) -> list[Observation]:
    return [
        Observation(at=start + place * every, value=value, source=source(place)) for place, value in enumerate(values)
    ]


def scores(values: Sequence[float], scale: Scale = PHQ_9, *, first: int = 0, start: datetime = START) -> list[Score]:
    return [
        Score(
            at=start + place * WEEK,
            instrument=scale.instrument,
            version=scale.version,
            value=value,
            severity="moderate",
            prorated=False,
            source=source(first + place),
        )
        for place, value in enumerate(values)
    ]


def meeting(number: int, at: datetime, *goal_ids: UUID) -> Meeting:
    told = source(number, "session")
    return Meeting(at=at, id=told.id, goal_ids=frozenset(goal_ids), source=told)


def booking(
    number: int, at: datetime, state: str = "held", *, late: bool = False, session_id: UUID | None = None
) -> Booking:
    return Booking(at=at, state=state, late=late, session_id=session_id, source=source(number, "appointment"))


def feeling(number: int, at: datetime, intensity: float, name: str = "fear", valence: str = "negative") -> Feeling:
    return Feeling(at=at, name=name, intensity=intensity, valence=valence, source=source(number, "session"))


def flag(number: int, at: datetime, status: str = "raised") -> Flag:
    told = source(number, "risk_flag")
    return Flag(id=told.id, raised_at=at, status=status, level="high", source=told)


def aim(number: int = 900, **more: object) -> Aim:
    told = source(number, "goal")
    whole: dict[str, object] = {
        "id": told.id,
        "statement": "Go out each day",
        "status": "active",
        "set_at": START,
        "due_on": None,
        "ended_on": None,
        "counted_by": "percentage",
        "instrument": "",
        "baseline": None,
        "target": 100.0,
        "steps": (),
        "milestones": (),
        "session_ids": frozenset(),
        "source": told,
    }
    return Aim(**{**whole, **more})


def steps(*values: float, every: timedelta = WEEK) -> tuple[Step, ...]:
    return tuple(Step(at=START + (place + 1) * every, value=value) for place, value in enumerate(values))


def milestone(number: int, due_on: object = None, reached_on: object = None) -> Milestone:
    return Milestone(id=UUID(int=number), text=f"Step {number}", due_on=due_on, reached_on=reached_on)


def record(**more: object) -> Record:
    return Record(**{"client_id": UUID(int=7), **more})
