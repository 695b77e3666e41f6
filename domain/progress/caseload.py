"""Where the clients of a caseload stand: who improves, who is off track, who has not been measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.progress.build import Scales, measures
from domain.progress.change import is_clinical
from domain.progress.period import Period
from domain.progress.record import Record
from domain.progress.report import (
    CaseloadEntry,
    CaseloadStanding,
    MeasureProgress,
    Observation,
    Source,
    TrendClass,
)
from domain.progress.series import sources_of

OPEN_FLAG: Final = ("raised", "acknowledged", "escalated")
UNMEASURED: Final = timedelta(days=28)
IN_TREATMENT: Final = timedelta(days=60)
EXPECTED_AFTER: Final = timedelta(weeks=8)
EXPECTED_FROM: Final = 5
_WORST_FIRST: Final = {standing: place for place, standing in enumerate(CaseloadStanding)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What a standing is decided from."""

    measures: tuple[MeasureProgress, ...]
    last_measured: Observation | None
    last_session_at: datetime | None
    open_flags: tuple[Source, ...]
    now: datetime


def caseload(records: Sequence[Record], since: datetime, now: datetime, scales: Scales) -> tuple[CaseloadEntry, ...]:
    """One entry a client, worst standing first, then by id. What lies before `since` counts for nothing."""
    entries = [_entry(record, Period(since=since, until=now), scales) for record in records]
    return tuple(sorted(entries, key=lambda each: (_WORST_FIRST[each.standing], each.client_id.int)))


def _entry(record: Record, within: Period, scales: Scales) -> CaseloadEntry:
    told = measures(tuple(each for each in record.scores if each.at in within), scales, ())
    lasts = [each.scores[-1] for each in told]
    met = [each.at for each in record.meetings if each.at in within]
    met += [each.at for each in record.bookings if each.state == "held" and each.at in within]
    facts = _Facts(
        measures=told,
        last_measured=max(lasts, key=lambda each: each.at, default=None),
        last_session_at=max(met, default=None),
        open_flags=tuple(each.source for each in record.flags if each.status in OPEN_FLAG),
        now=within.until,
    )
    standing, because, sources = _standing(facts)
    return CaseloadEntry(
        client_id=record.client_id,
        standing=standing,
        because=because,
        measures=tuple((each.instrument, each.trend, each.scores[-1]) for each in told),
        last_measured_at=facts.last_measured.at if facts.last_measured else None,
        last_session_at=facts.last_session_at,
        next_appointment_at=min(
            (each.at for each in record.bookings if each.state == "planned" and each.at >= within.until), default=None
        ),
        open_flags=len(facts.open_flags),
        sources=sources,
    )


def _standing(facts: _Facts) -> tuple[CaseloadStanding, str, tuple[Source, ...]]:
    """The first that holds, worst first."""
    if facts.open_flags:
        count = len(facts.open_flags)
        says = "A risk flag is" if count == 1 else f"{count} risk flags are"
        return CaseloadStanding.FLAGGED, f"{says} open.", facts.open_flags
    for measure in facts.measures:
        if measure.trend.verdict is TrendClass.REGRESSING:
            return (
                CaseloadStanding.OFF_TRACK,
                f"{measure.title}: regressing. {measure.trend.because}",
                measure.trend.sources,
            )
    for measure in facts.measures:
        if _overdue_to_improve(measure):
            return CaseloadStanding.OFF_TRACK, _not_improved(measure), sources_of(measure.scores)
    if (because := _unmeasured(facts)) is not None:
        return CaseloadStanding.NOT_MEASURED, because, _last(facts)
    return _measured(facts)


def _measured(facts: _Facts) -> tuple[CaseloadStanding, str, tuple[Source, ...]]:
    """By what the measures say, of a client who is not in danger, not off track and measured, or no longer in treatment."""
    for measure in facts.measures:
        if measure.change is not None and measure.change.recovered:
            return (
                CaseloadStanding.RECOVERED,
                f"{measure.title}: reliably improved, and across the clinical cut-off.",
                sources_of((measure.change.first, measure.change.last)),
            )
    for verdict, standing in (
        (TrendClass.IMPROVING, CaseloadStanding.IMPROVING),
        (TrendClass.FLUCTUATING, CaseloadStanding.UNCLEAR),
        (TrendClass.UNCLEAR, CaseloadStanding.UNCLEAR),
        (TrendClass.INSUFFICIENT_DATA, CaseloadStanding.UNCLEAR),
        (TrendClass.STABLE, CaseloadStanding.STABLE),
    ):
        for measure in facts.measures:
            if measure.trend.verdict is verdict:
                says = verdict.value.replace("_", " ")
                return standing, f"{measure.title}: {says}. {measure.trend.because}", measure.trend.sources
    return CaseloadStanding.UNCLEAR, "No measure in the last year, and no session in the last 60 days.", ()


def _overdue_to_improve(measure: MeasureProgress) -> bool:
    """At least eight weeks and five scores on, no reliable improvement, and still in the clinical range."""
    first, last = measure.scores[0], measure.scores[-1]
    if len(measure.scores) < EXPECTED_FROM or last.at - first.at < EXPECTED_AFTER or measure.clinical_cutoff is None:
        return False
    improved = TrendClass.IMPROVING in (measure.trend.verdict, measure.change and measure.change.verdict)
    return not improved and is_clinical(last.value, measure.clinical_cutoff, higher_is_worse=measure.higher_is_worse)


def _not_improved(measure: MeasureProgress) -> str:
    weeks = (measure.scores[-1].at - measure.scores[0].at).days // 7
    return (
        f"{measure.title}: after {weeks} weeks and {len(measure.scores)} scores no reliable improvement, and the last "
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
