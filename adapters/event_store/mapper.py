"""Between events and rows: encode and seal on the way in, open and decode on the way out."""

from hashlib import sha256
from typing import Any, Final, Protocol, cast
from uuid import UUID

from eventsourcing.domain import DomainEvent

from adapters.event_store.codec import Codec, todays_codec
from adapters.event_store.envelope import associated_data, log_id
from adapters.event_store.registry import REGISTRY, SYSTEM, Registry
from adapters.event_store.rows import NewRow, StoredRow
from adapters.event_store.unsealed import Loss, SystemRecord, Tombstone
from domain.errors import Erased, KeyMissing, SealBroken
from domain.model.clinical import record_class_of
from domain.ports.keys import RecordClass, Sealer

_KEY_ID: Final = slice(1, 17)
"""Where a sealed state names its key."""


_CLASSES: Final = {str(each): each for each in RecordClass}
_SET_APART: Final = frozenset(str(each) for each in RecordClass if each.of_notes_root)
_STEP: Final = 256
"""Bytes. Sealed states are as long as their plaintext: without it the exact length of a state would name its kind, since
what an answer's risk flag says, say, always has the same length.
"""


def padded(plaintext: bytes) -> bytes:
    """JSON with spaces behind it, which mean nothing, up to the next step."""
    return plaintext.ljust(-(-len(plaintext) // _STEP) * _STEP)


class Recorded(Protocol):
    """What the mapper asks of an aggregate: its subject goes into the envelope, its class chooses the key."""

    RECORD_CLASS: RecordClass

    @property
    def subject(self) -> UUID | None: ...


class Mapper:
    """Writes for one incarnation of the log, reads all. Safe for threads; the sealer keeps the keys."""

    def __init__(
        self,
        sealer: Sealer,
        deployment: UUID,
        incarnation: int,
        codec: Codec | None = None,
        registry: Registry = REGISTRY,
    ) -> None:
        self._sealer = sealer
        self._deployment = deployment
        self._codec = codec or (todays_codec() if registry is REGISTRY else Codec(registry))
        self._registry = registry
        self._topics: dict[type[DomainEvent], str] = {}
        self.incarnation: Final = incarnation
        self._logs = {incarnation: log_id(deployment, incarnation)}
        self.log: Final = self._logs[incarnation]
        """The log id that new rows are sealed for."""

    def to_row(self, event: DomainEvent, aggregate: Recorded | None = None) -> NewRow:
        """A sealed row; audit events and system records need no aggregate.

        Raises Erased, KeysUnavailable, UnknownTopic.
        """
        if type(event) is SystemRecord:
            return self._system_row(event)
        owner: Any = aggregate or event
        record_class: RecordClass = record_class_of(owner)
        subject = aggregate.subject if aggregate else None
        topic = self._topics.get(type(event)) or self._topic_of(type(event))
        plaintext = padded(self._codec.encode(event))
        return self.sealed(event.originator_id, event.originator_version, topic, record_class, subject, plaintext)

    def sealed(  # noqa: PLR0913, PLR0917 - the seal binds all of them
        self,
        stream: UUID,
        version: int,
        topic: str,
        record_class: RecordClass,
        subject: UUID | None,
        plaintext: bytes,
    ) -> NewRow:
        """A row for a state that is encoded already. Raises Erased, KeysUnavailable."""
        key_id = self._sealer.key_id(None if record_class.of_organisation else _required(subject), record_class)
        class_name = str(record_class)
        context = associated_data(self.log, stream, version, topic, class_name, key_id, subject)
        state = self._sealer.seal(key_id, plaintext, context)
        return NewRow(
            stream=stream,
            version=version,
            topic=topic,
            state=state,
            state_hash=sha256(state).digest(),
            subject=subject,
            record_class=class_name,
            key_id=key_id,
        )

    def to_event(self, row: StoredRow) -> DomainEvent | Tombstone:
        """The event, or a Tombstone where its state was removed or its key destroyed.

        Raises SealBroken for a state that was altered, moved or stored under a foreign envelope, KeyMissing, UnknownTopic,
        UnknownForm, KeysUnavailable.
        """
        if row.redacted:
            return _tombstone(row, Loss.REDACTED)
        try:
            coarse = self._registry.parsed(row.topic)[0]
            if coarse == SYSTEM:
                return self._system_record(row)
            plaintext = self.opened(row)
        except Erased:
            return _tombstone(row, Loss.ERASED)
        except (SealBroken, KeyMissing) as exc:
            raise type(exc)(position=row.position, topic=row.topic, key_id=row.key_id) from exc
        return self._codec.decode(row.topic, plaintext, stream_of(row), row.originator_version)

    def to_fields(self, row: StoredRow) -> dict[str, Any] | None:
        """A sealed event as its stored JSON object (`kind`, `at`, the fields as text), for readers in bulk that need no
        event of it; None where `to_event` gives a Tombstone. Raises as `to_event`.
        """
        if row.redacted:
            return None
        try:
            plaintext = self.opened(row)
        except Erased:
            return None
        except (SealBroken, KeyMissing) as exc:
            raise type(exc)(position=row.position, topic=row.topic, key_id=row.key_id) from exc
        return self._codec.fields(row.topic, plaintext)

    def opened(self, row: StoredRow) -> bytes:
        """The plaintext of a sealed row. Raises SealBroken, KeyMissing, Erased, KeysUnavailable."""
        # Checked before opening: a state that names another key than its envelope is a forgery, not a missing key.
        if row.key_id is None or row.state[_KEY_ID] != row.key_id.bytes or row.originator_version < 0:
            raise SealBroken
        context = associated_data(
            self._log_of(row.incarnation),
            stream_of(row),
            row.originator_version,
            row.topic,
            row.record_class,
            row.key_id,
            row.subject,
        )
        # A class that its writer made up would pass the seal, and lead readers past what they must not pass over.
        return self._sealer.open(row.state, context, _class_named(row.record_class))

    def _topic_of(self, event_class: type[DomainEvent]) -> str:
        topic = self._registry.topic_of(self._registry.of_class(event_class).coarse)
        self._topics[event_class] = topic
        return topic

    def _log_of(self, incarnation: int) -> bytes:
        log = self._logs.get(incarnation)
        if log is None:
            log = self._logs[incarnation] = log_id(self._deployment, incarnation)
        return log

    def _system_row(self, record: SystemRecord) -> NewRow:
        state = record.encoded()
        return NewRow(
            stream=record.originator_id,
            version=record.originator_version,
            topic=self._registry.topic_of(SYSTEM),
            state=state,
            state_hash=sha256(state).digest(),
        )

    @staticmethod
    def _system_record(row: StoredRow) -> SystemRecord:
        if row.key_id is not None:
            raise SealBroken
        return SystemRecord.decoded(row.state, stream_of(row), row.originator_version)


def stream_of(row: StoredRow) -> UUID:
    """The library allows text ids; our rows only hold UUIDs."""
    return cast("UUID", row.originator_id)


def set_apart(row: StoredRow) -> bool:
    """Whether only the API process may open it: psychotherapy notes. Others pass it over, by its envelope alone."""
    return row.record_class in _SET_APART


def _class_named(name: str | None) -> RecordClass:
    """Raises SealBroken for a class that there is none of."""
    try:
        return _CLASSES[name or ""]
    except KeyError as exc:
        raise SealBroken from exc


def _required(subject: UUID | None) -> UUID:
    if subject is None:
        raise ValueError("an event of a client's class needs a subject")
    return subject


def _tombstone(row: StoredRow, loss: Loss) -> Tombstone:
    return Tombstone(
        position=row.position,
        originator_id=stream_of(row),
        originator_version=row.originator_version,
        topic=row.topic,
        subject=row.subject,
        record_class=row.record_class,
        recorded_at_us=row.recorded_at_us,
        loss=loss,
    )
