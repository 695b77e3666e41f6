"""What erases and ends retention: for the worker and commands on the host alone, since it holds the key that signs."""

from typing import Final, TypeVar

import structlog
from eventsourcing.domain import Aggregate
from sqlalchemy import Engine

from adapters.db.engines import open_database
from adapters.erasure.eraser import SqlEraser
from adapters.erasure.register import SqlErasureRegister, SqlLegalHolds
from adapters.event_store.snapshots import SnapshotRecorder
from adapters.event_store.stores import AggregateStore
from adapters.log.checkpoints import key_name
from adapters.log.key_file import load_signer
from adapters.log.notes import NoteSigner
from adapters.offbox.folder import FolderOffBox
from adapters.offbox.places import off_box
from domain.model.erasure import Erasure
from domain.model.identity import Identity
from domain.ports.offbox import OffBox
from domain.services.erasing import ErasingService
from domain.services.erasures import Judge
from domain.services.retention import RetentionService
from migrations.role_names import RETENTION
from ops.bootstrap import System
from ops.folders import make_private
from ops.policies import policies_of
from ops.settings import Settings

A = TypeVar("A", bound=Aggregate)

_HERE: Final = "off-box"
_log = structlog.get_logger("ops.erasing")


def erasing(system: System) -> ErasingService:
    """Raises LogKeyUnusable, OffBoxAddressInvalid."""
    return ErasingService(
        ledger=system.ledger,
        access=system.access(),
        erasures=_store(system, Erasure),
        register=SqlErasureRegister(system.databases.events),
        eraser=_eraser(system),
        clock=system.clock,
    )


def retention(system: System) -> RetentionService:
    """Raises LogKeyUnusable, OffBoxAddressInvalid, RetentionPolicyInvalid."""
    register = SqlErasureRegister(system.databases.events)
    return RetentionService(
        ledger=system.ledger,
        access=system.access(),
        register=register,
        holds=SqlLegalHolds(system.databases.events),
        judge=Judge(register=register, identities=_store(system, Identity), policies=policies_of(system.settings)),
        eraser=_eraser(system),
        ids=system.ids,
    )


def place_of(settings: Settings) -> OffBox | None:
    """Where the register lies. Without a setting a folder beside the data, which a fire takes along: said loudly, and in
    production nothing, so that nothing is erased.
    """
    if settings.off_box is not None:
        return off_box(settings.off_box, s3_endpoint=settings.s3_endpoint)
    if settings.mode == "production":
        return None
    folder = settings.data_dir / _HERE
    make_private(folder)
    _log.warning("The register of erasures lies beside the data: set ANAMNESIS_OFF_BOX to another place")
    return FolderOffBox(folder)


def _eraser(system: System) -> SqlEraser:
    settings = system.settings

    def as_retention() -> Engine:
        return open_database(settings.events_url, pool_size=1, application_role=RETENTION)

    return SqlEraser(
        databases=system.databases,
        recorder=system.recorder,
        ledger=system.ledger,
        keys=system.keys,
        tracking=system.tracking,
        clock=system.clock,
        signer=_signer(system),
        place=place_of(settings),
        retention=as_retention,
    )


def _signer(system: System) -> NoteSigner | None:
    """None where there is no key: then nothing is erased, and the error says why."""
    path = system.settings.log_key_file
    return load_signer(path, key_name(system.recorder.deployment_id)) if path.exists() else None


def _store(system: System, aggregate: type[A]) -> AggregateStore[A]:
    events = system.databases.events
    return AggregateStore(events, system.mapper, aggregate, SnapshotRecorder(events))
