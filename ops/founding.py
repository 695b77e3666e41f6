"""What a new deployment needs once: tables, an opened log, root keys."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from adapters.clock.system import SystemClock, UuidSource
from adapters.db.engines import open_database, open_databases
from adapters.db.errors import translated
from adapters.event_store.recorder import Recorder
from adapters.keys.errors import RootKeyExists
from adapters.keys.root_file import FileRootKey
from adapters.keys.tables import roots
from domain.errors import Misconfigured
from migrations.run import CHAINS, MigrationRefused, Upgrade, upgrade
from ops.checks.databases import absent_file
from ops.settings import Settings


class RootKeysNeeded(Misconfigured):
    """New root keys would not open what the key database holds."""

    code = "root_keys_needed"
    message = "The key database was made with root keys that are not here; new ones would open nothing of it."
    hint = "Restore the root key files from their back-up, or name their paths with ANAMNESIS_ROOT_KEY_FILE and ANAMNESIS_NOTES_ROOT_KEY_FILE."


class MigrationStopped(Misconfigured):
    """A migration could not run; the code is that of the reason."""


def migrate(settings: Settings) -> Iterator[Upgrade]:
    """Upgrade the three databases, then open the log if there is none. Raises MigrationStopped, StoreUnavailable."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_databases(settings.events_url, settings.keys_url, settings.views_url, pool_size=2) as databases:
        for chain in CHAINS:
            try:
                with translated(chain):
                    done = upgrade(getattr(databases, chain), chain)
            except MigrationRefused as refused:
                raise _stopped(refused) from refused
            yield done
        now_us = int(SystemClock().now().timestamp() * 1e6)
        Recorder(databases.events).open_log(UuidSource().opaque(), now_us)


def _stopped(refused: MigrationRefused) -> MigrationStopped:
    error = MigrationStopped(str(refused))
    error.code = refused.code  # type: ignore[misc] - one class, the reasons are the migrations' own
    error.hint = refused.hint  # type: ignore[misc]
    return error


def create_root_keys(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Make both files; yields the name and path of each. Raises RootKeyExists, RootKeysNeeded, RootKeyUnreadable."""
    files = {"root key": settings.root_key_file, "notes root key": settings.notes_root_key_file}
    for file in files.values():
        if file.exists():
            raise RootKeyExists(path=file)
    if _knows_roots(settings):
        raise RootKeysNeeded
    for name, file in files.items():
        FileRootKey.create(file)
        yield name, file


def _knows_roots(settings: Settings) -> bool:
    if absent_file(settings.keys_url) is not None:
        return False
    engine = open_database(settings.keys_url, pool_size=1)
    try:
        with translated("keys"), engine.connect() as connection:
            if not engine.dialect.has_table(connection, roots.name):
                return False
            return connection.execute(select(roots.c.generation).limit(1)).first() is not None
    finally:
        engine.dispose()
