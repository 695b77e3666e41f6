"""Records as candidates for a context: what each would say, how much it matters and why."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.ports.relevance import Relevance, TokenCounter
from domain.ports.views import JourneyItem
from domain.services.context_text import Names, Passage, goal_name, passage_of
from domain.services.wording import Word, folded, words_of

KINDS: Final = (
    "session",
    "appointment",
    "measure",
    "goal",
    "risk_flag",
    "treatment_plan",
    "diagnosis",
    "medication",
    "safety_plan",
    "transcript",
)
"""What can be chosen. Consents, changes of the care team and the chart itself say nothing of how somebody fares."""
WEIGHTS: Final[Mapping[str, float]] = {
    "recency": 1.0,
    "goal": 2.0,
    "theme": 1.5,
    "words": 2.0,
    "meaning": 2.0,
    "kind": 1.0,
}
HALF_LIFE_DAYS: Final = 90
"""Days before the newest record after which recency counts half."""
MEANING_MOST: Final = 64
"""How many of the best by all else are compared by meaning: an encoder takes milliseconds a text."""

_BY_ITSELF: Final = {
    "treatment_plan": 0.6,
    "goal": 0.6,
    "diagnosis": 0.5,
    "medication": 0.4,
    "measure": 0.4,
    "session": 0.3,
    "risk_flag": 0.3,
    "safety_plan": 0.3,
    "transcript": 0.1,
    "appointment": 0.05,
}
_PAST: Final = 0.2
"""For a goal, diagnosis or medication that is over."""
_AHEAD: Final = 0.2
"""For an appointment that is still to come."""
OPEN_FLAGS: Final = frozenset(("raised", "acknowledged", "escalated"))
OVER: Final = frozenset(("completed", "abandoned", "resolved", "ruled_out", "stopped"))
STANDING: Final = frozenset(("treatment_plan", "goal", "diagnosis", "medication"))
SAFETY, FIRST, STANDS, REST = range(4)
_SIMILAR_COSTS: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted of the record. `only` leaves out what names none of the goals and themes, safety apart."""

    goal_ids: tuple[UUID, ...] = ()
    themes: tuple[str, ...] = ()
    words: str = ""
    only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """`code` is stable; `text` may quote the question and is for the answer alone."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Means:
    """What relevance is judged by and length counted with."""

    counter: TokenCounter
    words: Relevance
    meaning: Relevance | None = None


@dataclass(slots=True, kw_only=True)
class Candidate:
    item: JourneyItem
    course: Sequence[JourneyItem]
    goals: Names
    tier: int = REST
    parts: dict[str, float] = field(default_factory=dict)
    because: list[Reason] = field(default_factory=list)
    similar: float = 0.0
    compared: int = 0
    _passage: Passage | None = None
    _triples: frozenset[tuple[str, ...]] | None = None

    @property
    def passage(self) -> Passage:
        if self._passage is None:
            self._passage = passage_of(self.item, self.goals, self.course)
        return self._passage

    @property
    def triples(self) -> frozenset[tuple[str, ...]]:
        """Word triples of what it says without its day."""
        if self._triples is None:
            words = folded(self.passage.whole).split()[1:]
            self._triples = frozenset(zip(words, words[1:], words[2:], strict=False)) or frozenset((tuple(words),))
        return self._triples

    @property
    def score(self) -> float:
        return sum(WEIGHTS[name] * part for name, part in self.parts.items())

    @property
    def order(self) -> tuple[float, float, int]:
        """Best first; of equals the newer, then by id."""
        worth = self.score * (1 - _SIMILAR_COSTS * self.similar)
        return -worth, -self.item.happened_at.timestamp(), self.item.id.int


def candidates_of(items: Sequence[JourneyItem]) -> list[Candidate]:
    """One a record; results with one instrument are one, told from the newest; a kept appointment is its session's."""
    goals = {str(item.id): goal_name(item) for item in items if item.kind == "goal"}
    by_instrument: dict[str, list[JourneyItem]] = defaultdict(list)
    found: list[Candidate] = []
    for item in sorted(items, key=_time_and_id):
        if item.kind == "measure":
            by_instrument[item.content["instrument"]].append(item)
        elif item.kind != "appointment" or item.state != "held":
            found.append(Candidate(item=item, course=(), goals=goals))
    for course in by_instrument.values():
        found.append(Candidate(item=course[-1], course=course[:-1], goals=goals))  # noqa: PERF401 - two loops read alike
    _rank(found)
    return found


def _time_and_id(item: JourneyItem) -> tuple[datetime, int]:
    return item.happened_at, item.id.int


def _rank(candidates: Sequence[Candidate]) -> None:
    """What is looked at before all else, and why."""
    newest = max((one.item for one in candidates if one.item.kind == "session"), key=_time_and_id, default=None)
    for one in candidates:
        item = one.item
        if item.kind == "risk_flag" and item.state in OPEN_FLAGS:
            one.tier = SAFETY
            one.because.append(Reason(code="safety", text="A risk flag that is not resolved."))
        elif item.kind == "safety_plan":
            one.tier = SAFETY
            one.because.append(Reason(code="safety", text="The safety plan."))
        elif item is newest:
            one.tier = FIRST
            one.because.append(Reason(code="newest_session", text="The newest session of those asked for."))
        elif item.kind == "measure":
            one.tier = FIRST
            text = f"The newest result with {item.content['instrument']}, and the course to it."
            one.because.append(Reason(code="newest_score", text=text))
        elif _stands(item):
            one.tier = STANDS
            one.because.append(Reason(code="current", text=f"A {item.kind.replace('_', ' ')} that stands now."))


def judge(candidates: Sequence[Candidate], wish: Wish, means: Means) -> None:
    """Fills in the parts of each score, and the reasons that follow from them."""
    if not candidates:
        return
    past = [one.item for one in candidates if one.item.kind != "appointment"] or [one.item for one in candidates]
    newest = max(item.happened_at for item in past)
    themes = [(theme, words_of(theme)) for theme in wish.themes]
    linked = {one.item.id: one.item.content.get("session_ids", ()) for one in candidates if one.item.kind == "goal"}
    for one in candidates:
        days = 0 if _stands(one.item) else max(0, (newest - one.item.happened_at).days)
        one.parts = {
            "recency": round(0.5 ** (days / HALF_LIFE_DAYS), 6),
            "goal": _goal_part(one, wish.goal_ids, linked),
            "theme": _theme_part(one, themes),
            "words": 0.0,
            "kind": _by_itself(one.item),
        }
        if days <= HALF_LIFE_DAYS and not _stands(one.item):
            ago = "As new as any" if not days else f"{days} day{'s' if days > 1 else ''} before the newest record"
            one.because.append(Reason(code="recent", text=f"{ago}."))
    if wish.words.strip():
        _judge_words(candidates, wish.words, means)


def _stands(item: JourneyItem) -> bool:
    """A goal, plan, diagnosis or medication that holds now, however long ago it was written down."""
    return item.kind in STANDING and item.state not in OVER


def _by_itself(item: JourneyItem) -> float:
    if item.kind == "appointment":
        return _AHEAD if item.state == "planned" else _BY_ITSELF["appointment"]
    return _PAST if item.state in OVER else _BY_ITSELF[item.kind]


def _goal_part(one: Candidate, goal_ids: Sequence[UUID], linked: Mapping[UUID, Sequence[str]]) -> float:
    """The share of the goals asked for that the record is, names, or is named by (`linked`: sessions by goal)."""
    if not goal_ids:
        return 0.0
    item = one.item
    named = item.content.get("content", {}).get("goal_ids", ())
    hits = 0
    for goal_id in goal_ids:
        if goal_id == item.id:
            one.because.append(Reason(code="goal", text="The goal itself."))
        elif str(goal_id) in named or str(item.id) in linked.get(goal_id, ()):
            one.because.append(Reason(code="goal", text=f"Names goal {goal_id}."))
        else:
            continue
        hits += 1
    return round(hits / len(goal_ids), 6)


def _theme_part(one: Candidate, themes: Sequence[tuple[str, Sequence[Word]]]) -> float:
    """Over the themes asked for: 1 for one that the record carries, a half for one that its text mentions."""
    if not themes:
        return 0.0
    carried = folded("\n".join(one.item.content.get("content", {}).get("themes", ())))
    total = 0.0
    for theme, words in themes:
        if carried and _says(words, carried):
            total += 1
            one.because.append(Reason(code="theme", text=f"Theme: {theme}."))
        elif _says(words, folded(one.passage.whole)):
            total += 0.5
            one.because.append(Reason(code="theme", text=f"Mentions the theme: {theme}."))
    return round(total / len(themes), 6)


def _says(words: Sequence[Word], text: str) -> bool:
    return bool(words) and all(word.count(text) for word in words)


def _judge_words(candidates: Sequence[Candidate], question: str, means: Means) -> None:
    texts = [one.passage.whole for one in candidates]
    scores = means.words.scores(question, texts)
    most = max(scores)
    for one, score in zip(candidates, scores, strict=True):
        if score > 0:
            one.parts["words"] = round(score / most, 6)
    if means.meaning is None:
        return
    best = sorted(candidates, key=lambda one: one.order)[:MEANING_MOST]
    for one, near in zip(
        best, means.meaning.scores(question, [each.passage.said or each.passage.heading for each in best]), strict=True
    ):
        one.parts["meaning"] = round(min(1.0, max(0.0, near)), 6)
        if near > 0:
            one.because.append(Reason(code="meaning", text=f"Near in meaning ({near:.2f}, {means.meaning.name})."))
