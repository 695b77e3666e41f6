"""Rows of the journey, opened: what they were sealed as, and how they come back as items.

Clear is the kind of what counts and times tell anyway (sessions, appointments, the chart). Of all else the row says
`entry` and no more: kind, state and version are sealed with the content.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Any, Final, Protocol
from uuid import UUID

import orjson

from adapters.views.times import from_us
from domain.errors import SealBroken
from domain.ports.keys import RecordClass
from domain.ports.views import JourneyItem
from domain.services.rendering import Json

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ENTRY: Final = "entry"
"""The clear kind of everything whose kind is a clinical fact."""
CLEAR_KINDS: Final = frozenset(("session", "appointment", "consent", "care_team", "client"))
_ALWAYS_CLEAR: Final = CLEAR_KINDS - {"session"}
_STEP: Final = 1024
_ALTERED: Final = "A row of the journey says another kind or state than was sealed with it."
DETAIL: Final = {"transcript": "journey_items.detail"}
"""Kinds whose bulk is kept beside the content and opened only when it is asked for, and what it is sealed as."""


Opener = Callable[[UUID, bytes], bytes]
"""Opens rows of one client and table: id and what was sealed in, plaintext out."""


class Opens(Protocol):
    """What the readers need of the row sealer."""

    def open_row(self, client_id: UUID, table: str, row_id: UUID, sealed: bytes) -> bytes: ...

    def opener(self, client_id: UUID, table: str) -> Opener: ...


def clear_kinds(kinds: Iterable[str]) -> frozenset[str]:
    """The kinds as rows have them in clear. Sessions may be entries too: those of substance-use treatment are."""
    asked = frozenset(kinds)
    return asked & CLEAR_KINDS | (frozenset((ENTRY,)) if asked - _ALWAYS_CLEAR else frozenset())


def sealed_entry(kind: str, state: str, version: int, content: Json, record_class: RecordClass) -> bytes:
    """What is sealed for an entry: a JSON array, its class last where it is one that is kept apart, and spaces up to the next kibibyte: the exact length of an
    entry would name its kind.
    """
    told = (kind, state, version, content)
    plain = orjson.dumps((*told, record_class.value) if record_class is RecordClass.SUD else told)
    return plain.ljust(-(-len(plain) // _STEP) * _STEP)


def opened(open_row: Opener, client_id: UUID, row: Any) -> JourneyItem:
    """A row (id, kind, state, version, happened_at_us, recorded_at_us, positions, content) as an item. Raises SealBroken,
    KeyMissing, Erased, KeysUnavailable.
    """
    raw_id, kind, state, version, happened_at_us, recorded_at_us, positions, sealed = row
    item_id = raw_id if isinstance(raw_id, UUID) else UUID(raw_id)
    content = orjson.loads(open_row(item_id, sealed))
    record_class = RecordClass.JOURNAL
    if kind == ENTRY:
        kind, state, version, content, record_class = _entry(content)
    else:
        content = _as_told(content, state)
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
        record_class=record_class,
    )


def opened_when_needed(open_row: Opener, client_id: UUID, rows: Sequence[Any]) -> list[JourneyItem]:
    """As `opened`, for many rows, whose columns may go on after the content: what says its kind in clear is unsealed when its
    content is first asked for, and raises then what `opened` does. Reports count most of it without a look inside.
    """
    items = []
    for raw_id, kind, state, version, happened_at_us, recorded_at_us, positions, sealed, *_ in rows:
        item_id = raw_id if isinstance(raw_id, UUID) else UUID(raw_id)
        content: Any
        record_class = RecordClass.JOURNAL
        if kind == ENTRY:
            told = _entry(orjson.loads(open_row(item_id, sealed)))
            kind, state, version, content, record_class = told  # noqa: PLW2901 - what it is
        else:
            content = SealedContent(open_row, item_id, sealed, state)
        items.append(
            JourneyItem(
                kind=kind,
                id=item_id,
                client_id=client_id,
                state=state,
                version=version,
                happened_at=_EPOCH + timedelta(0, 0, happened_at_us),
                recorded_at=_EPOCH + timedelta(0, 0, recorded_at_us),
                positions=_layout(len(positions)).unpack(positions),
                content=content,
                record_class=record_class,
            )
        )
    return items


def _entry(sealed: Any) -> tuple[str, str, int, Json, RecordClass]:
    """What `sealed_entry` made. Raises SealBroken for a row of another kind that was made to say `entry`."""
    if not isinstance(sealed, list):
        raise SealBroken(_ALTERED)
    kind, state, version, content, *of_class = sealed
    return kind, state, version, content, RecordClass(of_class[0]) if of_class else RecordClass.JOURNAL


def _as_told(content: Any, state: str) -> Json:
    """The content of a row that says its kind and state in clear, where they are as they were sealed: who may write the
    view database must not release a session by calling it signed, nor show an entry as one. Raises SealBroken.
    """
    if not isinstance(content, dict) or content.get("status", state) != state:
        raise SealBroken(_ALTERED)
    return content


class SealedContent(Mapping[str, Any]):
    """The content of an item, unsealed at the first look inside."""

    __slots__ = ("_content", "_id", "_open_row", "_sealed", "_state")

    def __init__(self, open_row: Opener, item_id: UUID, sealed: bytes, state: str) -> None:
        self._open_row = open_row
        self._id = item_id
        self._sealed = sealed
        self._state = state
        self._content: Json | None = None

    def _opened(self) -> Json:
        if self._content is None:
            self._content = _as_told(orjson.loads(self._open_row(self._id, self._sealed)), self._state)
        return self._content

    def __getitem__(self, name: str) -> Any:
        return self._opened()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._opened())

    def __len__(self) -> int:
        return len(self._opened())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self._opened() == dict(other)

    __hash__ = None  # type: ignore[assignment]  # as dict

    def __repr__(self) -> str:
        return f"<sealed content of {self._id}>"


@lru_cache(maxsize=1024)
def _layout(size: int) -> Struct:
    """Positions: eight bytes each, big-endian."""
    return Struct(f">{size // 8}Q")
