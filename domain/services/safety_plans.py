"""The safety plan: written and revised by anybody in the care team, and the client's own to read."""

from uuid import UUID

from domain.model.safety_plan import SafetyPlan, SafetyPlanAlreadyWritten, SafetyPlanContent, SafetyPlanNotFound
from domain.ports.call import Call, Role
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action
from domain.services.care_records import CareRecords
from domain.services.versions import check_version


class SafetyPlanService:
    def __init__(self, *, ledger: Ledger, access: Access, plans: AggregateStore[SafetyPlan]) -> None:
        self._records = CareRecords(ledger=ledger, access=access, store=plans, not_found=SafetyPlanNotFound)

    def write(self, call: Call, client_id: UUID, content: SafetyPlanContent) -> Receipt:
        """The client's first. Raises Denied, ClientNotFound, ClientEnteredInError, SafetyPlanAlreadyWritten, Invalid."""
        plan_id = SafetyPlan.stream_of(client_id)
        self._records.to_add(call, Action.SAFETY_PLAN_WRITE, client_id, plan_id)
        if self._records.has(plan_id):
            raise SafetyPlanAlreadyWritten(id=plan_id)
        plan = SafetyPlan.write(client_id, at=call.at, by=call.actor.id, content=content)
        return self._records.save(call, Action.SAFETY_PLAN_WRITE, plan)

    def read(self, call: Call, client_id: UUID, version: int | None = None) -> SafetyPlan:
        """`version` asks for the text as it stood then; what was entered in error does not exist for accounts of clients.

        Raises ClientNotFound, SafetyPlanNotFound, RevisionNotFound, Denied, Erased.
        """
        action = Action.SAFETY_PLAN_READ
        plan = self._records.of_chart(call, action, client_id, SafetyPlan.stream_of(client_id))
        if plan.revision_at(version).error_reason and call.actor.role is Role.CLIENT:
            self._records.withhold(call, action, plan)
        return self._records.tell(call, action, plan)

    def revise(self, call: Call, client_id: UUID, content: SafetyPlanContent) -> Receipt:
        """Write it anew, also over one entered in error; what it read before stays. Raises Denied, ClientNotFound,
        SafetyPlanNotFound, StaleVersion, ClientEnteredInError, SafetyPlanUnchanged, Invalid.
        """
        plan_id = SafetyPlan.stream_of(client_id)
        self._records.to_add(call, Action.SAFETY_PLAN_WRITE, client_id, plan_id)
        plan = self._records.of_chart(call, Action.SAFETY_PLAN_WRITE, client_id, plan_id)
        check_version(call, plan)
        plan.revise(at=call.at, by=call.actor.id, content=content)
        return self._records.save(call, Action.SAFETY_PLAN_WRITE, plan)

    def mark_entered_in_error(self, call: Call, client_id: UUID, reason: str) -> Receipt:
        """A wrong chart. Raises Denied, ClientNotFound, SafetyPlanNotFound, StaleVersion, SafetyPlanEnteredInError, Invalid."""
        action = Action.SAFETY_PLAN_WRITE
        plan = self._records.of_chart(call, action, client_id, SafetyPlan.stream_of(client_id))
        check_version(call, plan)
        plan.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._records.save(call, action, plan)
