"""Exceptional access of one world in memory."""

from collections.abc import Sequence
from uuid import UUID

from adapters.memory.access import InMemoryAccessState
from domain.ports.exceptional import AccessWay, ExceptionalItem


class InMemoryExceptionalList:
    """Satisfies domain.ports.exceptional.ExceptionalList."""

    def __init__(self, state: InMemoryAccessState) -> None:
        self._state = state

    def page(
        self, *, waiting: bool | None = None, after: tuple[int, UUID] | None = None, limit: int
    ) -> Sequence[ExceptionalItem]:
        return [item for item in self._all(waiting) if after is None or _key(item) > after][:limit]

    def of_clients(self, client_ids: Sequence[UUID], *, waiting: bool | None = None) -> Sequence[ExceptionalItem]:
        return tuple(item for item in self._all(waiting) if item.client_id in client_ids)

    def broken_since(self, account_id: UUID, since_us: int) -> int:
        return sum(
            item.account_id == account_id and item.opened_at_us > since_us and item.way is AccessWay.BREAK_GLASS
            for item in self._all(None)
        )

    def counted(self, now_us: int) -> tuple[int, int, int]:
        waiting = self._all(waiting=True)
        broken = [item for item in self._all(None) if item.way is AccessWay.BREAK_GLASS]
        return (
            sum(item.until_us > now_us for item in broken),
            len(waiting),
            sum(item.review_due_us <= now_us for item in waiting),
        )

    def _all(self, waiting: bool | None) -> list[ExceptionalItem]:  # noqa: FBT001 - as the port has it
        every = sorted(self._state.exceptional.values(), key=_key)
        return [item for item in every if waiting in {None, item.waiting}]


def _key(item: ExceptionalItem) -> tuple[int, UUID]:
    return item.opened_at_us, item.id
