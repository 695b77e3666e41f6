"""The library's infrastructure factory over our recorders: PERSISTENCE_MODULE=adapters.event_store.factory.

Reads ANAMNESIS_EVENTS_URL from the environment it is given. The tables are Alembic's; the factory makes none, and opens
the log when none is open.
"""

import time
from threading import Event
from typing import Any
from uuid import uuid4
from weakref import WeakSet, finalize

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment, EnvType, resolve_topic
from sqlalchemy import Engine
from sqlalchemy.event import listen
from sqlalchemy.pool import ConnectionPoolEntry

from adapters.db.engines import open_database
from adapters.event_store.recorder import Recorder
from adapters.event_store.snapshots import SnapshotRecorder
from adapters.event_store.tracking import PositionRecorder
from adapters.event_store.writer import LogNotOpened


class AnamnesisFactory(InfrastructureFactory[PositionRecorder]):
    """One engine a factory; closing the factory, or losing it, closes its connections."""

    EVENTS_URL = "ANAMNESIS_EVENTS_URL"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        url = self.env.get(self.EVENTS_URL)
        if not url:
            raise OSError(
                f"the event database's address is not set: {', '.join(self.env.create_keys(self.EVENTS_URL))}"
            )
        self.engine = open_database(url)
        finalize(self, self.engine.dispose)
        self._closed = Event()
        _keep_none_once(self._closed, self.engine)
        self._recorders: WeakSet[Recorder] = WeakSet()

    def aggregate_recorder(self, purpose: str = "events") -> Recorder | SnapshotRecorder:
        """Snapshots have a table of their own; for any other purpose aggregates are recorded in the log."""
        return SnapshotRecorder(self.engine) if purpose == "snapshots" else self.application_recorder()

    def application_recorder(self) -> Recorder:
        recorder = Recorder(self.engine)
        self._recorders.add(recorder)
        try:
            recorder.log  # noqa: B018 - asks the database
        except LogNotOpened:
            recorder.open_log(uuid4(), time.time_ns() // 1000)
        return recorder

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> Any:
        """Of the class given, or named by TRACKING_RECORDER_TOPIC, or a plain one."""
        topic = self.env.get(self.TRACKING_RECORDER_TOPIC)
        chosen = tracking_recorder_class or (resolve_topic(topic) if topic else PositionRecorder)
        recorder = chosen(self.engine)
        # The library's projection runner drops its factory at once and goes on with the recorder.
        finalize(recorder, self.engine.dispose)
        return recorder

    def process_recorder(self) -> Recorder:
        return self.application_recorder()

    def close(self) -> None:
        """Close every connection, those too that its recorders keep outside of the pool."""
        for recorder in list(self._recorders):
            recorder.close()
        self._closed.set()
        self.engine.dispose()


def _keep_none_once(closed: Event, engine: Engine) -> None:
    """The library closes a factory while its threads still read: what they hand back later must not stay open."""

    def close_returned(connection: Any, record: ConnectionPoolEntry) -> None:
        if closed.is_set() and connection is not None:
            record.invalidate()

    listen(engine, "checkin", close_returned)
