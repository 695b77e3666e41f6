"""The log inside a back-up, read without a database server: rows of the tables that make it up."""

import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO, Final
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, String, Table, Uuid

from ops.backup.errors import BackupDamaged
from ops.backup.manifest import Manifest

_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_INT16, _INT32 = Struct(">h"), Struct(">i")
_BATCH: Final = 1000

Row = tuple[Any, ...]


def rows_of(folder: Path, manifest: Manifest, table: Table) -> Iterator[Row]:
    """A table's rows by primary key, its columns in their order. Raises BackupDamaged."""
    source = _sqlite_rows if manifest.kind == "sqlite" else _copied_rows
    try:
        yield from source(folder, manifest, table)
    except (sqlite3.Error, struct.error, OSError, ValueError, OverflowError) as exc:
        raise BackupDamaged("A table of the back-up can't be read.", table=table.name) from exc


def _sqlite_rows(folder: Path, manifest: Manifest, table: Table) -> Iterator[Row]:
    convert = [_from_sqlite(column.type) for column in table.columns]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    order = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    address = f"{(folder / manifest.files[0].name).absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        cursor = connection.execute(f'SELECT {names} FROM "{table.name}" ORDER BY {order}')  # noqa: S608 - our own tables
        while rows := cursor.fetchmany(_BATCH):
            for row in rows:
                yield tuple(make(value) for make, value in zip(convert, row, strict=True))


def _copied_rows(folder: Path, manifest: Manifest, table: Table) -> Iterator[Row]:
    content = next((one for one in manifest.files if one.table == table.name), None)
    if content is None or set(content.columns) != {column.name for column in table.columns}:
        raise ValueError(table.name)
    by_name = {column.name: column.type for column in table.columns}
    convert = [_from_copy(by_name[name]) for name in content.columns]
    places = [content.columns.index(column.name) for column in table.columns]
    with (folder / content.name).open("rb", buffering=1 << 20) as source:
        _read_head(source)
        while (count := _INT16.unpack(_exactly(source, 2))[0]) != -1:
            if count != len(convert):
                raise ValueError(count)
            values = [_field(source, make) for make in convert]
            yield tuple(values[place] for place in places)


def _read_head(source: BinaryIO) -> None:
    if _exactly(source, len(_SIGNATURE)) != _SIGNATURE:
        raise ValueError("not a copy")
    _exactly(source, 4)
    _exactly(source, _INT32.unpack(_exactly(source, 4))[0])


def _field(source: BinaryIO, make: Callable[[bytes], Any]) -> Any:
    length = _INT32.unpack(_exactly(source, 4))[0]
    return None if length == -1 else make(_exactly(source, length))


def _exactly(source: BinaryIO, length: int) -> bytes:
    if length < 0:
        raise ValueError(length)
    found = source.read(length)
    if len(found) != length:
        raise ValueError("cut off")
    return found


def _from_copy(kind: Any) -> Callable[[bytes], Any]:
    """From PostgreSQL's binary format. Big integers first: they are integers too."""
    makers: Sequence[tuple[type, Callable[[bytes], Any]]] = (
        (Uuid, lambda raw: UUID(bytes=raw)),
        (Boolean, lambda raw: raw != b"\0"),
        (BigInteger, _whole),
        (Integer, _whole),
        (LargeBinary, bytes),
        (String, bytes.decode),
    )
    return next(make for known, make in makers if isinstance(kind, known))


def _whole(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


def _from_sqlite(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, Uuid):
        return lambda value: None if value is None else UUID(hex=value)
    if isinstance(kind, LargeBinary):
        return lambda value: None if value is None else bytes(value)
    return lambda value: value
