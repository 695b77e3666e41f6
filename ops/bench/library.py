"""The `eventsourcing` library's own recorder, to measure beside: on the same database, as durable, with its own defaults
except for a pool of connections as large as ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

from eventsourcing.cryptography import AESCipher
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import (
    ApplicationRecorder,
    DatetimeAsISO,
    InfrastructureFactory,
    JSONTranscoder,
    Mapper,
    UUIDAsHex,
)
from eventsourcing.sqlite import SQLiteDatastore
from eventsourcing.utils import Environment
from sqlalchemy import make_url

from adapters.db.checks import NotDurable
from ops.bench.places import Place

_FULL = 2
"""SQLite's `synchronous`: the write-ahead log is flushed at each commit."""


@dataclass(frozen=True)
class Written(DomainEvent):
    """What our two events say, as an event of the library's."""

    content: dict[str, Any]


class LibraryMapper(Protocol):
    def to_stored_event(self, domain_event: Written) -> Any: ...
    def to_domain_event(self, stored_event: Any) -> Written: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Its recorder, and its mapper with JSON and AES-GCM under one key."""

    recorder: ApplicationRecorder
    mapper: LibraryMapper


@contextmanager
def library(place: Place, *, pool_size: int) -> Iterator[Library]:
    """On the database that the deployment keeps beside its own. Raises NotDurable."""
    environment = Environment(
        name="Bench",
        env={
            "CIPHER_TOPIC": "eventsourcing.cryptography:AESCipher",
            "CIPHER_KEY": AESCipher.create_key(32),
            **(_sqlite if place.kind == "sqlite" else _postgresql)(place.library_url, pool_size),
        },
    )
    factory: InfrastructureFactory[Any] = InfrastructureFactory.construct(environment)
    transcoder = JSONTranscoder()
    transcoder.register(UUIDAsHex())
    transcoder.register(DatetimeAsISO())
    try:
        recorder = factory.application_recorder()
        _require_durable(factory)
        mapper: Mapper[Any] = factory.mapper(transcoder)
        yield Library(recorder=recorder, mapper=cast("LibraryMapper", mapper))
    finally:
        factory.close()


def _sqlite(url: str, pool_size: int) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(make_url(url).database),
        "SQLITE_LOCK_TIMEOUT": "30",
        "SQLITE_POOL_SIZE": str(pool_size),
        "SQLITE_POOL_TIMEOUT": "30",
    }


def _postgresql(url: str, pool_size: int) -> dict[str, str]:
    parsed = make_url(url)
    host = parsed.query.get("host", parsed.host or "")
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parsed.database),
        "POSTGRES_HOST": host if isinstance(host, str) else host[0],
        "POSTGRES_PORT": str(parsed.port or 5432),
        "POSTGRES_USER": parsed.username or "postgres",
        "POSTGRES_PASSWORD": str(parsed.password or "none"),
        "POSTGRES_POOL_SIZE": str(pool_size),
        "POSTGRES_CONNECT_TIMEOUT": "30",
    }


def _require_durable(factory: InfrastructureFactory[Any]) -> None:
    """PostgreSQL's settings are the server's, checked with our own database; SQLite's are each connection's."""
    datastore = getattr(factory, "datastore", None)
    if not isinstance(datastore, SQLiteDatastore):
        return
    with datastore.transaction(commit=False) as cursor:
        cursor.execute("PRAGMA synchronous")
        if cursor.fetchone()[0] != _FULL:
            raise NotDurable("This Python's SQLite doesn't flush by default: the library would be measured without.")
