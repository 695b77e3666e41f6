"""Legal holds: placed and lifted by compliance officers; while one stands nothing of the client is destroyed."""

from collections.abc import Sequence
from uuid import UUID

from domain.errors import Erased
from domain.model.client import ClientNotFound
from domain.model.legal_hold import HoldBasis, LegalHold
from domain.ports.access import AccessState
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.erasure import LegalHolds
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action


class HoldService:
    def __init__(
        self,
        *,
        ledger: Ledger,
        access: Access,
        state: AccessState,
        holds: AggregateStore[LegalHold],
        standing: LegalHolds,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._holds = holds
        self._standing = standing

    def place(self, call: Call, hold_id: UUID, client_id: UUID, basis: HoldBasis, matter: str) -> Receipt:
        """Stands from its append on. An erasure whose fence was first goes on: then the client is Erased.

        Raises ClientNotFound, Erased, Denied, TextNotAllowed.
        """
        self._access.require(call, Action.HOLD_PLACE, RecordClass.ACCESS, resources=(client_id,))
        if not self._state.client_exists(client_id):
            if self._state.erased(client_id):
                raise Erased(client_id=client_id)
            raise ClientNotFound(client_id=client_id)
        hold = LegalHold.place(hold_id, at=call.at, by=call.actor.id, client_id=client_id, basis=basis, matter=matter)
        return self._ledger.save(call, _entry(Action.HOLD_PLACE, client_id, hold_id, reason=basis.value), hold)

    def lift(self, call: Call, hold_id: UUID) -> Receipt:
        """What waits for it goes on with the next sweep. Raises HoldNotFound, HoldLifted, Denied."""
        self._access.require(call, Action.HOLD_LIFT, RecordClass.ACCESS, resources=(hold_id,))
        hold = self._holds.get(hold_id)
        hold.lift(at=call.at, by=call.actor.id)
        return self._ledger.save(call, _entry(Action.HOLD_LIFT, hold.client_id, hold_id), hold)

    def of_client(self, call: Call, client_id: UUID) -> Sequence[LegalHold]:
        """All there ever were, oldest first. Raises Denied."""
        self._access.require(call, Action.HOLD_READ, RecordClass.ACCESS, resources=(client_id,))
        holds = [self._holds.get(hold_id) for hold_id in self._standing.of_client(client_id)]
        self._ledger.note(call, _entry(Action.HOLD_READ, client_id, *[hold.id for hold in holds]))
        return holds


def _entry(action: Action, client_id: UUID, *resources: UUID, reason: str = "") -> AuditEntry:
    return AuditEntry(action=action, client_id=client_id, resources=resources, reason=reason)
