"""How transactions begin, the same two calls on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine

BEGIN: Final = "sqlite_begin"
"""Execution option of a connection: what SQLite's BEGIN is followed by ("IMMEDIATE"). PostgreSQL ignores it."""
NOT_AT_ALL: Final = "NOT AT ALL"
"""Value of that option for a lone SELECT, which needs no BEGIN."""


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that will write: committed at the end of the block, rolled back when it raises.

    On SQLite it takes the write lock at once (BEGIN IMMEDIATE), waiting up to the busy time-out. A deferred transaction
    that reads first and writes later fails at once when someone else wrote in between, whatever the time-out.
    """
    with engine.connect() as connection:
        connection.execution_options(**{BEGIN: "IMMEDIATE"})
        with connection.begin():
            yield connection


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads. On SQLite all its statements see one snapshot and never wait for a writer."""
    with engine.connect() as connection, connection.begin():
        yield connection
