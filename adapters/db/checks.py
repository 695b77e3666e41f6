"""What must hold before a process serves: commits are durable, and the tables are those this release knows."""

from typing import Final

from sqlalchemy import Engine, text

from adapters.db.errors import translated
from domain.errors import Misconfigured
from migrations.revisions import Chain, current, head, known

_SYNCHRONOUS: Final = {2: "FULL", 3: "EXTRA"}
_POSTGRESQL: Final[dict[str, tuple[str, ...]]] = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    # All three wait for the local flush; they differ in what they want of standbys on top.
    "synchronous_commit": ("on", "remote_write", "remote_apply"),
}


class NotDurable(Misconfigured):
    """A crash could lose writes that were acknowledged."""

    code = "not_durable"
    message = "A database may lose acknowledged writes in a crash."


class DatabaseNewer(Misconfigured):
    """A newer release has migrated this database."""

    code = "database_newer"
    message = "This database was written by a newer release."
    hint = "Run that release or a newer one; going back needs a back-up from before its migration."


class DatabaseOlder(Misconfigured):
    """This release needs a migration first."""

    code = "database_older"
    message = "This database is of an older release."
    hint = "Make a back-up, then run `anamnesis migrate`."


class DatabaseEmpty(Misconfigured):
    """No migration has run yet."""

    code = "database_empty"
    message = "This database has no tables yet."
    hint = "Run `anamnesis migrate`."


def check_durable(engine: Engine) -> None:
    """Raises NotDurable naming the setting, or what `translate` makes of a database that can't be asked."""
    with translated(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            journal = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
            synchronous = int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
            found = {"journal_mode": journal, "synchronous": _SYNCHRONOUS.get(synchronous, str(synchronous))}
            wanted: dict[str, tuple[str, ...]] = {"journal_mode": ("wal",), "synchronous": ("FULL", "EXTRA")}
        else:
            names = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
            found = {row.name: row.setting for row in connection.execute(names, {"names": list(_POSTGRESQL)})}
            wanted = _POSTGRESQL
    for setting, allowed in wanted.items():
        if found[setting] not in allowed:
            raise NotDurable(
                f"A crash could lose acknowledged writes: {setting} is {found[setting]} and must be {' or '.join(allowed)}.",
                setting=setting,
            )


def check_revision(engine: Engine, chain: Chain) -> None:
    """Raises DatabaseEmpty, DatabaseOlder or DatabaseNewer unless the tables are exactly this release's."""
    with translated(chain):
        revision = current(engine, chain)
    newest = head(chain)
    if revision == newest:
        return
    facts = {"database": chain, "revision": revision, "known": newest}
    if revision is None:
        raise DatabaseEmpty(database=chain)
    if revision in known(chain):
        raise DatabaseOlder(**facts)
    raise DatabaseNewer(
        f"This database was written by a newer release: it is at revision {revision}; this release knows up to {newest}.",
        **facts,
    )
