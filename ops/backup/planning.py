"""What a restore is about to do, and everything that speaks against it: asked before anything is changed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import inspect

from adapters.db.engines import open_database
from adapters.db.errors import DatabaseDamaged, translated
from adapters.db.transactions import read_transaction
from adapters.event_store.incarnations import Restore, newest_restore
from adapters.event_store.tables import restores
from adapters.event_store.writer import LogNotOpened, OpenLog
from domain.errors import AnamnesisError, StoreUnavailable
from migrations.revisions import known
from ops.backup.checking import LogFacts, check_files, check_log, openings_of
from ops.backup.errors import AnotherRestore, BackupMissing, BackupUnfit, NotEmpty, RegisterUnreadable
from ops.backup.evidence import Compared, Evidence, compare, wanted_sizes
from ops.backup.loading import check_loadable, fits, is_empty
from ops.backup.manifest import Manifest, What, digest
from ops.backup.places import place_at
from ops.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for. Addresses of back-ups, or of places: then the newest one there is meant. `keys` empty leaves
    the key database as it is. `replace` moves SQLite files that are there aside. `without_register` goes on where the
    register of erasures can't be read.
    """

    events: str
    keys: str = ""
    replace: bool = False
    without_register: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A back-up that lies at hand, its files checked. `digest` names it."""

    folder: Path
    manifest: Manifest
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`begun` is the restore of this very back-up that was not finished, or was the last thing that happened."""

    events: Copy
    keys: Copy | None
    facts: LogFacts
    evidence: Evidence | None
    compared: Compared
    begun: Restore | None


@contextmanager
def planned(settings: Settings, wish: Wish) -> Iterator[Plan]:
    """The back-ups fetched, and every question asked.

    Raises BackupMissing, BackupDamaged, BackupUnfit, BackupForeign, NotEmpty, AnotherRestore, RegisterUnreadable,
    PlaceUnusable, StoreUnavailable, KeysUnavailable.
    """
    with ExitStack() as stack:
        events = stack.enter_context(_copy(settings, wish.events, "events"))
        keys = stack.enter_context(_copy(settings, wish.keys, "keys")) if wish.keys else None
        _check_fit(settings, events.manifest, keys.manifest if keys else None)
        evidence = _evidence(settings, events.manifest, wish)
        facts = check_log(events.folder, events.manifest, _sizes(evidence, events))
        standing = _whatever(wish, lambda: _standing_incarnation(settings)) or 0
        begun = _whatever(wish, lambda: _begun(settings, events, wish))
        if begun is None or (begun.finished and wish.replace):
            begun = None
            _check_room(settings, events.manifest, keys.manifest if keys else None, wish)
        yield Plan(
            events=events,
            keys=keys,
            facts=facts,
            evidence=evidence,
            compared=compare(evidence, facts, standing) if evidence else _uncompared(facts, standing),
            begun=begun,
        )


@contextmanager
def _copy(settings: Settings, address: str, what: What) -> Iterator[Copy]:
    place, name = place_at(address, s3_endpoint=settings.s3_endpoint)
    if not name:
        names = [one for one in place.names() if one.startswith(f"anamnesis-{what}-")]
        if not names:
            raise BackupMissing(place=place.address, what=what)
        name = names[-1]
    with place.fetched(name) as folder:
        content = place.manifest(name)
        manifest = Manifest.decoded(content)
        if manifest.what != what:
            raise BackupUnfit(f"This is a back-up of {manifest.what}, not of {what}.", name=name)
        check_files(folder, manifest)
        yield Copy(folder=folder, manifest=manifest, digest=digest(content))


def _check_fit(settings: Settings, events: Manifest, keys: Manifest | None) -> None:
    """Raises BackupUnfit."""
    urls = {"events": settings.events_url, "keys": settings.keys_url}
    for manifest in filter(None, (events, keys)):
        if not fits(urls[manifest.what], manifest):
            raise BackupUnfit(f"This back-up was taken from {manifest.kind}; the database named is another kind.")
        if manifest.revision not in known(manifest.what):
            raise BackupUnfit(
                f"A later release ({manifest.product}) wrote this back-up; this one doesn't know its tables.",
                revision=manifest.revision,
            )
    if keys is None:
        return
    if keys.deployment_id != events.deployment_id:
        raise BackupUnfit("The keys are those of another deployment: they open nothing of these events.")
    if keys.position < events.position and keys.incarnation <= events.incarnation:
        raise BackupUnfit(
            "The keys were copied before the events: keys made in between would be missing.",
            keys_reach=keys.position,
            events_reach=events.position,
        )


def _evidence(settings: Settings, manifest: Manifest, wish: Wish) -> Evidence | None:
    """What lies off the box, with the register read once: it must be readable before anything is changed."""
    if wish.without_register:
        return None
    try:
        evidence = Evidence.of(settings, manifest.deployment_id)
        if evidence is not None:
            evidence.register()
    except AnamnesisError as exc:
        raise RegisterUnreadable(reason=exc.code) from exc
    if evidence is None:
        raise RegisterUnreadable
    return evidence


def _sizes(evidence: Evidence | None, events: Copy) -> set[int]:
    """Of the checkpoints that the log in the back-up must give the roots of."""
    if evidence is None:
        return set()
    openings = openings_of(events.folder, events.manifest)
    return {size for _, size in wanted_sizes(evidence, openings, events.manifest.position)}


def _begun(settings: Settings, events: Copy, wish: Wish) -> Restore | None:
    """Raises AnotherRestore."""
    engine = open_database(settings.events_url, pool_size=1)
    try:
        with translated("events"), read_transaction(engine) as connection:
            there = inspect(connection).has_table(restores.name)
            newest = newest_restore(connection) if there else None
    finally:
        engine.dispose()
    if newest is not None and newest.backup == events.digest:
        return newest
    if newest is not None and not newest.finished and not wish.replace:
        raise AnotherRestore(backup=newest.backup, stage=newest.stage.value)
    return None


def _check_room(settings: Settings, events: Manifest, keys: Manifest | None, wish: Wish) -> None:
    if wish.replace and events.kind != "sqlite":
        raise NotEmpty("On PostgreSQL nothing is moved aside: name new, empty databases.", database="events")
    check_loadable(settings.events_url, events, replaced=wish.replace)
    if keys is not None:
        check_loadable(settings.keys_url, keys, replaced=wish.replace)
        return
    engine = open_database(settings.keys_url, pool_size=1)
    try:
        if is_empty(engine, "keys"):
            raise BackupMissing("The key database is empty: name a back-up of it with --keys.", what="keys")
    finally:
        engine.dispose()


def _whatever(wish: Wish, ask: Callable[[], T]) -> T | None:
    """What a database says that is to be replaced: nothing, if it is damaged."""
    try:
        return ask()
    except (StoreUnavailable, DatabaseDamaged):
        if wish.replace:
            return None
        raise


def _standing_incarnation(settings: Settings) -> int:
    """Of the database that is there now, 0 without one: its number is not used again."""
    engine = open_database(settings.events_url, pool_size=1)
    try:
        with translated("events"), read_transaction(engine) as connection:
            there = inspect(connection).has_table("deployment")
            return OpenLog.of(connection).incarnation if there else 0
    except LogNotOpened:
        return 0
    finally:
        engine.dispose()


def _uncompared(facts: LogFacts, standing: int) -> Compared:
    return Compared(covered=0, last=None, next_incarnation=max(standing, facts.newest.incarnation) + 1)
