"""Connections that a recorder keeps for itself, outside of the engine's pool."""

import sqlite3
from contextlib import suppress
from typing import Final, cast

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

DRIVER_ERRORS: Final = (SQLAlchemyError, psycopg.Error, sqlite3.Error)


def driver_of(connection: Connection) -> DBAPIConnection:
    """The driver's own connection, for statements on which SQLAlchemy would cost more than the database."""
    return cast("DBAPIConnection", connection.connection.dbapi_connection)


class OwnConnection:
    """Set up like any of the engine's, but kept for good and never handed back to the pool."""

    def __init__(self, engine: Engine) -> None:
        """Raises what the driver raises."""
        self.connection = engine.connect()
        self.connection.detach()
        # SQLAlchemy forgets the driver's connection when it thinks it dead; it must be closed all the same.
        self._driver = driver_of(self.connection)

    def commit(self) -> None:
        """Commit what the driver's connection has open. Raises what the driver raises."""
        if self.connection.in_transaction():  # something was executed through SQLAlchemy
            self.connection.commit()
        else:
            self._driver.commit()

    def rolled_back(self) -> bool:
        """Roll back; whether the next statement has a chance."""
        with suppress(*DRIVER_ERRORS):
            self.connection.rollback()
            self._driver.rollback()
            return not (self.connection.invalidated or getattr(self._driver, "closed", False))
        return False

    def close(self) -> None:
        """Close it, whatever state it is in."""
        with suppress(*DRIVER_ERRORS):
            self.connection.close()
        with suppress(*DRIVER_ERRORS):
            self._driver.close()
