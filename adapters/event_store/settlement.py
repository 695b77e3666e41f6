"""Carries a group through to a verdict for each member, whatever fails on the way.

- An error before the commit was sent changed nothing: a lost connection is replaced and the group written again, once;
  any other error makes the members rerun singly, so that a bad one fails alone.
- An error after the commit was sent leaves the outcome in doubt. The group is written again on a new connection: under
  the lock, which the old transaction holds until it has ended, each member's command id tells whether it was stored.
  Until that succeeds nothing is guessed.
"""

import sqlite3
from collections.abc import Sequence
from copy import copy
from threading import Event
from time import monotonic
from typing import Final
from uuid import UUID

import psycopg
from sqlalchemy import exc as sa_exc

from adapters.db.errors import (
    DatabaseBusy,
    DatabaseCrowded,
    DatabaseDown,
    DatabaseFull,
    DatabaseReadOnly,
    translate,
)
from adapters.event_store.rows import Append, Appended
from adapters.event_store.writer import Writer
from domain.errors import Misconfigured, StoreUnavailable

Outcome = Appended | Exception

_DRIVER: Final = (sa_exc.DBAPIError, sa_exc.TimeoutError, psycopg.Error, sqlite3.Error, OverflowError)
# What no other member would fare better with.
_COMMON: Final = (DatabaseDown, DatabaseFull, DatabaseReadOnly, DatabaseBusy, DatabaseCrowded, Misconfigured)
# What a new connection may cure: it may reach another server, or the same one after it was made writable.
_OF_CONNECTION: Final = (DatabaseDown, DatabaseReadOnly)
_PAUSE_S: Final = 0.05


class OutcomeUnknown(StoreUnavailable):
    """The connection was lost during a commit and the database didn't come back in time to say how it ended."""

    code = "outcome_unknown"
    message = "The record store was lost while it stored this change; whether it did is not known yet."
    hint = "Repeat the call with the same idempotency key: it is carried out once, whatever happened."


def fault_of(error: Exception) -> Exception:
    """The product's error for a driver's; errors of other origin come back as they are.

    The driver's own text stays the cause only where no value of a request can stand in it.
    """
    if not isinstance(error, _DRIVER):
        return error
    fault = translate(error, "events")
    fault.__cause__ = error if isinstance(fault, _COMMON) else None
    fault.__suppress_context__ = True
    return fault


class Settlement:
    """Used by one thread at a time. `resolve_s`: how long to go on asking about a commit in doubt."""

    def __init__(self, writer: Writer, resolve_s: float) -> None:
        self._writer = writer
        self._resolve_s = resolve_s
        self._never = Event()

    def begin(self) -> Exception | None:
        """Open the transaction; the fault when that can't be done. A connection that died unused is replaced."""
        attempts = 2 if self._writer.connected else 1
        while True:
            attempts -= 1
            try:
                self._writer.begin()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the verdict of those who wait
                fault = fault_of(error)
                lost = self._abandon(fault)
                if not (lost and attempts):
                    return fault
            else:
                return None

    def settle(self, group: Sequence[Append], *, again: bool = False) -> list[Outcome]:
        """After a successful `begin`: an outcome for each member, in order. Never raises but for interrupts.

        `again` says that a lost connection was replaced once already.
        """
        try:
            return list(self._writer.write(group))
        except Exception as error:  # noqa: BLE001 - as above
            fault = fault_of(error)
        in_doubt, placed = self._writer.committing, self._writer.placed
        lost = self._abandon(fault)
        if lost and in_doubt:
            return self._resolved(group, {each.command.id: each for each in placed})
        if lost and not again:
            begun = self.begin()
            return self.failed(group, begun) if begun else self.settle(group, again=True)
        if len(group) > 1 and not isinstance(fault, _COMMON):
            return [self._alone(append) for append in group]
        return self.failed(group, fault)

    def failed(self, group: Sequence[Append], fault: Exception) -> list[Outcome]:
        """An error of its own for each: raising one object in many threads would mix their tracebacks."""
        return [copy(fault) for _ in group]

    def interrupted(self) -> None:
        """Drop the connection, and with it whatever transaction was open."""
        self._writer.disconnect()

    def _abandon(self, fault: Exception) -> bool:
        """Roll back; True when the connection is gone, or can't be of use any more."""
        # What nobody foresaw may come of what the server keeps for this connection (its prepared statements).
        unforeseen = type(fault) is StoreUnavailable and not self._writer.committing
        lost = self._writer.abandon()
        if (unforeseen or isinstance(fault, _OF_CONNECTION)) and not lost:
            self._writer.disconnect()
            return True
        return lost

    def _alone(self, append: Append) -> Outcome:
        fault = self.begin()
        return fault or self.settle([append])[0]

    def _resolved(self, group: Sequence[Append], placed: dict[UUID, Appended]) -> list[Outcome]:
        """Ask by command id until the database answers or patience ends."""
        deadline = monotonic() + self._resolve_s
        while True:
            if self.begin() is None:
                try:
                    verdicts = self._writer.write(group)
                except Exception as error:  # noqa: BLE001 - as above
                    placed |= {each.command.id: each for each in self._writer.placed}
                    self._abandon(fault_of(error))
                else:
                    return [_recognised(verdict, placed) for verdict in verdicts]
            if monotonic() > deadline:
                return [OutcomeUnknown(command=append.command.id) for append in group]
            self._never.wait(_PAUSE_S)


def _recognised(verdict: Outcome, placed: dict[UUID, Appended]) -> Outcome:
    """A command found stored exactly where this process had put it is no replay: it is the answer that got lost."""
    if isinstance(verdict, Appended) and verdict.replayed:
        ours = placed.pop(verdict.command.id, None)
        if ours and (ours.first, ours.last, ours.recorded_at_us) == (
            verdict.first,
            verdict.last,
            verdict.recorded_at_us,
        ):
            return ours
    return verdict
