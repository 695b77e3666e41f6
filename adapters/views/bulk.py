"""Many rows in few round trips: COPY on PostgreSQL, executemany on SQLite.

psycopg's executemany is avoided: its pipeline can hang on large parameters, and COPY is several times as fast.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, cast
from uuid import UUID

import psycopg
from sqlalchemy import BigInteger, Connection, Integer, LargeBinary, String, Table, Uuid, text

# Copied as binary: no escaping, and sealed bytes don't double into hexadecimal. An id's sixteen bytes are its binary form.
_COPY_TYPES: Final = (
    (Uuid, "bytea"),
    (LargeBinary, "bytea"),
    (BigInteger, "int8"),
    (Integer, "int4"),
    (String, "text"),
)

Values = Sequence[tuple[Any, ...]]
Key = tuple[bytes, ...]


def id_bytes(text: str) -> bytes:
    """The sixteen bytes of an id as JSON holds it, several times faster than by way of UUID. Raises ValueError."""
    raw = bytes.fromhex(text.replace("-", ""))
    if len(raw) != 16:
        raise ValueError("an id has sixteen bytes")
    return raw


def insert_rows(connection: Connection, table: Table, rows: Values) -> None:
    """Insert rows whose values stand in the order of the table's columns, ids as their sixteen bytes."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, rows)
    else:
        statement, convert = _sqlite_insert(table)
        connection.exec_driver_sql(statement, [convert(row) for row in rows])


def replace_rows(connection: Connection, table: Table, rows: Values, known: Sequence[Key]) -> None:
    """Insert rows, replacing those whose primary keys are `known` to exist; the key's columns come first in the table."""
    delete_keys(connection, table, known)
    insert_rows(connection, table, rows)


def delete_keys(connection: Connection, table: Table, keys: Sequence[Key]) -> None:
    """Delete by primary keys made of ids."""
    if not keys:
        return
    names = [column.name for column in table.primary_key]
    if connection.dialect.name == "postgresql":
        arrays = ", ".join(f"CAST(:k{i} AS uuid[])" for i in range(len(names)))
        matches = " AND ".join(f"{table.name}.{name} = doomed.{name}" for name in names)
        statement = f"DELETE FROM {table.name} USING unnest({arrays}) AS doomed({', '.join(names)}) WHERE {matches}"  # noqa: S608 - names of our own tables
        connection.execute(text(statement), {f"k{i}": [UUID(bytes=key[i]) for key in keys] for i in range(len(names))})
    else:
        matches = " AND ".join(f"{name} = ?" for name in names)
        statement = f"DELETE FROM {table.name} WHERE {matches}"  # noqa: S608 - as above
        connection.exec_driver_sql(statement, [tuple(part.hex() for part in key) for key in keys])


def _copy(connection: Connection, table: Table, rows: Values) -> None:
    statement, types = _copy_statement(table)
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        write = copy.write_row
        for row in rows:
            write(row)


@cache
def _copy_statement(table: Table) -> tuple[str, tuple[str, ...]]:
    types = tuple(next(name for kind, name in _COPY_TYPES if isinstance(column.type, kind)) for column in table.columns)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    return f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)", types


@cache
def _sqlite_insert(table: Table) -> tuple[str, Callable[[tuple[Any, ...]], tuple[Any, ...]]]:
    ids = tuple(index for index, column in enumerate(table.columns) if isinstance(column.type, Uuid))

    def convert(row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for index in ids:
            if values[index] is not None:
                values[index] = values[index].hex()
        return tuple(values)

    marks = ", ".join("?" * len(table.columns))
    return f"INSERT INTO {table.name} VALUES ({marks})", convert  # noqa: S608 - names of our own tables
