"""The one place that names concrete adapters: settings in, a wired system out, checked before it does anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib import import_module, metadata
from types import TracebackType
from typing import Final, Self

import redis
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from adapters.access.exceptional import SqlExceptionalList
from adapters.access.state import SqlAccessState
from adapters.access.vault import AccessVault
from adapters.access.writes import AccessWrites
from adapters.cache.limiter import RedisRateLimiter
from adapters.cache.redis import connect
from adapters.clock.system import SystemClock, UuidSource
from adapters.db.engines import Databases, check_durable, check_revision, open_databases
from adapters.erasure.leases import ProcessLease
from adapters.event_store.drafts import SealedDrafts
from adapters.event_store.incarnations import check_restored
from adapters.event_store.ledger import EventLedger
from adapters.event_store.mapper import Mapper
from adapters.event_store.recorder import Recorder
from adapters.event_store.webhooks import SqlDeliveryStore
from adapters.fhir.record import FhirRecords
from adapters.keys.addresses import load_roots
from adapters.keys.checks import check_keys
from adapters.keys.hierarchy import DAY_US
from adapters.keys.ring import KeyLimits, KeyRing
from adapters.keys.row_sealer import RowSealer
from adapters.keys.token_sealer import TokenSealer
from adapters.log.health import CheckpointHealthReader
from adapters.log.publisher import Publisher
from adapters.pictures.altair import AltairPictures
from adapters.pictures.typst import TypstPrinter
from adapters.queue.arq import ArqQueue
from adapters.relevance.tokens import EstimatedTokens
from adapters.relevance.words import Bm25Words
from adapters.views.audit_kinds import AuditKinds
from adapters.views.audit_projection import AuditProjection
from adapters.views.journey_projection import JourneyProjection
from adapters.views.runner import FollowedLog, Runner
from adapters.views.tables import VIEWS
from adapters.views.tracking import ViewTracking
from api.runtime import HttpPolicy, Runtime
from domain.ports.health import Probe
from domain.services import Services
from domain.services.access import Access
from domain.services.context_candidates import Means
from domain.services.imports import ImportService
from migrations.revisions import CHAINS
from migrations.role_names import APPLICATION
from ml.meaning import MeaningEncoder
from ops.checks.production import refuse_unsafe
from ops.housekeeping import Housekeeping
from ops.metrics import CheckpointMetrics, ExceptionalAccessMetrics, ProjectionMetrics, WebhookMetrics
from ops.probes import DatabaseProbe, ProjectionProbe, QueueProbe
from ops.publishing import publisher_of
from ops.settings import Settings
from ops.warming import WarmUp
from ops.wiring import Parts, services_of

_OTHER_THREADS: Final = 4
"""Connections of a process beside those of its requests: probes, metrics."""


class Part(Enum):
    """Which process is built. Only the API holds the notes root key."""

    API = "serve"
    PROJECTIONS = "project"
    WORKER = "worker"
    HOST = "host"
    """Commands that somebody runs on the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Everything of one process. Close it, or use it as a context manager."""

    settings: Settings
    databases: Databases
    recorder: Recorder
    keys: KeyRing
    mapper: Mapper
    tracking: ViewTracking
    ledger: EventLedger
    drafts: SealedDrafts
    services: Services
    queue: ArqQueue
    clock: SystemClock
    ids: UuidSource
    redis: redis.Redis
    housekeeping: Housekeeping
    pictures: AltairPictures
    printer: TypstPrinter
    warming: WarmUp
    lease: ProcessLease

    def runner(self, log: FollowedLog | None = None) -> Runner:
        """The projections, over this system's log or what is given for it."""
        sealer = RowSealer(self.keys, self.mapper.log)
        projections = (
            JourneyProjection(self.recorder, self.mapper, sealer),
            AuditProjection(self.mapper, AuditKinds(TokenSealer(self.keys, self.mapper.log))),
        )
        return Runner(log or self.recorder, self.tracking, projections)

    def access(self) -> Access:
        """Decides what commands and jobs may do that no service stands before."""
        vault = AccessVault(self.keys, self.recorder.deployment_id)
        return Access(ledger=self.ledger, state=SqlAccessState(self.databases.events, vault))

    def imports(self) -> ImportService:
        """Taking over records from elsewhere: for the host alone, so it is not among the services that the API holds."""
        state = SqlAccessState(self.databases.events, AccessVault(self.keys, self.recorder.deployment_id))
        access = Access(ledger=self.ledger, state=state)
        return ImportService(ledger=self.ledger, access=access, state=state, sealer=self.keys)

    def runtime(self) -> Runtime:
        """What the HTTP surface needs beside the services."""
        return Runtime(
            clock=self.clock,
            ids=self.ids,
            sealer=self.keys,
            tokens=TokenSealer(self.keys, self.mapper.log),
            ledger=self.ledger,
            limiter=RedisRateLimiter(self.settings.redis_url),
            pictures=self.pictures,
            printer=self.printer,
            fhir=FhirRecords(),
            probes=self.probes(),
            policy=HttpPolicy(
                version=metadata.version("anamnesis"),
                incarnation=self.recorder.incarnation,
                threads=self.settings.threads,
                behind_tls=self.settings.behind_tls,
                trusted_proxies=self.settings.trusted_proxies,
                cors_origins=self.settings.cors_origins,
            ),
            registry=self._registry(),
        )

    def probes(self) -> Sequence[Probe]:
        """Databases are needed by requests; the queue and the projections are not."""
        return (
            DatabaseProbe("events", self.databases.events),
            DatabaseProbe("keys", self.databases.keys),
            DatabaseProbe("views", self.databases.views),
            ProjectionProbe(self.recorder, self.tracking, VIEWS),
            QueueProbe(self.queue),
        )

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        registry.register(ProjectionMetrics(self.recorder, self.tracking, VIEWS))
        registry.register(ExceptionalAccessMetrics(SqlExceptionalList(self.databases.events), self.clock))
        registry.register(CheckpointMetrics(CheckpointHealthReader(self.databases.events)))
        registry.register(WebhookMetrics(SqlDeliveryStore(self.databases.events, self.recorder, self.mapper)))
        return registry

    def close(self) -> None:
        """Give up threads and connections."""
        self.housekeeping.stop()
        self.warming.stop()
        self.lease.stop()
        self.recorder.close()
        self.databases.dispose()
        self.redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


def build(settings: Settings, *, parts: Part, restoring: bool = False) -> System:
    """Check the set-up and wire one process. `restoring` is for the restore itself, which begins before it is finished.

    Raises NotDurable, DatabaseEmpty, DatabaseOlder, DatabaseNewer, RestoreUnfinished, LogNotOpened, RootKeyMissing and its kin,
    RootKeyWrong, KeysOlderThanEvents, UnsafeInProduction, StoreUnavailable, KeysUnavailable.
    """
    root = load_roots(settings.root_addresses("main"))
    notes_root = load_roots(settings.root_addresses("notes")) if parts is Part.API else None
    databases = open_databases(
        settings.events_url,
        settings.keys_url,
        settings.views_url,
        pool_size=settings.threads + _OTHER_THREADS,
        # On PostgreSQL nothing works with more rights than the application needs, whoever signs in.
        application_role=APPLICATION,
    )
    try:
        for chain in CHAINS:
            check_revision(getattr(databases, chain), chain)
            check_durable(getattr(databases, chain))
            if chain == "events" and not restoring:
                check_restored(databases.events)  # before the others, which a restore may not have come to yet
        recorder = Recorder(databases.events)
        if settings.mode == "production":
            refuse_unsafe(settings, databases)
        keys = KeyRing(
            databases.keys,
            deployment=recorder.deployment_id,
            root=root,
            notes_root=notes_root,
            limits=key_limits(settings),
        )
        check_keys(keys.book, recorder)
        lease = ProcessLease(databases.events, keys, part=parts.value, length_s=settings.lease_s)
        # The API process never holds the signing key: whoever breaks into it can't vouch for what they did.
        signs = parts in {Part.WORKER, Part.HOST}
        publisher = publisher_of(settings, databases, recorder) if signs else None
        return _wired(settings, databases, recorder, keys, lease, publisher)
    except BaseException:
        databases.dispose()
        raise


def key_limits(settings: Settings) -> KeyLimits:
    """How long a data key is used."""
    days = settings.key_epoch_days
    return KeyLimits(epoch_us=None if days is None else days * DAY_US)


def _wired(  # noqa: PLR0913, PLR0917 - what a process is made of
    settings: Settings,
    databases: Databases,
    recorder: Recorder,
    keys: KeyRing,
    lease: ProcessLease,
    publisher: Publisher | None,
) -> System:
    mapper = Mapper(keys, recorder.deployment_id, recorder.incarnation)
    vault = AccessVault(keys, recorder.deployment_id)
    ledger = EventLedger(recorder, mapper, AccessWrites(vault))
    drafts = SealedDrafts(databases.events, recorder, mapper, keys, recorder.deployment_id)
    tracking = ViewTracking(databases.views, recorder.deployment_id, recorder.incarnation)
    client = connect(settings.redis_url)
    queue = ArqQueue(client)
    pictures = AltairPictures()
    printer = TypstPrinter(pictures)
    means = _means(settings)
    system = System(
        settings=settings,
        databases=databases,
        recorder=recorder,
        keys=keys,
        mapper=mapper,
        tracking=tracking,
        ledger=ledger,
        drafts=drafts,
        services=services_of(
            Parts(
                settings=settings,
                databases=databases,
                recorder=recorder,
                keys=keys,
                mapper=mapper,
                vault=vault,
                ledger=ledger,
                drafts=drafts,
                tracking=tracking,
                means=means,
                queue=queue,
                printer=printer,
                publisher=publisher,
            )
        ),
        queue=queue,
        clock=SystemClock(),
        ids=UuidSource(),
        redis=client,
        housekeeping=Housekeeping(keys.forget_expired),
        pictures=pictures,
        printer=printer,
        warming=WarmUp((_load_statistics, pictures.warm, printer.warm, partial(_ask_for_nothing, means))),
        lease=lease,
    )
    lease.start()
    system.housekeeping.start()
    return system


def _means(settings: Settings) -> Means:
    """What contexts are chosen by. Raises MeaningModelUnusable."""
    meaning = MeaningEncoder(settings.meaning_model) if settings.meaning_model else None
    return Means(EstimatedTokens(), Bm25Words(), meaning)


def _load_statistics() -> None:
    """A third of a second that the first report would wait for otherwise."""
    for name in ("numpy", "scipy.special", "scipy.optimize"):
        import_module(name)


def _ask_for_nothing(means: Means) -> None:
    """Loads what relevance is judged by."""
    for relevance in (means.words, means.meaning):
        if relevance is not None:
            relevance.scores("nothing", ["nothing"])
