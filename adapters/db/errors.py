"""Where driver errors end: `translate` turns what SQLAlchemy, psycopg and sqlite3 raise into the product's errors.

Messages name the database and what an operator can do. They never carry the driver's text, a statement or parameters:
those hold what people wrote.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from sqlalchemy import exc as sa_exc

from domain.errors import AnamnesisError, Conflict, Invalid, KeysUnavailable, Misconfigured, StoreUnavailable


class DatabaseDown(StoreUnavailable):
    """No connection, or it was lost."""

    code = "database_down"
    message = "A database can't be reached; nothing was changed."
    hint = "Start the database, or correct its address; `anamnesis doctor` names which one."


class DatabaseFull(StoreUnavailable):
    """The disk or the database's own limit is used up."""

    code = "database_full"
    message = "A database has no space left; nothing was changed."
    hint = "Free or add disk space where the database lies; writes go on by themselves afterwards."


class DatabaseReadOnly(StoreUnavailable):
    """Opened, mounted or set read-only; a PostgreSQL standby is read-only too."""

    code = "database_read_only"
    message = "A database can only be read; nothing was changed."
    hint = "Point the product at the primary, or make the file, its folder and its mount writable."


class DatabaseBusy(StoreUnavailable):
    """Another writer held a lock for longer than we wait, or a deadlock was broken up."""

    code = "database_busy"
    message = "Another process holds a lock on a database; nothing was changed."
    hint = "Repeat the call; if it stays so, look for a process that keeps a transaction open."


class DatabaseCrowded(StoreUnavailable):
    """Connections are used up, ours or the server's."""

    code = "database_connections_exhausted"
    message = "All connections to a database are in use; nothing was changed."
    hint = "Repeat the call; raise the server's max_connections or run fewer processes or threads if it stays so."


class DatabaseRefused(StoreUnavailable):
    """The account lacks a right, or its password is wrong."""

    code = "database_permission"
    message = "A database refuses this account; nothing was changed."
    hint = "Check user and password in the database's address, and that its role was granted by `anamnesis migrate`."


class DatabaseDamaged(Misconfigured):
    """The file is no database, or its pages contradict each other."""

    code = "database_damaged"
    message = "A database file is damaged or is not a database."
    hint = "Stop the product, keep the file as it is, and restore the newest back-up."


class DatabaseMissing(Misconfigured):
    """The address names a database or a folder that doesn't exist, or its tables are not there."""

    code = "database_missing"
    message = "A database or its tables do not exist."
    hint = "Create the database, then run `anamnesis migrate`."


class RoleMissing(Misconfigured):
    """The role to work as doesn't exist on this server."""

    code = "database_role_missing"
    message = "The role that the application is to work as does not exist on the PostgreSQL server."
    hint = "Run `anamnesis migrate`, which creates and grants the roles."


class HistoryRefusesChange(AnamnesisError):
    """A guard of the database itself stopped a change to what is append-only."""

    code = "history_refuses_change"
    message = "Events, tiles and the log's opening records can be added to and never changed."


class ConstraintViolated(Conflict):
    """A row that must be unique is there already; callers that expect this handle it before it comes here."""

    code = "constraint_violated"
    message = "The database holds a row that contradicts this one."


class ValueRefused(Invalid):
    """The database can't represent a value: too long, out of range, a NUL in text."""

    code = "value_refused"
    message = "The database can't represent a value of this request."


GUARD: Final = "append-only"
"""Every guard trigger's message holds this."""

_POSTGRESQL: Final[dict[str, type[AnamnesisError]]] = {
    "08": DatabaseDown,
    "22": ValueRefused,
    "23": ConstraintViolated,
    "28": DatabaseRefused,
    "40": DatabaseBusy,
    "42P01": DatabaseMissing,
    "3D000": DatabaseMissing,
    "3F000": DatabaseMissing,
    "23001": HistoryRefusesChange,
    "25006": DatabaseReadOnly,
    "25P03": DatabaseBusy,  # idle_in_transaction_session_timeout
    "42501": DatabaseRefused,
    "53100": DatabaseFull,
    "53200": DatabaseBusy,
    "53300": DatabaseCrowded,
    "55P03": DatabaseBusy,
    "57014": DatabaseBusy,
    "57P01": DatabaseDown,
    "57P02": DatabaseDown,
    "57P03": DatabaseDown,
    "58": DatabaseDown,
    "XX001": DatabaseDamaged,
    "XX002": DatabaseDamaged,
}
# A refused connection carries no SQLSTATE in libpq, only the server's words (in English unless lc_messages differs).
_CONNECTING: Final[tuple[tuple[str, type[AnamnesisError]], ...]] = (
    ("too many clients", DatabaseCrowded),
    ("too many connections", DatabaseCrowded),
    ("remaining connection slots", DatabaseCrowded),
    ("password authentication failed", DatabaseRefused),
    ("no password supplied", DatabaseRefused),
    ("no pg_hba.conf entry", DatabaseRefused),
    ("authentication failed", DatabaseRefused),
    ("permission denied for database", DatabaseRefused),
    ("not permitted to log in", DatabaseRefused),
    ("role ", DatabaseRefused),
    ("not currently accepting connections", DatabaseDown),
    ('database "', DatabaseMissing),
)
_SQLITE: Final[dict[int, type[AnamnesisError]]] = {
    sqlite3.SQLITE_PERM: DatabaseRefused,
    sqlite3.SQLITE_BUSY: DatabaseBusy,
    sqlite3.SQLITE_LOCKED: DatabaseBusy,
    sqlite3.SQLITE_READONLY: DatabaseReadOnly,
    sqlite3.SQLITE_IOERR: DatabaseDown,
    sqlite3.SQLITE_CORRUPT: DatabaseDamaged,
    sqlite3.SQLITE_FULL: DatabaseFull,
    sqlite3.SQLITE_CANTOPEN: DatabaseDown,
    sqlite3.SQLITE_TOOBIG: ValueRefused,
    sqlite3.SQLITE_CONSTRAINT: ConstraintViolated,
    sqlite3.SQLITE_MISMATCH: ValueRefused,
    sqlite3.SQLITE_AUTH: DatabaseRefused,
    sqlite3.SQLITE_RANGE: ValueRefused,
    sqlite3.SQLITE_NOTADB: DatabaseDamaged,
}

_SYSTEM: Final[dict[int, type[AnamnesisError]]] = {
    errno.EACCES: DatabaseRefused,
    errno.EPERM: DatabaseRefused,
    errno.EROFS: DatabaseReadOnly,
    errno.ENOSPC: DatabaseFull,
    errno.EDQUOT: DatabaseFull,
}


def _of_psycopg(error: psycopg.Error) -> type[AnamnesisError] | None:
    state = error.sqlstate
    if state is not None:
        return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
    if isinstance(error, psycopg.DataError):
        return ValueRefused
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        text = str(error)
        refused = "FATAL" in text
        return next((found for words, found in _CONNECTING if refused and words in text), DatabaseDown)
    return None


def _of_sqlite(error: sqlite3.Error) -> type[AnamnesisError] | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by the Python module itself, not by SQLite
        return ValueRefused if isinstance(error, sqlite3.DataError | sqlite3.InterfaceError) else None
    if code == sqlite3.SQLITE_CONSTRAINT_TRIGGER and GUARD in str(error):
        return HistoryRefusesChange
    if code == sqlite3.SQLITE_ERROR and str(error).startswith("no such table"):
        return DatabaseMissing
    return _SQLITE.get(code & 0xFF)


def _kind(error: BaseException) -> type[AnamnesisError] | None:
    found: type[AnamnesisError] | None = None
    match error:
        case sa_exc.TimeoutError():  # the pool's, not the database's
            found = DatabaseCrowded
        case sa_exc.DBAPIError(orig=psycopg.Error() | sqlite3.Error() as original):
            found = _kind(original) or (DatabaseDown if error.connection_invalidated else None)
        case psycopg.Error():
            found = _of_psycopg(error)
        case sqlite3.Error():
            found = _of_sqlite(error)
        case OSError():  # making a file or its folder
            found = _SYSTEM.get(error.errno or 0, DatabaseDown)
        case OverflowError():  # an integer beyond 64 bits
            found = ValueRefused
        case _:
            pass
    return found


def translate(error: BaseException, database: str = "") -> AnamnesisError:
    """The product's error for a driver's: DatabaseDown, -Full, -ReadOnly, -Busy, -Crowded, -Refused (all
    StoreUnavailable), DatabaseDamaged, DatabaseMissing (Misconfigured), HistoryRefusesChange, ConstraintViolated,
    ValueRefused.

    `database` is "events", "keys" or "views". For "keys" every StoreUnavailable becomes KeysUnavailable with the fact
    `fault`. An AnamnesisError comes back as it is. What isn't known becomes a StoreUnavailable that names the driver's
    class and SQLSTATE alone.
    """
    if isinstance(error, AnamnesisError):
        return error
    facts = {"database": database} if database else {}
    kind = _kind(error)
    if kind is None:
        original = getattr(error, "orig", None) or error
        state = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None)
        facts |= {"driver": type(original).__name__} | ({"state": str(state)} if state else {})
        kind = StoreUnavailable
    if database == "keys" and issubclass(kind, StoreUnavailable):
        named: dict[str, Any] = {"fault": kind.code, **facts}
        return KeysUnavailable(kind.message, **named)
    return kind(**facts)


@contextmanager
def translated(database: str = "") -> Iterator[None]:
    """Raise what the block's driver errors mean, with the driver's error as the cause. Other errors pass."""
    try:
        yield
    except (sa_exc.DBAPIError, sa_exc.TimeoutError, psycopg.Error, sqlite3.Error, OverflowError) as error:
        raise translate(error, database) from error
