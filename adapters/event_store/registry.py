"""Which event classes are stored under which topic, and in which version of their form."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any, ClassVar, Final

from eventsourcing.domain import Aggregate, DomainEvent

from domain.errors import Misconfigured
from domain.model.audit import AuditEvent
from domain.model.catalogue import AGGREGATES, event_classes

TOPICS: Final[Mapping[str, int]] = MappingProxyType(
    {"client": 1, "identity": 1, "record": 2, "access": 2, "audit": 2, "system": 1}
)
"""Coarse kinds and the schema version in which this product writes them.

A change of any event's stored form raises its coarse kind's version by one; the golden files of the version before stay,
and `upcasters` tells how to read them.
"""
SYSTEM: Final = "system"
"""The kind of unsealed records about the log itself; free of personal data."""


class UnknownTopic(Misconfigured):
    """A newer version of the product wrote this, or something else altogether."""

    code = "unknown_topic"
    message = "This version of the product does not know the topic of a stored event."
    hint = "Run the newest version that ever wrote to this database; an older one can't read what it doesn't know."


@dataclass(frozen=True, slots=True)
class EventType:
    """A stored event class. `aggregate` is the class whose stream begins with it, None for events that begin none."""

    kind: str
    coarse: str
    event_class: type[DomainEvent]
    aggregate: type[Aggregate] | None


class Registry:
    """Raises ValueError when made from classes that contradict each other: two with one kind, an unknown coarse kind."""

    reserved: ClassVar[frozenset[str]] = frozenset(("kind", "at"))

    def __init__(
        self,
        aggregates: Sequence[type[Aggregate]] = AGGREGATES,
        others: Sequence[Any] = (AuditEvent,),
        topics: Mapping[str, int] = TOPICS,
    ) -> None:
        self._topics = topics
        self._by_kind: dict[str, EventType] = {}
        self._by_class: dict[type[DomainEvent], EventType] = {}
        for aggregate in aggregates:
            for kind, event_class in event_classes(aggregate).items():
                begins = aggregate if issubclass(event_class, Aggregate.Created) else None
                self._add(EventType(kind, _coarse(aggregate), event_class, begins))
        for other in others:
            self._add(EventType(other.KIND, _coarse(other), other, None))
        self._current = {coarse: f"{coarse}.{number}" for coarse, number in topics.items()}
        self._parsed = {topic: (coarse, topics[coarse]) for coarse, topic in self._current.items()}

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._by_kind.values())

    def version_of(self, coarse: str) -> int:
        """The schema version that is written now."""
        return self._topics[coarse]

    def topic_of(self, coarse: str) -> str:
        """The topic under which events of this coarse kind are written now."""
        return self._current[coarse]

    def of_class(self, event_class: type[DomainEvent]) -> EventType:
        """Raises UnknownTopic for a class that isn't stored."""
        found = self._by_class.get(event_class)
        if found is None:
            raise UnknownTopic(event_class=event_class.__qualname__)
        return found

    def of_kind(self, kind: str, topic: str) -> EventType:
        """The class of a precise kind; `topic` is where it was found. Raises UnknownTopic."""
        found = self._by_kind.get(kind)
        if found is None or found.coarse != self.parsed(topic)[0]:
            raise UnknownTopic(kind=kind, topic=topic, this_version=product_version())
        return found

    def parsed(self, topic: str) -> tuple[str, int]:
        """Coarse kind and version of a topic. Raises UnknownTopic unless this product wrote or can still read it."""
        known = self._parsed.get(topic)
        if known is not None:
            return known
        coarse, _, number = topic.rpartition(".")
        newest = self._topics.get(coarse)
        if newest is None or not number.isdecimal() or str(int(number)) != number or not 1 <= int(number) <= newest:
            facts = {"newest_known": self._current[coarse]} if newest else {}
            raise UnknownTopic(topic=topic, this_version=product_version(), **facts)
        self._parsed[topic] = (coarse, int(number))
        return coarse, int(number)

    def _add(self, event_type: EventType) -> None:
        if event_type.kind in self._by_kind or event_type.event_class in self._by_class:
            raise ValueError(f"two event classes are stored as {event_type.kind}")
        if event_type.coarse not in self._topics:
            raise ValueError(f"{event_type.coarse} is not one of the coarse kinds")
        clash = self.reserved & set(event_type.event_class.__dataclass_fields__)
        if clash:
            raise ValueError(f"{event_type.kind} has fields named {sorted(clash)}, which its stored form needs itself")
        self._by_kind[event_type.kind] = event_type
        self._by_class[event_type.event_class] = event_type


def _coarse(owner: Any) -> str:
    return str(owner.TOPIC_KIND)


def product_version() -> str:
    try:
        return version("anamnesis")
    except PackageNotFoundError:
        return "unknown"


REGISTRY: Final = Registry()
