"""Use cases: authorize, load, command, save. Each method's first argument says who calls, when, from where and why."""

from dataclasses import dataclass

from domain.services.accounts import AccountService
from domain.services.agreements import AgreementService
from domain.services.appointments import AppointmentService
from domain.services.audit import AuditService
from domain.services.changes import ChangeService
from domain.services.clients import ClientService
from domain.services.context import ContextService
from domain.services.diagnoses import DiagnosisService
from domain.services.disclosures import DisclosureService
from domain.services.drafts import DraftService
from domain.services.erasures import ErasureService
from domain.services.events import EventService
from domain.services.exceptional_access import ExceptionalAccessService
from domain.services.exports import ExportService
from domain.services.federation import FederationService
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

__all__ = ["Services"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All use cases, wired by `ops.bootstrap`."""

    clients: ClientService
    sessions: SessionService
    appointments: AppointmentService
    goals: GoalService
    measures: MeasureService
    notes: NoteService
    risk_flags: RiskFlagService
    treatment_plans: TreatmentPlanService
    safety_plans: SafetyPlanService
    diagnoses: DiagnosisService
    medications: MedicationService
    transcripts: TranscriptService
    drafts: DraftService
    worklist: WorklistService
    exceptional_access: ExceptionalAccessService
    journey: JourneyService
    progress: ProgressService
    reports: ReportService
    context: ContextService
    events: EventService
    erasures: ErasureService
    holds: HoldService
    exports: ExportService
    audit: AuditService
    log: LogService
    accounts: AccountService
    service_accounts: ServiceAccountService
    changes: ChangeService
    webhooks: WebhookService
    agreements: AgreementService
    disclosures: DisclosureService
    sign_in: SignInService
    second_factors: SecondFactorService
    stays: StayService
    federation: FederationService
