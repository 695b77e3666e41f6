"""PostgreSQL engines: psycopg 3, READ COMMITTED, connections that notice when the other side is gone."""

from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import URL, Engine, create_engine, event

from adapters.db.errors import RoleMissing

CONNECT_TIMEOUT_S: Final = 5
LOCK_TIMEOUT_S: Final = 10
"""How long a statement waits for a lock, advisory ones included, before it is told DatabaseBusy."""
IDLE_TRANSACTION_S: Final = 300
"""After which the server ends a process that stopped inside a transaction, which may hold the lock of the log."""
POOL_WAIT_S: Final = 10.0

_KEEPALIVE: Final = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def open_postgresql(url: URL, *, pool_size: int, application_role: str | None = None) -> Engine:
    """An engine with `pool_size` connections; callers have at most that many threads.

    With `application_role` each connection runs SET ROLE, so that a process which signs in as the owner of the tables
    works with the rights of the application alone. Connections aren't tried before each use, which would cost a round
    trip every time: the first call after the server went away fails, and all connections are then made anew. Connecting
    raises RoleMissing where the role doesn't exist.
    """
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_use_lifo=True,
        # What the address itself says comes before these.
        connect_args={key: value for key, value in _defaults().items() if key not in url.query},
    )
    settings = _settings(application_role)

    def configure(connection: psycopg.Connection[Any], _record: Any) -> None:
        try:
            connection.execute(settings)
            connection.commit()
        except psycopg.Error as error:
            connection.close()  # nobody else will: the pool never gets to see it
            if isinstance(error, psycopg.errors.InvalidParameterValue):
                raise RoleMissing(role=application_role) from error
            raise

    event.listen(engine, "connect", configure)
    return engine


def _defaults() -> dict[str, Any]:
    return {"application_name": "anamnesis", **_KEEPALIVE}


def _settings(role: str | None) -> sql.Composed:
    statements: list[sql.Composable] = [
        sql.SQL("SET lock_timeout = {}").format(sql.Literal(f"{LOCK_TIMEOUT_S}s")),
        sql.SQL("SET idle_in_transaction_session_timeout = {}").format(sql.Literal(f"{IDLE_TRANSACTION_S}s")),
    ]
    if role is not None:
        statements.append(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    return sql.SQL("; ").join(statements)
