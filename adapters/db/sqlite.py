"""SQLite engines: write-ahead log, fsync at every commit, deleted content overwritten, files that only we can open."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import Error as SqliteError
from typing import Any, Final, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from adapters.db.errors import translate
from adapters.db.transactions import BEGIN, NOT_AT_ALL
from domain.errors import Misconfigured

BUSY_TIMEOUT_S: Final = 10.0
"""How long a writer waits for another process's transaction before it is told DatabaseBusy."""
WAL_BYTES: Final = 64 * 1024 * 1024
"""How large the write-ahead log may grow before a writer waits for a moment without readers, to begin it anew."""
_PAUSE_S: Final = 1.0

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
# busy_timeout comes first, so that the switch to WAL waits too. recursive_triggers lets the guards against deletion see
# the deletions that INSERT OR REPLACE makes. temp_store keeps sorted rows out of temporary files.
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA journal_size_limit = {WAL_BYTES}",
)


class DataExposed(Misconfigured):
    """Others on this machine may read or swap the database's files."""

    code = "data_exposed"
    message = "Other users of this machine can reach the database files."


def open_sqlite(url: URL, *, pool_size: int) -> Engine:
    """An engine on one file, made 0600 in a folder made 0700. Raises DataExposed (see `secure_file`) and what
    `translate` makes of a place where no file can be made.

    A `file:` URI (with uri=true, such as mode=ro) and `:memory:` are taken as they are. Connections leave transactions
    to SQLAlchemy: readers get BEGIN, `write_transaction` BEGIN IMMEDIATE.
    """
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        path = Path(url.database)
        try:
            secure_file(path)
        except OSError as error:
            raise translate(error, path.stem) from error
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT_S,
        connect_args={"timeout": BUSY_TIMEOUT_S},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin(WriteAheadLog(url.database or "")))
    return engine


class WriteAheadLog:
    """Keeps the `-wal` file of a database short. SQLite itself begins it anew only when a commit finds no reader, which
    under steady reading never comes: the file would grow until the disk is full.
    """

    def __init__(self, database: str) -> None:
        """`database` is a path; a file URI or a database in memory is left alone."""
        self._file = f"{database}-wal"
        self._tolerated_bytes = WAL_BYTES

    def shorten(self, connection: SqliteConnection) -> None:
        """Call it outside of transactions, before one that writes. Where a reader doesn't end within a second the log
        may grow by as much again before the next try.
        """
        try:
            size = os.stat(self._file).st_size  # noqa: PTH116 - before every group of writes: half the time of Path.stat
        except OSError:
            return
        if size <= self._tolerated_bytes:
            return
        self._tolerated_bytes = WAL_BYTES
        with suppress(SqliteError):
            connection.execute(f"PRAGMA busy_timeout = {int(_PAUSE_S * 1000)}").close()
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                self._tolerated_bytes = size + WAL_BYTES
        connection.execute(_PRAGMAS[0]).close()


def _configure(connection: SqliteConnection, _record: Any) -> None:
    # The sqlite3 module must not begin transactions by itself: it leaves SELECT and DDL outside of them.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begin(log: WriteAheadLog) -> Callable[[Connection], None]:
    def begin(connection: Connection) -> None:
        how = connection.get_execution_options().get(BEGIN, "")
        if how == NOT_AT_ALL:
            return
        if how:
            log.shorten(cast("SqliteConnection", connection.connection.dbapi_connection))
        connection.exec_driver_sql(f"BEGIN {how}")

    return begin


def secure_file(path: Path) -> None:
    """Make the folder (0700) and the file (0600) when missing, tighten them when wider.

    Raises DataExposed when others may write into the folder (they could have swapped the file), or when permissions are
    wider and the file isn't ours to tighten.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_folder(folder.resolve())
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        _check_file(file)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))


def _check_folder(folder: Path) -> None:
    state = folder.stat()
    if state.st_mode & _OTHERS_WRITE:
        raise DataExposed(
            f"Others may write into {folder}, and could swap the databases there. Choose a folder of the product's own, "
            f"or run: chmod 700 {folder}"
        )
    here, home = Path.cwd(), Path.home()
    shared = folder in (here, home, *here.parents, *home.parents)  # not ours to close; the files in it are 0600
    if state.st_mode & _OTHERS and state.st_uid == os.geteuid() and not shared:
        folder.chmod(0o700)


def _check_file(file: Path) -> None:
    try:
        state = file.stat()
    except FileNotFoundError:
        return
    if not state.st_mode & _OTHERS:
        return
    if state.st_uid != os.geteuid():
        raise DataExposed(f"{file} belongs to another user and is open to others. Its owner must run: chmod 600 {file}")
    file.chmod(0o600)
