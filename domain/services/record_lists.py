"""Pages of one kind of a client's records, from the journey."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.model import checks
from domain.model.clinical import IN_ERROR, ClinicalRecord
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.ledger import Ledger
from domain.ports.views import JourneyItem, JourneyView, Page
from domain.services.access import Access, Action
from domain.services.sight import seen

LIMIT_MOST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLists:
    ledger: Ledger
    access: Access
    journey: JourneyView

    def page(  # noqa: PLR0913 - filters
        self,
        call: Call,
        action: Action,
        client_id: UUID,
        kind: type[ClinicalRecord],
        *,
        after: tuple[int, ...] | None,
        limit: int,
        at_least: int,
    ) -> Page:
        """JourneyItems of the kind, oldest first; accounts of clients are not told of those entered in error.

        Raises ClientNotFound, Denied, ViewBehind, Erased, Invalid.
        """
        self.access.require(call, action, kind.RECORD_CLASS, client_id, (client_id,))
        checks.integer("limit", limit, 1, LIMIT_MOST)
        keep = _standing if call.actor.role is Role.CLIENT else None
        page = seen(self.journey, self.access, call).of_client(
            client_id, at_least=at_least, kinds=(kind.NAME,), keep=keep, after=after, limit=limit
        )
        self.ledger.note(call, AuditEntry(action=action, client_id=client_id, resources=(client_id,)))
        return page


def _standing(item: JourneyItem) -> bool:
    return item.state != IN_ERROR
