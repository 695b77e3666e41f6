"""Progress reports and caseloads as they are answered. Figures name their records by place in `sources`."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from api.models.common import Out, Rfc3339, example
from api.models.context import SourceOut

Verdict = Literal["improving", "stable", "regressing", "fluctuating", "unclear", "insufficient_data"]
Place = Annotated[int, Field(ge=0, description="Place in `sources`, from 0.")]
Places = Annotated[tuple[int, ...], Field(description="Places in `sources`, from 0.")]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]


class IntervalOut(Out):
    """`level` is the coverage aimed at, such as 0.95."""

    low: float
    high: float
    level: float


class BucketOut(Out):
    """A day, week (from Monday), month, quarter or year of the clinic's calendar, cut to the period; `until` is excluded."""

    label: str
    first_day: Day
    since: Rfc3339
    until: Rfc3339


class ObservationOut(Out):
    at: Rfc3339
    value: float
    source: Place


class ScoreOut(ObservationOut):
    severity: str


class VerdictOut(Out):
    """`estimate` is the slope a week with its `interval`, null below five observations. `rule` names the rule and its version,
    `because` says in a sentence why this verdict and no other.
    """

    verdict: Verdict
    estimate: float | None
    interval: IntervalOut | None
    change: float | None
    unit: str
    rule: str
    because: str
    observations: int


class TrendOut(VerdictOut):
    sources: Places


class SummaryOut(Out):
    """What one bucket holds: nothing is count 0 with null figures."""

    bucket: str
    count: int
    mean: float | None
    least: float | None
    most: float | None
    last: float | None
    sources: Places


class ReliableChangeOut(Out):
    """Jacobson and Truax (1991): `index` is RC, `threshold` the smallest reliable difference in points."""

    first: ObservationOut
    last: ObservationOut
    difference: float
    index: float
    threshold: float
    verdict: Verdict
    recovered: bool | None


class CrossingOut(Out):
    at: Rfc3339
    cutoff: float
    label: str
    worsened: bool
    source: Place


class CutoffOut(Out):
    score: float
    label: str


class MeasureProgressOut(Out):
    """One instrument over the period. `band` is half the width of the reliable-change band about the first score; `assumed`
    says that it rests on a standard deviation that is assumed, for want of a published one.
    """

    instrument: str
    version: str
    other_versions: tuple[str, ...]
    title: str
    least: float
    most: float
    higher_is_worse: bool
    cutoffs: tuple[CutoffOut, ...]
    clinical_cutoff: float | None
    band: float
    assumed: bool
    minimal_important_difference: float
    scores: tuple[ScoreOut, ...]
    prorated: Places
    change: ReliableChangeOut | None
    crossings: tuple[CrossingOut, ...]
    trend: TrendOut
    buckets: tuple[SummaryOut, ...]


class MilestoneProgressOut(Out):
    id: UUID
    text: str
    due_on: Day | None
    reached_on: Day | None
    late: bool


class GoalInPeriodOut(Out):
    """`completion` 0 to 100, null where nothing was recorded to count it from; `counted_by` says how it was counted."""

    id: UUID
    statement: str
    status: str
    set_on: Day
    due_on: Day | None
    overdue: bool
    baseline: float | None
    target: float | None
    current: float | None
    unit: str
    counted_by: str
    completion: float | None
    course: tuple[ObservationOut, ...]
    milestones: tuple[MilestoneProgressOut, ...]
    sessions: int
    last_touched: Day | None
    trend: TrendOut
    buckets: tuple[SummaryOut, ...]
    source: Place


class EmotionProgressOut(Out):
    """One named state, 0 to 10: mean level, standard deviation, mean squared successive difference, and how the second half
    differs from the first.
    """

    name: str
    valence: str
    observations: tuple[ObservationOut, ...]
    level: float | None
    variability: float | None
    instability: float | None
    shift: float | None
    shift_interval: IntervalOut | None
    trend: TrendOut
    buckets: tuple[SummaryOut, ...]


class GapOut(Out):
    since: Rfc3339
    until: Rfc3339
    days: float
    open: bool
    sources: Places


class AppearanceOut(Out):
    at: Rfc3339
    state: str
    source: Place


class AttendanceOut(Out):
    bucket: str
    held: int
    missed: int
    cancelled: int
    sessions: int
    sources: Places


class EngagementOut(Out):
    """`attendance_rate` counts held against missed and late cancellations by the client; null before any appointment is over."""

    held: int
    missed: int
    cancelled: int
    cancelled_late: int
    planned: int
    sessions: int
    attendance_rate: float | None
    attendance_interval: IntervalOut | None
    median_gap_days: float | None
    gaps: tuple[GapOut, ...]
    appearances: tuple[AppearanceOut, ...]
    trend: TrendOut
    buckets: tuple[AttendanceOut, ...]


class FlagOut(Out):
    id: UUID
    raised_at: Rfc3339
    status: str
    level: str
    source: Place


_SOURCES = [
    {"kind": "measure", "id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d21", "positions": [1041]},
    {"kind": "measure", "id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d22", "positions": [1102]},
]
_VERDICT = {
    "verdict": "insufficient_data",
    "estimate": None,
    "interval": None,
    "change": -7.0,
    "unit": "points",
    "rule": "trend/1",
    "because": "2 observations: fewer than the 5 that a trend needs.",
    "observations": 2,
}
_TREND = _VERDICT | {"sources": [0, 1]}
_NO_TREND = _TREND | {"change": None, "because": "Nothing was observed.", "observations": 0, "sources": []}


class NoticeOut(Out):
    """What a reader must not miss, before any figure."""

    code: Literal[
        "open_risk_flags",
        "not_measured",
        "unsigned_sessions",
        "several_versions",
        "not_judged",
        "prorated_scores",
        "assumed_error",
        "entered_in_error",
    ]
    text: str
    sources: Places


class ReportOut(Out):
    """A client's progress over `since` ≤ t < `until`, counted in days of `zone`. `events` counts all records drawn on,
    `left_out` those of the period that were entered in error and count for nothing; `not_judged` are results with instruments
    that are not known here. `notices` come first, most urgent first: open risk flags however old, what was not measured or
    signed. `released` tells that it was made of what an account of a client sees, without unsigned sessions and
    risk flags. `sources` gives each record once, with the positions of its events in the log. A report is no diagnosis.
    """

    client_id: UUID
    since: Rfc3339
    until: Rfc3339
    zone: str
    by: Literal["day", "week", "month", "quarter", "year"] | None
    notices: tuple[NoticeOut, ...]
    buckets: tuple[BucketOut, ...]
    goals: tuple[GoalInPeriodOut, ...]
    measures: tuple[MeasureProgressOut, ...]
    emotions: tuple[EmotionProgressOut, ...]
    engagement: EngagementOut
    flags: tuple[FlagOut, ...]
    released: bool
    events: int
    left_out: int
    not_judged: Places
    sources: tuple[SourceOut, ...]

    model_config = example(
        {
            "client_id": "3f1c9a52-77aa-4b10-9a52-6a4f5f0f3d10",
            "since": "2025-09-01T22:00:00Z",
            "until": "2026-03-02T09:00:00Z",
            "zone": "Europe/Berlin",
            "by": None,
            "notices": [
                {
                    "code": "unsigned_sessions",
                    "text": "1 session is counted that nobody has signed for yet: what they say may change.",
                    "sources": [1],
                }
            ],
            "buckets": [],
            "goals": [],
            "measures": [
                {
                    "instrument": "phq-9",
                    "version": "1",
                    "other_versions": [],
                    "title": "Patient Health Questionnaire-9",
                    "least": 0.0,
                    "most": 27.0,
                    "higher_is_worse": True,
                    "cutoffs": [{"score": 10.0, "label": "moderate"}],
                    "clinical_cutoff": 10.0,
                    "band": 5.64,
                    "assumed": False,
                    "minimal_important_difference": 5.0,
                    "scores": [
                        {"at": "2025-09-08T08:00:00Z", "value": 17.0, "source": 0, "severity": "moderately severe"},
                        {"at": "2026-02-23T09:00:00Z", "value": 10.0, "source": 1, "severity": "moderate"},
                    ],
                    "prorated": [],
                    "change": {
                        "first": {"at": "2025-09-08T08:00:00Z", "value": 17.0, "source": 0},
                        "last": {"at": "2026-02-23T09:00:00Z", "value": 10.0, "source": 1},
                        "difference": -7.0,
                        "index": -2.43,
                        "threshold": 5.64,
                        "verdict": "improving",
                        "recovered": False,
                    },
                    "crossings": [],
                    "trend": _TREND,
                    "buckets": [],
                }
            ],
            "emotions": [],
            "engagement": {
                "held": 0,
                "missed": 0,
                "cancelled": 0,
                "cancelled_late": 0,
                "planned": 0,
                "sessions": 0,
                "attendance_rate": None,
                "attendance_interval": None,
                "median_gap_days": None,
                "gaps": [],
                "appearances": [],
                "trend": _NO_TREND,
                "buckets": [],
            },
            "flags": [],
            "released": False,
            "events": 2,
            "left_out": 0,
            "not_judged": [],
            "sources": _SOURCES,
        }
    )


class CaseloadMeasureOut(Out):
    instrument: str
    trend: VerdictOut
    last: ObservationOut


class CaseloadProgressOut(Out):
    """Where one client stands, and why; `sources` are the records that decided it. The client's report names those of each
    trend.
    """

    client_id: UUID
    name: str
    standing: Literal["flagged", "off_track", "not_measured", "unclear", "stable", "improving", "recovered"]
    because: str
    measures: tuple[CaseloadMeasureOut, ...]
    last_measured_at: Rfc3339 | None
    last_session_at: Rfc3339 | None
    next_appointment_at: Rfc3339 | None
    open_flags: int
    flag_level: Literal["imminent", "high", "moderate", "low"] | None
    sources: Places


class CaseloadReportOut(Out):
    """Worst standing first. `next` is the cursor of the following page, null on the last."""

    clients: tuple[CaseloadProgressOut, ...]
    sources: tuple[SourceOut, ...]
    next: str | None

    model_config = example(
        {
            "clients": [
                {
                    "client_id": "3f1c9a52-77aa-4b10-9a52-6a4f5f0f3d10",
                    "name": "Tamsin Okonkwo-Lindqvist",
                    "standing": "unclear",
                    "because": "Two results do not make a trend.",
                    "measures": [
                        {
                            "instrument": "phq-9",
                            "trend": _VERDICT,
                            "last": {"at": "2026-02-23T09:00:00Z", "value": 10.0, "source": 1},
                        }
                    ],
                    "last_measured_at": "2026-02-23T09:00:00Z",
                    "last_session_at": "2026-02-23T09:50:00Z",
                    "next_appointment_at": "2026-03-09T09:00:00Z",
                    "open_flags": 0,
                    "flag_level": None,
                    "sources": [0, 1],
                }
            ],
            "sources": _SOURCES,
            "next": None,
        }
    )
