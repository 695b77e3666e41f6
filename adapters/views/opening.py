"""Rows of the journey, opened: what they were sealed as, and how they come back as items.

Clear is the kind of what counts and times tell anyway (sessions, appointments, the chart). Of all else the row says
`entry` and no more: kind, state and version are sealed with the content.
"""

from collections.abc import Iterable
from functools import lru_cache
from struct import Struct
from typing import Any, Final, Protocol
from uuid import UUID

import orjson

from adapters.views.tables import journey_items
from adapters.views.times import from_us
from domain.ports.views import JourneyItem
from domain.services.rendering import Json

ENTRY: Final = "entry"
"""The clear kind of everything whose kind is a clinical fact."""
CLEAR_KINDS: Final = frozenset(("session", "appointment", "consent", "care_team", "client"))
DETAIL: Final = {"transcript": "journey_items.detail"}
"""Kinds whose bulk is kept beside the content and opened only when it is asked for, and what it is sealed as."""


class Opens(Protocol):
    """What the readers need of the row sealer."""

    def open_row(self, client_id: UUID, table: str, row_id: UUID, sealed: bytes) -> bytes: ...


def clear_kinds(kinds: Iterable[str]) -> frozenset[str]:
    """The kinds as rows have them in clear."""
    return frozenset(kind if kind in CLEAR_KINDS else ENTRY for kind in kinds)


def sealed_entry(kind: str, state: str, version: int, content: Json) -> bytes:
    """What is sealed for an entry: a JSON array, its content last."""
    return orjson.dumps((kind, state, version, content))


def opened(sealer: Opens, client_id: UUID, row: Any) -> JourneyItem:
    """A row (id, kind, state, version, happened_at_us, recorded_at_us, positions, content) as an item. Raises SealBroken,
    KeyMissing, Erased, KeysUnavailable.
    """
    raw_id, kind, state, version, happened_at_us, recorded_at_us, positions, sealed = row
    item_id = raw_id if isinstance(raw_id, UUID) else UUID(raw_id)
    content = orjson.loads(sealer.open_row(client_id, journey_items.name, item_id, sealed))
    if kind == ENTRY:
        kind, state, version, content = content
    return JourneyItem(
        kind=kind,
        id=item_id,
        client_id=client_id,
        state=state,
        version=version,
        happened_at=from_us(happened_at_us),
        recorded_at=from_us(recorded_at_us),
        positions=_layout(len(positions)).unpack(positions),
        content=content,
    )


@lru_cache(maxsize=1024)
def _layout(size: int) -> Struct:
    """Positions: eight bytes each, big-endian."""
    return Struct(f">{size // 8}Q")
