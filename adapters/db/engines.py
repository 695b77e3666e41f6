"""The three databases, each an engine by URL: events, keys, views."""

from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError

from adapters.db.checks import check_durable, check_revision
from adapters.db.postgresql import open_postgresql
from adapters.db.sqlite import open_sqlite
from adapters.db.transactions import read_transaction, write_transaction
from domain.errors import Misconfigured

__all__ = [
    "Databases",
    "check_durable",
    "check_revision",
    "open_database",
    "open_databases",
    "read_transaction",
    "write_transaction",
]

_POSTGRESQL: Final = ("postgresql", "postgres", "postgresql+psycopg")
_SQLITE: Final = ("sqlite", "sqlite+pysqlite")


class DatabaseAddressWrong(Misconfigured):
    """Not a URL of a database we know."""

    code = "database_address"
    message = "The address of a database is not one of sqlite:///path or postgresql://user@host/name."


@dataclass(frozen=True, slots=True)
class Databases:
    """Engines of one deployment. Close with `dispose`, or use as a context manager."""

    events: Engine
    keys: Engine
    views: Engine

    def dispose(self) -> None:
        """Close all pooled connections; the engines open new ones when used again."""
        for engine in (self.events, self.keys, self.views):
            engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.dispose()


def open_database(url: str, *, pool_size: int = 32, application_role: str | None = None) -> Engine:
    """One engine, no connection made yet. `application_role` concerns PostgreSQL only.

    Raises DatabaseAddressWrong, DataExposed (SQLite files others could reach), DatabaseRefused, DatabaseReadOnly,
    DatabaseFull or DatabaseDown (a file that can't be made).
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseAddressWrong from error  # never the address itself: it may hold a password
    if parsed.drivername in _SQLITE:
        return open_sqlite(parsed, pool_size=pool_size)
    if parsed.drivername in _POSTGRESQL:
        return open_postgresql(parsed, pool_size=pool_size, application_role=application_role)
    raise DatabaseAddressWrong(scheme=parsed.drivername)


def open_databases(
    events_url: str, keys_url: str, views_url: str, *, pool_size: int = 32, application_role: str | None = None
) -> Databases:
    """All three; `pool_size` connections each, at least as many as a process has threads."""
    events, keys, views = (
        open_database(url, pool_size=pool_size, application_role=application_role)
        for url in (events_url, keys_url, views_url)
    )
    return Databases(events, keys, views)
