"""The event database for those who only look: no keys, no other part of the product, nothing made that isn't there."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from adapters.db.engines import check_revision, open_database
from domain.errors import Misconfigured
from migrations.role_names import APPLICATION
from ops.checks.databases import absent_file
from ops.settings import Settings


class NoLog(Misconfigured):
    code = "no_log"
    message = "There is no event database at this place."
    hint = "Set ANAMNESIS_DATA_DIR or ANAMNESIS_EVENTS_URL to where the deployment keeps its record."


@contextmanager
def events_database(settings: Settings) -> Iterator[Engine]:
    """Raises NoLog, DatabaseOlder, DatabaseNewer, DataExposed, StoreUnavailable."""
    missing = absent_file(settings.events_url)
    if missing is not None:
        raise NoLog(path=missing)
    engine = open_database(settings.events_url, pool_size=2, application_role=APPLICATION)
    try:
        check_revision(engine, "events")
        yield engine
    finally:
        engine.dispose()
