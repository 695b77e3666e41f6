"""A database copied as it stands at one moment, while others go on writing.

SQLite: its own online back-up, one step, which reads one snapshot of file and write-ahead log together. PostgreSQL: COPY
of each table inside one REPEATABLE READ transaction, in the binary format that every server version shares. Both need no
program beside ours, so there is no version of a tool to get wrong; the tables themselves come from the migrations.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from adapters.db.errors import translated
from adapters.db.transactions import read_transaction
from adapters.event_store.connections import driver_of
from ops.backup.manifest import Content, Kind, What
from ops.backup.tables import order_of, tables_of

_CHUNK: Final = 1 << 20


def kind_of(engine: Engine) -> Kind:
    return "sqlite" if engine.dialect.name == "sqlite" else "postgresql"


def copy_database(engine: Engine, what: What, folder: Path) -> tuple[Content, ...]:
    """The files made, each 0600. Raises StoreUnavailable or KeysUnavailable, OSError."""
    with translated(what):
        if kind_of(engine) == "sqlite":
            return (_copied_file(engine, folder / f"{what}.db"),)
        return tuple(_copied_tables(engine, what, folder))


def _copied_file(engine: Engine, target: Path) -> Content:
    _make(target)
    with read_transaction(engine) as connection, closing(sqlite3.connect(target)) as copy:
        driver: Any = driver_of(connection)
        driver.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE").close()  # one file, without a write-ahead log beside it
    return content_of(target)


def _copied_tables(engine: Engine, what: What, folder: Path) -> Iterator[Content]:
    quoted = engine.dialect.identifier_preparer.quote
    with read_transaction(engine.execution_options(isolation_level="REPEATABLE READ")) as connection:
        driver: Any = driver_of(connection)
        for table in tables_of(what):
            columns = tuple(column.name for column in table.columns)
            named, ordered = (
                ", ".join(map(quote_name, names))
                for quote_name, names in ((quoted, columns), (quoted, [column.name for column in order_of(table)]))
            )
            file = folder / f"{what}.{table.name}.copy"
            _make(file)
            query = f"COPY (SELECT {named} FROM {quoted(table.name)} ORDER BY {ordered}) TO STDOUT (FORMAT binary)"  # noqa: S608 - names of our own tables
            with file.open("wb") as sink, driver.cursor() as cursor, cursor.copy(query) as copy:
                for block in copy:
                    sink.write(block)
            yield content_of(file, table.name, columns)


def content_of(file: Path, table: str = "", columns: tuple[str, ...] = ()) -> Content:
    """How a manifest names a file as it is now. Raises OSError."""
    hashed, size = sha256(), 0
    with file.open("rb") as source:
        while block := source.read(_CHUNK):
            hashed.update(block)
            size += len(block)
    return Content(name=file.name, size=size, sha256=hashed.hexdigest(), table=table, columns=columns)


def _make(file: Path) -> None:
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
