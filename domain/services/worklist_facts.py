"""What is overdue about a client: facts from the journey, and rules that make work of them as time goes by.

Facts are JSON: instants in microseconds since 1970, ids as text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.model.risk_flag import WITHIN, FlagLevel
from domain.ports.views import JourneyItem
from domain.ports.worklist import Severity, WorkItem, WorkKind
from domain.progress.period import day_start
from domain.services.drafts import microseconds
from domain.services.rendering import Json

KINDS: Final = ("session", "measure", "goal", "risk_flag", "treatment_plan", "client")
"""Kinds of journey items that facts follow from; planned appointments ahead beside them."""
Facts = Mapping[str, Any]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_IN_ERROR: Final = "entered_in_error"
_WAITING: Final = ("raised", "escalated")
_RESOLVED: Final = "resolved"
_AGAIN_AFTER: Final = timedelta(days=1)
_SEVERITY: Final[Mapping[str, Severity]] = MappingProxyType(
    {
        "imminent": Severity.URGENT,
        "high": Severity.URGENT,
        "moderate": Severity.HIGH,
        "low": Severity.MODERATE,
    }
)
"""Of a flag that waits too long, by its level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Days. `measure`: between measures where no plan says how often; `unsigned`: for an author to sign; `goal`: without a
    trace of an active goal; `treatment`: since the last session, for a client to count as in treatment still.
    """

    measure: int = 28
    unsigned: int = 3
    goal: int = 60
    treatment: int = 90


# Facts ---------------------------------------------------------------------------------------------------------------


def facts_of(items: Sequence[JourneyItem], appointments: Iterable[JourneyItem]) -> Json:
    """From a client's items of `KINDS`, in order, and the appointments that lie ahead."""
    standing = [item for item in items if item.state != _IN_ERROR]
    sessions = [item for item in standing if item.kind == "session"]
    measures = [item for item in standing if item.kind == "measure"]
    ahead = [item.happened_at for item in appointments if item.state == "planned"]
    return {
        "open": any(item.kind == "client" for item in standing),
        "begun": microseconds(items[0].happened_at) if items else None,
        "last_session": microseconds(sessions[-1].happened_at) if sessions else None,
        "ahead": microseconds(max(ahead)) if ahead else None,
        "unsigned": [
            [str(item.id), item.content["author_id"], microseconds(item.happened_at)]
            for item in sessions
            if item.state == "recorded"
        ],
        "awaiting": [
            [str(item.id), item.content["supervisor_id"], _us(item.content["signed_at"])]
            for item in sessions
            if item.state == "awaiting_cosignature"
        ],
        "measured": {item.content["instrument"]: microseconds(item.happened_at) for item in measures},
        "goals": _goals([item for item in standing if item.kind == "goal"], sessions, measures),
        "flags": [_flag(item) for item in standing if item.kind == "risk_flag" and item.state in _WAITING],
        "flagged": any(item.kind == "risk_flag" and item.state != _RESOLVED for item in standing),
        "plan": next((_plan(item) for item in standing if item.kind == "treatment_plan"), None),
    }


def may_be_flagged(facts: Facts) -> bool:
    """Whether a risk flag stands open. Facts that an earlier release kept don't say: then one may."""
    return bool(facts.get("flagged", True))


def accounts_of(facts: Facts) -> frozenset[UUID]:
    """Whom something waits for, wherever they stand to the client."""
    named = [account for _, account, _ in (*facts["unsigned"], *facts["awaiting"])]
    return frozenset(UUID(account) for account in named if account is not None)


def _goals(
    goals: Sequence[JourneyItem], sessions: Sequence[JourneyItem], measures: Sequence[JourneyItem]
) -> list[list[Any]]:
    """Active goals with when they were last touched: changed, told of, named in a session, or measured."""
    touched = {str(goal.id): _touched(goal, measures) for goal in goals if goal.state == "active"}
    untouched = set(touched)
    for session in reversed(sessions):  # newest first, so that few of them are unsealed
        at = microseconds(session.happened_at)
        untouched = {goal_id for goal_id in untouched if touched[goal_id] < at}
        if not untouched:
            break
        for goal_id in untouched.intersection(session.content["content"]["goal_ids"]):
            touched[goal_id] = at
    return [[goal_id, at] for goal_id, at in touched.items()]


def _touched(goal: JourneyItem, measures: Sequence[JourneyItem]) -> int:
    instrument = goal.content["content"]["instrument"]
    measured = [microseconds(item.happened_at) for item in measures if item.content["instrument"] == instrument]
    told = [_us(each["at"]["instant"]) for each in goal.content["progress"]]
    return max([_us(goal.content["changed_at"]), *measured, *told])


def _flag(item: JourneyItem) -> Json:
    """`since`: by when it should have been taken on first, or when a person passed it up."""
    content = item.content
    escalated = None if content["escalated_at"] is None else _us(content["escalated_at"])
    if escalated is None:
        since = _us(content["due_at"])
    elif content["acknowledged_at"] is None and content["escalation_reason"] == "overdue":
        since = min(escalated, microseconds(item.happened_at + WITHIN[FlagLevel(content["level"])]))
    else:
        since = escalated
    return {
        "id": str(item.id),
        "level": content["level"],
        "since": since,
        "due": _us(content["due_at"]),
        "escalated": escalated,
        "to": content["escalated_to"],
    }


def _plan(item: JourneyItem) -> Json:
    content = item.content["content"]
    return {
        "id": str(item.id),
        "begun": microseconds(item.happened_at),
        "review_due": content["review_due"],
        "measures": [[each["instrument"], each["every_days"]] for each in content["measures"]],
    }


def _us(instant: str) -> int:
    return microseconds(datetime.fromisoformat(instant))


# Rules ---------------------------------------------------------------------------------------------------------------


def work_of(client_id: UUID, facts: Facts, now: datetime, thresholds: Thresholds, zone: ZoneInfo) -> list[WorkItem]:
    """What is overdue at `now`. In a chart entered in error flags and signatures alone are still waited for."""
    found = [*_flags(client_id, facts, now), *_signatures(client_id, facts, now, thresholds)]
    if facts["open"]:
        found += _measures(client_id, facts, now, thresholds)
        found += _stale(client_id, facts, now, thresholds)
        found += _review(client_id, facts, now, zone)
    return found


def flags_to_escalate(facts: Facts, now: datetime) -> list[UUID]:
    """Nobody took them on by their time. A flag is passed up by itself once a day at most, however short its time."""
    return [
        UUID(flag["id"])
        for flag in facts["flags"]
        if _at(flag["due"]) <= now and (flag["escalated"] is None or _at(flag["escalated"]) + _AGAIN_AFTER <= now)
    ]


def _flags(client_id: UUID, facts: Facts, now: datetime) -> Iterator[WorkItem]:
    """Those past their time, and those passed up: these wait already."""
    for flag in facts["flags"]:
        if _at(flag["since"]) <= now:
            yield WorkItem(
                kind=WorkKind.RISK_FLAG_UNACKNOWLEDGED,
                client_id=client_id,
                resource_id=UUID(flag["id"]),
                since=_at(flag["since"]),
                severity=_SEVERITY[flag["level"]],
                account_id=None if flag["to"] is None else UUID(flag["to"]),
            )


def _signatures(client_id: UUID, facts: Facts, now: datetime, thresholds: Thresholds) -> Iterator[WorkItem]:
    patience = timedelta(days=thresholds.unsigned)
    for session_id, author_id, happened_at in facts["unsigned"]:
        since = _at(happened_at) + patience
        if since <= now:
            yield WorkItem(
                kind=WorkKind.SESSION_UNSIGNED,
                client_id=client_id,
                resource_id=UUID(session_id),
                since=since,
                severity=Severity.MODERATE,
                account_id=UUID(author_id),
            )
    for session_id, supervisor_id, signed_at in facts["awaiting"]:
        since = _at(signed_at)
        yield WorkItem(
            kind=WorkKind.SESSION_AWAITING_COSIGNATURE,
            client_id=client_id,
            resource_id=UUID(session_id),
            since=since,
            severity=Severity.MODERATE if since + patience <= now else Severity.LOW,
            account_id=UUID(supervisor_id),
        )


def _measures(client_id: UUID, facts: Facts, now: datetime, thresholds: Thresholds) -> Iterator[WorkItem]:
    """By the plan's schedule where it has one, else any measure will do."""
    if not _in_treatment(facts, now, thresholds):
        return
    plan, measured = facts["plan"], facts["measured"]
    if plan is not None and plan["measures"]:
        asked = [(name, max(measured.get(name, 0), plan["begun"]), days) for name, days in plan["measures"]]
    else:
        asked = [(None, max(measured.values(), default=facts["begun"]), thresholds.measure)]
    for instrument, last, days in asked:
        since = _at(last) + timedelta(days=days)
        if since <= now:
            yield WorkItem(
                kind=WorkKind.MEASURE_OVERDUE,
                client_id=client_id,
                resource_id=None,
                since=since,
                severity=Severity.LOW,
                instrument=instrument,
            )


def _in_treatment(facts: Facts, now: datetime, thresholds: Thresholds) -> bool:
    last, ahead = facts["last_session"], facts["ahead"]
    recently = last is not None and _at(last) + timedelta(days=thresholds.treatment) > now
    return recently or (ahead is not None and _at(ahead) >= now)


def _stale(client_id: UUID, facts: Facts, now: datetime, thresholds: Thresholds) -> Iterator[WorkItem]:
    for goal_id, touched in facts["goals"]:
        since = _at(touched) + timedelta(days=thresholds.goal)
        if since <= now:
            yield WorkItem(
                kind=WorkKind.GOAL_STALE,
                client_id=client_id,
                resource_id=UUID(goal_id),
                since=since,
                severity=Severity.LOW,
            )


def _review(client_id: UUID, facts: Facts, now: datetime, zone: ZoneInfo) -> Iterator[WorkItem]:
    """From the beginning of the day it is due on."""
    plan = facts["plan"]
    if plan is None or plan["review_due"] is None:
        return
    since = day_start(date.fromisoformat(plan["review_due"]), zone)
    if since <= now:
        yield WorkItem(
            kind=WorkKind.PLAN_REVIEW_DUE,
            client_id=client_id,
            resource_id=UUID(plan["id"]),
            since=since,
            severity=Severity.MODERATE,
        )


def _at(instant_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=instant_us)
