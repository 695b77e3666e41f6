"""One group's round trips: what each database does its own way, behind the same few calls."""

from typing import Protocol

from sqlalchemy import Connection

from adapters.event_store.groups import Facts, Placement, Questions


class Inserts(Protocol):
    """All calls are made on the writer's one connection, in this order, between its begin and its commit or rollback.

    They raise what the driver raises.
    """

    def prepare(self, connection: Connection) -> None:
        """Once for each new connection, outside of a transaction."""

    def begin(self, connection: Connection) -> None:
        """Open the transaction and take the lock of the log, in a statement of its own."""

    def lock(self, connection: Connection) -> None:
        """Take the lock of the log within a write transaction of any connection."""

    def facts(self, connection: Connection, questions: Questions) -> Facts:
        """Read what decides about a group; one round trip on PostgreSQL."""

    def insert(self, connection: Connection, placement: Placement) -> None:
        """Store rows, commands, tiles and tracking, and tell other processes of the last position."""
