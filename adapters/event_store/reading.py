"""One-statement reads of the event database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from adapters.db.errors import translated


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A pooled connection for a single SELECT. Raises StoreUnavailable.

    A lone statement is a transaction of its own: on PostgreSQL that saves the round trips for BEGIN and ROLLBACK, on
    SQLite there are none to save.
    """
    with translated("events"), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection
