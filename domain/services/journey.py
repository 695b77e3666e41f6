"""A client's journey: everything that happened, in the order it happened."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.errors import Invalid
from domain.model import checks
from domain.model.goal import GoalNotFound
from domain.model.moment import zone_named
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.views import JOURNEY_KINDS, JourneyItem, JourneyView, Page
from domain.progress.period import look_back as period_back
from domain.services.access import Access, Action
from domain.services.sight import seen

KINDS: Final = JOURNEY_KINDS
LIMIT_MOST: Final = 2_000
THEME_MOST: Final = 200
CLASSES: Final = ("journal", "measures")
_IN_ERROR: Final = "entered_in_error"
_MEASURES: Final = frozenset(("measure",))
_OF_GOALS: Final = frozenset(("goal", "session", "measure"))
_WITH_THEMES: Final = frozenset(("session",))

Keep = Callable[[JourneyItem], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of a journey is asked for; what isn't given leaves nothing out, what is given holds together.

    `look_back` (`90d`, `12w`, `6m`, `2y`) stands in the place of `since` and counts from `until`, or from now; what is
    planned ahead is shown with it. `goal_id`: the goal, the sessions that touched it, the measures it is counted by.
    `theme`: sessions that name it, whatever its case. `record_class`: `measures`, or `journal` for all else.
    """

    since: datetime | None = None
    until: datetime | None = None
    look_back: str = ""
    kinds: Collection[str] = ()
    goal_id: UUID | None = None
    theme: str = ""
    record_class: str = ""

    def check(self) -> None:
        """Raises Invalid, ImpossibleTime naming the field."""
        check_period(self.since, self.until)
        if self.look_back and self.since is not None:
            raise checks.ImpossibleTime(
                "look_back and since both say where the period begins: send one.", field="look_back"
            )
        if unknown := set(self.kinds).difference(KINDS):
            raise Invalid(f"kinds takes {', '.join(KINDS)}.", field="kinds", unknown=len(unknown))
        if self.record_class and self.record_class not in CLASSES:
            raise Invalid(f"class takes {', '.join(CLASSES)}.", field="class")
        checks.text("theme", self.theme, THEME_MOST, one_line=True)

    def kinds_possible(self) -> frozenset[str]:
        """Kinds that can hold what is asked for."""
        possible = frozenset(self.kinds or KINDS)
        if self.record_class:
            possible &= _MEASURES if self.record_class == "measures" else frozenset(KINDS) - _MEASURES
        if self.goal_id is not None:
            possible &= _OF_GOALS
        return possible & _WITH_THEMES if self.theme else possible


class JourneyService:
    """`zone` is the clinic's IANA zone: look-backs begin with a day of its calendar."""

    def __init__(self, *, ledger: Ledger, access: Access, journey: JourneyView, zone: str = "UTC") -> None:
        self._ledger = ledger
        self._access = access
        self._journey = journey
        self._zone = zone_named(zone)

    def read(  # noqa: PLR0913 - which page of what
        self,
        call: Call,
        client_id: UUID,
        wanted: Wanted | None = None,
        *,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        at_least: int = 0,
    ) -> Page:
        """JourneyItems, oldest first. Clients see what was released to them: signed sessions and their transcripts, no risk
        flags, nothing entered in error.

        Raises ClientNotFound, Denied, ViewBehind, Erased, GoalNotFound, ImpossibleTime, LookBackNotUnderstood, Invalid.
        """
        self._access.require(call, Action.JOURNEY_READ, RecordClass.JOURNAL, client_id, (client_id,))
        wanted = wanted or Wanted()
        checks.integer("limit", limit, 1, LIMIT_MOST)
        wanted.check()
        since = wanted.since
        if wanted.look_back:
            since = period_back(wanted.look_back, wanted.until or call.at, self._zone).since
        journey = seen(self._journey, self._access, call)
        conditions = [_released(journey, client_id, at_least)] if call.actor.role is Role.CLIENT else []
        if wanted.goal_id is not None:
            conditions.append(_of_goal(journey, client_id, wanted.goal_id, conditions, at_least))
        if wanted.theme:
            conditions.append(_of_theme(wanted.theme))
        kinds = wanted.kinds_possible()
        page = journey.of_client(
            client_id,
            at_least=at_least,
            since=since,
            until=wanted.until,
            kinds=_asked(kinds),
            keep=_all(conditions) if kinds else lambda _: False,
            after=after,
            limit=limit,
        )
        self._ledger.note(call, AuditEntry(action=Action.JOURNEY_READ, client_id=client_id, resources=(client_id,)))
        return page


def check_period(since: datetime | None, until: datetime | None) -> None:
    """Both aware, and in order. Raises ImpossibleTime."""
    for field, instant in (("since", since), ("until", until)):
        if instant is not None and instant.tzinfo is None:
            raise checks.ImpossibleTime(f"{field} needs a time zone or offset.", field=field)
    if since is not None and until is not None and until < since:
        raise checks.ImpossibleTime("until lies before since.", field="until")


def _released(journey: JourneyView, client_id: UUID, at_least: int) -> Keep:
    """What accounts of clients see."""
    sessions: Sequence[JourneyItem] = journey.history((client_id,), at_least=at_least, kinds=("session",))[client_id]
    # Looked inside: what a row says in clear is held to what was sealed when it is opened.
    signed = {str(item.id) for item in sessions if item.state == "signed" == item.content["status"]}

    def released(item: JourneyItem) -> bool:
        if item.kind == "session":
            return item.state == "signed"
        if item.kind == "transcript" and item.content["session_id"] not in signed:
            return False
        return item.kind != "risk_flag" and item.state != _IN_ERROR

    return released


def _of_goal(journey: JourneyView, client_id: UUID, goal_id: UUID, conditions: Sequence[Keep], at_least: int) -> Keep:
    """The goal, what touched it and what it is counted by. Raises GoalNotFound."""
    found = journey.of_client(
        client_id,
        at_least=at_least,
        kinds=("goal",),
        keep=_all([*conditions, lambda item: item.id == goal_id]),
        limit=1,
    ).items
    if not found:
        raise GoalNotFound(goal_id=goal_id)
    goal = found[0].content
    instrument, linked = goal["content"]["instrument"], frozenset(goal["session_ids"])

    def of_goal(item: JourneyItem) -> bool:
        match item.kind:
            case "session":
                return str(item.id) in linked or str(goal_id) in item.content["content"]["goal_ids"]
            case "measure":
                return bool(item.content["instrument"] == instrument)
            case _:
                return item.id == goal_id

    return of_goal


def _asked(kinds: frozenset[str]) -> tuple[str, ...]:
    """As the view takes them: none for all; what is always there where nothing can match, to be told of erasure still."""
    return () if kinds == frozenset(KINDS) else tuple(sorted(kinds)) or ("client",)


def _of_theme(theme: str) -> Keep:
    sought = theme.casefold()
    return lambda item: any(named.casefold() == sought for named in item.content["content"]["themes"])


def _all(conditions: Sequence[Keep]) -> Keep | None:
    if not conditions:
        return None
    return lambda item: all(keep(item) for keep in conditions)
