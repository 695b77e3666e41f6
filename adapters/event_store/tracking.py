"""How far a reader of the log has come, for the library's projections and process recorders."""

from eventsourcing.persistence import IntegrityError, Tracking, TrackingRecorder
from sqlalchemy import Connection, Engine, Insert, select
from sqlalchemy.dialects import postgresql, sqlite

from adapters.db.engines import write_transaction
from adapters.db.errors import translated
from adapters.event_store.tables import tracking as positions


class PositionRecorder(TrackingRecorder):
    """One row an application; its position only grows. Projections that keep their rows in the event database call
    `track` within their own transaction.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def insert_tracking(self, tracking: Tracking) -> None:
        """Raises the library's IntegrityError when that position or a later one was tracked before."""
        with translated("events"), write_transaction(self._engine) as connection:
            self.track(connection, tracking)

    def track(self, connection: Connection, tracking: Tracking) -> None:
        """As insert_tracking, in a transaction of the caller's."""
        stored = connection.execute(_upsert(self._engine, tracking.application_name, tracking.notification_id))
        if stored.one_or_none() is None:
            raise IntegrityError(
                f"position {tracking.notification_id} of {tracking.application_name} was tracked before"
            )

    def max_tracking_id(self, application_name: str) -> int | None:
        stored = select(positions.c.position).where(positions.c.application == application_name)
        with translated("events"), self._engine.connect() as connection:
            return connection.execute(stored).scalar_one_or_none()


def _upsert(engine: Engine, application: str, position: int) -> Insert:
    insert = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
    statement = insert(positions).values(application=application, position=position)
    return statement.on_conflict_do_update(
        index_elements=[positions.c.application],
        set_={"position": statement.excluded.position},
        where=positions.c.position < statement.excluded.position,
    ).returning(positions.c.position)
