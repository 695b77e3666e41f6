"""What somebody does with keys on the host: look, examine, replace, hand out in shares, recover.

A process holds as few roots as it needs; a command here loads those that it works with, the notes root among them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time_ns
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, select

from adapters.db.engines import check_revision, open_database
from adapters.db.errors import translated
from adapters.event_store.recorder import Recorder
from adapters.event_store.tables import events
from adapters.keys.addresses import file_of, load_root, load_roots
from adapters.keys.book import KeyBook
from adapters.keys.errors import RootNotRetired, RootRotationRefused, RootUnknown, SharesOfAnother
from adapters.keys.examination import Examination, Named
from adapters.keys.inventory import Inventory, take_inventory
from adapters.keys.records import LoggedKeyRecords
from adapters.keys.ring import KeyLimits, hierarchy_on
from adapters.keys.root_book import RootBook, RootRow, RootState
from adapters.keys.root_file import FileRootKey, write_root_file
from adapters.keys.roots import MAIN, NOTES, recognises
from adapters.keys.rotation import Moved, Rotation
from adapters.keys.shares import Origin, RootShare, combined, must_be_free, split
from domain.errors import AnamnesisError, Erased, SealBroken
from domain.ports.keys import RecordClass, RootKey
from domain.services.access import Action
from domain.services.keys import KeyService
from ops.bootstrap import System
from ops.hosting import call_of_host
from ops.saying import saying
from ops.settings import Settings

CLIENTS_AT_ONCE: Final = 100
"""Clients that one audit entry names."""
Advance = Callable[[int], None]


def _now_us() -> int:
    return time_ns() // 1000


# Looking


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Engine, Engine]]:
    """The event and the key database, whatever else is wrong with the set-up."""
    events_, keys_ = (open_database(url, pool_size=2) for url in (settings.events_url, settings.keys_url))
    try:
        check_revision(events_, "events")
        check_revision(keys_, "keys")
        yield events_, keys_
    finally:
        events_.dispose()
        keys_.dispose()


def status(settings: Settings) -> tuple[Inventory, set[str]]:
    """What keys there are, and which generations the settings' addresses hold. Needs no root key.

    Raises DatabaseEmpty and its kin, StoreUnavailable, KeysUnavailable.
    """
    with _opened(settings) as (events_, keys_):
        inventory = take_inventory(keys_, KeyLimits().messages, lambda owners: _with_events(events_, owners))
    return inventory, {root.generation for purpose in (MAIN, NOTES) for root in _loadable(settings, purpose)}


def _with_events(engine: Engine, owners: Sequence[UUID]) -> set[UUID]:
    found: set[UUID] = set()
    with translated("events"), engine.connect() as connection:
        for start in range(0, len(owners), 500):
            chosen = events.c.subject.in_(owners[start : start + 500])
            found.update(connection.execute(select(events.c.subject).where(chosen).distinct()).scalars())
    return found


def _loadable(settings: Settings, purpose: str) -> Iterator[RootKey]:
    for address in settings.root_addresses(purpose):
        try:
            yield load_root(address)
        except AnamnesisError:  # the doctor says what is wrong with it
            continue


@contextmanager
def examination(settings: Settings) -> Iterator[tuple[Examination, Iterable[Named]]]:
    """For `keys check`; the notes root goes along where its file is. Raises as `status`, and what loading roots raises."""
    main, notes = load_roots(settings.root_addresses(MAIN)), list(_loadable(settings, NOTES))
    with _opened(settings) as (events_, keys_):
        hierarchy = hierarchy_on(KeyBook(keys_), Recorder(events_).deployment_id, main, notes or None, _now_us)
        hierarchy.enrol_roots()
        yield Examination(hierarchy, _now_us, KeyLimits().messages), _named(events_)


def _named(engine: Engine) -> Iterator[Named]:
    columns = (events.c.key_id, events.c.subject, events.c["record_class"])
    with translated("events"), engine.connect() as connection:
        for row in connection.execute(select(*columns).where(events.c.key_id.is_not(None)).distinct()):
            yield Named(key_id=row[0], subject=row[1], record_class=row[2])


# Replacing


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What came of a rotation: keys that moved or were made, and those left out, by id of client or key."""

    keys: int
    clients: int = 0
    left_out: Sequence[UUID] = ()
    retired: Sequence[str] = ()


class Custody:
    """Replaces keys of a running system, and says so in its log. Made for one command."""

    def __init__(self, system: System) -> None:
        settings = system.settings
        self._system = system
        self._main = load_roots(settings.root_addresses(MAIN))
        self._notes = list(load_roots(settings.root_addresses(NOTES))) if self._has_notes() else None
        hierarchy = hierarchy_on(
            KeyBook(system.databases.keys), system.recorder.deployment_id, self._main, self._notes, _now_us
        )
        hierarchy.enrol_roots()
        self._rotation = Rotation(hierarchy, _now_us)
        self._book = RootBook(system.databases.keys)
        self._service = KeyService(
            ledger=system.ledger,
            access=system.access(),
            records=LoggedKeyRecords(system.recorder, system.mapper),
        )

    def _has_notes(self) -> bool:
        """A host that keeps no notes root may still replace what hangs from the main one."""
        files = [file_of(address) for address in self._system.settings.root_addresses(NOTES)]
        return all(file is None or file.exists() for file in files)

    def begin_root(self, purpose: str, address: str) -> Sequence[tuple[RootRow, int]]:
        """Let the root at `address` take over; what is to move, and how many keys of each.

        Raises RootRotationRefused, RootKeyNotHeld, Denied and what loading a root raises.
        """
        if address not in self._system.settings.root_addresses(purpose):
            name = "ANAMNESIS_ROOT_KEY" if purpose == MAIN else "ANAMNESIS_NOTES_ROOT_KEY"
            hint = f"Add its address to {name} beside the old one, restart every process, then rotate."
            raise saying(RootRotationRefused("The new root key is not among those that the processes load."), hint=hint)
        self._service.begin(call_of_host(self._system), Action.KEYS_ROTATE)
        self._rotation.begin_root(purpose, load_root(address))
        return [(old, self._rotation.hanging(old)) for old in self._rotation.succeeded(purpose)]

    def move(self, old: RootRow, advance: Advance) -> Replaced:
        """Wrap again what hangs from `old`; it is retired when all of it could be. May be interrupted and repeated."""
        moved: Moved = self._rotation.move(old, advance)
        if moved.broken or self._rotation.hanging(old):
            return Replaced(keys=moved.keys, left_out=moved.broken)
        facts = {"what": "root", "purpose": old.purpose, "before": old.generation, "after": old.succeeded_by}
        # Told once, however often it takes to get here.
        once = UUID(bytes=sha256(f"keys-rotated {old.generation} {old.succeeded_by}".encode()).digest()[:16], version=4)
        self._service.rotated(call_of_host(self._system), facts | {"keys": moved.keys}, once)
        retired = [old.generation] if self._rotation.retire(old) else []
        return Replaced(keys=moved.keys, retired=retired)

    def clients(self, older_than_us: int | None) -> Sequence[UUID]:
        """Clients with a key, made longer ago than that many microseconds."""
        return self._rotation.clients(None if older_than_us is None else _now_us() - older_than_us)

    def replace_clients(self, clients: Sequence[UUID], advance: Advance = lambda _: None) -> Replaced:
        """New client keys for them. Who was erased or has a damaged key is left out and named.

        Raises Denied, NotesRootNotLoaded, StoreUnavailable, KeysUnavailable.
        """
        count, left_out = 0, []
        for start in range(0, len(clients), CLIENTS_AT_ONCE):
            chunk = clients[start : start + CLIENTS_AT_ONCE]
            self._service.begin(call_of_host(self._system), Action.KEYS_ROTATE, chunk)
            for client in chunk:
                try:
                    count += self._rotation.client(client)
                except (Erased, SealBroken):
                    left_out.append(client)
                advance(1)
        done = len(clients) - len(left_out)
        self._tell({"what": "clients", "clients": done, "keys": count})
        return Replaced(keys=count, clients=done, left_out=left_out)

    def replace_epoch(self, record_class: RecordClass, client: UUID | None, advance: Advance) -> Replaced:
        """New data keys of a class from now on: the organisation's, one client's, or everybody's.

        Raises Denied, KeyKindRefused, NotesRootNotLoaded, StoreUnavailable, KeysUnavailable.
        """
        self._service.begin(call_of_host(self._system), Action.KEYS_ROTATE, () if client is None else (client,))
        owners: Sequence[UUID | None] = [client]
        if client is None and not record_class.of_organisation:
            owners = self._rotation.owners_of(record_class)
        made, left_out = 0, []
        for owner in owners:
            try:
                made += self._rotation.epoch(owner, record_class)
            except Erased:
                left_out.append(owner or UUID(int=0))
            advance(1)
        self._tell({"what": "epoch", "class": str(record_class), "keys": made})
        return Replaced(keys=made, left_out=left_out)

    def owners(self, record_class: RecordClass) -> int:
        """How many clients have a key of the class."""
        return 1 if record_class.of_organisation else len(self._rotation.owners_of(record_class))

    def retire(self, generation: str) -> RootRow:
        """Say that nobody holds a retired root any more. Raises RootUnknown, RootNotRetired, RootRotationRefused."""
        row = next((each for each in self._book.all() if each.generation == generation), None)
        if row is None:
            raise RootUnknown(generation=generation)
        if generation in {root.generation for root in (*self._main, *(self._notes or ()))}:
            raise RootRotationRefused("The settings still name this root key; take its address out first.")
        if row.state not in (RootState.RETIRED, RootState.DESTROYED):
            raise RootNotRetired(generation=generation, state=row.state)
        self._service.begin(call_of_host(self._system), Action.KEYS_ROTATE)
        self._book.destroy(generation, _now_us())
        self._tell({"what": "root_destroyed", "purpose": row.purpose, "before": generation})
        return row

    def _tell(self, facts: dict[str, Any]) -> None:
        self._service.rotated(call_of_host(self._system), facts)

    # Shares

    def share(self, purpose: str, *, of: int, need: int) -> Sequence[RootShare]:
        """Shares of the current root of a purpose, which must lie in a file. On record before they are made.

        Raises Denied, SharesUnusable, RootRotationRefused for a root that is not in a file here.
        """
        path, generation = self._current_file(purpose)
        self._service.begin(call_of_host(self._system), Action.KEYS_SHARE)
        deployment = self._system.recorder.deployment_id
        return split(
            path, of=of, need=need, origin=Origin(deployment=deployment, purpose=purpose, generation=generation)
        )

    def _current_file(self, purpose: str) -> tuple[Path, str]:
        current = {row.generation for row in self._book.all(purpose) if row.state is RootState.CURRENT}
        for address in self._system.settings.root_addresses(purpose):
            path = file_of(address)
            if path is not None and (generation := FileRootKey.load(path).generation) in current:
                return path, generation
        raise RootRotationRefused("The root key in use does not lie in a file here, so it can't be shared out.")

    def recovered(self) -> None:
        """On record, when the system stands again. Raises Denied, StoreUnavailable."""
        self._service.begin(call_of_host(self._system), Action.KEYS_RECOVER)


def recover(settings: Settings, shares: Sequence[str], path: Path, *, unchecked: bool) -> RootRow | None:
    """Write the root key file that the shares make up, when the key database knows that root; the row it knows it by.

    `unchecked` is for when there is no key database yet: then nothing but the shares themselves is checked. Raises
    SharesUnusable, SharesOfAnother, RootKeyExists, RootKeyUnreadable, KeysUnavailable, StoreUnavailable.
    """
    must_be_free(path)
    key = combined(shares)
    row = None if unchecked else _known(settings, FileRootKey(key))
    write_root_file(path, key)
    return row


def _known(settings: Settings, root: FileRootKey) -> RootRow:
    with _opened(settings) as (events_, keys_):
        deployment = Recorder(events_).deployment_id
        for row in RootBook(keys_).all():
            if row.generation == root.generation and recognises(root, row, deployment):
                return row
    raise SharesOfAnother
