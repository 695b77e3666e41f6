"""The two root keys, and whether the key database belongs to them and to the events."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import select

from adapters.db.engines import open_database
from adapters.db.errors import translated
from adapters.event_store.recorder import Recorder
from adapters.keys.book import KeyBook
from adapters.keys.checks import check_keys
from adapters.keys.errors import RootKeysAlike, RootKeyWrong
from adapters.keys.root_file import FileRootKey
from adapters.keys.tables import roots
from domain.errors import AnamnesisError
from ops.checks.databases import absent_file
from ops.checks.finding import Finding, skipped
from ops.settings import Settings

_PARTS: Final = {"main": "root key", "notes": "notes root key"}


def root_keys(settings: Settings) -> Iterator[Finding]:
    """Each file by itself, against the key database, and against the other."""
    files = {"main": settings.root_key_file, "notes": settings.notes_root_key_file}
    enrolled = _enrolled(settings)
    generations: dict[str, str] = {}
    for purpose, file in files.items():
        try:
            generations[purpose] = _checked(file, enrolled.get(purpose, set()))
        except AnamnesisError as error:
            yield Finding.of(_PARTS[purpose], error)
        else:
            yield Finding(part=_PARTS[purpose], text=f"{file}, for its owner alone.")
    if len(generations) == 2 and len(set(generations.values())) == 1:
        yield Finding.of("notes root key", RootKeysAlike())


def _checked(file: Path, enrolled: set[str]) -> str:
    """The generation of the key in `file`. Raises what loading raises, and RootKeyWrong."""
    generation = FileRootKey.load(file).generation
    if enrolled and generation not in enrolled:
        raise RootKeyWrong(path=file)
    return generation


def _enrolled(settings: Settings) -> dict[str, set[str]]:
    """Names of the living roots by purpose; empty when the key database can't be asked, which has its own finding."""
    if absent_file(settings.keys_url) is not None:
        return {}
    found: dict[str, set[str]] = {}
    try:
        engine = open_database(settings.keys_url, pool_size=1)
        try:
            with translated("keys"), engine.connect() as connection:
                living = select(roots.c.purpose, roots.c.generation).where(roots.c.destroyed_at_us.is_(None))
                for purpose, generation in connection.execute(living):
                    found.setdefault(purpose, set()).add(generation)
        finally:
            engine.dispose()
    except AnamnesisError:
        return {}
    return found


def keys_and_events(settings: Settings) -> Iterator[Finding]:
    """Whether every key that the newest events name is in the key database."""
    part = "keys and events"
    if absent_file(settings.keys_url) or absent_file(settings.events_url):
        yield skipped(part, "a database above is missing")
        return
    try:
        events, keys = (open_database(url, pool_size=2) for url in (settings.events_url, settings.keys_url))
        try:
            check_keys(KeyBook(keys), Recorder(events))
        finally:
            events.dispose()
            keys.dispose()
    except AnamnesisError as error:
        yield Finding.of(part, error)
    else:
        yield Finding(part=part, text="The keys of the newest events are in the key database.")
