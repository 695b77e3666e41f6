"""A stream told as items of the journey: its aggregate, replayed, and which events made which item.

An item is a function of the events of its stream alone, so a rebuild gives what following the log gave.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate, DomainEvent

from adapters.event_store.rows import StoredRow
from adapters.views.times import to_us
from domain.model.client import Client
from domain.model.identity import Identity
from domain.ports.keys import RecordClass
from domain.services.journey_items import SHOWN, Shown, care_change_as_json
from domain.services.rendering import Json, client_as_json, consent_as_json

Key = tuple[int, int]
"""Ids of item and client as numbers: they hash several times faster than UUIDs, which counts in a rebuild."""


@dataclass(slots=True)
class Item:
    """One row of the journey, still unsealed. `content` renders the item as of now, `detail` what is kept beside it."""

    kind: str
    id: UUID
    client_id: UUID
    state: str
    version: int
    happened_at_us: int
    recorded_at_us: int
    positions: list[int]
    content: Callable[[], Json]
    detail: Callable[[], Json] | None = None
    record_class: RecordClass = RecordClass.JOURNAL

    @property
    def key(self) -> Key:
        return self.id.int, self.client_id.int


@dataclass(slots=True)
class Story(ABC):
    """Base: replays one stream. `last_position` is that of the newest row taken."""

    aggregate: Any = None
    last_position: int = 0
    _items: dict[int, Item] = field(default_factory=dict)

    EVENT: ClassVar[type[DomainEvent]]

    @property
    def version(self) -> int:
        return int(self.aggregate.version) if self.aggregate is not None else 0

    @property
    def client_id(self) -> UUID:
        subject: UUID = self.aggregate.subject
        return subject

    def take(self, event: Any, row: StoredRow) -> Sequence[Item]:
        """Replay one event and give the items that it touched. After an exception the story is spoilt."""
        self.aggregate = event.mutate(self.aggregate)
        self.last_position = row.position
        return self._touch(event, row)

    @abstractmethod
    def _touch(self, event: Any, row: StoredRow) -> Sequence[Item]:
        """The items that an event made or changed, once it is applied."""

    def _item(  # noqa: PLR0913, PLR0917 - one argument a column
        self, row: StoredRow, kind: str, item_id: UUID, state: str, happened_at: datetime, content: Callable[[], Json]
    ) -> Item:
        """Make the item or change it, and note which row did."""
        item = self._items.get(item_id.int)
        if item is None:
            item = Item(kind, item_id, self.client_id, state, 0, 0, row.recorded_at_us, [], content)
            self._items[item_id.int] = item
        item.state = state
        item.version = self.version
        item.happened_at_us = to_us(happened_at)
        item.content = content
        item.positions.append(row.position)
        return item


class RecordStory(Story):
    """One item: the record as it stands, as `SHOWN` has it."""

    SHOWN: ClassVar[Shown]

    def _touch(self, event: Any, row: StoredRow) -> Sequence[Item]:  # noqa: ARG002 - only charts have several kinds of items
        record, shown = self.aggregate, self.SHOWN
        item = self._item(
            row, shown.kind, record.id, record.status.value, shown.happened_at(record), lambda: shown.content(record)
        )
        item.record_class = RecordClass.SUD if record.substance_use else RecordClass.JOURNAL
        detail = shown.detail
        item.detail = None if detail is None else lambda: detail(record)
        return (item,)


class ClientStory(Story):
    """The chart itself, an item for each consent, and one for each change of the care team."""

    EVENT = Client.Event

    def _touch(self, event: Any, row: StoredRow) -> Sequence[Item]:
        client: Client = self.aggregate
        chart = self._item(
            row, "client", client.id, client.status.value, client.created_on, lambda: client_as_json(client)
        )
        part = self._part(client, event, row)
        return (chart, part) if part is not None else (chart,)

    def _part(self, client: Client, event: Any, row: StoredRow) -> Item | None:
        match event:
            case Client.CareTeamJoined() | Client.RepresentativeLetIn():
                return self._change(row, event, "joined")
            case Client.CareTeamLeft():
                return self._change(row, event, "left")
            case Client.ConsentGiven() | Client.ConsentWithdrawn():
                consent = client.consents[event.consent_id]
                state = "given" if consent.withdrawn_at is None else "withdrawn"
                return self._item(row, "consent", consent.id, state, consent.given_at, lambda: consent_as_json(consent))
            case _:
                return None

    def _change(self, row: StoredRow, event: Any, state: str) -> Item:
        content = care_change_as_json(event)
        return self._item(row, "care_team", UUID(content["id"]), state, event.timestamp, lambda: content)


class IdentityStory(Story):
    """No item of the journey: the name and birth date that lists show."""

    EVENT = Identity.Event

    def _touch(self, event: Any, row: StoredRow) -> Sequence[Item]:  # noqa: ARG002 - only charts have several kinds of items
        return ()

    def shown(self) -> Json:
        """What the caseload shows of it: the name in use and the birth date."""
        identity: Identity = self.aggregate
        return {"name": identity.content.names[0].full, "birth_date": identity.content.birth_date}


def _told_by(aggregate: type[Aggregate], shown: Shown) -> type[Story]:
    return type(f"{aggregate.__name__}Story", (RecordStory,), {"EVENT": aggregate.Event, "SHOWN": shown})


_STORIES: Final[tuple[type[Story], ...]] = (
    *(_told_by(aggregate, shown) for aggregate, shown in SHOWN.items()),
    ClientStory,
    IdentityStory,
)
_BY_CLASS: Final[dict[Any, type[Story] | None]] = {}


def story_class(event_class: Any) -> type[Story] | None:
    """What tells the streams that such events are of; None when they tell nothing of the journey."""
    if event_class not in _BY_CLASS:
        _BY_CLASS[event_class] = next((story for story in _STORIES if issubclass(event_class, story.EVENT)), None)
    return _BY_CLASS[event_class]
