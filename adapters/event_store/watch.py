"""Learning of other processes' appends: LISTEN on PostgreSQL, `PRAGMA data_version` on SQLite.

A watcher only ever hastens a look at the database: the positions it tells of are read from there, and it looks by itself
now and then, so a lost notification costs a moment, never an event.
"""

import sqlite3
from contextlib import closing, suppress
from threading import Event, Thread
from time import monotonic
from typing import Any, Final, cast

import psycopg
from sqlalchemy import Connection, Engine

from adapters.event_store.connections import DRIVER_ERRORS, OwnConnection, driver_of
from adapters.event_store.inserts.postgresql import CHANNEL
from adapters.event_store.tip import Tip

POLL_S: Final = 0.005
"""SQLite: how often the counter of other connections' commits is looked at (some 5 µs each time)."""
LOOK_S: Final = 1.0
"""PostgreSQL: how often the table is asked though no notification came."""
RETRY_S: Final = 0.2
_LOOK: Final = """
SELECT (SELECT max(position) FROM events), (SELECT replace(max(deployment_id::text), '-', '') FROM deployment)"""
_SLICE_S: Final = 0.2  # how long a stop may go unnoticed on PostgreSQL


class Watcher:
    """A daemon thread with a connection of its own, from `start` until `stop`; it reconnects by itself."""

    def __init__(self, engine: Engine, tip: Tip) -> None:
        self._engine = engine
        self._tip = tip
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="anamnesis-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and end the thread."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join()

    def ask_to_stop(self) -> None:
        """Like `stop`, without waiting for it."""
        self._stopping.set()

    def _run(self) -> None:
        watch = self._watch_sqlite if self._engine.dialect.name == "sqlite" else self._watch_postgresql
        while not self._stopping.is_set():
            with suppress(*DRIVER_ERRORS), closing(OwnConnection(self._engine)) as own:
                watch(own.connection)
            self._stopping.wait(RETRY_S)

    def _watch_sqlite(self, connection: Connection) -> None:
        driver = cast("sqlite3.Connection", driver_of(connection))
        known = None
        while not self._stopping.is_set():
            (version,) = driver.execute("PRAGMA data_version").fetchone()
            if version != known:
                known = version
                (last,) = driver.execute("SELECT max(position) FROM events").fetchone()
                self._tip.advance(last or 0)
            self._stopping.wait(POLL_S)

    def _watch_postgresql(self, connection: Connection) -> None:
        driver = cast("psycopg.Connection[Any]", driver_of(connection))
        driver.autocommit = True
        driver.execute(f"LISTEN {CHANNEL}")
        # Only now: what is committed from here on is told of, what was before is read.
        looked, log = -LOOK_S, None
        while not self._stopping.is_set():
            if monotonic() - looked >= LOOK_S:
                looked = monotonic()
                [(last, log)] = driver.execute(_LOOK).fetchall()
                self._tip.advance(last or 0)
            for notice in driver.notifies(timeout=_SLICE_S, stop_after=1):
                told_of, _, position = notice.payload.partition(":")
                # The channel is shared by all logs of this database, and anyone who may connect can speak on it: what
                # is told is a reason to look, never a position to believe in.
                if told_of == log and _number(position) > self._tip.position:
                    looked = -LOOK_S


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 20 else 0
