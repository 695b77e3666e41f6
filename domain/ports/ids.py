"""Where ids and time come from, so that commands take them as arguments."""

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    def now(self) -> datetime:
        """The current instant, timezone-aware, UTC, microseconds."""


class IdSource(Protocol):
    def opaque(self) -> UUID:
        """A random UUIDv4 that reveals nothing: clients, accounts."""

    def ordered(self) -> UUID:
        """A UUIDv7 that sorts by creation: sessions, appointments, requests."""
