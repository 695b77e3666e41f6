"""A back-up put into an empty database, whole or not at all."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, inspect, make_url, select

from adapters.db.engines import open_database
from adapters.db.errors import translated
from adapters.db.transactions import read_transaction, write_transaction
from adapters.event_store.connections import driver_of
from adapters.files import make_durable
from migrations.run import upgrade
from ops.backup.copies import kind_of
from ops.backup.errors import NotEmpty, StillInUse
from ops.backup.manifest import Manifest, What
from ops.backup.places import flush
from ops.backup.tables import tables_of

_CHUNK: Final = 1 << 20
_STAGED: Final = ".restoring"
_BESIDE: Final = ("-wal", "-shm")

Then = Callable[[Connection], None]
"""What belongs into the same step as the loading."""


def is_empty(engine: Engine, what: What) -> bool:
    """Whether the database has no tables of this kind, or nothing in them. Raises StoreUnavailable, KeysUnavailable."""
    with translated(what), read_transaction(engine) as connection:
        there = set(inspect(connection).get_table_names())
        return not any(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables_of(what)
            if table.name in there
        )


def load(url: str, folder: Path, manifest: Manifest, then: Then) -> None:
    """Raises NotEmpty, StoreUnavailable, KeysUnavailable, OSError, MigrationRefused."""
    if manifest.kind == "sqlite":
        _load_file(Path(make_url(url).database or ""), folder / manifest.files[0].name, manifest.what, then)
    else:
        _load_tables(url, folder, manifest, then)


def _load_file(target: Path, source: Path, what: What, then: Then) -> None:
    """Made ready under another name, then put into its place in one step."""
    staged = target.with_name(target.name + _STAGED)
    for file in (staged, *_beside(staged)):
        file.unlink(missing_ok=True)
    descriptor = os.open(staged, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as sink, source.open("rb") as content:
        shutil.copyfileobj(content, sink, _CHUNK)
    engine = open_database(f"sqlite:///{staged}", pool_size=1)
    try:
        with translated(what), write_transaction(engine) as connection:
            then(connection)
    finally:
        engine.dispose()
    with closing(sqlite3.connect(staged, isolation_level=None)) as connection_:
        connection_.execute("PRAGMA journal_mode = DELETE").close()
    flush(staged)
    if target.exists() and target.stat().st_size and not _file_empty(target, what):
        raise NotEmpty(database=what)
    for file in _beside(target):
        file.unlink(missing_ok=True)
    staged.replace(target)
    make_durable(target.parent)


def _file_empty(file: Path, what: What) -> bool:
    engine = open_database(f"sqlite:///{file}", pool_size=1)
    try:
        return is_empty(engine, what)
    finally:
        engine.dispose()


def _load_tables(url: str, folder: Path, manifest: Manifest, then: Then) -> None:
    """Tables of the revision that the back-up was taken at, filled in one transaction."""
    engine = open_database(url, pool_size=2)
    try:
        with translated(manifest.what):
            upgrade(engine, manifest.what, manifest.revision)
        if not is_empty(engine, manifest.what):
            raise NotEmpty(database=manifest.what)
        quoted = engine.dialect.identifier_preparer.quote
        with translated(manifest.what), write_transaction(engine) as connection:
            driver: Any = driver_of(connection)
            for content in manifest.files:
                columns = ", ".join(map(quoted, content.columns))
                query = f"COPY {quoted(content.table)} ({columns}) FROM STDIN (FORMAT binary)"
                with (folder / content.name).open("rb") as source, driver.cursor() as cursor:  # noqa: SIM117 - reads as it runs
                    with cursor.copy(query) as copy:
                        while block := source.read(_CHUNK):
                            copy.write(block)
            then(connection)
    finally:
        engine.dispose()


def check_loadable(url: str, manifest: Manifest, *, replaced: bool) -> None:
    """That the database is of the back-up's kind, and empty unless it is to be moved aside. Raises NotEmpty, StoreUnavailable,
    KeysUnavailable.
    """
    engine = open_database(url, pool_size=1)
    try:
        if not replaced and not is_empty(engine, manifest.what):
            raise NotEmpty(database=manifest.what)
    finally:
        engine.dispose()


def fits(url: str, manifest: Manifest) -> bool:
    """Whether the back-up was taken from the kind of database that the address names."""
    engine = open_database(url, pool_size=1)
    try:
        return kind_of(engine) == manifest.kind
    finally:
        engine.dispose()


def move_aside(url: str, into: Path) -> Path | None:
    """Take a SQLite database out of use: its file lies in the folder `into` afterwards. None when there was none.

    Raises StillInUse, OSError.
    """
    file = Path(make_url(url).database or "")
    if not file.exists():
        return None
    with suppress(sqlite3.DatabaseError):  # one that is damaged is moved as it is
        _fold(file)
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in (file, *_beside(file)):
        with suppress(FileNotFoundError):
            one.rename(into / one.name)
    make_durable(into)
    make_durable(file.parent)
    return into / file.name


def _fold(file: Path) -> None:
    """Takes the write-ahead log into the file, which SQLite refuses while anybody else has it open. Raises StillInUse."""
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE").close()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StillInUse(file=file) from exc
            raise


def _beside(file: Path) -> list[Path]:
    return [file.with_name(file.name + end) for end in _BESIDE]
