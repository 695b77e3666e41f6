"""Where the clients of a caseload stand: who improves, who is off track, who has not been measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.progress.build import Scales
from domain.progress.change import is_clinical, reliable_change
from domain.progress.period import Period
from domain.progress.record import Record, Scale, Score
from domain.progress.report import (
    CaseloadEntry,
    CaseloadStanding,
    Observation,
    ReliableChange,
    Source,
    Trend,
    TrendClass,
)
from domain.progress.series import sources_of
from domain.progress.trend import in_order, trend

OPEN_FLAG: Final = ("raised", "acknowledged", "escalated")
UNMEASURED: Final = timedelta(days=28)
IN_TREATMENT: Final = timedelta(days=60)
EXPECTED_AFTER: Final = timedelta(weeks=8)
EXPECTED_FROM: Final = 5
_WORST_FIRST: Final = {standing: place for place, standing in enumerate(CaseloadStanding)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A client as a caseload judges one: what was measured and flagged, and what the calendar says."""

    record: Record
    last_session_at: datetime | None
    next_appointment_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """One instrument of one client, without what only a report shows."""

    scale: Scale
    scores: tuple[Observation, ...]
    trend: Trend
    change: ReliableChange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What a standing is decided from."""

    courses: tuple[_Course, ...]
    last_measured: Observation | None
    last_session_at: datetime | None
    open_flags: tuple[Source, ...]
    now: datetime


def caseload(cases: Sequence[Case], since: datetime, now: datetime, scales: Scales) -> tuple[CaseloadEntry, ...]:
    """One entry a client, worst standing first, then by id. Scores from before `since` count for nothing."""
    entries = [_entry(case, Period(since=since, until=now), scales) for case in cases]
    return tuple(sorted(entries, key=lambda each: (_WORST_FIRST[each.standing], each.client_id.int)))


def _entry(case: Case, within: Period, scales: Scales) -> CaseloadEntry:
    courses = _courses(case.record.scores, within, scales)
    facts = _Facts(
        courses=courses,
        last_measured=max((each.scores[-1] for each in courses), key=lambda each: each.at, default=None),
        last_session_at=case.last_session_at,
        open_flags=tuple(each.source for each in case.record.flags if each.status in OPEN_FLAG),
        now=within.until,
    )
    standing, because, sources = _standing(facts)
    return CaseloadEntry(
        client_id=case.record.client_id,
        standing=standing,
        because=because,
        measures=tuple((each.scale.instrument, each.trend, each.scores[-1]) for each in courses),
        last_measured_at=facts.last_measured.at if facts.last_measured else None,
        last_session_at=case.last_session_at,
        next_appointment_at=case.next_appointment_at,
        open_flags=len(facts.open_flags),
        sources=sources,
    )


def _courses(scores: Sequence[Score], within: Period, scales: Scales) -> tuple[_Course, ...]:
    series: dict[tuple[str, str], list[Observation]] = {}
    for each in scores:
        if each.at in within and (each.instrument, each.version) in scales:
            observed = Observation(at=each.at, value=each.value, source=each.source)
            series.setdefault((each.instrument, each.version), []).append(observed)
    return tuple(_course(scales[key], in_order(series[key])) for key in sorted(series))


def _course(scale: Scale, scores: tuple[Observation, ...]) -> _Course:
    change = reliable_change(
        scores,
        threshold=scale.reliable,
        clinical_cutoff=scale.clinical_cutoff,
        higher_is_worse=scale.higher_is_worse,
    )
    return _Course(scale=scale, scores=scores, trend=trend(scores, scale.yardstick), change=change)


def _standing(facts: _Facts) -> tuple[CaseloadStanding, str, tuple[Source, ...]]:
    """The first that holds, worst first."""
    if facts.open_flags:
        count = len(facts.open_flags)
        says = "A risk flag is" if count == 1 else f"{count} risk flags are"
        return CaseloadStanding.FLAGGED, f"{says} open.", facts.open_flags
    for measure in facts.courses:
        if measure.trend.verdict is TrendClass.REGRESSING:
            return (
                CaseloadStanding.OFF_TRACK,
                f"{measure.scale.title}: regressing. {measure.trend.because}",
                measure.trend.sources,
            )
    for measure in facts.courses:
        if _overdue_to_improve(measure):
            return CaseloadStanding.OFF_TRACK, _not_improved(measure), sources_of(measure.scores)
    if (because := _unmeasured(facts)) is not None:
        return CaseloadStanding.NOT_MEASURED, because, _last(facts)
    return _measured(facts)


def _measured(facts: _Facts) -> tuple[CaseloadStanding, str, tuple[Source, ...]]:
    """By what the measures say, of a client who is not in danger, not off track and measured, or no longer in treatment."""
    for measure in facts.courses:
        if measure.change is not None and measure.change.recovered:
            return (
                CaseloadStanding.RECOVERED,
                f"{measure.scale.title}: reliably improved, and across the clinical cut-off.",
                sources_of((measure.change.first, measure.change.last)),
            )
    for verdict, standing in (
        (TrendClass.IMPROVING, CaseloadStanding.IMPROVING),
        (TrendClass.FLUCTUATING, CaseloadStanding.UNCLEAR),
        (TrendClass.UNCLEAR, CaseloadStanding.UNCLEAR),
        (TrendClass.INSUFFICIENT_DATA, CaseloadStanding.UNCLEAR),
        (TrendClass.STABLE, CaseloadStanding.STABLE),
    ):
        for measure in facts.courses:
            if measure.trend.verdict is verdict:
                says = verdict.value.replace("_", " ")
                return standing, f"{measure.scale.title}: {says}. {measure.trend.because}", measure.trend.sources
    return CaseloadStanding.UNCLEAR, "No measure in the last year, and no session in the last 60 days.", ()


def _overdue_to_improve(measure: _Course) -> bool:
    """At least eight weeks and five scores on, no reliable improvement, and still in the clinical range."""
    first, last = measure.scores[0], measure.scores[-1]
    if (
        len(measure.scores) < EXPECTED_FROM
        or last.at - first.at < EXPECTED_AFTER
        or measure.scale.clinical_cutoff is None
    ):
        return False
    improved = TrendClass.IMPROVING in (measure.trend.verdict, measure.change and measure.change.verdict)
    return not improved and is_clinical(
        last.value, measure.scale.clinical_cutoff, higher_is_worse=measure.scale.higher_is_worse
    )


def _not_improved(measure: _Course) -> str:
    weeks = (measure.scores[-1].at - measure.scores[0].at).days // 7
    return (
        f"{measure.scale.title}: after {weeks} weeks and {len(measure.scores)} scores no reliable improvement, and the last "
        "score is in the clinical range."
    )


def _unmeasured(facts: _Facts) -> str | None:
    """Why a client in treatment counts as not measured; None otherwise."""
    if facts.last_session_at is None or facts.now - facts.last_session_at > IN_TREATMENT:
        return None
    if facts.last_measured is None:
        return "In treatment, and no measure in the last year."
    away = facts.now - facts.last_measured.at
    return f"In treatment, and the last measure is {away.days} days old." if away > UNMEASURED else None


def _last(facts: _Facts) -> tuple[Source, ...]:
    return () if facts.last_measured is None else (facts.last_measured.source,)
