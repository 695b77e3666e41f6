"""One-statement reads of the event database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine

from adapters.db.errors import translated
from adapters.db.transactions import BEGIN, NOT_AT_ALL

_ALONE: Final[dict[str, dict[str, Any]]] = {
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
    "sqlite": {BEGIN: NOT_AT_ALL},
}


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A pooled connection for a single SELECT. Raises StoreUnavailable.

    A lone statement is a transaction of its own: on PostgreSQL that saves the round trips for BEGIN and ROLLBACK, on
    SQLite the statement BEGIN, which costs more than most SELECTs.
    """
    with translated("events"), engine.connect() as connection:
        connection.execution_options(**_ALONE[engine.dialect.name])
        yield connection
