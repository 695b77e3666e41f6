"""The clock and the ids of the running system."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils import compat


class SystemClock:
    """The machine's clock, UTC, microseconds. Satisfies domain.ports.ids.Clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class UuidSource:
    """Random and time-ordered ids as plain `uuid.UUID`. Satisfies domain.ports.ids.IdSource."""

    def opaque(self) -> UUID:
        """A UUIDv4: 122 random bits, reveals nothing."""
        return compat.uuid4()

    def ordered(self) -> UUID:
        """A UUIDv7: later calls of one process sort after earlier ones; reveals when it was made."""
        return compat.uuid7()
