"""Where the clients of a caseload stand: who improves, who is off track, who has not been measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.progress.build import Scales
from domain.progress.change import reliable_change
from domain.progress.flags import open_flags, urgency
from domain.progress.period import Period
from domain.progress.record import Record, Scale, Score
from domain.progress.report import CaseloadEntry, Observation
from domain.progress.standing import WORST_FIRST, Course, Facts, standing
from domain.progress.trend import in_order, trend


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A client as a caseload judges one: what was measured and flagged, and what the calendar says."""

    record: Record
    last_session_at: datetime | None
    next_appointment_at: datetime | None


def caseload(cases: Sequence[Case], since: datetime, now: datetime, scales: Scales) -> tuple[CaseloadEntry, ...]:
    """One entry a client, worst standing first, among flagged ones the most urgent level, then by id. Scores from before
    `since` count for nothing; an open flag counts however old it is.
    """
    entries = [_entry(case, Period(since=since, until=now), scales) for case in cases]
    return tuple(sorted(entries, key=_place))


def _place(entry: CaseloadEntry) -> tuple[int, int, int]:
    return WORST_FIRST[entry.standing], urgency(entry.flag_level), entry.client_id.int


def _entry(case: Case, within: Period, scales: Scales) -> CaseloadEntry:
    courses = _courses(case.record.scores, within, scales)
    last = max((each.scores[-1] for each in courses), key=lambda each: each.at, default=None)
    flags = open_flags(case.record.flags)
    found = standing(
        Facts(
            courses=courses,
            last_measured=last,
            last_session_at=case.last_session_at,
            open_flags=flags,
            now=within.until,
        )
    )
    return CaseloadEntry(
        client_id=case.record.client_id,
        standing=found.standing,
        because=found.because,
        measures=tuple((each.scale.instrument, each.trend, each.scores[-1]) for each in courses),
        last_measured_at=last.at if last else None,
        last_session_at=case.last_session_at,
        next_appointment_at=case.next_appointment_at,
        open_flags=len(flags),
        flag_level=flags[0].level if flags else None,
        sources=found.sources,
    )


def _courses(scores: Sequence[Score], within: Period, scales: Scales) -> tuple[Course, ...]:
    series: dict[tuple[str, str], list[Observation]] = {}
    for each in scores:
        if each.at in within and (each.instrument, each.version) in scales:
            observed = Observation(at=each.at, value=each.value, source=each.source)
            series.setdefault((each.instrument, each.version), []).append(observed)
    return tuple(_course(scales[key], in_order(series[key])) for key in sorted(series))


def _course(scale: Scale, scores: tuple[Observation, ...]) -> Course:
    change = reliable_change(
        scores,
        threshold=scale.reliable,
        clinical_cutoff=scale.clinical_cutoff,
        higher_is_worse=scale.higher_is_worse,
    )
    return Course(scale=scale, scores=scores, trend=trend(scores, scale.yardstick), change=change)
