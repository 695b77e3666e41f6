"""The treatment plan: write, revise, review. It names diagnoses and goals of the same client, and published instruments."""

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from domain.errors import Invalid, NotFound
from domain.instruments import instrument
from domain.model.diagnosis import Diagnosis
from domain.model.goal import Goal
from domain.model.treatment_plan import (
    TreatmentPlan,
    TreatmentPlanAlreadyWritten,
    TreatmentPlanContent,
    TreatmentPlanNotFound,
)
from domain.ports.call import Call, Role
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action
from domain.services.care_records import CareRecords
from domain.services.versions import check_version


class NotThisClients(Invalid):
    """Also told of ids that there are nowhere, so that nobody can ask whose they are."""

    code = "not_this_clients"
    message = "A diagnosis or goal that is named is not in this client's record, or was entered in error."


class TreatmentPlanService:
    def __init__(
        self,
        *,
        ledger: Ledger,
        access: Access,
        plans: AggregateStore[TreatmentPlan],
        diagnoses: AggregateStore[Diagnosis],
        goals: AggregateStore[Goal],
    ) -> None:
        self._records = CareRecords(ledger=ledger, access=access, store=plans, not_found=TreatmentPlanNotFound)
        self._diagnoses = diagnoses
        self._goals = goals

    def write(self, call: Call, client_id: UUID, content: TreatmentPlanContent) -> Receipt:
        """The client's first. Raises Denied, ClientNotFound, ClientEnteredInError, TreatmentPlanAlreadyWritten,
        InstrumentUnknown, NotThisClients, Invalid.
        """
        plan_id = TreatmentPlan.stream_of(client_id)
        self._records.to_add(call, Action.TREATMENT_PLAN_WRITE, client_id, plan_id)
        if self._records.has(plan_id):
            raise TreatmentPlanAlreadyWritten(id=plan_id)
        plan = TreatmentPlan.write(client_id, at=call.at, by=call.actor.id, content=content)
        self._check_references(client_id, content, None)
        return self._records.save(call, Action.TREATMENT_PLAN_WRITE, plan)

    def read(self, call: Call, client_id: UUID, version: int | None = None) -> TreatmentPlan:
        """`version` asks for the text as it stood then; what was entered in error does not exist for accounts of clients.

        Raises ClientNotFound, TreatmentPlanNotFound, RevisionNotFound, Denied, Erased.
        """
        action = Action.TREATMENT_PLAN_READ
        plan = self._records.of_chart(call, action, client_id, TreatmentPlan.stream_of(client_id))
        if plan.revision_at(version).error_reason and call.actor.role is Role.CLIENT:
            self._records.withhold(call, action, plan)
        return self._records.tell(call, action, plan)

    def revise(self, call: Call, client_id: UUID, content: TreatmentPlanContent) -> Receipt:
        """Write it anew, also over one entered in error; what it read before stays. Raises Denied, ClientNotFound,
        TreatmentPlanNotFound, StaleVersion, ClientEnteredInError, TreatmentPlanUnchanged, InstrumentUnknown,
        NotThisClients, Invalid.
        """
        plan = self._for_change(call, client_id)
        before = None if plan.in_error else plan.content
        plan.revise(at=call.at, by=call.actor.id, content=content)
        self._check_references(client_id, content, before)
        return self._records.save(call, Action.TREATMENT_PLAN_WRITE, plan)

    def review(self, call: Call, client_id: UUID, note: str = "", review_due: date | None = None) -> Receipt:
        """It was looked at and stands. Raises as `revise`, and TreatmentPlanEnteredInError."""
        plan = self._for_change(call, client_id)
        plan.review(at=call.at, by=call.actor.id, note=note, review_due=review_due)
        return self._records.save(call, Action.TREATMENT_PLAN_WRITE, plan)

    def mark_entered_in_error(self, call: Call, client_id: UUID, reason: str) -> Receipt:
        """A wrong chart. Raises Denied, ClientNotFound, TreatmentPlanNotFound, StaleVersion, TreatmentPlanEnteredInError,
        Invalid.
        """
        action = Action.TREATMENT_PLAN_WRITE
        plan = self._records.of_chart(call, action, client_id, TreatmentPlan.stream_of(client_id))
        check_version(call, plan)
        plan.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._records.save(call, action, plan)

    def _for_change(self, call: Call, client_id: UUID) -> TreatmentPlan:
        plan_id = TreatmentPlan.stream_of(client_id)
        self._records.to_add(call, Action.TREATMENT_PLAN_WRITE, client_id, plan_id)
        plan = self._records.of_chart(call, Action.TREATMENT_PLAN_WRITE, client_id, plan_id)
        check_version(call, plan)
        return plan

    def _check_references(
        self, client_id: UUID, content: TreatmentPlanContent, before: TreatmentPlanContent | None
    ) -> None:
        """Of what the plan did not name before: a diagnosis that was since marked need not be taken out at once."""
        for measure in content.measures:
            instrument(measure.instrument)
        old_diagnoses, old_goals = (before.diagnosis_ids, before.goal_ids) if before else ((), ())
        _check_own(client_id, "diagnosis_ids", content.diagnosis_ids, old_diagnoses, self._diagnoses)
        _check_own(client_id, "goal_ids", content.goal_ids, old_goals, self._goals)


def _check_own(
    client_id: UUID, field: str, ids: Collection[UUID], before: Collection[UUID], store: AggregateStore[Any]
) -> None:
    for each in ids:
        if each in before:
            continue
        try:
            found = store.get(each)
        except NotFound:
            raise NotThisClients(field=field, id=each) from None
        if found.client_id != client_id or found.in_error:
            raise NotThisClients(field=field, id=each)
