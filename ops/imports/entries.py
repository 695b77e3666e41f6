"""Sessions, appointments, plans, diagnoses and medications of the project's own format, as aggregates."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.errors import Invalid
from domain.model.appointment import Appointment
from domain.model.diagnosis import Diagnosis, DiagnosisCodeNotSpecific, DiagnosisCodeUnknown, DiagnosisContent
from domain.model.medication import Medication
from domain.model.safety_plan import SafetyPlan
from domain.model.session import Session
from domain.model.substance_use import code_tells
from domain.model.transcript import Transcript
from domain.model.treatment_plan import TreatmentPlan, TreatmentPlanContent
from domain.ports.codes import DiagnosisCodes
from ops.imports.document import (
    AppointmentDoc,
    DiagnosisDoc,
    InErrorDoc,
    MedicationDoc,
    SafetyPlanDoc,
    SessionDoc,
    TreatmentPlanDoc,
)
from ops.imports.references import References, SignatureIncomplete


def mark_in_error(aggregate: Any, told: InErrorDoc | None, refs: References, author: UUID | None) -> None:
    """As the file says, if it does; by its author where nobody is named. Raises what the aggregate's command raises."""
    if told is not None:
        at, by = refs.when(told.at, "entered_in_error.at"), refs.by(told.by, author)
        aggregate.mark_entered_in_error(at=at, by=by, reason=told.reason)


@dataclass(frozen=True, slots=True)
class JournalEntries:
    """Sessions with their transcripts, and appointments."""

    client_id: UUID
    refs: References

    def session(self, doc: SessionDoc, place: str) -> Iterator[Any]:
        """The session, then its transcript. Raises Invalid and what the commands raise."""
        refs = self.refs
        at, by = refs.when(doc.recorded_at, "recorded_at"), refs.by(doc.recorded_by)
        content = doc.content.content()
        goal_ids = tuple(refs.entry("goal", each) for each in content.goal_ids)
        session = Session.record(
            refs.own("session", doc.id, place),
            at=at,
            client_id=self.client_id,
            author_id=by,
            content=replace(content, goal_ids=goal_ids),
            supervisor_id=refs.maybe_by(doc.supervisor),
        )
        self._sign(session, doc, at)
        for number, addendum in enumerate(doc.addenda):
            session.add_addendum(
                at=refs.when(addendum.added_at, "added_at"),
                by=refs.by(addendum.author, by),
                addendum_id=refs.named("addendum", addendum.id, f"{place}/addenda/{number}"),
                text=addendum.text,
            )
        mark_in_error(session, doc.entered_in_error, refs, by)
        yield session
        if doc.transcript is not None:
            yield Transcript.attach(
                session.id,
                at=at,
                client_id=self.client_id,
                by=by,
                took_place=content.took_place,
                utterances=doc.transcript.said(),
                source=doc.transcript.source,
            )

    def _sign(self, session: Session, doc: SessionDoc, recorded_at: datetime) -> None:
        """Only signatures that the file tells of. Raises SignatureIncomplete."""
        if doc.signed_at is None:
            if doc.cosigned_at is not None or doc.addenda:
                raise SignatureIncomplete
            return
        supervisor_id = session.supervisor_id
        at = self.refs.when(doc.signed_at, "signed_at", recorded_at)
        session.sign(at=at, by=session.author_id, supervisor_id=supervisor_id)
        if doc.cosigned_at is None:
            return
        if supervisor_id is None or doc.cosigned_by is None:
            raise SignatureIncomplete
        by = self.refs.by(doc.cosigned_by)
        session.cosign(at=self.refs.when(doc.cosigned_at, "cosigned_at"), by=by, standing_in=by != supervisor_id)

    def appointment(self, doc: AppointmentDoc, place: str) -> Iterator[Any]:
        """Planned, and what became of it. Raises Invalid and what the commands raise."""
        if sum(told is not None for told in (doc.held, doc.cancelled, doc.missed)) > 1:
            raise Invalid("An appointment was held, cancelled or missed: one of them.", field="held")
        refs, by = self.refs, self.refs.by(doc.recorded_by)
        start = doc.content.start.moment("start")
        appointment = Appointment.plan(
            refs.named("appointment", doc.id, place),
            # Without a time of its own it was planned when it began: walk-ins are written down afterwards.
            at=refs.when(doc.recorded_at, "recorded_at", min(refs.at, start.instant)),
            by=by,
            client_id=self.client_id,
            clinician_id=refs.by(doc.clinician) if doc.clinician else by,
            start=start,
            duration_min=doc.content.duration_min,
            modality=doc.content.modality,
        )
        if doc.held is not None:
            session_id = refs.maybe_entry("session", doc.held.session_id)
            appointment.hold(at=refs.when(doc.held.at, "held.at"), by=by, session_id=session_id)
        if doc.missed is not None:
            appointment.miss(at=refs.when(doc.missed.at, "missed.at"), by=by, reason=doc.missed.reason)
        if doc.cancelled is not None:
            told = doc.cancelled
            at = refs.when(told.notified_at, "notified_at")
            appointment.cancel(at=at, by=by, cancelled_by=told.cancelled_by, reason=told.reason, notified_at=at)
        mark_in_error(appointment, doc.entered_in_error, refs, by)
        yield appointment


@dataclass(frozen=True, slots=True)
class CareEntries:
    """Plans, diagnoses and medications."""

    client_id: UUID
    refs: References
    codes: DiagnosisCodes

    def diagnosis(self, doc: DiagnosisDoc, place: str) -> Iterator[Any]:
        """Raises DiagnosisCodeUnknown, DiagnosisCodeNotSpecific, Invalid."""
        coding = doc.content.coding()
        code, description, edition = self._words(doc)
        content = DiagnosisContent(
            code=code,
            description=description,
            edition=edition,
            status=coding.status,
            principal=coding.principal,
            onset=coding.onset,
            note=coding.note,
        )
        diagnosis = Diagnosis.record(
            self.refs.own("diagnosis", doc.id, place),
            at=self.refs.when(doc.recorded_at, "recorded_at"),
            client_id=self.client_id,
            by=self.refs.by(doc.recorded_by),
            content=content,
            substance_use=code_tells(content.code),
        )
        mark_in_error(diagnosis, doc.entered_in_error, self.refs, diagnosis.recorded_by)
        yield diagnosis

    def _words(self, doc: DiagnosisDoc) -> tuple[str, str, str]:
        if doc.description is not None and doc.edition is not None:
            return doc.content.code, doc.description, doc.edition
        entry = self.codes.find(doc.content.code)
        if entry is None:
            raise DiagnosisCodeUnknown(field="code")
        if not entry.billable:
            raise DiagnosisCodeNotSpecific(field="code")
        return entry.code, entry.description, self.codes.edition

    def medication(self, doc: MedicationDoc, place: str) -> Iterator[Any]:
        """Raises Invalid and what the commands raise."""
        refs = self.refs
        medication = Medication.record(
            refs.named("medication", doc.id, place),
            at=refs.when(doc.recorded_at, "recorded_at"),
            client_id=self.client_id,
            by=refs.by(doc.recorded_by),
            content=doc.content.content(),
        )
        if doc.stopped is not None:
            told = doc.stopped
            at, by = refs.when(told.at, "stopped.at"), refs.by(told.by, medication.recorded_by)
            medication.stop(at=at, by=by, stopped_on=told.stopped_on, reason=told.reason)
        mark_in_error(medication, doc.entered_in_error, refs, medication.recorded_by)
        yield medication

    def treatment_plan(self, doc: TreatmentPlanDoc, _place: str) -> Iterator[Any]:
        """Raises Invalid and what the commands raise."""
        refs = self.refs
        first, *later = doc.revisions
        by = refs.by(first.by)
        plan = TreatmentPlan.write(
            self.client_id,
            at=refs.when(first.at, "at"),
            by=by,
            content=self._plan(first.content.content()),
        )
        for text in later:
            content = self._plan(text.content.content())
            plan.revise(at=refs.when(text.at, "at"), by=refs.by(text.by, by), content=content)
        if doc.reviewed is not None:
            told = doc.reviewed
            at = refs.when(told.at, "reviewed.at")
            plan.review(at=at, by=refs.by(told.by, by), note=told.note, review_due=told.review_due)
        mark_in_error(plan, doc.entered_in_error, refs, by)
        yield plan

    def _plan(self, content: TreatmentPlanContent) -> TreatmentPlanContent:
        return replace(
            content,
            diagnosis_ids=tuple(self.refs.entry("diagnosis", each) for each in content.diagnosis_ids),
            goal_ids=tuple(self.refs.entry("goal", each) for each in content.goal_ids),
        )

    def safety_plan(self, doc: SafetyPlanDoc, _place: str) -> Iterator[Any]:
        """Raises Invalid and what the commands raise."""
        refs = self.refs
        first, *later = doc.revisions
        by = refs.by(first.by)
        plan = SafetyPlan.write(self.client_id, at=refs.when(first.at, "at"), by=by, content=first.content.content())
        for text in later:
            plan.revise(at=refs.when(text.at, "at"), by=refs.by(text.by, by), content=text.content.content())
        mark_in_error(plan, doc.entered_in_error, refs, by)
        yield plan
