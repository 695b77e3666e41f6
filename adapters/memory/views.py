"""Views that never lag: computed from the log at each read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Unpack
from uuid import UUID

from adapters.memory.access import to_us
from adapters.memory.ledger import InMemoryLog, replayed
from domain.errors import Erased, Invalid, ViewBehind
from domain.model.appointment import Appointment, AppointmentStatus
from domain.model.audit import AuditEvent
from domain.model.client import Client
from domain.model.clinical import record_class_of
from domain.model.identity import Identity
from domain.model.session import Session, SessionStatus
from domain.ports.audit import AuditFilters
from domain.ports.keys import RecordClass
from domain.ports.views import JOURNEY_KINDS, AuditRecord, CaseloadItem, JourneyItem, Page
from domain.services.journey_items import SHOWN, CareChange, care_change_as_json
from domain.services.rendering import client_as_json, consent_as_json


class InMemoryViews:
    """Base: finds the aggregates of clients."""

    def __init__(self, log: InMemoryLog, now: Callable[[], datetime]) -> None:
        self._log = log
        self._now = now

    def _require_position(self, at_least: int) -> None:
        if at_least > len(self._log.events):
            raise ViewBehind(at_least=at_least)

    def _of_client(self, client_id: UUID) -> Iterator[tuple[Any, tuple[int, ...]]]:
        """Each aggregate about the client, with the positions of its events."""
        positions: dict[UUID, list[int]] = {}
        for position, event in enumerate(self._log.events, start=1):
            if self._log.subjects.get(event.originator_id) == client_id:
                positions.setdefault(event.originator_id, []).append(position)
        for stream, places in positions.items():
            yield replayed(self._log.streams[stream]), tuple(places)


class InMemoryJourneyView(InMemoryViews):
    def of_client(  # noqa: PLR0913 - the port's filters
        self,
        client_id: UUID,
        *,
        at_least: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: Sequence[str] = (),
        keep: Callable[[JourneyItem], bool] | None = None,
        whole: bool = False,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
    ) -> Page:
        """`after` is (happened_at in microseconds, first position)."""
        self._require_position(at_least)
        if client_id in self._log.fences:
            raise Erased(client_id=client_id)
        items = self._chosen(client_id, since, until, kinds, whole)
        chosen = [item for item in items if (keep is None or keep(item)) and (after is None or _place(item) > after)]
        page = tuple(chosen[:limit])
        return Page(items=page, after=_place(page[-1]) if len(chosen) > limit else None)

    def history(  # noqa: PLR0913 - the port's filters
        self,
        client_ids: Sequence[UUID],
        *,
        at_least: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: Sequence[str] = (),
        whole: bool = False,
    ) -> Mapping[UUID, Sequence[JourneyItem]]:
        self._require_position(at_least)
        return {
            client_id: ()
            if client_id in self._log.fences
            else tuple(self._chosen(client_id, since, until, kinds, whole))
            for client_id in client_ids
        }

    def _chosen(
        self,
        client_id: UUID,
        since: datetime | None,
        until: datetime | None,
        kinds: Sequence[str],
        whole: bool,  # noqa: FBT001 - as its callers have it
    ) -> list[JourneyItem]:
        if not set(JOURNEY_KINDS).issuperset(kinds):
            raise Invalid("There is no such kind of item.", field="kinds")
        return [
            item
            for item in sorted(self._items(client_id, whole), key=_place)
            if (not kinds or item.kind in kinds)
            and (since is None or item.happened_at >= since)
            and (until is None or item.happened_at < until)
        ]

    def _items(self, client_id: UUID, whole: bool) -> Iterator[JourneyItem]:  # noqa: FBT001 - as its callers have it
        for aggregate, positions in self._of_client(client_id):
            if isinstance(aggregate, Client):
                yield _item("client", aggregate, aggregate.created_on, positions, client_as_json(aggregate))
                yield from self._parts(aggregate)
            elif shown := SHOWN.get(type(aggregate)):
                content = shown.content(aggregate)
                if whole and shown.detail is not None:
                    content |= shown.detail(aggregate)
                yield _item(shown.kind, aggregate, shown.happened_at(aggregate), positions, content)

    def _parts(self, client: Client) -> Iterator[JourneyItem]:
        """Consents, and each change of the care team."""
        consents: dict[UUID, list[tuple[int, Any]]] = {}
        for position, event in enumerate(self._log.events, start=1):
            if event.originator_id != client.id:
                continue
            if isinstance(event, Client.ConsentGiven | Client.ConsentWithdrawn):
                consents.setdefault(event.consent_id, []).append((position, event))
            elif isinstance(event, CareChange):
                content = care_change_as_json(event)
                yield JourneyItem(
                    kind="care_team",
                    id=UUID(content["id"]),
                    client_id=client.id,
                    state="left" if isinstance(event, Client.CareTeamLeft) else "joined",
                    version=event.originator_version,
                    happened_at=event.timestamp,
                    recorded_at=event.timestamp,
                    positions=(position,),
                    content=content,
                )
        for consent_id, told in consents.items():
            consent = client.consents[consent_id]
            yield JourneyItem(
                kind="consent",
                id=consent.id,
                client_id=client.id,
                state="given" if consent.withdrawn_at is None else "withdrawn",
                version=told[-1][1].originator_version,
                happened_at=consent.given_at,
                recorded_at=told[0][1].timestamp,
                positions=tuple(position for position, _ in told),
                content=consent_as_json(consent),
            )


class InMemoryCaseloadView(InMemoryViews):
    def of_clients(self, client_ids: Sequence[UUID], *, at_least: int = 0) -> Sequence[CaseloadItem]:
        self._require_position(at_least)
        return tuple(self._item(client_id) for client_id in client_ids if client_id not in self._log.fences)

    def _item(self, client_id: UUID) -> CaseloadItem:
        aggregates = [aggregate for aggregate, _ in self._of_client(client_id)]
        client = next(found for found in aggregates if isinstance(found, Client))
        identity = next(found for found in aggregates if isinstance(found, Identity))
        sessions = [
            found
            for found in aggregates
            if isinstance(found, Session)
            and found.status is not SessionStatus.ENTERED_IN_ERROR
            and not found.substance_use
        ]
        ahead = [
            found.start.instant
            for found in aggregates
            if isinstance(found, Appointment)
            and found.status is AppointmentStatus.PLANNED
            and found.start.instant >= self._now()
        ]
        return CaseloadItem(
            client_id=client_id,
            name=identity.content.names[0].full,
            status=client.status.value,
            last_session_at=max((found.content.took_place.instant for found in sessions), default=None),
            next_appointment_at=min(ahead, default=None),
            sessions=len(sessions),
            unsigned_sessions=sum(found.status is SessionStatus.RECORDED for found in sessions),
        )


class InMemoryAuditView(InMemoryViews):
    def search(
        self,
        *,
        at_least: int = 0,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        **filters: Unpack[AuditFilters],
    ) -> Page:
        """`after` is (position,)."""
        self._require_position(at_least)
        if after is not None and len(after) != 1:
            raise Invalid("This cursor is not one of an audit.", field="after")
        chosen = [
            (position, event)
            for position, event in reversed(list(enumerate(self._log.events, start=1)))
            if isinstance(event, AuditEvent) and _sought(event, filters) and (after is None or position < after[0])
        ]
        page = chosen[:limit]
        records = tuple(_record(position, event) for position, event in page)
        return Page(items=records, after=(page[-1][0],) if len(chosen) > limit else None)


_AS_STORED: Final = {"role": "actor_role"}


def _sought(event: AuditEvent, filters: AuditFilters) -> bool:
    asked = {name: value for name, value in filters.items() if value is not None}
    client_id, other = asked.pop("client_id", None), asked.pop("other_than", None)
    without = filters.get("without", ())
    asked.pop("without", None)
    since, until = filters.get("since"), filters.get("until")
    asked.pop("since", None)
    asked.pop("until", None)
    return (
        all(getattr(event, _AS_STORED.get(name, name)) == value for name, value in asked.items())
        and (client_id is None or client_id in (event.client_id, *event.clients))
        and event.actor_id != other
        and event.action not in without
        and (since is None or event.timestamp >= since)
        and (until is None or event.timestamp < until)
    )


def _record(position: int, event: AuditEvent) -> AuditRecord:
    return AuditRecord(
        position=position,
        leaf=b"",
        recorded_at=event.timestamp.astimezone(UTC),
        request_id=event.originator_id,
        actor_id=event.actor_id,
        actor_role=event.actor_role,
        action=event.action,
        client_id=event.client_id,
        resources=event.resources,
        outcome=event.outcome,
        reason=event.reason,
        purpose=event.purpose,
        origin=event.origin,
        on_behalf_of=event.on_behalf_of,
        clients=event.clients,
    )


def _item(
    kind: str, aggregate: Any, happened_at: datetime, positions: tuple[int, ...], content: dict[str, Any]
) -> JourneyItem:
    return JourneyItem(
        kind=kind,
        id=aggregate.id,
        client_id=aggregate.subject,
        state=aggregate.status.value,
        version=aggregate.version,
        happened_at=happened_at,
        recorded_at=aggregate.created_on,
        positions=positions,
        content=content,
        record_class=RecordClass.SUD if record_class_of(aggregate) is RecordClass.SUD else RecordClass.JOURNAL,
    )


def _place(item: JourneyItem) -> tuple[int, int]:
    return to_us(item.happened_at), item.positions[0]
