"""Loading single aggregates, always fresh from their streams."""

from typing import Protocol, TypeVar
from uuid import UUID

A_co = TypeVar("A_co", covariant=True)


class AggregateStore(Protocol[A_co]):
    def get(self, aggregate_id: UUID, /) -> A_co:
        """The aggregate as of now. Raises its class's NOT_FOUND, Erased, StoreUnavailable, KeysUnavailable."""
