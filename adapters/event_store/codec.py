"""Events as JSON, the plaintext of a state: {"kind": …, "at": …, the event's own fields}. Released formats: golden files.

Stream and version are the row's, and what the library needs (module paths) is not stored. Instants are written in UTC,
ids and codes as text, bytes as base64, tuples as arrays, values as objects.
"""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.preconf.orjson import configure_converter
from eventsourcing.domain import DomainEvent
from eventsourcing.utils import get_topic

from adapters.event_store.registry import REGISTRY, EventType, Registry, product_version
from adapters.event_store.upcasters import UPCASTERS, Upcasters, upcast
from domain.errors import Misconfigured

_OF_THE_ROW: Final = ("originator_id", "originator_version", "originator_topic")

Encoder = Callable[[Any], dict[str, Any]]
Decoder = Callable[[dict[str, Any]], Any]


class UnknownForm(Misconfigured):
    """The bytes are ours and opened, but this product does not write this kind in this form."""

    code = "unknown_form"
    message = "A stored event is not in the form that this version of the product knows for its topic."
    hint = "Run the version that wrote it; if it is this one, a stored form was changed without a new schema version."


class Codec:
    """Encoders and decoders are generated once for each event class. Safe for threads."""

    def __init__(self, registry: Registry = REGISTRY, upcasters: Upcasters = UPCASTERS) -> None:
        self._registry = registry
        self._upcasters = upcasters
        converter = value_converter()
        self._encoders: dict[type[DomainEvent], tuple[str, Encoder]] = {}
        self._decoders: dict[str, Decoder] = {}
        for event_type in registry:
            encoder = _encoder(converter, event_type.event_class)
            self._encoders[event_type.event_class] = (event_type.kind, encoder)
            self._decoders[event_type.kind] = _decoder(converter, event_type)

    def encode(self, event: DomainEvent) -> bytes:
        """Raises UnknownTopic for an event that isn't stored, ValueError for a time without a zone."""
        known = self._encoders.get(type(event))
        if known is None:
            known = self._encoders[self._registry.of_class(type(event)).event_class]
        kind, fields = known
        return orjson.dumps({"kind": kind, **fields(event)})

    def decode(self, topic: str, plaintext: bytes, stream: UUID, version: int) -> DomainEvent:
        """The event, lifted to today's form. Raises UnknownTopic, UnknownForm."""
        state = self.fields(topic, plaintext)
        state["originator_id"], state["originator_version"] = stream, version
        try:
            event: DomainEvent = self._decoders[state["kind"]](state)
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise UnknownForm(topic=topic, this_version=product_version()) from exc
        return event

    def fields(self, topic: str, plaintext: bytes) -> dict[str, Any]:
        """The stored JSON object (`kind`, `at`, the event's fields as text), lifted to today's form.

        Raises UnknownTopic, UnknownForm.
        """
        coarse, written = self._registry.parsed(topic)
        try:
            state: dict[str, Any] = orjson.loads(plaintext)
            current = self._registry.version_of(coarse)
            if written != current:
                state = upcast(state, written, current, self._upcasters)
            self._registry.of_kind(state["kind"], topic)
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise UnknownForm(topic=topic, this_version=product_version()) from exc
        return state


@cache
def todays_codec() -> Codec:
    """One for all of a process: what it generates takes longer than much of what it is used for."""
    return Codec()


def value_converter() -> Converter:
    """Structures and unstructures the domain's values the way they are stored."""
    converter = Converter(detailed_validation=False)
    configure_converter(converter)
    converter.register_unstructure_hook(datetime, _in_utc)
    converter.register_structure_hook(datetime, _aware)
    converter.register_unstructure_hook(UUID, lambda value: value)  # orjson writes them itself
    converter.register_structure_hook(UUID, _uuid)
    converter.register_structure_hook_factory(_is_enum, _enum_reader)
    converter.register_unstructure_hook(bytes, lambda value: base64.b64encode(value).decode())
    converter.register_structure_hook(bytes, lambda value, _: base64.b64decode(value, validate=True))
    return converter


def _encoder(converter: Converter, event_class: type[DomainEvent]) -> Encoder:
    fields = event_class.__dataclass_fields__
    overrides: dict[str, Any] = {name: override(omit=True) for name in _OF_THE_ROW if name in fields}
    return make_dict_unstructure_fn(event_class, converter, timestamp=override(rename="at"), **overrides)


def _decoder(converter: Converter, event_type: EventType) -> Decoder:
    structure: Callable[..., Any] = make_dict_structure_fn(
        event_type.event_class, converter, timestamp=override(rename="at"), _cattrs_detailed_validation=False
    )
    event_class = event_type.event_class
    if event_type.aggregate is None:
        return lambda state: structure(state, event_class)
    # Where the library finds the aggregate's class today; it never leaves this process.
    path = get_topic(event_type.aggregate)

    def decode(state: dict[str, Any]) -> Any:
        state["originator_topic"] = path
        return structure(state, event_class)

    return decode


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _enum_reader(kind: type[Enum]) -> Callable[[Any, Any], Enum]:
    """A look-up is a third of the cost of calling the class."""
    members = {member.value: member for member in kind}
    return lambda value, _: members[value]


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return value.astimezone(UTC)


def _aware(value: str, _: type) -> datetime:
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant


def _uuid(value: Any, _: type) -> UUID:
    return value if value.__class__ is UUID else UUID(value)
