from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest

from adapters.fhir.audit_event import FhirAudit
from adapters.identity.totp import PyotpCodes
from adapters.memory.alerts import InMemoryAlerts
from adapters.memory.codes import InMemoryDiagnosisCodes
from adapters.memory.egress import InMemoryAgreements
from adapters.memory.erasure import InMemoryErasureRegister, InMemoryLegalHolds
from adapters.memory.exceptional import InMemoryExceptionalList
from adapters.memory.feed import InMemoryFeed
from adapters.memory.identity import (
    InMemoryBreached,
    InMemoryClock,
    InMemoryHasher,
    InMemoryIds,
    InMemorySecrets,
    InMemoryTokens,
    InMemoryTokenSealer,
)
from adapters.memory.ledger import InMemoryAggregates, InMemoryDrafts, InMemoryLedger, InMemoryLog
from adapters.memory.log import InMemoryLogProofs
from adapters.memory.queue import InMemoryPrinter, InMemoryQueue
from adapters.memory.reports import InMemoryReports
from adapters.memory.views import InMemoryAuditView, InMemoryCaseloadView, InMemoryJourneyView
from adapters.memory.webhooks import InMemoryDeliveries, InMemorySender
from adapters.memory.whole import InMemoryWholeRecords
from adapters.memory.worklist import InMemoryFacts
from adapters.relevance.tokens import EstimatedTokens
from adapters.relevance.words import Bm25Words
from domain.instruments.catalogue import published
from domain.model.account import Account
from domain.model.agreement import Agreement
from domain.model.appointment import Appointment
from domain.model.audit import AuditEvent
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
from domain.model.values import RepresentativeAuthority
from domain.model.webhook import Webhook
from domain.ports.access import Relation
from domain.ports.call import Actor, Call, Role
from domain.ports.identity import IdentityProvider
from domain.retention.policies import default_policies
from domain.services import Services
from domain.services.access import Access
from domain.services.accounts import AccountService
from domain.services.agreements import AgreementService
from domain.services.appointments import AppointmentService
from domain.services.audit import AuditService, NoProofs
from domain.services.changes import ChangeService
from domain.services.clients import ClientService
from domain.services.context import ContextService
from domain.services.context_candidates import Means
from domain.services.diagnoses import DiagnosisService
from domain.services.disclosures import DisclosureService, KnownRecipients
from domain.services.door import Door, SignInPolicy
from domain.services.drafts import DraftService
from domain.services.egress import EgressService, PermitOffice
from domain.services.erasures import ErasureService, Judge
from domain.services.events import EventService
from domain.services.exceptional_access import ExceptionalAccessService
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
from tests.contracts.samples import call_by, identity

PASSWORD = "correct horse battery"
HOST = Actor(id=UUID(int=1), role=Role.SERVICE)


class House:
    """All services over plain objects, and people to use them."""

    def __init__(self) -> None:
        self.log = InMemoryLog()
        self.clock = InMemoryClock()
        self.hasher = InMemoryHasher()
        self.tokens = InMemoryTokens()
        self.sealer = InMemoryTokenSealer()
        self.ledger = InMemoryLedger(self.log)
        self.state = self.log.state
        self.proofs = InMemoryLogProofs(lambda: [sha256(repr(each).encode()).digest() for each in self.log.events])
        self.access = Access(ledger=self.ledger, state=self.state)
        self.instruments = published()
        self.sender = InMemorySender()
        self.office = PermitOffice(agreements=InMemoryAggregates(self.log, Agreement), clock=self.clock)
        self.deliveries = InMemoryDeliveries(self.log, self.ledger)
        self.reports = InMemoryReports(self.log, self.ledger)
        self.queue = InMemoryQueue()
        self.facts = InMemoryFacts(self.log)
        self.alerts = InMemoryAlerts()
        self.exceptional = InMemoryExceptionalList(self.state)
        self.breached = InMemoryBreached()
        self.door = self._door(SignInPolicy())
        self.services = self._services()

    def _door(self, policy: SignInPolicy) -> Door:
        return Door(
            ledger=self.ledger,
            state=self.state,
            accounts=InMemoryAggregates(self.log, Account),
            sign_ins=InMemoryAggregates(self.log, SignIn),
            signer=self.tokens,
            sealer=self.sealer,
            secrets=InMemorySecrets(),
            ids=InMemoryIds(),
            policy=policy,
        )

    def demand(self, **policy: object) -> None:
        """Another policy from now on."""
        self.door.policy = replace(self.door.policy, **policy)
        self.services = self._services()

    def federation(self, provider: IdentityProvider | None, **policy: bool) -> FederationService:
        return FederationService(
            door=self.door,
            access=self.access,
            hasher=self.hasher,
            sealer=self.sealer,
            provider=provider,
            policy=ProviderPolicy(**policy),
        )

    def _services(self) -> Services:
        ledger, access, state, log = self.ledger, self.access, self.state, self.log
        drafts = InMemoryDrafts(log, ledger)
        sessions = InMemoryAggregates(log, Session)
        accounts = InMemoryAggregates(log, Account)
        risk_flags = RiskFlagService(
            ledger=ledger,
            access=access,
            risk_flags=InMemoryAggregates(log, RiskFlag),
            measures=InMemoryAggregates(log, Measure),
            sessions=sessions,
            clients=InMemoryAggregates(log, Client),
            journey=InMemoryJourneyView(log, self.clock.now),
        )
        clients = ClientService(
            ledger=ledger,
            access=access,
            state=state,
            clients=InMemoryAggregates(log, Client),
            identities=InMemoryAggregates(log, Identity),
            caseload=InMemoryCaseloadView(log, self.clock.now),
            alerts=self.alerts,
        )
        progress = ProgressService(
            ledger=ledger,
            access=access,
            state=state,
            journey=InMemoryJourneyView(log, self.clock.now),
            caseload=InMemoryCaseloadView(log, self.clock.now),
            facts=self.facts,
            zone="Europe/Berlin",
        )
        return Services(
            clients=clients,
            log=LogService(ledger=ledger, access=access, proofs=self.proofs, published=self.proofs),
            sessions=SessionService(
                ledger=ledger, access=access, sessions=sessions, goals=InMemoryAggregates(log, Goal), drafts=drafts
            ),
            appointments=AppointmentService(
                ledger=ledger,
                access=access,
                state=state,
                appointments=InMemoryAggregates(log, Appointment),
                sessions=sessions,
            ),
            goals=GoalService(
                ledger=ledger,
                access=access,
                goals=InMemoryAggregates(log, Goal),
                sessions=sessions,
                journey=InMemoryJourneyView(log, self.clock.now),
                instruments=self.instruments,
            ),
            notes=NoteService(
                ledger=ledger,
                access=access,
                state=state,
                notes=InMemoryAggregates(log, Note),
                folders=InMemoryAggregates(log, NotesFolder),
                accounts=accounts,
                sessions=sessions,
            ),
            measures=MeasureService(
                ledger=ledger,
                access=access,
                measures=InMemoryAggregates(log, Measure),
                risk_flags=InMemoryAggregates(log, RiskFlag),
                sessions=sessions,
                journey=InMemoryJourneyView(log, self.clock.now),
                instruments=self.instruments,
            ),
            risk_flags=risk_flags,
            worklist=WorklistService(
                ledger=ledger,
                access=access,
                state=state,
                journey=InMemoryJourneyView(log, self.clock.now),
                facts=self.facts,
                risk_flags=risk_flags,
                exceptional=self.exceptional,
            ),
            exceptional_access=ExceptionalAccessService(
                ledger=ledger,
                access=access,
                accesses=InMemoryAggregates(log, ExceptionalAccess),
                listed=self.exceptional,
                alerts=self.alerts,
            ),
            erasures=ErasureService(
                ledger=ledger,
                access=access,
                state=state,
                erasures=InMemoryAggregates(log, Erasure),
                register=InMemoryErasureRegister(log),
                holds=InMemoryLegalHolds(log),
                judge=Judge(
                    register=InMemoryErasureRegister(log),
                    identities=InMemoryAggregates(log, Identity),
                    policies=default_policies(),
                ),
                queue=self.queue,
            ),
            holds=HoldService(
                ledger=ledger,
                access=access,
                state=state,
                holds=InMemoryAggregates(log, LegalHold),
                standing=InMemoryLegalHolds(log),
            ),
            treatment_plans=TreatmentPlanService(
                ledger=ledger,
                access=access,
                plans=InMemoryAggregates(log, TreatmentPlan),
                diagnoses=InMemoryAggregates(log, Diagnosis),
                goals=InMemoryAggregates(log, Goal),
            ),
            safety_plans=SafetyPlanService(ledger=ledger, access=access, plans=InMemoryAggregates(log, SafetyPlan)),
            diagnoses=DiagnosisService(
                ledger=ledger,
                access=access,
                diagnoses=InMemoryAggregates(log, Diagnosis),
                codes=InMemoryDiagnosisCodes(),
                journey=InMemoryJourneyView(log, self.clock.now),
            ),
            medications=MedicationService(
                ledger=ledger,
                access=access,
                medications=InMemoryAggregates(log, Medication),
                journey=InMemoryJourneyView(log, self.clock.now),
            ),
            transcripts=TranscriptService(
                ledger=ledger,
                access=access,
                sessions=sessions,
                transcripts=InMemoryAggregates(log, Transcript),
            ),
            drafts=DraftService(ledger=ledger, access=access, drafts=drafts),
            journey=JourneyService(ledger=ledger, access=access, journey=InMemoryJourneyView(log, self.clock.now)),
            progress=progress,
            reports=ReportService(
                ledger=ledger,
                access=access,
                reports=self.reports,
                feed=InMemoryFeed(log),
                queue=self.queue,
                progress=progress,
                clients=clients,
                printer=InMemoryPrinter(),
                clock=self.clock,
                days=7,
            ),
            context=ContextService(
                ledger=ledger,
                access=access,
                journey=InMemoryJourneyView(log, self.clock.now),
                means=Means(EstimatedTokens(), Bm25Words()),
                zone="Europe/Berlin",
            ),
            events=EventService(ledger=ledger, access=access, reader=InMemoryFeed(log)),
            exports=ExportService(
                ledger=ledger, access=access, state=state, accounts=accounts, records=InMemoryWholeRecords(log)
            ),
            audit=AuditService(
                ledger=ledger,
                access=access,
                audit=InMemoryAuditView(log, self.clock.now),
                state=state,
                recipients=KnownRecipients(
                    agreements=InMemoryAggregates(log, Agreement), disclosures=InMemoryAggregates(log, Disclosure)
                ),
                fhir=FhirAudit(),
                proofs=NoProofs,
                names=True,
            ),
            service_accounts=ServiceAccountService(
                ledger=ledger,
                access=access,
                accounts=accounts,
                sign_ins=InMemoryAggregates(log, SignIn),
                signer=self.tokens,
                secrets=InMemorySecrets(seed=3),
                ids=InMemoryIds(seed=3),
            ),
            webhooks=WebhookService(
                ledger=ledger,
                access=access,
                webhooks=InMemoryAggregates(log, Webhook),
                egress=EgressService(
                    access=access, state=state, agreements=InMemoryAggregates(log, Agreement), office=self.office
                ),
                deliveries=self.deliveries,
                feed=InMemoryFeed(log),
                sender=self.sender,
                secrets=InMemorySecrets(seed=4),
                clock=self.clock,
                jitter=lambda: 1.0,
            ),
            agreements=AgreementService(
                ledger=ledger,
                access=access,
                agreements=InMemoryAggregates(log, Agreement),
                listed=InMemoryAgreements(log),
            ),
            disclosures=DisclosureService(
                ledger=ledger, access=access, state=state, agreements=InMemoryAggregates(log, Agreement)
            ),
            changes=ChangeService(ledger=ledger, access=access, state=state, feed=InMemoryFeed(log)),
            accounts=AccountService(
                ledger=ledger,
                access=access,
                state=state,
                accounts=accounts,
                hasher=self.hasher,
                breached=self.breached,
            ),
            sign_in=SignInService(door=self.door, hasher=self.hasher, codes=PyotpCodes()),
            second_factors=SecondFactorService(door=self.door, access=access, hasher=self.hasher, codes=PyotpCodes()),
            stays=StayService(door=self.door, access=access),
            federation=self.federation(None),
        )

    def call(self, who: Actor, **more: object) -> Call:
        return call_by(who, self.clock.now(), **more)

    def person(self, role: Role = Role.CLINICIAN, login: str = "", **ties: UUID | None) -> Actor:
        """Somebody with an account."""
        account_id = uuid4()
        login = login or f"{account_id.hex}@example.org"
        if role is Role.OPERATOR:
            make = self.services.accounts.bootstrap
            make(self.call(HOST), account_id, login=login, password=PASSWORD, display_name="O. Perator", role=role)
        else:
            operator = Actor(id=UUID(int=2), role=Role.OPERATOR)
            self.services.accounts.create(
                self.call(operator),
                account_id,
                login=login,
                password=PASSWORD,
                display_name="Somebody",
                role=role,
                **ties,
            )
        return Actor(id=account_id, role=role, **ties)

    def represent(self, lead: Actor, client_id: UUID, account: Actor, days: int = 365) -> None:
        """Let an account stand for a client, as a parent, for some days."""
        until = self.clock.now() + timedelta(days=days)
        self.services.clients.let_representative_in(
            self.call(lead), client_id, account.id, RepresentativeAuthority.PARENT, until
        )

    def chart(self, clinician: Actor, *members: tuple[Actor, Relation], family: str = "Okafor") -> UUID:
        """A new client of the clinician's."""
        client_id = uuid4()
        self.services.clients.register(self.call(clinician), client_id, identity(family))
        for member, relation in members:
            self.services.clients.join_care_team(self.call(clinician), client_id, member.id, relation)
        return client_id

    def entries(self, call: Call) -> Sequence[AuditEvent]:
        """What the request left in the audit."""
        return list(self.log.streams.get(call.request_id, ()))

    def reasons(self, call: Call) -> list[tuple[str, str, str]]:
        return [(event.action, event.outcome, event.reason) for event in self.entries(call)]


@pytest.fixture
def house() -> House:
    return House()
