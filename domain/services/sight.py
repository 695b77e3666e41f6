"""The journey as one caller may see it: without records of substance-use treatment that are closed to them, and without a
word that there are any.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from domain.ports.call import Call, Role
from domain.ports.keys import RecordClass
from domain.ports.views import JourneyItem, JourneyView, Page
from domain.services.access import Access

_WRITTEN_BY: Final = ("author_id", "set_by", "attached_by", "recorded_by")


def seen(journey: JourneyView, access: Access, call: Call) -> JourneyView:
    """For answers to one call. What the caller wrote they see, all else of that class where the table allows it now."""

    @cache
    def opened(client_id: UUID) -> bool:
        return access.sees_substance_use(call, client_id)

    def visible(item: JourneyItem) -> bool:
        return item.record_class is not RecordClass.SUD or _wrote(call, item) or opened(item.client_id)

    return FilteredJourney(journey, visible)


def without_substance_use(journey: JourneyView) -> JourneyView:
    """For what is made of a record and leaves the screen it was read on: reports, work lists, context for models."""
    return FilteredJourney(journey, lambda item: item.record_class is not RecordClass.SUD)


def _wrote(call: Call, item: JourneyItem) -> bool:
    if call.actor.role is Role.CLIENT:
        return False  # what they answered is theirs by being about them
    named = next((item.content[field] for field in _WRITTEN_BY if field in item.content), None)
    return named == str(call.on_behalf_of or call.actor.id)


class FilteredJourney:
    """Implements domain.ports.views.JourneyView over another one."""

    def __init__(self, journey: JourneyView, visible: Callable[[JourneyItem], bool]) -> None:
        self._journey = journey
        self._visible = visible

    def of_client(self, client_id: UUID, *, keep: Callable[[JourneyItem], bool] | None = None, **more: Any) -> Page:
        visible = self._visible
        wanted = visible if keep is None else lambda item: visible(item) and keep(item)
        return self._journey.of_client(client_id, keep=wanted, **more)

    def history(self, client_ids: Sequence[UUID], **more: Any) -> Mapping[UUID, Sequence[JourneyItem]]:
        found = self._journey.history(client_ids, **more)
        return {client_id: [item for item in items if self._visible(item)] for client_id, items in found.items()}
