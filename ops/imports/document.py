"""The project's own format for whole records, version 1: one JSON object with clients and everything of theirs.

Contents are written as the API takes them. Times beside them are the source's own: when something was recorded, signed,
resolved. `docs/import.md` explains the format; its JSON Schema lies in `ops/data/import.schema.json`.
"""

import json
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from api.models.appointments import PlanIn
from api.models.care import DiagnosisIn, MedicationIn, TranscriptIn
from api.models.clients import IdentityIn
from api.models.common import In, LongText, MomentIn, Reason, Rfc3339
from api.models.goals import GoalIn
from api.models.measures import MeasureIn
from api.models.plans import SafetyPlanIn, TreatmentPlanIn
from api.models.records import Day
from api.models.sessions import SessionContentIn
from domain.model.appointment import CancellationReason, CancelledBy, MissReason
from domain.model.risk_flag import FlagLevel, FlagSource
from domain.ports.call import Purpose

FORMAT: Final = "anamnesis/record"
VERSION: Final = 1
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    Field(json_schema_extra={"pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"}),
]
By = Annotated[
    Name, Field(description="An account, by its `id` in `accounts`. Left out: who was named on the command line.")
]
Note = Annotated[str, StringConstraints(max_length=10_000)]
PartialDate = Annotated[str, Field(pattern=r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?$")]


class AccountDoc(In):
    """Whom the file calls `id` is the account here that signs in with `login`."""

    id: Name
    login: Name


class InErrorDoc(In):
    """The entry was marked as entered in error: it stays readable and counts for nothing."""

    reason: Reason
    at: Rfc3339 | None = None
    by: By | None = None


class EntryDoc(In):
    """What all entries have. Without `id` the entry is named by its place in the file; without `recorded_at` it was
    recorded when it is imported.
    """

    id: UUID | None = None
    recorded_at: Rfc3339 | None = None
    recorded_by: By | None = None
    entered_in_error: InErrorDoc | None = None


class MemberDoc(In):
    account: By
    relation: Literal["primary_clinician", "clinician", "supervisor"]


class ConsentDoc(In):
    id: UUID | None = None
    purpose: Purpose
    document: Annotated[str, Field(min_length=1, max_length=200)]
    given_at: Rfc3339
    withdrawn_at: Rfc3339 | None = None
    recorded_by: By | None = None


class AddendumDoc(In):
    id: UUID | None = None
    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    added_at: Rfc3339 | None = None
    author: By | None = None


class SessionDoc(EntryDoc):
    """`recorded_by` is the author. Without `signed_at` nobody has signed; with `supervisor` the signature waits for
    `cosigned_at`.
    """

    content: SessionContentIn
    supervisor: By | None = None
    signed_at: Rfc3339 | None = None
    cosigned_at: Rfc3339 | None = None
    cosigned_by: By | None = None
    addenda: Annotated[tuple[AddendumDoc, ...], Field(max_length=200)] = ()
    transcript: TranscriptIn | None = None


class HeldDoc(In):
    session_id: UUID | None = None
    at: Rfc3339 | None = None


class CancelledDoc(In):
    cancelled_by: CancelledBy
    reason: CancellationReason
    notified_at: Rfc3339


class MissedDoc(In):
    reason: MissReason
    at: Rfc3339 | None = None


class AppointmentDoc(EntryDoc):
    """At most one of `held`, `cancelled` and `missed`; none while it is planned."""

    content: PlanIn
    clinician: By | None = None
    held: HeldDoc | None = None
    cancelled: CancelledDoc | None = None
    missed: MissedDoc | None = None


class ProgressDoc(In):
    value: Annotated[float, Field(ge=0, le=100)]
    took_place: MomentIn
    session_id: UUID | None = None
    recorded_at: Rfc3339 | None = None
    recorded_by: By | None = None


class ReachedDoc(In):
    """`id` is the milestone's."""

    id: UUID
    reached_on: Day
    recorded_at: Rfc3339 | None = None
    recorded_by: By | None = None


class EndedDoc(In):
    """`reason` is for a goal that was abandoned."""

    on: Day
    reason: Reason | None = None
    at: Rfc3339 | None = None
    by: By | None = None


class GoalDoc(EntryDoc):
    content: GoalIn
    progress: tuple[ProgressDoc, ...] = ()
    milestones_reached: tuple[ReachedDoc, ...] = ()
    completed: EndedDoc | None = None
    abandoned: EndedDoc | None = None


class MeasureDoc(EntryDoc):
    """Scored anew by the version that is named, the current one otherwise."""

    content: MeasureIn


class DoneDoc(In):
    at: Rfc3339
    by: By | None = None
    text: Note = ""


class EscalatedDoc(In):
    at: Rfc3339
    by: By | None = None
    to: By | None = None


class RiskFlagDoc(EntryDoc):
    """`recorded_at` is when it was raised. The text of `acknowledged` is a note, that of `resolved` the outcome."""

    level: FlagLevel
    source: FlagSource
    reason: Annotated[str, Field(min_length=1, max_length=10_000)]
    measure_id: UUID | None = None
    session_id: UUID | None = None
    acknowledged: DoneDoc | None = None
    escalated: EscalatedDoc | None = None
    resolved: DoneDoc | None = None


class TreatmentPlanTextDoc(In):
    content: TreatmentPlanIn
    at: Rfc3339 | None = None
    by: By | None = None


class ReviewedDoc(In):
    at: Rfc3339
    by: By | None = None
    note: Annotated[str, Field(max_length=2_000)] = ""
    review_due: Day | None = None


class TreatmentPlanDoc(In):
    """Its texts, oldest first; the last is the one that holds."""

    revisions: Annotated[tuple[TreatmentPlanTextDoc, ...], Field(min_length=1)]
    reviewed: ReviewedDoc | None = None
    entered_in_error: InErrorDoc | None = None


class SafetyPlanTextDoc(In):
    content: SafetyPlanIn
    at: Rfc3339 | None = None
    by: By | None = None


class SafetyPlanDoc(In):
    """Its texts, oldest first; the last is the one that holds."""

    revisions: Annotated[tuple[SafetyPlanTextDoc, ...], Field(min_length=1)]
    entered_in_error: InErrorDoc | None = None


class DiagnosisDoc(EntryDoc):
    """The words of the code are looked up, but for a code of another list: that needs `description` and `edition`."""

    content: DiagnosisIn
    description: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None
    edition: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class StoppedDoc(In):
    stopped_on: PartialDate = ""
    reason: Annotated[str, Field(max_length=2_000)] = ""
    at: Rfc3339 | None = None
    by: By | None = None


class MedicationDoc(EntryDoc):
    content: MedicationIn
    stopped: StoppedDoc | None = None


class ClientDoc(In):
    """One client. `id` is whatever the source calls them; without one, the content is the name. Ids of entries are the
    source's, and references among them hold within this client.
    """

    id: Name | None = None
    registered_at: Rfc3339 | None = None
    registered_by: By | None = None
    identity: IdentityIn
    care_team: tuple[MemberDoc, ...] = ()
    consents: tuple[ConsentDoc, ...] = ()
    sessions: tuple[SessionDoc, ...] = ()
    appointments: tuple[AppointmentDoc, ...] = ()
    goals: tuple[GoalDoc, ...] = ()
    measures: tuple[MeasureDoc, ...] = ()
    risk_flags: tuple[RiskFlagDoc, ...] = ()
    treatment_plan: TreatmentPlanDoc | None = None
    safety_plan: SafetyPlanDoc | None = None
    diagnoses: tuple[DiagnosisDoc, ...] = ()
    medications: tuple[MedicationDoc, ...] = ()
    entered_in_error: InErrorDoc | None = None


class RecordDocument(In):
    """The whole file. `source` keeps the names of different sources apart; the command line may give another."""

    format: Literal["anamnesis/record"]
    version: Literal[1]
    source: Name = "import"
    note: LongText = ""
    accounts: tuple[AccountDoc, ...] = ()
    clients: tuple[ClientDoc, ...]


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the format."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **RecordDocument.model_json_schema()}


if __name__ == "__main__":
    from pathlib import Path

    text = json.dumps(schema(), indent=1, ensure_ascii=False, sort_keys=True)
    (Path(__file__).parents[1] / "data" / "import.schema.json").write_text(text + "\n", encoding="utf-8")
