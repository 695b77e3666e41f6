"""Fills the journey and the caseload: items rendered once a batch, sealed under the client's view key."""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from struct import pack
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from sqlalchemy import Connection, Table

from adapters.event_store.mapper import set_apart, stream_of
from adapters.event_store.rows import StoredRow
from adapters.views.bulk import replace_rows
from adapters.views.caseload_rows import changes_of, stored_sessions, update_caseload
from adapters.views.opening import CLEAR_KINDS, DETAIL, ENTRY, sealed_entry
from adapters.views.projection import Refusal
from adapters.views.stories import ClientStory, IdentityStory, Item, Key, Story, story_class
from adapters.views.tables import JOURNEY, View, caseload, journey_items
from domain.errors import Erased, Unavailable
from domain.ports.keys import RecordClass
from domain.services.rendering import Json

# Streams kept while the log is far ahead, so that a signature that follows its session doesn't read it again.
_STORIES_KEPT: Final = 20_000


_KIND: Final = 2
"""Where a row says its kind in clear."""


class Streams(Protocol):
    """What the projection needs of the recorder."""

    def read_stream(self, stream: UUID, after_version: int = 0) -> Sequence[StoredRow]: ...


class EventMapper(Protocol):
    """What it needs of the mapper: a domain event, or something else for a row whose key was destroyed."""

    def to_event(self, row: StoredRow) -> Any: ...


class Seals(Protocol):
    """What it needs of the row sealer."""

    def seal_row(self, client_id: UUID, table: str, row_id: UUID, plaintext: bytes) -> bytes: ...


class JourneyProjection:
    """Implements Projection for the tables `journey_items` and `caseload`."""

    view: View = JOURNEY
    kinds: Collection[str] = ("client", "identity", "record")

    def __init__(self, streams: Streams, mapper: EventMapper, sealer: Seals) -> None:
        self._streams = streams
        self._mapper = mapper
        self.sealer = sealer
        self._stories: OrderedDict[int, Story] = OrderedDict()

    def begin(self) -> "JourneyBatch":
        return JourneyBatch(self)

    def forget(self, clients: Collection[UUID] | None = None) -> None:
        """Drop kept streams, of these clients or all."""
        if clients is None:
            self._stories.clear()
            return
        for stream in [stream for stream, story in self._stories.items() if story.client_id in clients]:
            del self._stories[stream]

    def take(self, row: StoredRow) -> tuple[Story, Sequence[Item]] | None:
        """Replay one row on its stream. None when it tells nothing of the journey, or nothing any more."""
        if set_apart(row):
            return None
        event = self._mapper.to_event(row)
        told_by = story_class(type(event))
        if told_by is None:
            return None
        stream = stream_of(row).int
        story = self._stories.pop(stream, None)  # put back only when the row was taken
        if story is None or story.version != row.originator_version - 1:
            story = self._replayed(told_by(), row)
        items = story.take(event, row)
        if all(item.detail is None for item in items):  # what may be megabytes is not kept by the thousand
            self._stories[stream] = story
        if len(self._stories) > _STORIES_KEPT:
            self._stories.popitem(last=False)
        return story, items

    def _replayed(self, story: Story, until: StoredRow) -> Story:
        """The stream up to the row before. Raises Erased when part of it was removed: it tells no story any more."""
        if until.originator_version == 1:
            return story
        for row in self._streams.read_stream(stream_of(until)):
            if row.originator_version >= until.originator_version:
                break
            event = None if row.redacted else self._mapper.to_event(row)
            if not isinstance(event, story.EVENT):
                raise Erased(position=row.position)
            story.take(event, row)
        return story


class JourneyBatch:
    """Implements Batch."""

    def __init__(self, projection: JourneyProjection) -> None:
        self._projection = projection
        self._first: int | None = None
        self._items: dict[Key, Item] = {}
        self._charts: dict[UUID, ClientStory] = {}
        self._identities: dict[UUID, IdentityStory] = {}
        # What `finish` makes of them.
        self._rows: list[tuple[Item, tuple[Any, ...]]] = []
        self._sealed_identities: dict[UUID, bytes] = {}

    def apply(self, row: StoredRow) -> None:
        if self._first is None:
            self._first = row.position
        taken = self._projection.take(row)
        if taken is None:
            return
        story, items = taken
        for item in items:
            self._items[item.key] = item
        if isinstance(story, ClientStory):
            self._charts[story.client_id] = story
        elif isinstance(story, IdentityStory):
            self._identities[story.client_id] = story

    def finish(self) -> Sequence[Refusal]:
        refused: list[Refusal] = []
        for item in self._items.values():
            with _refusing(refused, item.positions[-1]):
                self._rows.append((item, self._row(item)))
        for client_id, story in self._identities.items():
            with _refusing(refused, story.last_position):
                self._sealed_identities[client_id] = self._sealed(client_id, caseload, client_id, story.shown())
        return refused

    def _row(self, item: Item) -> tuple[Any, ...]:
        """In the order of the table's columns."""
        # That a session was one of substance-use treatment is a clinical fact.
        clear = item.kind in CLEAR_KINDS and item.record_class is not RecordClass.SUD
        content = item.content()
        detail = item.detail() if item.detail is not None else None
        plaintext = (
            orjson.dumps(content)
            if clear
            else sealed_entry(item.kind, item.state, item.version, content, item.record_class)
        )
        seal = self._projection.sealer.seal_row
        return (
            item.id.bytes,
            item.client_id.bytes,
            item.kind if clear else ENTRY,
            item.state if clear else "",
            item.version if clear else 0,
            item.happened_at_us,
            item.recorded_at_us,
            item.positions[0],
            pack(f">{len(item.positions)}Q", *item.positions),
            seal(item.client_id, journey_items.name, item.id, plaintext),
            None if detail is None else seal(item.client_id, DETAIL[item.kind], item.id, orjson.dumps(detail)),
        )

    def _sealed(self, client_id: UUID, table: Table, row_id: UUID, content: Json) -> bytes:
        return self._projection.sealer.seal_row(client_id, table.name, row_id, orjson.dumps(content))

    def clients(self) -> Collection[UUID]:
        of_items = {item.client_id.int: item.client_id for item, _ in self._rows}
        return {*of_items.values(), *self._charts, *self._sealed_identities}

    def drop(self, clients: Collection[UUID]) -> None:
        self._projection.forget(clients)
        self._rows = [(item, row) for item, row in self._rows if item.client_id not in clients]
        for client_id in clients:
            self._charts.pop(client_id, None)
            self._sealed_identities.pop(client_id, None)

    def write(self, connection: Connection) -> None:
        first = self._first or 0
        known = [item for item, _ in self._rows if item.positions[0] < first]
        changes = changes_of(
            [item for item, row in self._rows if row[_KIND] == "session"], stored_sessions(connection, known)
        )
        keys = [(item.id.bytes, item.client_id.bytes) for item in known]
        replace_rows(connection, journey_items, [row for _, row in self._rows], keys)
        positions: dict[int, int] = {}
        for item, _ in self._rows:
            number = item.client_id.int
            positions[number] = max(positions.get(number, 0), item.positions[-1])
        statuses = {client_id: story.aggregate.status.value for client_id, story in self._charts.items()}
        newest = {UUID(int=number): position for number, position in positions.items()}
        update_caseload(connection, changes, statuses, self._sealed_identities, newest)


@contextmanager
def _refusing(refused: list[Refusal], position: int) -> Iterator[None]:
    """Whatever is wrong with one row, the others are written."""
    try:
        yield
    except Erased:
        return  # its key was destroyed meanwhile: nothing to show
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - as the docstring says
        refused.append((position, error))
