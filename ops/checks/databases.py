"""The three databases: reachable, of this release, durable, writable, and not of the future."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func, make_url, select, text

from adapters.db.checks import check_durable, check_revision
from adapters.db.engines import open_database
from adapters.db.errors import translated
from adapters.db.transactions import write_transaction
from adapters.event_store.incarnations import RestoreUnfinished, newest_restore
from adapters.event_store.tables import deployment, events
from domain.errors import AnamnesisError
from migrations.revisions import CHAINS, Chain
from migrations.role_names import APPLICATION
from ops.checks.finding import Finding, State, broken, skipped, warning
from ops.settings import Settings

_NEARLY_FULL: Final = 0.95
_AHEAD_S: Final = 5.0


def url_of(settings: Settings, chain: Chain) -> str:
    return {"events": settings.events_url, "keys": settings.keys_url, "views": settings.views_url}[chain]


def databases(settings: Settings) -> Iterator[Finding]:
    """Each of the three, then what the events say about the clock."""
    usable = True
    for chain in CHAINS:
        finding = _database(settings, chain)
        usable = usable and finding.state is State.OK
        yield finding
    if usable:
        yield from _log(settings)
    else:
        yield skipped("log", "a database above is not usable")


def absent_file(url: str) -> Path | None:
    """The file of a SQLite database that isn't there; opening it would make it."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    file = Path(parsed.database)
    return None if file.exists() else file


def _database(settings: Settings, chain: Chain) -> Finding:
    part = f"{chain} database"
    url = url_of(settings, chain)
    if (file := absent_file(url)) is not None:
        return broken(part, "database_missing", f"{file} does not exist.", "Run `anamnesis migrate`.")
    try:
        engine = open_database(url, pool_size=1)
        try:
            _reach(engine)
            check_revision(engine, chain)
            check_durable(engine)
            _try_writing(engine)
            return _role_missing(engine, part) or _described(engine, part)
        finally:
            engine.dispose()
    except AnamnesisError as error:
        return Finding.of(part, error)


def _reach(engine: Engine) -> None:
    with translated(), engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def _try_writing(engine: Engine) -> None:
    """Write something that changes nothing, and commit it: the only way to know.

    On PostgreSQL a table of our own session's, because the role may not write to others at will.
    """
    with translated(), write_transaction(engine) as connection:
        if engine.dialect.name == "sqlite":
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            connection.exec_driver_sql(f"PRAGMA user_version = {int(version)}")
        else:
            connection.execute(text("CREATE TEMPORARY TABLE doctor_probe (x int) ON COMMIT DROP"))


def _role_missing(engine: Engine, part: str) -> Finding | None:
    """On PostgreSQL: the account must be a member of the role whose rights the product works with."""
    if engine.dialect.name == "sqlite":
        return None
    with translated(), engine.connect() as connection:
        member = connection.execute(text("SELECT pg_has_role(:role, 'MEMBER')"), {"role": APPLICATION}).scalar_one()
    if member:
        return None
    mend = f"As its owner run: GRANT {APPLICATION} TO <the account>;"
    return broken(part, "role_not_granted", f"The account is not a member of the role {APPLICATION}.", mend)


def _described(engine: Engine, part: str) -> Finding:
    with translated(), engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            version = connection.execute(text("SHOW server_version")).scalar_one()
            return Finding(part=part, text=f"PostgreSQL {version}, durable, at this release's revision.")
        version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
        most = int(connection.exec_driver_sql("PRAGMA max_page_count").scalar_one())
    if pages > most * _NEARLY_FULL:
        return warning(part, "database_nearly_full", "It has nearly reached its largest size.", "Raise max_page_count.")
    return Finding(part=part, text=f"SQLite {version}, durable, at this release's revision.")


def _log(settings: Settings) -> Iterator[Finding]:
    """Whether the log was opened, and whether the newest event lies in the future: then the clock went back."""
    engine = open_database(settings.events_url, pool_size=1)
    try:
        with translated("events"), engine.connect() as connection:
            opened = connection.execute(select(func.max(deployment.c.incarnation))).scalar_one()
            restored = newest_restore(connection)
            newest = connection.execute(select(events).order_by(events.c.position.desc()).limit(1)).one_or_none()
    except AnamnesisError as error:
        yield Finding.of("log", error)
        return
    finally:
        engine.dispose()
    if opened is None:
        yield broken("log", "log_not_opened", "The log was never opened.", "Run `anamnesis migrate`.")
        return
    if restored is not None and not restored.finished:
        yield Finding.of("log", RestoreUnfinished(stage=restored.stage.value))
        return
    ahead_s = newest.recorded_at_us / 1e6 - time.time() if newest else 0.0
    if ahead_s > _AHEAD_S:
        text_ = f"The newest event was recorded {ahead_s:,.0f} s in the future: the clock went back since."
        mend = "Set the clock right (NTP); until it has caught up, new events carry the time of the newest one."
        yield broken("log", "clock_behind_log", text_, mend)
    else:
        yield Finding(part="log", text=f"Incarnation {opened}, {newest.position if newest else 0:,} events.")
