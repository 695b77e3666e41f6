"""Which use case gets which adapters, by area. `ops.bootstrap` makes the parts; this joins them."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from typing import Any

from eventsourcing.domain import Aggregate

from adapters.access.exceptional import SqlExceptionalList
from adapters.access.state import SqlAccessState
from adapters.access.vault import AccessVault
from adapters.alerts.log import LoggedAlerts
from adapters.clock.system import SystemClock, UuidSource
from adapters.codes.icd10cm import Icd10Cm
from adapters.db.engines import Databases
from adapters.egress.agreements import SqlAgreements
from adapters.erasure.register import SqlErasureRegister, SqlLegalHolds
from adapters.event_store.drafts import SealedDrafts
from adapters.event_store.feed import SqlChangeFeed, SqlEventReader
from adapters.event_store.ledger import EventLedger
from adapters.event_store.mapper import Mapper
from adapters.event_store.recorder import Recorder
from adapters.event_store.reports import SealedReports
from adapters.event_store.snapshots import SnapshotRecorder
from adapters.event_store.stores import AggregateStore
from adapters.event_store.webhooks import SqlDeliveryStore
from adapters.event_store.whole import SqlWholeRecords
from adapters.fhir.audit_event import FhirAudit
from adapters.identity.argon2 import Argon2Hasher
from adapters.identity.breached import BreachedFile
from adapters.identity.jose import JoseTokenSigner
from adapters.identity.secrets import OsSecrets
from adapters.identity.totp import PyotpCodes
from adapters.keys.ring import KeyRing
from adapters.keys.row_sealer import RowSealer
from adapters.keys.token_sealer import TokenSealer
from adapters.log.exports import ExportProver
from adapters.log.proofs import SqlLogProofs
from adapters.log.publisher import Publisher
from adapters.pictures.typst import TypstPrinter
from adapters.queue.arq import ArqQueue
from adapters.views.audit import SqlAuditView
from adapters.views.audit_kinds import AuditKinds
from adapters.views.caseload import SqlCaseloadView
from adapters.views.journey import SqlJourneyView
from adapters.views.tracking import ViewTracking
from adapters.views.worklist import SqlFactsStore
from adapters.webhooks.sender import HttpWebhookSender
from adapters.webhooks.targets import Targets
from domain.instruments.catalogue import published
from domain.model.account import Account
from domain.model.agreement import Agreement
from domain.model.appointment import Appointment
from domain.model.client import Client
from domain.model.diagnosis import Diagnosis
from domain.model.disclosure import Disclosure
from domain.model.erasure import Erasure
from domain.model.exceptional_access import ExceptionalAccess
from domain.model.goal import Goal
from domain.model.identity import Identity
from domain.model.legal_hold import LegalHold
from domain.model.measure import Measure
from domain.model.medication import Medication
from domain.model.note import Note
from domain.model.notes_folder import NotesFolder
from domain.model.risk_flag import RiskFlag
from domain.model.safety_plan import SafetyPlan
from domain.model.session import Session
from domain.model.sign_in import SignIn
from domain.model.transcript import Transcript
from domain.model.treatment_plan import TreatmentPlan
from domain.model.webhook import Webhook
from domain.services import Services
from domain.services.access import Access
from domain.services.accounts import AccountService
from domain.services.agreements import AgreementService
from domain.services.appointments import AppointmentService
from domain.services.audit import AuditService
from domain.services.changes import ChangeService
from domain.services.clients import ClientService
from domain.services.context import ContextService
from domain.services.context_candidates import Means
from domain.services.diagnoses import DiagnosisService
from domain.services.disclosures import DisclosureService, KnownRecipients
from domain.services.door import Door
from domain.services.drafts import DraftService
from domain.services.egress import EgressService, PermitOffice
from domain.services.erasures import ErasureService, Judge
from domain.services.events import EventService
from domain.services.exceptional_access import EmergencyPolicy, ExceptionalAccessService
from domain.services.exports import ExportService
from domain.services.federation import FederationService, ProviderPolicy
from domain.services.goals import GoalService
from domain.services.holds import HoldService
from domain.services.journey import JourneyService
from domain.services.log import LogService
from domain.services.measures import MeasureService
from domain.services.medications import MedicationService
from domain.services.notes import NoteService
from domain.services.progress import ProgressService
from domain.services.reports import ReportService
from domain.services.risk_flags import RiskFlagService
from domain.services.safety_plans import SafetyPlanService
from domain.services.second_factors import SecondFactorService
from domain.services.service_accounts import ServiceAccountService
from domain.services.sessions import SessionService
from domain.services.sign_in import SignInService
from domain.services.stays import StayService
from domain.services.transcripts import TranscriptService
from domain.services.treatment_plans import TreatmentPlanService
from domain.services.webhooks import WebhookService
from domain.services.worklist import WorklistService
from domain.services.worklist_facts import Thresholds
from ops.entry import provider_of, sign_in_policy
from ops.policies import policies_of
from ops.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What one process made of its settings, and what follows from that."""

    settings: Settings
    databases: Databases
    recorder: Recorder
    keys: KeyRing
    mapper: Mapper
    vault: AccessVault
    ledger: EventLedger
    drafts: SealedDrafts
    tracking: ViewTracking
    means: Means
    queue: ArqQueue
    printer: TypstPrinter
    publisher: Publisher | None = None
    """Where the signing key may be: in the worker and in commands on the host."""

    @cached_property
    def proofs(self) -> SqlLogProofs:
        return SqlLogProofs(self.databases.events)

    @cached_property
    def state(self) -> SqlAccessState:
        return SqlAccessState(self.databases.events, self.vault)

    @cached_property
    def access(self) -> Access:
        return Access(ledger=self.ledger, state=self.state)

    @cached_property
    def common(self) -> dict[str, Any]:
        """What nearly all of them take."""
        return {"ledger": self.ledger, "access": self.access}

    @cached_property
    def rows(self) -> RowSealer:
        return RowSealer(self.keys, self.mapper.log)

    @cached_property
    def gate(self) -> PermitOffice:
        """One a process: all that connects to somebody outside hands its permits in here."""
        return PermitOffice(agreements=self.store(Agreement), clock=SystemClock())

    @cached_property
    def alerts(self) -> LoggedAlerts:
        return LoggedAlerts()

    @cached_property
    def exceptional(self) -> SqlExceptionalList:
        return SqlExceptionalList(self.databases.events)

    @cached_property
    def tokens(self) -> TokenSealer:
        return TokenSealer(self.keys, self.mapper.log)

    @cached_property
    def journey(self) -> SqlJourneyView:
        return SqlJourneyView(self.tracking, self.rows)

    @cached_property
    def caseload(self) -> SqlCaseloadView:
        return SqlCaseloadView(self.tracking, self.rows, SystemClock())

    @cached_property
    def facts(self) -> SqlFactsStore:
        return SqlFactsStore(self.tracking, self.rows)

    @cached_property
    def feed(self) -> SqlChangeFeed:
        return SqlChangeFeed(self.databases.events, self.recorder, self.mapper)

    @cached_property
    def snapshots(self) -> SnapshotRecorder:
        return SnapshotRecorder(self.databases.events)

    @cached_property
    def hasher(self) -> Argon2Hasher:
        return Argon2Hasher()

    def store(self, aggregate_class: type[Aggregate]) -> AggregateStore[Any]:
        return AggregateStore(self.databases.events, self.mapper, aggregate_class, self.snapshots)


def services_of(parts: Parts) -> Services:
    """All use cases."""
    clients = ClientService(
        **parts.common,
        state=parts.state,
        clients=parts.store(Client),
        identities=parts.store(Identity),
        caseload=parts.caseload,
        alerts=parts.alerts,
        review_within=timedelta(hours=parts.settings.review_hours),
    )
    return Services(
        clients=clients,
        **_record(parts),
        **_care(parts),
        **_reading(parts, clients),
        **_house(parts),
        **_ends(parts),
        **_entry(parts),
    )


def _record(parts: Parts) -> dict[str, Any]:
    """What happened with the client."""
    common, store = parts.common, parts.store
    return {
        "sessions": SessionService(**common, sessions=store(Session), goals=store(Goal), drafts=parts.drafts),
        "appointments": AppointmentService(
            **common, state=parts.state, appointments=store(Appointment), sessions=store(Session)
        ),
        "transcripts": TranscriptService(**common, sessions=store(Session), transcripts=store(Transcript)),
        "drafts": DraftService(**common, drafts=parts.drafts),
        "notes": NoteService(
            **common,
            state=parts.state,
            notes=store(Note),
            folders=store(NotesFolder),
            accounts=store(Account),
            sessions=store(Session),
        ),
    }


def _care(parts: Parts) -> dict[str, Any]:
    """What is known, meant and watched."""
    common, store, journey = parts.common, parts.store, parts.journey
    risk_flags = RiskFlagService(
        **common,
        risk_flags=store(RiskFlag),
        measures=store(Measure),
        sessions=store(Session),
        clients=store(Client),
        journey=journey,
    )
    return {
        "goals": GoalService(
            **common, goals=store(Goal), sessions=store(Session), journey=journey, instruments=published()
        ),
        "measures": MeasureService(
            **common,
            measures=store(Measure),
            risk_flags=store(RiskFlag),
            sessions=store(Session),
            journey=journey,
            instruments=published(),
        ),
        "risk_flags": risk_flags,
        "worklist": WorklistService(
            **common,
            state=parts.state,
            journey=journey,
            facts=parts.facts,
            risk_flags=risk_flags,
            exceptional=parts.exceptional,
            thresholds=_thresholds(parts.settings),
            zone=parts.settings.clinic_zone,
        ),
        "exceptional_access": ExceptionalAccessService(
            **common,
            accesses=store(ExceptionalAccess),
            listed=parts.exceptional,
            alerts=parts.alerts,
            policy=EmergencyPolicy(
                minutes=parts.settings.break_glass_minutes,
                per_day=parts.settings.break_glass_per_day,
                review_within=timedelta(hours=parts.settings.review_hours),
            ),
        ),
        "treatment_plans": TreatmentPlanService(
            **common, plans=store(TreatmentPlan), diagnoses=store(Diagnosis), goals=store(Goal)
        ),
        "safety_plans": SafetyPlanService(**common, plans=store(SafetyPlan)),
        "diagnoses": DiagnosisService(**common, diagnoses=store(Diagnosis), codes=Icd10Cm(), journey=journey),
        "medications": MedicationService(**common, medications=store(Medication), journey=journey),
    }


def _thresholds(settings: Settings) -> Thresholds:
    return Thresholds(
        measure=settings.measure_days,
        unsigned=settings.unsigned_days,
        goal=settings.goal_days,
        treatment=settings.treatment_days,
    )


def _reading(parts: Parts, clients: ClientService) -> dict[str, Any]:
    """What is made of the record for those who read it."""
    common, zone = parts.common, parts.settings.clinic_zone
    progress = ProgressService(
        **common, state=parts.state, facts=parts.facts, journey=parts.journey, caseload=parts.caseload, zone=zone
    )
    return {
        "journey": JourneyService(**common, journey=parts.journey, zone=zone),
        "progress": progress,
        "reports": ReportService(
            **common,
            reports=SealedReports(
                parts.databases.events, parts.recorder, parts.mapper, parts.keys, parts.recorder.deployment_id
            ),
            feed=parts.feed,
            queue=parts.queue,
            progress=progress,
            clients=clients,
            printer=parts.printer,
            clock=SystemClock(),
            days=parts.settings.report_days,
        ),
        "context": ContextService(**common, journey=parts.journey, means=parts.means, zone=zone),
        "events": EventService(**common, reader=SqlEventReader(parts.databases.events, parts.recorder, parts.mapper)),
        "exports": ExportService(
            **common,
            state=parts.state,
            accounts=parts.store(Account),
            records=SqlWholeRecords(parts.databases.events, parts.mapper),
        ),
    }


def _house(parts: Parts) -> dict[str, Any]:
    """What concerns the practice as a whole: who looked, who follows along."""
    common, store = parts.common, parts.store
    return {
        "audit": AuditService(
            **common,
            audit=SqlAuditView(parts.tracking, AuditKinds(parts.tokens)),
            state=parts.state,
            recipients=KnownRecipients(agreements=store(Agreement), disclosures=store(Disclosure)),
            fhir=FhirAudit(),
            proofs=partial(ExportProver, parts.proofs),
            names=parts.settings.access_log_names,
        ),
        "log": LogService(**common, proofs=parts.proofs, published=parts.proofs, publisher=parts.publisher),
        "changes": ChangeService(**common, state=parts.state, feed=parts.feed),
        "webhooks": WebhookService(
            **common,
            webhooks=store(Webhook),
            egress=EgressService(
                access=parts.access, state=parts.state, agreements=store(Agreement), office=parts.gate
            ),
            deliveries=SqlDeliveryStore(parts.databases.events, parts.recorder, parts.mapper),
            feed=parts.feed,
            sender=HttpWebhookSender(Targets(parts.settings.webhook_networks), parts.gate),
            secrets=OsSecrets(),
            clock=SystemClock(),
        ),
        "agreements": AgreementService(
            **common, agreements=store(Agreement), listed=SqlAgreements(parts.databases.events)
        ),
        "disclosures": DisclosureService(**common, state=parts.state, agreements=store(Agreement)),
    }


def _ends(parts: Parts) -> dict[str, Any]:
    """When a record ends, and what keeps it."""
    common, store, events = parts.common, parts.store, parts.databases.events
    register, holds = SqlErasureRegister(events), SqlLegalHolds(events)
    judge = Judge(register=register, identities=store(Identity), policies=policies_of(parts.settings))
    return {
        "erasures": ErasureService(
            **common,
            state=parts.state,
            erasures=store(Erasure),
            register=register,
            holds=holds,
            judge=judge,
            queue=parts.queue,
        ),
        "holds": HoldService(**common, state=parts.state, holds=store(LegalHold), standing=holds),
    }


def _entry(parts: Parts) -> dict[str, Any]:
    """Who may come in, and how."""
    common, store = parts.common, parts.store
    signer = JoseTokenSigner(parts.keys, parts.mapper.log)
    settings = parts.settings
    breached = BreachedFile(settings.breached_passwords) if settings.breached_passwords else None
    hasher, codes, sealer = parts.hasher, PyotpCodes(), TokenSealer(parts.keys, parts.mapper.log)
    door = Door(
        ledger=parts.ledger,
        state=parts.state,
        accounts=store(Account),
        sign_ins=store(SignIn),
        signer=signer,
        sealer=sealer,
        secrets=OsSecrets(),
        ids=UuidSource(),
        policy=sign_in_policy(settings),
    )
    return {
        "accounts": AccountService(
            **common, state=parts.state, accounts=store(Account), hasher=hasher, breached=breached
        ),
        "service_accounts": ServiceAccountService(
            **common,
            accounts=store(Account),
            sign_ins=store(SignIn),
            signer=signer,
            secrets=OsSecrets(),
            ids=UuidSource(),
            secret_days=settings.secret_days,
        ),
        "sign_in": SignInService(door=door, hasher=hasher, codes=codes),
        "second_factors": SecondFactorService(door=door, access=parts.access, hasher=hasher, codes=codes),
        "stays": StayService(door=door, access=parts.access),
        "federation": FederationService(
            door=door,
            access=parts.access,
            hasher=hasher,
            sealer=sealer,
            provider=provider_of(settings),
            policy=ProviderPolicy(match_email=settings.oidc_match_email, trust_mfa=settings.oidc_trust_mfa),
        ),
    }
