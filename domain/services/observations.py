"""From items of the journey, in the JSON their resources read as, to plain observations. Pure.

What is marked as entered in error is left out, and when it happened is kept, so that a report can say how many there were.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from domain.instruments import Instrument, InstrumentUnknown, InstrumentVersionUnknown, instrument
from domain.ports.views import JourneyItem
from domain.progress.engagement import LATE
from domain.progress.record import Aim, Booking, Feeling, Flag, Meeting, Milestone, Record, Scale, Score, Step
from domain.progress.report import Cutoff, Source

KINDS: Final = ("session", "appointment", "measure", "goal", "risk_flag")
"""Kinds of items that a report draws on."""
_IN_ERROR: Final = "entered_in_error"


def record_of(client_id: UUID, items: Iterable[JourneyItem]) -> Record:
    """Everything in these items that a report counts."""
    standing: dict[str, list[JourneyItem]] = {kind: [] for kind in KINDS}
    withdrawn: list[datetime] = []
    for item in items:
        if item.kind not in standing:
            continue
        if item.state == _IN_ERROR:
            withdrawn.append(item.happened_at)
        else:
            standing[item.kind].append(item)
    return Record(
        client_id=client_id,
        scores=tuple(_score(item) for item in standing["measure"]),
        aims=tuple(_aim(item) for item in standing["goal"]),
        feelings=tuple(feeling for item in standing["session"] for feeling in _feelings(item)),
        bookings=tuple(_booking(item) for item in standing["appointment"]),
        meetings=tuple(_meeting(item) for item in standing["session"]),
        flags=tuple(_flag(item) for item in standing["risk_flag"]),
        withdrawn=tuple(withdrawn),
    )


def released(items: Iterable[JourneyItem]) -> tuple[JourneyItem, ...]:
    """What an account of a client sees: signed sessions, no risk flags, nothing entered in error: it may tell of others."""
    return tuple(
        item
        for item in items
        if item.kind != "risk_flag"
        and item.state != _IN_ERROR
        and (item.kind != "session" or item.state == "signed" == item.content["status"])
    )


def scales_of(records: Iterable[Record]) -> dict[tuple[str, str], Scale]:
    """The versions of instruments that these records' scores were taken with; those that are not known are missing."""
    keys = {(score.instrument, score.version) for record in records for score in record.scores}
    found = {}
    for key, version in sorted(keys):
        try:
            found[key, version] = scale_of(instrument(key, version))
        except (InstrumentUnknown, InstrumentVersionUnknown):
            continue
    return found


def scale_of(version: Instrument) -> Scale:
    """What progress needs of a version of an instrument."""
    return Scale(
        instrument=version.key,
        version=version.version,
        title=version.title,
        least=version.least,
        most=version.most,
        higher_is_worse=version.higher_is_worse,
        cutoffs=tuple(Cutoff(score=band.score, label=band.label) for band in version.cutoffs),
        clinical_cutoff=version.clinical_cutoff,
        reliable=version.reliable_change,
        important=version.minimal_important_difference,
        assumed=version.change.assumed,
    )


def _source(item: JourneyItem) -> Source:
    return Source(kind=item.kind, id=item.id, positions=item.positions)


def _score(item: JourneyItem) -> Score:
    content = item.content
    return Score(
        at=item.happened_at,
        instrument=content["instrument"],
        version=content["instrument_version"],
        value=float(content["score"]),
        severity=content["severity"],
        prorated=content["prorated"],
        source=_source(item),
    )


def _feelings(item: JourneyItem) -> Sequence[Feeling]:
    emotions = item.content["content"]["emotions"]
    if not emotions:
        return ()
    source = _source(item)
    return [
        Feeling(
            at=item.happened_at,
            name=emotion["name"],
            intensity=float(emotion["intensity"]),
            valence=emotion["valence"],
            source=source,
        )
        for emotion in emotions
    ]


def _meeting(item: JourneyItem) -> Meeting:
    goal_ids = frozenset(UUID(each) for each in item.content["content"]["goal_ids"])
    return Meeting(
        at=item.happened_at, id=item.id, goal_ids=goal_ids, source=_source(item), signed=item.state == "signed"
    )


def _booking(item: JourneyItem) -> Booking:
    content = item.content
    notice_s = content["notice_s"]
    by_client = item.state == "cancelled" and content["cancelled_by"] == "client"
    return Booking(
        at=item.happened_at,
        state=item.state,
        late=by_client and notice_s is not None and notice_s < LATE.total_seconds(),
        session_id=_uuid(content["session_id"]),
        source=_source(item),
    )


def _aim(item: JourneyItem) -> Aim:
    goal, content = item.content, item.content["content"]
    reached = {each["id"]: _day(each["reached_on"]) for each in goal["milestones_reached"]}
    return Aim(
        id=item.id,
        statement=content["statement"],
        status=goal["status"],
        set_at=item.happened_at,
        due_on=_day(content["due_on"]),
        ended_on=_day(goal["completed_on"]) or _day(goal["abandoned_on"]),
        counted_by=content["metric"],
        instrument=content["instrument"] or "",
        baseline=_number(content["baseline"]),
        target=_number(content["target"]),
        steps=tuple(Step(at=_instant(each["at"]), value=float(each["value"])) for each in goal["progress"]),
        milestones=tuple(
            Milestone(
                id=UUID(each["id"]), text=each["text"], due_on=_day(each["due_on"]), reached_on=reached.get(each["id"])
            )
            for each in content["milestones"]
        ),
        session_ids=frozenset(UUID(each) for each in goal["session_ids"]),
        source=_source(item),
    )


def _flag(item: JourneyItem) -> Flag:
    content = item.content
    return Flag(
        id=item.id, raised_at=item.happened_at, status=content["status"], level=content["level"], source=_source(item)
    )


def _instant(moment: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(moment["instant"])


def _day(text: str | None) -> date | None:
    """A day, of a date or of the moment it was said at."""
    return date.fromisoformat(text[:10]) if text else None


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
