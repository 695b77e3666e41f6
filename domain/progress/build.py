"""Everything known of a client, and a period: the report."""

from collections.abc import Mapping, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.progress.change import crossings, reliable_change
from domain.progress.emotions import emotions
from domain.progress.engagement import engagement
from domain.progress.goals import goals
from domain.progress.notices import notices
from domain.progress.period import Period, buckets
from domain.progress.record import Record, Scale, Score
from domain.progress.report import Bucket, By, FlagSummary, MeasureProgress, Observation, Report
from domain.progress.series import summaries
from domain.progress.trend import trend

Scales = Mapping[tuple[str, str], Scale]
"""By instrument and version: a score is judged by the version it was taken with."""


def report(record: Record, period: Period, zone: ZoneInfo, by: By | None, scales: Scales) -> Report:
    """Figures of the period only; goals also know what was recorded before it. Raises TooManyBuckets."""
    parts = buckets(period, by, zone) if by is not None else ()
    scores = tuple(each for each in record.scores if each.at in period)
    feelings = tuple(each for each in record.feelings if each.at in period)
    flags = tuple(each for each in record.flags if each.raised_at in period)
    told_goals = goals(
        record.aims,
        period,
        zone,
        scores=record.scores,
        scales=_newest(record.scores, scales),
        meetings=record.meetings,
        parts=parts,
    )
    drawn_on: set[UUID] = {each.source.id for each in scores}
    drawn_on.update(each.source.id for each in feelings)
    drawn_on.update(each.source.id for each in flags)
    drawn_on.update(each.source.id for each in record.bookings if each.at in period)
    drawn_on.update(each.source.id for each in record.meetings if each.at in period)
    for goal in told_goals:
        drawn_on.update((goal.source.id, *(each.source.id for each in goal.course)))
    told_measures = measures(scores, scales, parts)
    not_judged = tuple(each.source for each in scores if (each.instrument, each.version) not in scales)
    return Report(
        client_id=record.client_id,
        since=period.since,
        until=period.until,
        zone=zone.key,
        by=by,
        buckets=parts,
        goals=told_goals,
        measures=told_measures,
        emotions=emotions(feelings, parts),
        engagement=engagement(record.bookings, record.meetings, period, parts, zone),
        flags=tuple(
            FlagSummary(id=each.id, raised_at=each.raised_at, status=each.status, level=each.level, source=each.source)
            for each in sorted(flags, key=lambda flag: (flag.raised_at, flag.id.int))
        ),
        events=len(drawn_on),
        left_out=sum(at in period for at in record.withdrawn),
        not_judged=not_judged,
        notices=notices(record, period, zone, told_measures, not_judged),
    )


def measures(scores: Sequence[Score], scales: Scales, parts: Sequence[Bucket]) -> tuple[MeasureProgress, ...]:
    """One an instrument and version: scores of two versions are never joined into one series."""
    series: dict[tuple[str, str], list[Score]] = {}
    for each in scores:
        series.setdefault((each.instrument, each.version), []).append(each)
    keys = [key for key in sorted(series) if key in scales]
    return tuple(
        _measure(
            scales[key],
            series[key],
            parts,
            tuple(version for name, version in sorted(series) if name == key[0] and version != key[1]),
        )
        for key in keys
    )


def _measure(
    scale: Scale, scores: Sequence[Score], parts: Sequence[Bucket], other_versions: tuple[str, ...]
) -> MeasureProgress:
    ordered = sorted(scores, key=lambda each: (each.at, each.source.id.int))
    observations = tuple(Observation(at=each.at, value=each.value, source=each.source) for each in ordered)
    worse = scale.higher_is_worse
    return MeasureProgress(
        instrument=scale.instrument,
        version=scale.version,
        title=scale.title,
        least=scale.least,
        most=scale.most,
        higher_is_worse=worse,
        cutoffs=scale.cutoffs,
        clinical_cutoff=scale.clinical_cutoff,
        band=scale.reliable,
        minimal_important_difference=scale.important,
        scores=observations,
        severities=tuple(each.severity for each in ordered),
        prorated=tuple(each.source for each in ordered if each.prorated),
        change=reliable_change(
            observations, threshold=scale.reliable, clinical_cutoff=scale.clinical_cutoff, higher_is_worse=worse
        ),
        crossings=crossings(observations, scale.cutoffs, higher_is_worse=worse),
        trend=trend(observations, scale.yardstick),
        buckets=summaries(observations, parts),
        other_versions=other_versions,
        assumed=scale.assumed,
    )


def _newest(scores: Sequence[Score], scales: Scales) -> dict[str, Scale]:
    """For goals counted by an instrument: the version of its latest score."""
    latest: dict[str, Score] = {}
    for each in scores:
        if (each.instrument, each.version) in scales:
            latest[each.instrument] = max(latest.get(each.instrument, each), each, key=lambda score: score.at)
    return {key: scales[key, score.version] for key, score in latest.items()}
