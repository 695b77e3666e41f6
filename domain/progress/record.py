"""What a report is made from: plain dated facts of one client, whoever kept them."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from domain.progress.report import Cutoff, Source
from domain.progress.yardstick import Better, Yardstick


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One version of an instrument, as far as progress needs it. `reliable` is the reliable-change threshold in points."""

    instrument: str
    version: str
    title: str
    least: float
    most: float
    higher_is_worse: bool
    cutoffs: tuple[Cutoff, ...]
    clinical_cutoff: float | None
    reliable: float
    important: float
    assumed: bool = False
    """Whether `reliable` rests on an assumption, for want of a published figure."""

    @property
    def yardstick(self) -> Yardstick:
        better = Better.LOWER if self.higher_is_worse else Better.HIGHER
        return Yardstick(threshold=self.reliable, important=self.important, better=better, known=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    at: datetime
    instrument: str
    version: str
    value: float
    severity: str
    prorated: bool
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeling:
    """A named state of one session; `valence` is positive, neutral or negative."""

    at: datetime
    name: str
    intensity: float
    valence: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A session that was written down; `signed` once nobody's signature is missing."""

    at: datetime
    id: UUID
    goal_ids: frozenset[UUID]
    source: Source
    signed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """An appointment: `planned`, `held`, `missed` or `cancelled`. `late` when the client called it off with less than 24
    hours' notice; `session_id` the session that was written about it.
    """

    at: datetime
    state: str
    late: bool
    session_id: UUID | None
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A recorded value of a goal."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    id: UUID
    text: str
    due_on: date | None
    reached_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A goal. `counted_by` is `percentage`, `measure` or `milestones`; `instrument` whose scores count, if any.
    `ended_on` with `status` completed or abandoned.
    """

    id: UUID
    statement: str
    status: str
    set_at: datetime
    due_on: date | None
    ended_on: date | None
    counted_by: str
    instrument: str
    baseline: float | None
    target: float | None
    steps: tuple[Step, ...]
    milestones: tuple[Milestone, ...]
    session_ids: frozenset[UUID]
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    id: UUID
    raised_at: datetime
    status: str
    level: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything known of a client, before any period is chosen. `withdrawn` are the times of records that are marked as
    entered in error: they count for nothing.
    """

    client_id: UUID
    scores: tuple[Score, ...] = ()
    aims: tuple[Aim, ...] = ()
    feelings: tuple[Feeling, ...] = ()
    bookings: tuple[Booking, ...] = ()
    meetings: tuple[Meeting, ...] = ()
    flags: tuple[Flag, ...] = ()
    withdrawn: tuple[datetime, ...] = ()
