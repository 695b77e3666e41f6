"""Where one client stands, from each questionnaire's course, open flags and the calendar. The worst decides."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.progress.change import is_clinical
from domain.progress.fluctuation import range_in_errors
from domain.progress.record import Flag, Scale
from domain.progress.report import CaseloadStanding, Observation, ReliableChange, Source, Trend, TrendClass
from domain.progress.series import sources_of
from domain.progress.trend import told

UNMEASURED: Final = timedelta(days=28)
IN_TREATMENT: Final = timedelta(days=60)
EXPECTED_AFTER: Final = timedelta(weeks=8)
EXPECTED_FROM: Final = 5
WORST_FIRST: Final = {standing: place for place, standing in enumerate(CaseloadStanding)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One instrument of one client, without what only a report shows; at least one score."""

    scale: Scale
    scores: tuple[Observation, ...]
    trend: Trend
    change: ReliableChange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a standing is decided from. `open_flags` most urgent first."""

    courses: tuple[Course, ...]
    last_measured: Observation | None
    last_session_at: datetime | None
    open_flags: tuple[Flag, ...]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    standing: CaseloadStanding
    because: str
    sources: tuple[Source, ...]


def standing(facts: Facts) -> Standing:
    """An open flag before everything, then what is off track, then who was not measured, then the worst of the measures."""
    measured = _measured(facts)
    off_track = measured is not None and measured.standing is CaseloadStanding.OFF_TRACK
    if facts.open_flags:
        because = _flagged(facts)
        if measured is not None and off_track:
            because += f" Off track as well: {measured.because}"
        sources = tuple(each.source for each in facts.open_flags)
        return Standing(standing=CaseloadStanding.FLAGGED, because=because, sources=sources)
    if measured is not None and off_track:
        return measured
    if (unmeasured := _unmeasured(facts)) is not None:
        last = () if facts.last_measured is None else (facts.last_measured.source,)
        return Standing(standing=CaseloadStanding.NOT_MEASURED, because=unmeasured, sources=last)
    nothing = "No measure in the last year, and no session in the last 60 days."
    return measured or Standing(standing=CaseloadStanding.UNCLEAR, because=nothing, sources=())


def _measured(facts: Facts) -> Standing | None:
    """The worst of the questionnaires, with a word on the others. One that was never on the ill side, and doesn't get worse
    or go up and down, says nothing against a recovery in another.
    """
    judged = [(course, _judged(course, facts.now)) for course in facts.courses]
    telling = [pair for pair in judged if not _idle(*pair)] or judged
    if not telling:
        return None
    course, worst = min(telling, key=lambda pair: WORST_FIRST[pair[1].standing])
    others = [
        f"{other.scale.title} {one.standing.value.replace('_', ' ')}" for other, one in judged if other is not course
    ]
    if not others:
        return worst
    return Standing(
        standing=worst.standing, because=f"{worst.because} Beside it: {', '.join(others)}.", sources=worst.sources
    )


def _judged(course: Course, now: datetime) -> Standing:
    """What one questionnaire says by itself."""
    title, trend = course.scale.title, course.trend
    away = (now - course.scores[-1].at).days
    old = f" Its last score is {away} days old." if away > UNMEASURED.days else ""
    if trend.verdict is TrendClass.REGRESSING:
        return _of(CaseloadStanding.OFF_TRACK, f"{title}: regressing. {trend.because}{old}", trend.sources)
    if (best := _turned(course)) is not None:
        return _worse_again(course, best, old)
    if _overdue_to_improve(course):
        return _of(CaseloadStanding.OFF_TRACK, _not_improved(course) + old, sources_of(course.scores))
    if course.change is not None and _recovered(course, course.change):
        because = (
            f"{title}: reliably improved and across the clinical cut-off, from {told(course.change.first.value)} to "
            f"{told(course.change.last.value)} over {len(course.scores)} scores.{old}"
        )
        return _of(CaseloadStanding.RECOVERED, because, sources_of((course.change.first, course.change.last)))
    by_trend = {TrendClass.IMPROVING: CaseloadStanding.IMPROVING, TrendClass.STABLE: CaseloadStanding.STABLE}
    says = f"{title}: {trend.verdict.value.replace('_', ' ')}. {trend.because}{old}"
    return _of(by_trend.get(trend.verdict, CaseloadStanding.UNCLEAR), says, trend.sources)


def _of(place: CaseloadStanding, because: str, sources: tuple[Source, ...]) -> Standing:
    return Standing(standing=place, because=because, sources=sources)


def _worse_again(course: Course, best: Observation, old: str) -> Standing:
    last = course.scores[-1]
    says = (
        f"{course.scale.title}: worse than at its best, from {told(best.value)} to {told(last.value)}, more than measurement error does "
        f"in {len(course.scores)} scores"
    )
    if _ill(course.scale, last.value):
        place, where = CaseloadStanding.OFF_TRACK, ", and the last score is in the clinical range."
    else:
        place, where = CaseloadStanding.UNCLEAR, "."
    return _of(place, f"{says}{where}{old}", sources_of((best, last)))


def _turned(course: Course) -> Observation | None:
    """The best score, if the last one is worse than it by more than error carries the highest from the lowest of so many."""
    error = course.scale.yardstick.error
    if error is None or len(course.scores) < 2:
        return None
    sign = 1 if course.scale.higher_is_worse else -1
    best = min(course.scores, key=lambda each: sign * each.value)
    far = range_in_errors(len(course.scores)) * error
    return best if sign * (course.scores[-1].value - best.value) >= far else None


def _recovered(course: Course, change: ReliableChange) -> bool:
    """From first to last reliably better and across the cut-off, and the course doesn't speak against it: improving, or the
    last two scores both there, so that one good day makes no recovery. Never a course that goes up and down.
    """
    if not change.recovered or course.trend.verdict is TrendClass.FLUCTUATING:
        return False
    before = course.scores[-2].value
    lasting = not _ill(course.scale, before) and abs(before - change.first.value) >= change.threshold
    return course.trend.verdict is TrendClass.IMPROVING or lasting


def _ill(scale: Scale, score: float) -> bool:
    """In the clinical range; without a single cut-off, at the mildest or beyond."""
    worse = scale.higher_is_worse
    if scale.clinical_cutoff is not None:
        return is_clinical(score, scale.clinical_cutoff, higher_is_worse=worse)
    return any(is_clinical(score, each.score, higher_is_worse=worse) for each in scale.cutoffs)


def _idle(course: Course, judged: Standing) -> bool:
    moved = judged.standing in (CaseloadStanding.OFF_TRACK, CaseloadStanding.IMPROVING, CaseloadStanding.RECOVERED)
    restless = course.trend.verdict is TrendClass.FLUCTUATING
    return not moved and not restless and not any(_ill(course.scale, each.value) for each in course.scores)


def _overdue_to_improve(course: Course) -> bool:
    """At least eight weeks and five scores on, no reliable improvement, and still in the clinical range."""
    first, last = course.scores[0], course.scores[-1]
    if (
        len(course.scores) < EXPECTED_FROM
        or last.at - first.at < EXPECTED_AFTER
        or course.scale.clinical_cutoff is None
    ):
        return False
    improved = TrendClass.IMPROVING in (course.trend.verdict, course.change and course.change.verdict)
    return not improved and _ill(course.scale, last.value)


def _not_improved(course: Course) -> str:
    weeks = (course.scores[-1].at - course.scores[0].at).days // 7
    return (
        f"{course.scale.title}: after {weeks} weeks and {len(course.scores)} scores no reliable improvement, and the last "
        "score is in the clinical range."
    )


def _flagged(facts: Facts) -> str:
    count, worst = len(facts.open_flags), facts.open_flags[0]
    days = (facts.now - worst.raised_at).days
    since = "today" if days < 1 else "yesterday" if days == 1 else f"{days} days ago"
    says = "A risk flag is open" if count == 1 else f"{count} risk flags are open, the most urgent"
    waits = ", and nobody has taken it on" if worst.status != "acknowledged" else ""
    return f"{says}: level {worst.level}, raised {since}{waits}."


def _unmeasured(facts: Facts) -> str | None:
    """Why a client in treatment counts as not measured; None otherwise."""
    if facts.last_session_at is None or facts.now - facts.last_session_at > IN_TREATMENT:
        return None
    if facts.last_measured is None:
        return "In treatment, and no measure in the last year."
    away = facts.now - facts.last_measured.at
    return f"In treatment, and the last measure is {away.days} days old." if away > UNMEASURED else None
