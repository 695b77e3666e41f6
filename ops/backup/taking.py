"""Taking back-ups: events first, keys afterwards, each to its own place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from time import time_ns
from typing import Final

from sqlalchemy import Engine, func, select

from adapters.db.errors import translated
from adapters.db.transactions import read_transaction
from adapters.event_store.tables import events
from adapters.files import write_new
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Call
from domain.ports.keys import RecordClass
from domain.services.policy import Action
from migrations.revisions import head
from ops.backup.checking import examine
from ops.backup.copies import copy_database, kind_of
from ops.backup.manifest import NAME, Manifest, What
from ops.backup.places import Place
from ops.bootstrap import System

ORDER: Final[tuple[What, ...]] = ("events", "keys")
"""A key is stored before its first use: keys copied after events open every event of that copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """`address` is where the back-up lies; `size` is in bytes."""

    address: str
    name: str
    manifest: Manifest

    @property
    def size(self) -> int:
        return sum(one.size for one in self.manifest.files)


def take(system: System, call: Call, what: What, place: Place) -> Taken:
    """Copy one database as it stands now. Processes go on writing meanwhile.

    That it is taken is on record before anything is copied; a failure is, too. Raises Denied, PlaceUnusable,
    StoreUnavailable, KeysUnavailable, BackupDamaged when the log copied does not hold together.
    """
    system.access().require(call, Action.BACKUP_TAKE, RecordClass.ACCESS)
    system.ledger.note(call, AuditEntry(action=Action.BACKUP_TAKE, reason=f"backup_{what}"))
    try:
        return _taken(system, what, place)
    except BaseException:
        failed = AuditEntry(action=Action.BACKUP_TAKE, outcome=Outcome.FAILED, reason=f"backup_{what}")
        system.ledger.note(call, failed)
        raise


def _taken(system: System, what: What, place: Place) -> Taken:
    engine: Engine = getattr(system.databases, what)
    position = 0 if what == "events" else _last_position(system.databases.events)
    taken_at_us = time_ns() // 1000
    with place.workspace() as folder:
        manifest = Manifest(
            what=what,
            kind=kind_of(engine),
            product=metadata.version("anamnesis"),
            revision=head(what),
            deployment_id=system.recorder.deployment_id,
            incarnation=system.recorder.incarnation,
            position=position,
            root="",
            taken_at_us=taken_at_us,
            files=copy_database(engine, what, folder),
        )
        if what == "events":
            facts = examine(folder, manifest)
            manifest = replace(manifest, position=facts.position, root=facts.root.hex())
        write_new(folder / NAME, manifest.encoded())
        name = _name(manifest)
        return Taken(address=place.keep(folder, name), name=name, manifest=manifest)


def _last_position(engine: Engine) -> int:
    with translated("events"), read_transaction(engine) as connection:
        return int(connection.execute(select(func.coalesce(func.max(events.c.position), 0))).scalar_one())


def _name(manifest: Manifest) -> str:
    at = datetime.fromtimestamp(manifest.taken_at_us / 1_000_000, UTC)
    return f"anamnesis-{manifest.what}-{at:%Y%m%dT%H%M%S%f}Z-{manifest.position:012d}"


def listed(place: Place) -> Iterator[tuple[str, Manifest]]:
    """Finished back-ups, each with what it says of itself. Raises PlaceUnusable, BackupDamaged."""
    for name in place.names():
        yield name, Manifest.decoded(place.manifest(name))
