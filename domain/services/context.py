"""What of a client's record a model is shown: chosen for a token budget, each record with why it was chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.model import checks
from domain.model.moment import FIRST_YEAR, LAST_YEAR
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.views import JourneyItem, JourneyView
from domain.progress.period import Period, look_back, period
from domain.services.access import Access, Action
from domain.services.context_candidates import KINDS, OPEN_FLAGS, OVER, STANDING, Means, Wish
from domain.services.context_choice import Chosen, choose
from domain.services.sight import without_substance_use

BUDGET_LEAST: Final = 256
"""Tokens. With fewer not even what safety asks for has room."""
BUDGET_MOST: Final = 200_000
CLASSES: Final[Mapping[str, frozenset[str]]] = {
    "journal": frozenset(KINDS) - {"measure"},
    "measures": frozenset(("measure",)),
}
"""Kinds by class of record. Psychotherapy notes, identities and substance-use records are no part of the journey, and never
of a context.
"""
GOALS_MOST: Final = 20
THEMES_MOST: Final = 20
THEME_MOST: Final = 200
WORDS_MOST: Final = 2_000
TRANSCRIPTS_MOST: Final = 40
"""The newest transcripts that are looked through when words are asked for: each may be megabytes."""
TALK_MOST: Final = 10_000_000
"""Characters of them, after which no older ones are read: some hundred hours of talk."""
_TRANSCRIPTS_AT_ONCE: Final = 8

_ENTRIES: Final = ("measure", "goal", "risk_flag", "treatment_plan", "diagnosis", "medication", "safety_plan")
_ALWAYS: Final = frozenset(("risk_flag", "safety_plan"))
_APPOINTMENT_DAYS: Final = 90
"""Appointments tell something for a season; what came of older ones is in the sessions and the progress report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which part of the record: its period (`look_back`, or `since` and `until`; the whole record by default), its kinds,
    its classes (none: all of them), and what it should be about.
    """

    budget_tokens: int
    look_back: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    kinds: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    goal_ids: tuple[UUID, ...] = ()
    themes: tuple[str, ...] = ()
    words: str = ""
    only: bool = False
    """Leaves out what names none of the goals and themes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """`items` oldest first; `tokens` of all of them with a blank line between, by `counted_by`, never above the budget.
    `left_out` counts what was there and not chosen, by kind; what lies outside of the period is not counted.
    """

    client_id: UUID
    since: datetime | None
    until: datetime
    budget_tokens: int
    tokens: int
    counted_by: str
    chosen_by: tuple[str, ...]
    items: tuple[Chosen, ...]
    left_out: Mapping[str, int]
    entered_in_error: int


class ContextService:
    """`zone` is the clinic's, in which look-backs count days."""

    def __init__(self, *, ledger: Ledger, access: Access, journey: JourneyView, means: Means, zone: str) -> None:
        self._ledger = ledger
        self._access = access
        self._journey = without_substance_use(journey)
        self._means = means
        self._zone = ZoneInfo(zone)

    @property
    def judged_by(self) -> tuple[str, ...]:
        """What relevance to a question is judged by."""
        return tuple(one.name for one in (self._means.words, self._means.meaning) if one is not None)

    def select(self, call: Call, client_id: UUID, wanted: Wanted, *, at_least: int = 0) -> Context:
        """Choose, with the choice on record by ids; the question itself is never written down.

        Whatever the period and the filters, open risk flags and the safety plan are looked at first, and goals, plans,
        diagnoses and medications that stand now belong to it. Sessions not signed yet are there, and say so. Entries made
        in error never are. Raises ClientNotFound, Denied, Erased, ViewBehind, LookBackNotUnderstood, PeriodNotPossible,
        Invalid.
        """
        self._access.require(call, Action.CONTEXT_READ, RecordClass.JOURNAL, client_id, (client_id,))
        _check(wanted)
        within = self._period(wanted, call.at)
        items = self._items(client_id, wanted, within, at_least)
        wish = Wish(goal_ids=wanted.goal_ids, themes=wanted.themes, words=wanted.words, only=wanted.only)
        choice = choose(items, wish, wanted.budget_tokens, self._means)
        ids = tuple(one.id for one in choice.chosen)
        self._ledger.note(
            call, AuditEntry(action=Action.CONTEXT_READ, client_id=client_id, resources=(client_id, *ids))
        )
        return Context(
            client_id=client_id,
            since=within.since if wanted.look_back or wanted.since else None,
            until=within.until,
            budget_tokens=wanted.budget_tokens,
            tokens=choice.tokens,
            counted_by=self._means.counter.name,
            chosen_by=choice.chosen_by,
            items=choice.chosen,
            left_out=choice.left_out,
            entered_in_error=choice.entered_in_error,
        )

    def _period(self, wanted: Wanted, now: datetime) -> Period:
        """Ends now unless another end is asked for; begins before any record."""
        until = wanted.until or now
        if wanted.look_back:
            return look_back(wanted.look_back, until, self._zone)
        return period(wanted.since or datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), until)

    def _items(self, client_id: UUID, wanted: Wanted, within: Period, at_least: int) -> list[JourneyItem]:
        """Read in parts, so that a short period of a long record costs little."""
        kinds = _kinds(wanted)
        since = within.since if wanted.look_back or wanted.since else None
        entries = self._history(client_id, at_least, _ENTRIES)
        found = [item for item in entries if _belongs(item, within, kinds)]
        if "session" in kinds:
            found += self._history(client_id, at_least, ("session",), since, within.until)
        if "appointment" in kinds:
            recent = max(within.since, within.until - timedelta(days=_APPOINTMENT_DAYS))
            ahead = None if wanted.until is None else within.until
            found += self._history(client_id, at_least, ("appointment",), recent, ahead)
        if "transcript" in kinds and wanted.words.strip():
            found += self._transcripts(client_id, at_least, since, within.until)
        if not found:
            # Says so when the client was erased: a history of nothing does not.
            self._journey.of_client(client_id, at_least=at_least, limit=1)
        return found

    def _history(
        self,
        client_id: UUID,
        at_least: int,
        kinds: Sequence[str],
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[JourneyItem]:
        return self._journey.history((client_id,), at_least=at_least, since=since, until=until, kinds=kinds)[client_id]

    def _transcripts(
        self, client_id: UUID, at_least: int, since: datetime | None, until: datetime
    ) -> Sequence[JourneyItem]:
        listed = self._history(client_id, at_least, ("transcript",), since, until)
        newest = [item for item in listed if item.state != "entered_in_error"][-TRANSCRIPTS_MOST:]
        found: list[JourneyItem] = []
        taken, before = 0, until
        for end in range(len(newest), 0, -_TRANSCRIPTS_AT_ONCE):
            begin = newest[max(0, end - _TRANSCRIPTS_AT_ONCE)].happened_at
            told = self._journey.history((client_id,), since=begin, until=before, kinds=("transcript",), whole=True)
            found[:0] = told[client_id]
            taken += sum(len(said["text"]) for item in told[client_id] for said in item.content["utterances"])
            if taken > TALK_MOST:
                break
            before = begin
        return found


def _check(wanted: Wanted) -> None:
    checks.integer("budget_tokens", wanted.budget_tokens, BUDGET_LEAST, BUDGET_MOST)
    checks.count("goal_ids", wanted.goal_ids, GOALS_MOST)
    checks.distinct("goal_ids", wanted.goal_ids)
    checks.texts("themes", wanted.themes, THEMES_MOST, THEME_MOST)
    checks.text("words", wanted.words, WORDS_MOST)
    for name, instant in (("since", wanted.since), ("until", wanted.until)):
        if instant is not None and not FIRST_YEAR <= instant.year <= LAST_YEAR:
            raise checks.ImpossibleTime(f"{name} lies outside the years {FIRST_YEAR} to {LAST_YEAR}.", field=name)
    if wanted.look_back and wanted.since:
        raise checks.ImpossibleTime("look_back and since both say where the period begins: send one.", field="since")
    for name, given, known in (("kinds", wanted.kinds, KINDS), ("classes", wanted.classes, tuple(CLASSES))):
        if not set(known).issuperset(given):
            raise checks.OutOfRange(f"{name} takes {', '.join(known)}.", field=name)


def _kinds(wanted: Wanted) -> frozenset[str]:
    """Those that pass both filters."""
    of_classes: frozenset[str] = frozenset().union(*(CLASSES[name] for name in wanted.classes or CLASSES))
    return of_classes & frozenset(wanted.kinds or KINDS)


def _belongs(item: JourneyItem, within: Period, kinds: frozenset[str]) -> bool:
    """Of what is not read by its time: the period and the filters, but for safety, and for what stands now."""
    if item.kind in _ALWAYS and (item.kind == "safety_plan" or item.state in OPEN_FLAGS):
        return True
    if item.kind not in kinds:
        return False
    return item.happened_at in within or (item.kind in STANDING and item.state not in OVER)
