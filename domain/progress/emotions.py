"""Named states with their intensity: each name a series of its own, case and blanks aside."""

from collections import Counter
from collections.abc import Sequence

from domain.progress.record import Feeling
from domain.progress.report import Bucket, EmotionProgress, Observation
from domain.progress.series import instability, level, shift, summaries, variability
from domain.progress.trend import in_order, trend
from domain.progress.yardstick import STATE, Better, Yardstick

_BETTER = {"positive": Better.HIGHER, "negative": Better.LOWER}


def emotions(feelings: Sequence[Feeling], parts: Sequence[Bucket]) -> tuple[EmotionProgress, ...]:
    """The most often named first, then by name."""
    named: dict[str, list[Feeling]] = {}
    for each in feelings:
        named.setdefault(" ".join(each.name.casefold().split()), []).append(each)
    ordered = sorted(named.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return tuple(_emotion(name, course, parts) for name, course in ordered)


def _emotion(name: str, course: Sequence[Feeling], parts: Sequence[Bucket]) -> EmotionProgress:
    observations = in_order([Observation(at=each.at, value=each.intensity, source=each.source) for each in course])
    values = [each.value for each in observations]
    valence = _valence(course)
    moved, interval = shift(values)
    yardstick = Yardstick(threshold=STATE, important=STATE, better=_BETTER.get(valence, Better.EITHER), known=False)
    return EmotionProgress(
        name=name,
        valence=valence,
        observations=observations,
        level=level(values),
        variability=variability(values),
        instability=instability(values),
        shift=moved,
        shift_interval=interval,
        trend=trend(observations, yardstick),
        buckets=summaries(observations, parts),
    )


def _valence(course: Sequence[Feeling]) -> str:
    """What it was called most often; neutral where that is undecided, since no side is then the better one."""
    counts = Counter(each.valence for each in course)
    most = max(counts.values())
    leading = [valence for valence, count in counts.items() if count == most]
    return leading[0] if len(leading) == 1 else "neutral"
