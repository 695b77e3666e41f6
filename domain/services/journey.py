"""A client's journey: everything that happened, in the order it happened."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.errors import Invalid
from domain.model import checks
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.views import JourneyItem, JourneyView, Page
from domain.services.access import Access, Action

KINDS: Final = ("session", "appointment", "consent", "care_team", "client")
LIMIT_MOST: Final = 2_000


class JourneyService:
    def __init__(self, *, ledger: Ledger, access: Access, journey: JourneyView) -> None:
        self._ledger = ledger
        self._access = access
        self._journey = journey

    def read(  # noqa: PLR0913 - filters
        self,
        call: Call,
        client_id: UUID,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: Sequence[str] = (),
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        at_least: int = 0,
    ) -> Page:
        """JourneyItems, oldest first. Clients see signed sessions only, so their pages may hold fewer than `limit`.

        Raises ClientNotFound, Denied, ViewBehind, Erased, Invalid.
        """
        self._access.require(call, Action.JOURNEY_READ, RecordClass.JOURNAL, client_id, (client_id,))
        checks.integer("limit", limit, 1, LIMIT_MOST)
        check_period(since, until)
        if unknown := set(kinds).difference(KINDS):
            raise Invalid("kinds takes session, appointment, consent, care_team, client.", unknown=len(unknown))
        page = self._journey.of_client(
            client_id, at_least=at_least, since=since, until=until, kinds=tuple(kinds), after=after, limit=limit
        )
        if call.actor.role is Role.CLIENT:
            page = replace(page, items=tuple(item for item in page.items if _released(item)))
        self._ledger.note(call, AuditEntry(action=Action.JOURNEY_READ, client_id=client_id, resources=(client_id,)))
        return page


def check_period(since: datetime | None, until: datetime | None) -> None:
    """Both aware, and in order. Raises ImpossibleTime."""
    for field, instant in (("since", since), ("until", until)):
        if instant is not None and instant.tzinfo is None:
            raise checks.ImpossibleTime(f"{field} needs a time zone or offset.", field=field)
    if since is not None and until is not None and until < since:
        raise checks.ImpossibleTime("until lies before since.", field="until")


def _released(item: JourneyItem) -> bool:
    return item.state == "signed" if item.kind == "session" else item.state != "entered_in_error"
