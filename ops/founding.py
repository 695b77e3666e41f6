"""What a new deployment needs once: tables, an opened log, root keys."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import time_ns

from sqlalchemy import select

from adapters.clock.system import UuidSource
from adapters.db.engines import open_database, open_databases
from adapters.db.errors import translated
from adapters.event_store.recorder import Recorder
from adapters.event_store.writer import LogNotOpened
from adapters.keys.addresses import file_of
from adapters.keys.errors import RootKeyExists
from adapters.keys.root_file import FileRootKey
from adapters.keys.roots import MAIN, NOTES
from adapters.keys.tables import roots
from domain.errors import Conflict, Misconfigured
from migrations.run import CHAINS, MigrationRefused, Upgrade, upgrade
from ops.checks.databases import absent_file
from ops.folders import make_private
from ops.saying import saying
from ops.settings import Settings


class RootKeysNeeded(Misconfigured):
    """New root keys would not open what the key database holds."""

    code = "root_keys_needed"
    message = "The key database was made with root keys that are not here; new ones would open nothing of it."
    hint = "Restore the root key files from their back-up, or name their paths with ANAMNESIS_ROOT_KEY_FILE and ANAMNESIS_NOTES_ROOT_KEY_FILE."


class MigrationStopped(Misconfigured):
    """A migration could not run; the code is that of the reason."""


def migrate(settings: Settings) -> Iterator[Upgrade]:
    """Upgrade the three databases, then open the log if there is none. Raises MigrationStopped, DataFolderUnusable,
    StoreUnavailable.
    """
    make_private(settings.data_dir)
    with open_databases(settings.events_url, settings.keys_url, settings.views_url, pool_size=2) as databases:
        for chain in CHAINS:
            try:
                with translated(chain):
                    done = upgrade(getattr(databases, chain), chain)
            except MigrationRefused as refused:
                raise _stopped(refused) from refused
            yield done
        _open_log(Recorder(databases.events))


def _open_log(recorder: Recorder) -> None:
    """Name the deployment and begin its log, once. Two that race agree on one name: the second finds the first's."""
    try:
        _ = recorder.log
    except LogNotOpened:
        with suppress(Conflict):
            recorder.open_log(UuidSource().opaque(), time_ns() // 1000)


def _stopped(refused: MigrationRefused) -> MigrationStopped:
    return saying(MigrationStopped(str(refused)), code=refused.code, hint=refused.hint)


def create_root_keys(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Make the files that are missing; yields the name and path of each. Roots that a service holds are made there.

    Raises RootKeyExists when none is, RootKeysNeeded when the key database knows a root that a missing file held,
    RootAddressWrong, RootKeyUnreadable, KeysUnavailable.
    """
    named = {purpose: file_of(settings.root_addresses(purpose)[0]) for purpose in (MAIN, NOTES)}
    files = {purpose: file for purpose, file in named.items() if file is not None}
    missing = {purpose: file for purpose, file in files.items() if not file.exists()}
    if not missing:
        raise RootKeyExists(path=files.get(MAIN))
    if known := _known_roots(settings) & set(missing):
        raise RootKeysNeeded(missing=files[min(known)])
    for purpose, file in missing.items():
        FileRootKey.create(file)
        yield ("root key" if purpose == MAIN else "notes root key"), file


def _known_roots(settings: Settings) -> set[str]:
    """Purposes that the key database knows a root for."""
    if absent_file(settings.keys_url) is not None:
        return set()
    engine = open_database(settings.keys_url, pool_size=1)
    try:
        with translated("keys"), engine.connect() as connection:
            if not engine.dialect.has_table(connection, roots.name):
                return set()
            return set(connection.execute(select(roots.c.purpose)).scalars())
    finally:
        engine.dispose()
