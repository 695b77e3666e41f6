"""The 25 sample clients: what each is there to show, and how they fare. Pure data.

Levels are parts of the instrument's worst score. `label` is the class that the rule of `domain.progress` must find in the
scores of `instrument`; tests hold it to that.
"""

from dataclasses import dataclass
from typing import Any, Final

from domain.progress.report import TrendClass
from ops.samples.noise import Course

IMPROVING, STABLE, REGRESSING = TrendClass.IMPROVING, TrendClass.STABLE, TrendClass.REGRESSING
FLUCTUATING, UNCLEAR, TOO_FEW = TrendClass.FLUCTUATING, TrendClass.UNCLEAR, TrendClass.INSUFFICIENT_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """`weeks` of visits every `every` weeks, the instrument filled in at every `measured`-th of them, at most
    `measures_most` times. `marks` are what happens to this client and few others. `weekday` 0 is Monday.
    """

    key: str
    topic: str
    label: TrendClass
    instrument: str
    course: Course
    weeks: int = 52
    every: int = 1
    measured: int = 2
    measures_most: int = 200
    clinician: str = "clinician"
    marks: frozenset[str] = frozenset()
    weekday: int = 0
    hour: int = 9
    modality: str = "in_person"


def _script(
    key: str, topic: str, label: TrendClass, instrument: str, course: Course, *marks: str, **more: Any
) -> Script:
    facts: dict[str, Any] = {"weekday": sum(map(ord, key)) % 5, "hour": 8 + sum(map(ord, key)) % 10, **more}
    return Script(
        key=key,
        topic=topic,
        label=label,
        instrument=instrument,
        course=course,
        marks=frozenset(marks),
        **facts,
    )


def _line(first: float, last: float) -> Course:
    return ((0.0, first), (1.0, last))


def _waves(middle: float, height: float, count: int) -> Course:
    """Up and down, so many times."""
    steps = 2 * count
    return tuple((step / steps, middle + (height if step % 2 else -height)) for step in range(steps + 1))


SCRIPTS: Final = (
    _script(
        "lindqvist",
        "panic",
        IMPROVING,
        "gad-7",
        ((0, 0.78), (0.15, 0.74), (0.7, 0.28), (1, 0.18)),
        "draft",
        "medication",
        weekday=0,
        hour=9,
    ),
    _script(
        "okafor",
        "depression",
        IMPROVING,
        "phq-9",
        ((0, 0.72), (0.2, 0.7), (0.75, 0.3), (1, 0.2)),
        "low_risk",
        weeks=78,
        weekday=1,
        hour=17,
        modality="video",
    ),
    _script("tanaka", "grief", IMPROVING, "phq-9", _line(0.56, 0.2), "addendum", weeks=60, weekday=2, hour=11),
    _script(
        "reyes",
        "insomnia",
        IMPROVING,
        "gad-7",
        _line(0.62, 0.18),
        "cosignature",
        weeks=30,
        clinician="trainee",
        weekday=3,
        hour=14,
    ),
    _script(
        "petrova",
        "obsessions",
        IMPROVING,
        "gad-7",
        _line(0.75, 0.2),
        "unsigned",
        weeks=40,
        weekday=4,
        hour=10,
        modality="video",
    ),
    _script(
        "crisis",
        "low_mood",
        IMPROVING,
        "phq-9",
        ((0, 0.62), (0.2, 0.84), (0.26, 0.82), (0.6, 0.35), (1, 0.14)),
        "crisis",
        "medication",
        weeks=64,
    ),
    _script(
        "overdue-flag", "low_mood", REGRESSING, "phq-9", ((0, 0.35), (0.4, 0.45), (1, 0.78)), "overdue_flag", weeks=40
    ),
    _script("drop-out", "drinking", UNCLEAR, "phq-9", _line(0.55, 0.38), "drop_out", weeks=30, measures_most=6),
    _script(
        "relapse",
        "low_mood",
        FLUCTUATING,
        "phq-9",
        ((0, 0.74), (0.35, 0.15), (0.6, 0.15), (0.8, 0.62), (1, 0.66)),
        "medication",
        weeks=90,
    ),
    _script("wrong-chart", "worry", IMPROVING, "gad-7", _line(0.7, 0.24), "wrong_chart", weeks=48),
    _script("one-session", "worry", TOO_FEW, "gad-7", _line(0.6, 0.6), "one_session", weeks=1),
    _script("registered-only", "shyness", TOO_FEW, "gad-7", _line(0.6, 0.6), "nothing", weeks=0),
    _script(
        "trauma-improving", "trauma", IMPROVING, "pcl-5", ((0, 0.68), (0.3, 0.66), (1, 0.22)), "medication", weeks=70
    ),
    _script("trauma-stable", "trauma", STABLE, "pcl-5", _line(0.5, 0.5), weeks=80, modality="video"),
    _script(
        "trauma-unclear",
        "trauma",
        UNCLEAR,
        "pcl-5",
        _line(0.6, 0.46),
        "abandoned_goal",
        weeks=24,
        measured=4,
        measures_most=6,
    ),
    _script(
        "drinking-improving",
        "drinking",
        IMPROVING,
        "audit-c",
        _line(0.85, 0.2),
        "returned",
        weeks=52,
        measured=4,
        clinician="trainee",
    ),
    _script("drinking-relapsing", "drinking", FLUCTUATING, "phq-9", _waves(0.45, 0.3, 3), weeks=72),
    _script("well-being-rising", "strain", IMPROVING, "who-5", _line(0.76, 0.26), weeks=44, clinician="trainee"),
    _script("well-being-falling", "strain", REGRESSING, "who-5", _line(0.3, 0.78), "abandoned_goal", weeks=44),
    _script("long-and-steady", "worry", STABLE, "gad-7", _line(0.42, 0.41), "medication", weeks=104, every=2),
    _script("low-mood-unclear", "low_mood", UNCLEAR, "phq-9", _line(0.55, 0.42), weeks=26, measured=4, measures_most=6),
    _script("two-measures", "shyness", TOO_FEW, "gad-7", _line(0.6, 0.55), weeks=8, measured=5, clinician="trainee"),
    _script("mood-swings", "low_mood", FLUCTUATING, "phq-9", _waves(0.5, 0.33, 5), "medication", weeks=100),
    _script("anxiety-rising", "shyness", REGRESSING, "gad-7", _line(0.25, 0.74), weeks=44),
    _script(
        "early-response", "strain", IMPROVING, "phq-9", ((0, 0.66), (0.3, 0.3), (1, 0.06)), weeks=36, modality="video"
    ),
)
"""In the order in which they are written; the first is the one with an account of her own."""
