"""How a progress report and a caseload read as JSON.

Every figure names its records: `source` and `sources` are places in the list `sources` of the whole, which gives each
record once, as `{"kind", "id", "positions"}`. Thousands of figures share a few hundred records, so a report of ten years
stays readable. What can't be told is null, never zero. Figures keep six decimals.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from domain.progress.report import (
    Attendance,
    Bucket,
    CaseloadEntry,
    EmotionProgress,
    Engagement,
    GoalProgress,
    Interval,
    MeasureProgress,
    MilestoneProgress,
    Observation,
    ReliableChange,
    Report,
    Source,
    Summary,
    Trend,
)
from domain.services.rendering import Json, instant_as_json

_DECIMALS = 6


class _Sources:
    """Gives each record its place in the list."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}
        self.told: list[Json] = []

    def place(self, source: Source) -> int:
        found = self._places.get(source.id.int)
        if found is None:
            found = self._places[source.id.int] = len(self.told)
            self.told.append({"kind": source.kind, "id": str(source.id), "positions": list(source.positions)})
        return found

    def places(self, sources: Iterable[Source]) -> list[int]:
        return [self.place(source) for source in sources]


def report_as_json(report: Report) -> Json:
    """A client's report."""
    sources = _Sources()
    return {
        "client_id": str(report.client_id),
        "since": instant_as_json(report.since),
        "until": instant_as_json(report.until),
        "zone": report.zone,
        "by": None if report.by is None else report.by.value,
        "notices": [
            {"code": notice.code.value, "text": notice.text, "sources": sources.places(notice.sources)}
            for notice in report.notices
        ],
        "buckets": [_bucket(bucket) for bucket in report.buckets],
        "goals": [_goal(goal, sources) for goal in report.goals],
        "measures": [_measure(measure, sources) for measure in report.measures],
        "emotions": [_emotion(emotion, sources) for emotion in report.emotions],
        "engagement": _engagement(report.engagement, sources),
        "flags": [
            {
                "id": str(flag.id),
                "raised_at": instant_as_json(flag.raised_at),
                "status": flag.status,
                "level": flag.level,
                "source": sources.place(flag.source),
            }
            for flag in report.flags
        ],
        "released": report.released,
        "events": report.events,
        "left_out": report.left_out,
        "not_judged": sources.places(report.not_judged),
        "sources": sources.told,
    }


def caseload_as_json(entries: Sequence[CaseloadEntry], names: Mapping[UUID, str]) -> Json:
    """Clients in the order given; empty `name` for those that `names` lacks. Records are named of each last score and of
    each standing; those of a whole trend are in the client's report.
    """
    sources = _Sources()
    return {
        "clients": [_entry(entry, names.get(entry.client_id, ""), sources) for entry in entries],
        "sources": sources.told,
    }


def _entry(entry: CaseloadEntry, name: str, sources: _Sources) -> Json:
    return {
        "client_id": str(entry.client_id),
        "name": name,
        "standing": entry.standing.value,
        "because": entry.because,
        "measures": [
            {"instrument": instrument, "trend": _figures(trend), "last": _observation(last, sources)}
            for instrument, trend, last in entry.measures
        ],
        "last_measured_at": instant_as_json(entry.last_measured_at),
        "last_session_at": instant_as_json(entry.last_session_at),
        "next_appointment_at": instant_as_json(entry.next_appointment_at),
        "open_flags": entry.open_flags,
        "flag_level": entry.flag_level,
        "sources": sources.places(entry.sources),
    }


def _bucket(bucket: Bucket) -> Json:
    return {
        "label": bucket.label,
        "first_day": bucket.first_day.isoformat(),
        "since": instant_as_json(bucket.since),
        "until": instant_as_json(bucket.until),
    }


def _measure(measure: MeasureProgress, sources: _Sources) -> Json:
    return {
        "instrument": measure.instrument,
        "version": measure.version,
        "other_versions": list(measure.other_versions),
        "title": measure.title,
        "least": measure.least,
        "most": measure.most,
        "higher_is_worse": measure.higher_is_worse,
        "cutoffs": [{"score": cutoff.score, "label": cutoff.label} for cutoff in measure.cutoffs],
        "clinical_cutoff": measure.clinical_cutoff,
        "band": _figure(measure.band),
        "assumed": measure.assumed,
        "minimal_important_difference": _figure(measure.minimal_important_difference),
        "scores": [
            _observation(score, sources) | {"severity": severity}
            for score, severity in zip(measure.scores, measure.severities, strict=True)
        ],
        "prorated": sources.places(measure.prorated),
        "change": _change(measure.change, sources),
        "crossings": [
            {
                "at": instant_as_json(crossing.at),
                "cutoff": crossing.cutoff,
                "label": crossing.label,
                "worsened": crossing.worsened,
                "source": sources.place(crossing.source),
            }
            for crossing in measure.crossings
        ],
        "trend": _trend(measure.trend, sources),
        "buckets": _summaries(measure.buckets, sources),
    }


def _change(change: ReliableChange | None, sources: _Sources) -> Json | None:
    if change is None:
        return None
    return {
        "first": _observation(change.first, sources),
        "last": _observation(change.last, sources),
        "difference": _figure(change.difference),
        "index": _figure(change.index),
        "threshold": _figure(change.threshold),
        "verdict": change.verdict.value,
        "recovered": change.recovered,
    }


def _trend(trend: Trend, sources: _Sources) -> Json:
    return _figures(trend) | {"sources": sources.places(trend.sources)}


def _figures(trend: Trend) -> Json:
    return {
        "verdict": trend.verdict.value,
        "estimate": _figure(trend.estimate),
        "interval": _interval(trend.interval),
        "change": _figure(trend.change),
        "unit": trend.unit,
        "rule": trend.rule,
        "because": trend.because,
        "observations": trend.observations,
    }


def _goal(goal: GoalProgress, sources: _Sources) -> Json:
    return {
        "id": str(goal.id),
        "statement": goal.statement,
        "status": goal.status,
        "set_on": goal.set_on.isoformat(),
        "due_on": goal.due_on.isoformat() if goal.due_on else None,
        "overdue": goal.overdue,
        "baseline": goal.baseline,
        "target": goal.target,
        "current": _figure(goal.current),
        "unit": goal.unit,
        "counted_by": goal.counted_by,
        "completion": _figure(goal.completion),
        "course": [_observation(each, sources) for each in goal.course],
        "milestones": [_milestone(milestone) for milestone in goal.milestones],
        "sessions": goal.sessions,
        "last_touched": goal.last_touched.isoformat() if goal.last_touched else None,
        "trend": _trend(goal.trend, sources),
        "buckets": _summaries(goal.buckets, sources),
        "source": sources.place(goal.source),
    }


def _milestone(milestone: MilestoneProgress) -> Json:
    return {
        "id": str(milestone.id),
        "text": milestone.text,
        "due_on": milestone.due_on.isoformat() if milestone.due_on else None,
        "reached_on": milestone.reached_on.isoformat() if milestone.reached_on else None,
        "late": milestone.late,
    }


def _emotion(emotion: EmotionProgress, sources: _Sources) -> Json:
    return {
        "name": emotion.name,
        "valence": emotion.valence,
        "observations": [_observation(each, sources) for each in emotion.observations],
        "level": _figure(emotion.level),
        "variability": _figure(emotion.variability),
        "instability": _figure(emotion.instability),
        "shift": _figure(emotion.shift),
        "shift_interval": _interval(emotion.shift_interval),
        "trend": _trend(emotion.trend, sources),
        "buckets": _summaries(emotion.buckets, sources),
    }


def _engagement(engagement: Engagement, sources: _Sources) -> Json:
    return {
        "held": engagement.held,
        "missed": engagement.missed,
        "cancelled": engagement.cancelled,
        "cancelled_late": engagement.cancelled_late,
        "planned": engagement.planned,
        "sessions": engagement.sessions,
        "attendance_rate": _figure(engagement.attendance_rate),
        "attendance_interval": _interval(engagement.attendance_interval),
        "median_gap_days": _figure(engagement.median_gap_days),
        "gaps": [
            {
                "since": instant_as_json(gap.since),
                "until": instant_as_json(gap.until),
                "days": _figure(gap.days),
                "open": gap.open,
                "sources": sources.places(gap.sources),
            }
            for gap in engagement.gaps
        ],
        "appearances": [
            {"at": instant_as_json(each.at), "state": each.state, "source": sources.place(each.source)}
            for each in engagement.appearances
        ],
        "trend": _trend(engagement.trend, sources),
        "buckets": [_attendance(bucket, sources) for bucket in engagement.buckets],
    }


def _attendance(attendance: Attendance, sources: _Sources) -> Json:
    return {
        "bucket": attendance.bucket.label,
        "held": attendance.held,
        "missed": attendance.missed,
        "cancelled": attendance.cancelled,
        "sessions": attendance.sessions,
        "sources": sources.places(attendance.sources),
    }


def _summaries(summaries: Sequence[Summary], sources: _Sources) -> list[Json]:
    return [
        {
            "bucket": summary.bucket.label,
            "count": summary.count,
            "mean": _figure(summary.mean),
            "least": _figure(summary.least),
            "most": _figure(summary.most),
            "last": _figure(summary.last),
            "sources": sources.places(summary.sources),
        }
        for summary in summaries
    ]


def _observation(observation: Observation, sources: _Sources) -> Json:
    return {
        "at": instant_as_json(observation.at),
        "value": _figure(observation.value),
        "source": sources.place(observation.source),
    }


def _interval(interval: Interval | None) -> Json | None:
    if interval is None:
        return None
    return {"low": _figure(interval.low), "high": _figure(interval.high), "level": interval.level}


def _figure(value: float | None) -> float | None:
    return None if value is None else round(float(value), _DECIMALS)
