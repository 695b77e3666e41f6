"""All aggregates and event classes there are, by the names under which they are stored."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from eventsourcing.domain import Aggregate, DomainEvent

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
from domain.model.webhook import Webhook

AGGREGATES: Final[tuple[type[Aggregate], ...]] = (
    Client,
    Identity,
    Session,
    Appointment,
    Goal,
    Measure,
    RiskFlag,
    TreatmentPlan,
    SafetyPlan,
    Diagnosis,
    Medication,
    Transcript,
    Note,
    NotesFolder,
    ExceptionalAccess,
    Account,
    SignIn,
    Webhook,
    Erasure,
    LegalHold,
    Agreement,
    Disclosure,
)


def event_classes(aggregate: type[Aggregate]) -> Mapping[str, type[DomainEvent]]:
    """The aggregate's event classes by KIND; base classes that are never stored have none."""
    members = [member for member in vars(aggregate).values() if isinstance(member, type)]
    return {
        kind: member for member in members if issubclass(member, DomainEvent) and (kind := vars(member).get("KIND"))
    }


EVENTS: Final[Mapping[str, type[DomainEvent]]] = MappingProxyType(
    {kind: event for aggregate in AGGREGATES for kind, event in event_classes(aggregate).items()}
    | {AuditEvent.KIND: AuditEvent}
)
"""Every stored event class by KIND."""
