"""The two root keys, and whether the key database belongs to them and to the events."""

from collections.abc import Iterator
from typing import Final

from adapters.db.engines import open_database
from adapters.event_store.recorder import Recorder
from adapters.keys.addresses import file_of, load_root
from adapters.keys.book import KeyBook
from adapters.keys.checks import check_keys
from adapters.keys.errors import RootKeyDestroyed, RootKeysAlike, RootKeySucceeded, RootKeyWrong
from adapters.keys.root_book import RootBook, RootRow, RootState
from domain.errors import AnamnesisError
from ops.checks.databases import absent_file
from ops.checks.finding import Finding, skipped, warning
from ops.settings import Settings

_PARTS: Final = {"main": "root key", "notes": "notes root key"}


def root_keys(settings: Settings) -> Iterator[Finding]:
    """Each root key by itself, against the key database, and against those of the other purpose."""
    enrolled = _enrolled(settings)
    generations: dict[str, set[str]] = {}
    for purpose, part in _PARTS.items():
        addresses = settings.root_addresses(purpose)
        for address in addresses:
            try:
                generation = _checked(address, enrolled.get(purpose, {}), alone=len(addresses) == 1)
            except AnamnesisError as error:
                yield Finding.of(part, error)
            else:
                generations.setdefault(purpose, set()).add(generation)
                yield Finding(part=part, text=_described(address))
        current = {row.generation for row in enrolled.get(purpose, {}).values() if row.state is RootState.CURRENT}
        if len(addresses) > 1 and current and not current & generations.get(purpose, set()):
            yield Finding.of(part, RootKeyWrong("None of the root keys is the one in use."))
        yield from _unfinished(part, enrolled.get(purpose, {}))
    if set.intersection(*(generations.get(purpose, set()) for purpose in _PARTS)):
        yield Finding.of("notes root key", RootKeysAlike())


def _described(address: str) -> str:
    path = file_of(address)
    return address if path is None else f"{path}, for its owner alone."


def _checked(address: str, enrolled: dict[str, RootRow], *, alone: bool) -> str:
    """The generation of the key at `address`. Raises what loading raises, RootKeyWrong, RootKeyDestroyed."""
    generation = load_root(address).generation
    row = enrolled.get(generation)
    if row is not None and row.state is RootState.DESTROYED:
        raise RootKeyDestroyed(address=address)
    # Beside the one in use, one that the database doesn't know waits for its turn.
    if enrolled and row is None and alone:
        raise RootKeyWrong(address=address)
    if row is not None and row.state is not RootState.CURRENT and alone:
        raise RootKeySucceeded(address=address)
    return generation


def _unfinished(part: str, enrolled: dict[str, RootRow]) -> Iterator[Finding]:
    for row in enrolled.values():
        if row.state is RootState.SUCCEEDED:
            text = f"{row.generation} is being replaced, and keys may still hang from it."
            yield warning(
                part, "root_being_replaced", text, "Run `anamnesis keys rotate root` again with the new address."
            )
        if row.state is RootState.RETIRED:
            text = f"{row.generation} is retired, and nobody has said that it is destroyed."
            mend = (
                "Destroy it and all its copies, then run `anamnesis keys retire`: copies of destroyed keys die with it."
            )
            yield warning(part, "root_retired", text, mend)


def _enrolled(settings: Settings) -> dict[str, dict[str, RootRow]]:
    """The roots by purpose and name; empty when the key database can't be asked, which has its own finding."""
    if absent_file(settings.keys_url) is not None:
        return {}
    found: dict[str, dict[str, RootRow]] = {}
    try:
        engine = open_database(settings.keys_url, pool_size=1)
        try:
            for row in RootBook(engine).all():
                found.setdefault(row.purpose, {})[row.generation] = row
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
