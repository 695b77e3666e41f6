"""Fills the journey and the caseload: items rendered once a batch, sealed under the client's view key."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from struct import pack
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from sqlalchemy import Connection

from adapters.event_store.mapper import stream_of
from adapters.event_store.rows import StoredRow
from adapters.views.bulk import replace_rows
from adapters.views.caseload_rows import SessionChange, update_caseload
from adapters.views.projection import Refusal
from adapters.views.stories import ClientStory, IdentityStory, Item, Story, story_for
from adapters.views.tables import JOURNEY, View, caseload, journey_items
from domain.errors import Erased, Unavailable

# Streams kept while the log is far ahead, so that a signature that follows its session doesn't read it again.
_STORIES_KEPT: Final = 20_000


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
        self._stories: OrderedDict[UUID, Story] = OrderedDict()

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
        event = self._mapper.to_event(row)
        fresh = story_for(event)
        if fresh is None:
            return None
        stream = stream_of(row)
        story = self._stories.pop(stream, None)  # put back only when the row was taken
        if story is None or story.version != row.originator_version - 1:
            story = self._replayed(fresh, row)
        items = story.take(event, row)
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
        self._items: dict[tuple[UUID, UUID], Item] = {}
        self._charts: dict[UUID, ClientStory] = {}
        self._identities: dict[UUID, IdentityStory] = {}
        self._first: int | None = None
        self._rows: dict[tuple[UUID, UUID], tuple[Any, ...]] = {}
        self._sealed_identities: dict[UUID, bytes] = {}

    def apply(self, row: StoredRow) -> None:
        if self._first is None:
            self._first = row.position
        taken = self._projection.take(row)
        if taken is None:
            return
        story, items = taken
        client_id = story.client_id
        for item in items:
            self._items[item.id, client_id] = item
        if isinstance(story, ClientStory):
            self._charts[client_id] = story
        elif isinstance(story, IdentityStory):
            self._identities[client_id] = story

    def finish(self) -> Sequence[Refusal]:
        refused: list[Refusal] = []
        for key, item in self._items.items():
            try:
                self._rows[key] = self._row(key[1], item)
            except Erased:
                continue
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one item, the others are written
                refused.append((item.positions[-1], error))
        for client_id, story in self._identities.items():
            try:
                shown = orjson.dumps(story.shown())
                self._sealed_identities[client_id] = self._projection.sealer.seal_row(
                    client_id, caseload.name, client_id, shown
                )
            except Erased:
                continue
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                refused.append((story.last_position, error))
        return refused

    def _row(self, client_id: UUID, item: Item) -> tuple[Any, ...]:
        content = orjson.dumps(item.content())
        return (
            item.id.bytes,
            client_id.bytes,
            item.kind,
            item.state,
            item.version,
            item.happened_at_us,
            item.recorded_at_us,
            item.positions[0],
            pack(f">{len(item.positions)}Q", *item.positions),
            self._projection.sealer.seal_row(client_id, journey_items.name, item.id, content),
        )

    def clients(self) -> Collection[UUID]:
        return {client_id for _, client_id in self._rows} | set(self._charts) | set(self._sealed_identities)

    def drop(self, clients: Collection[UUID]) -> None:
        self._projection.forget(clients)
        self._rows = {key: row for key, row in self._rows.items() if key[1] not in clients}
        for client_id in clients:
            self._charts.pop(client_id, None)
            self._sealed_identities.pop(client_id, None)

    def write(self, connection: Connection) -> None:
        first = self._first or 0
        known = [key for key in self._rows if self._items[key].positions[0] < first]
        sessions = [(key, self._items[key]) for key in self._rows if self._items[key].kind == "session"]
        changes = SessionChange.all_of(connection, sessions, known)
        replace_rows(
            connection, journey_items, list(self._rows.values()), [(item.bytes, client.bytes) for item, client in known]
        )
        statuses = {client_id: story.aggregate.status.value for client_id, story in self._charts.items()}
        update_caseload(connection, changes, statuses, self._sealed_identities)
