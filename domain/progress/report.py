"""What a progress report says: plain frozen data, made by `domain.progress`, drawn by adapters, answered by the API.

Every figure names the record it came from (`Source`); a figure that can't be had is None, never zero. Scores are in points
of their instrument, intensities 0 to 10, durations in days, slopes per week (seven days).
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class TrendClass(StrEnum):
    """How something went. What can't be told is `unclear`; what has too few observations to tell is `insufficient_data`."""

    IMPROVING = "improving"
    STABLE = "stable"
    REGRESSING = "regressing"
    FLUCTUATING = "fluctuating"
    UNCLEAR = "unclear"
    INSUFFICIENT_DATA = "insufficient_data"


class By(StrEnum):
    """How a period is cut. Weeks begin on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a figure comes from: a record of the journey and the positions of its events in the log, oldest first."""

    kind: str
    id: UUID
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One dated number and its record. `at` is when it took place, UTC."""

    at: datetime
    value: float
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """`level` is the coverage aimed at, such as 0.95."""

    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """`estimate` is the slope per week with its `interval`, None below five observations; `change` the difference that the
    fitted line makes from the first observation to the last (below five: the plain difference), in points.

    `rule` names the rule and its version; `because` says in a sentence for a clinician why this class and no other.
    """

    verdict: TrendClass
    estimate: float | None
    interval: Interval | None
    change: float | None
    unit: str
    rule: str
    because: str
    observations: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliableChange:
    """Jacobson and Truax (1991): `index` is RC, `threshold` the smallest difference in points that is reliable."""

    first: Observation
    last: Observation
    difference: float
    index: float
    threshold: float
    verdict: TrendClass
    """IMPROVING, REGRESSING, or UNCLEAR where the difference is within the measure's error."""
    recovered: bool | None
    """Reliably improved and crossed the clinical cut-off; None for an instrument without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A score on the other side of a cut-off than the one before it."""

    at: datetime
    cutoff: float
    label: str
    worsened: bool
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """`label` is the severity from this score on (for instruments where low is worse: up to this score)."""

    score: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A day, week, month, quarter or year of the clinic's calendar, cut to the period. `until` is excluded; both UTC."""

    label: str
    first_day: date
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one bucket holds of a series: nothing (count 0, figures None) is said as nothing."""

    bucket: Bucket
    count: int
    mean: float | None
    least: float | None
    most: float | None
    last: float | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureProgress:
    """One instrument over the period. `scores` are in order of time; `prorated` lists the sources of prorated ones.

    `band` is half the width of the reliable-change band about the first score, in points (the reliable-change threshold).
    """

    instrument: str
    version: str
    title: str
    least: float
    most: float
    higher_is_worse: bool
    cutoffs: tuple[Cutoff, ...]
    clinical_cutoff: float | None
    band: float
    minimal_important_difference: float
    scores: tuple[Observation, ...]
    severities: tuple[str, ...]
    prorated: tuple[Source, ...]
    change: ReliableChange | None
    crossings: tuple[Crossing, ...]
    trend: Trend
    buckets: tuple[Summary, ...]
    other_versions: tuple[str, ...] = ()
    """Versions of the same instrument that were used in the period too: each is told for itself, never joined."""
    assumed: bool = False
    """Whether `band` rests on a standard deviation that is assumed, for want of a published one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneProgress:
    id: UUID
    text: str
    due_on: date | None
    reached_on: date | None
    late: bool
    """Reached after its day, or not reached though its day is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalProgress:
    """`completion` 0 to 100, None where nothing was recorded to count it from; `counted_by` says how it was counted:
    `percentage`, `measure` or `milestones`. `course` are the recorded values over time.
    """

    id: UUID
    statement: str
    status: str
    set_on: date
    due_on: date | None
    overdue: bool
    baseline: float | None
    target: float | None
    current: float | None
    unit: str
    counted_by: str
    completion: float | None
    course: tuple[Observation, ...]
    milestones: tuple[MilestoneProgress, ...]
    sessions: int
    last_touched: date | None
    trend: Trend
    source: Source
    buckets: tuple[Summary, ...] = ()
    """The recorded values of each part; of a goal counted by milestones, the share reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmotionProgress:
    """One named state, case and blanks aside. `level` is the mean intensity, `variability` its standard deviation,
    `instability` the mean squared successive difference (Jahng, Wood and Trull, 2008); `shift` the mean of the second half
    less that of the first, with its interval. Each None where there is too little to say.
    """

    name: str
    valence: str
    observations: tuple[Observation, ...]
    level: float | None
    variability: float | None
    instability: float | None
    shift: float | None
    shift_interval: Interval | None
    trend: Trend
    buckets: tuple[Summary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch without a session longer than usual: `days` between two sessions, or since the last one (`open`)."""

    since: datetime
    until: datetime
    days: float
    open: bool
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """What became of the appointments of one bucket, and the sessions held in it."""

    bucket: Bucket
    held: int
    missed: int
    cancelled: int
    sessions: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """One appointment or unplanned session for the attendance strip: `held`, `missed`, `cancelled` or `planned`."""

    at: datetime
    state: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """`attendance_rate` = held / (held + missed + late cancellations by the client), with a Wilson interval; None without
    appointments that are over. Sessions without an appointment count as sessions, not in the rate.
    """

    held: int
    missed: int
    cancelled: int
    cancelled_late: int
    planned: int
    sessions: int
    attendance_rate: float | None
    attendance_interval: Interval | None
    median_gap_days: float | None
    gaps: tuple[Gap, ...]
    appearances: tuple[Appearance, ...]
    trend: Trend
    buckets: tuple[Attendance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagSummary:
    id: UUID
    raised_at: datetime
    status: str
    level: str
    source: Source


class NoticeCode(StrEnum):
    """What a reader must know before any figure."""

    OPEN_RISK_FLAGS = "open_risk_flags"
    NOT_MEASURED = "not_measured"
    UNSIGNED_SESSIONS = "unsigned_sessions"
    SEVERAL_VERSIONS = "several_versions"
    NOT_JUDGED = "not_judged"
    PRORATED_SCORES = "prorated_scores"
    ASSUMED_ERROR = "assumed_error"
    ENTERED_IN_ERROR = "entered_in_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Said before the figures: `text` in a sentence or two, and the records it is about."""

    code: NoticeCode
    text: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A client's progress over `since` ≤ t < `until` (UTC), counted in days of `zone`, cut by `by` (None: not cut).

    `left_out` counts records marked as entered in error that lie in the period: they count for nothing else.
    `events` counts all records that the report drew on. Nothing here depends on when it was asked for.
    """

    client_id: UUID
    since: datetime
    until: datetime
    zone: str
    by: By | None
    buckets: tuple[Bucket, ...]
    goals: tuple[GoalProgress, ...]
    measures: tuple[MeasureProgress, ...]
    emotions: tuple[EmotionProgress, ...]
    engagement: Engagement
    flags: tuple[FlagSummary, ...]
    events: int
    left_out: int
    not_judged: tuple[Source, ...] = ()
    """Measures of an instrument or version that this release does not know: named, and counted for nothing."""
    notices: tuple[Notice, ...] = ()
    """What must not be missed, most urgent first."""
    released: bool = False
    """Made of what an account of a client sees, without unsigned sessions and without risk flags: it says nothing of either,
    not even that there are none."""


class CaseloadStanding(StrEnum):
    """Where a client stands, worst first in a list: an open risk flag, off track (regressing, or expected to have improved
    and has not), not measured lately, unclear, stable, improving, recovered.
    """

    FLAGGED = "flagged"
    OFF_TRACK = "off_track"
    NOT_MEASURED = "not_measured"
    UNCLEAR = "unclear"
    STABLE = "stable"
    IMPROVING = "improving"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseloadEntry:
    """One client. `measures` are (instrument, trend, last score); `because` says why this standing."""

    client_id: UUID
    standing: CaseloadStanding
    because: str
    measures: tuple[tuple[str, Trend, Observation], ...]
    last_measured_at: datetime | None
    last_session_at: datetime | None
    next_appointment_at: datetime | None
    open_flags: int
    sources: tuple[Source, ...]
    flag_level: str | None = None
    """The most urgent level of the open flags, however long ago they were raised; None without any."""
