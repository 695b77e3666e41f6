"""What the runner asks of a projection: fold rows of the log into row operations, then write them in one go."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection

from adapters.event_store.rows import StoredRow
from adapters.views.tables import View

Refusal = tuple[int, Exception]
"""A position, and why its event can't be applied."""


class Batch(Protocol):
    """The effect of some consecutive rows. Made outside the lock; only `write` runs inside the transaction."""

    def apply(self, row: StoredRow) -> None:
        """Take one row. An exception leaves the batch as it was before, and the row is parked."""

    def finish(self) -> Sequence[Refusal]:
        """Render and seal what is to be written. Gives back what could not be, to be parked."""

    def drop(self, clients: Collection[UUID]) -> None:
        """Forget what concerns these clients: they are fenced."""

    def clients(self) -> Collection[UUID]:
        """Whose rows would be written; only clients of whom something is sealed here."""

    def write(self, connection: Connection) -> None:
        """Write the rows."""


class Projection(Protocol):
    """Fills one view. Holds nothing that the log doesn't."""

    @property
    def view(self) -> View: ...

    @property
    def kinds(self) -> Collection[str]:
        """Coarse kinds of topics it wants: the part before the full stop."""

    def begin(self) -> Batch:
        """An empty batch."""

    def forget(self) -> None:
        """Drop what is kept for the next batch. Called whenever the log was read to its end or a batch failed: plaintext
        is kept in memory only while many rows follow each other.
        """
