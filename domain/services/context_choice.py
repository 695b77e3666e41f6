"""Which records a model is shown when it can't be shown all: a pure function of the records and of what was asked for.

Safety comes first, then the newest session and the newest result with each instrument; the rest by a sum of parts between
0 and 1, each with its weight: how recent, whether it names the goals and themes asked for, whether it says the words, how
near it is in meaning, and how much a record of its kind says by itself. What repeats what is chosen already counts less.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Final
from uuid import UUID

from domain.ports.relevance import TokenCounter
from domain.ports.views import JourneyItem
from domain.progress.report import Source
from domain.services.context_candidates import (
    FIRST,
    KINDS,
    REST,
    SAFETY,
    STANDS,
    Candidate,
    Means,
    Reason,
    Wish,
    candidates_of,
    judge,
)
from domain.services.context_text import excerpt, scores_shown
from domain.services.wording import Word, folded, words_of

SEPARATOR: Final = "\n\n"
_REPEATS: Final = 0.9
"""From this share of word triples on, a record repeats another and is left out."""
_STANDING_SHARE: Final = 6
"""The part of the budget, one in so many, that plan, goals, diagnoses and medications get before the rest."""
_SHARES: Final = {SAFETY: 2, FIRST: 2, STANDS: 12, REST: 3}
"""The part of the budget, one in so many, that a single record may take."""
_SHORTEST: Final = 40
"""Tokens below which looking for something that fits is not worth it."""
_MISFITS_MOST: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One record as a model is to read it. `whole` False: an excerpt. `score` is the sum of `parts`, each weighted."""

    kind: str
    id: UUID
    happened_at: datetime
    state: str
    text: str
    whole: bool
    tokens: int
    score: float
    parts: Mapping[str, float]
    because: tuple[Reason, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`chosen` oldest first; `left_out` counts by kind what is there and was not chosen."""

    chosen: tuple[Chosen, ...]
    tokens: int
    left_out: Mapping[str, int]
    entered_in_error: int
    chosen_by: tuple[str, ...]


def choose(items: Sequence[JourneyItem], wish: Wish, budget: int, means: Means) -> Choice:
    """At most `budget` tokens in all, separators included, by `means.counter`. The same input gives the same choice."""
    usable = [item for item in items if item.kind in KINDS and item.state not in ("entered_in_error", "draft")]
    wrong = sum(item.kind in KINDS and item.state == "entered_in_error" for item in items)
    candidates = candidates_of(usable)
    judge(candidates, wish, means)
    if wish.only:
        candidates = [one for one in candidates if one.tier == SAFETY or one.parts["goal"] or one.parts["theme"]]
    chosen = _Filling(budget, means.counter, words_of(wish.words)).fill(candidates)
    shown = {source.id for one in chosen for source in one.sources}
    left = Counter(item.kind for item in usable if item.id not in shown)
    return Choice(
        chosen=tuple(chosen),
        tokens=means.counter.count(SEPARATOR.join(one.text for one in chosen)) if chosen else 0,
        left_out={kind: left[kind] for kind in KINDS if left[kind]},
        entered_in_error=wrong,
        chosen_by=_names(wish, means),
    )


def _names(wish: Wish, means: Means) -> tuple[str, ...]:
    asked = wish.words.strip()
    judged = (means.words.name, *((means.meaning.name,) if means.meaning else ())) if asked else ()
    return ("recency/1", *judged)


class _Filling:
    """Takes the best that is left until the budget is."""

    def __init__(self, budget: int, counter: TokenCounter, words: Sequence[Word]) -> None:
        self._budget = budget
        self._counter = counter
        self._words = words
        self._separator = counter.count(SEPARATOR)
        self._taken: list[tuple[Candidate, Chosen]] = []
        self._room = budget

    def fill(self, candidates: Sequence[Candidate]) -> list[Chosen]:
        for tier in (SAFETY, FIRST):
            self._fill_from([one for one in candidates if one.tier == tier])
        standing = [one for one in candidates if one.tier == STANDS]
        kept = max(0, self._room - self._budget // _STANDING_SHARE)
        self._room -= kept
        self._fill_from(standing)
        self._room += kept
        taken = {id(one) for one, _ in self._taken}
        self._fill_from([one for one in candidates if one.tier >= STANDS and id(one) not in taken])
        while self._taken and self._total() > self._budget:
            # A tokeniser may need more for the whole than for its parts.
            self._taken.pop()
        return sorted((chosen for _, chosen in self._taken), key=lambda one: (one.happened_at, one.id.int))

    def _total(self) -> int:
        texts = sorted((chosen for _, chosen in self._taken), key=lambda one: (one.happened_at, one.id.int))
        return self._counter.count(SEPARATOR.join(one.text for one in texts))

    def _fill_from(self, tier: Sequence[Candidate]) -> None:
        heap = [(one.order, number) for number, one in enumerate(tier)]
        heapify(heap)
        misfits = 0
        while heap and self._room >= _SHORTEST and misfits < _MISFITS_MOST:
            order, number = heappop(heap)
            best = tier[number]
            self._compare(best)
            if best.tier >= STANDS and best.similar >= _REPEATS:
                continue
            if best.order > order:
                heappush(heap, (best.order, number))
                continue
            misfits += not self._take(best)

    def _compare(self, one: Candidate) -> None:
        """With what was chosen since it was compared last. Similarity only grows, so the best of a heap is the best."""
        for other, _ in self._taken[one.compared :]:
            shared = len(one.triples & other.triples)
            if shared:
                one.similar = max(one.similar, shared / len(one.triples | other.triples))
        one.compared = len(self._taken)

    def _take(self, one: Candidate) -> bool:
        share = self._budget // _SHARES[one.tier]
        most = min(self._room, max(share, _SHORTEST)) - self._separator
        text: str | None = one.passage.whole
        whole = self._counter.count(one.passage.whole) <= most
        if not whole:
            text = excerpt(one.passage, most, self._counter, self._words)
        if text is None:
            return False
        tokens = self._counter.count(text)
        self._room -= tokens + self._separator
        self._taken.append((one, self._chosen(one, text, tokens, whole=whole)))
        return True

    def _chosen(self, one: Candidate, text: str, tokens: int, *, whole: bool) -> Chosen:
        item = one.item
        return Chosen(
            kind=item.kind,
            id=item.id,
            happened_at=item.happened_at,
            state=item.state,
            text=text,
            whole=whole,
            tokens=tokens,
            score=round(one.score, 6),
            parts=one.parts,
            because=(*one.because, *self._said(one)),
            sources=tuple(_sources(one, whole=whole)),
        )

    def _said(self, one: Candidate) -> Iterator[Reason]:
        """Which of the words asked for the record says, in the order asked."""
        if one.parts["words"]:
            record = folded(one.passage.whole)
            said = ", ".join(word.text for word in self._words if word.count(record))
            yield Reason(code="words", text=f"Says: {said}.")


def _sources(one: Candidate, *, whole: bool) -> Iterator[Source]:
    """The record, and for a measure the earlier results that its course names: an excerpt may not reach so far."""
    for item in (*(scores_shown(one.course) if whole else ()), one.item):
        yield Source(kind=item.kind, id=item.id, positions=item.positions)
