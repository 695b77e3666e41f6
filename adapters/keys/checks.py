"""What is checked when a process starts, and what is tidied up now and then."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol
from uuid import UUID

from adapters.event_store.rows import StoredRow
from adapters.keys.book import ORGANISATION, KeyBook
from adapters.keys.errors import KeysOlderThanEvents
from domain.ports.keys import RecordClass

NEWEST_EVENTS: Final = 10_000
ORPHAN_AGE_US: Final = 24 * 3600 * 1_000_000
"""A client's first key is made moments before its first event; a day later there will be none."""


class NewestEvents(Protocol):
    """The part of the recorder this needs."""

    def last_position(self) -> int: ...

    def read_log(self, after: int, limit: int, stop: int | None = None) -> Sequence[StoredRow]: ...


def check_keys(book: KeyBook, recorder: NewestEvents, *, newest: int = NEWEST_EVENTS) -> None:
    """Refuse to start on a key database that is older than the events.

    Looks at the newest events only: audit keys roll daily and are named by nearly every append, so a key database that
    lacks anything lacks one of theirs. The mac key is asked for by itself: no event names it, and a new one in its place
    would find no account and no person that the old one named. Raises KeysOlderThanEvents, KeysUnavailable, StoreUnavailable.
    """
    last = recorder.last_position()
    named: dict[UUID, int] = {}
    accounts = False
    after = max(0, last - newest)
    while rows := recorder.read_log(after, min(1000, newest), last):
        for row in rows:
            if row.key_id is not None:
                named[row.key_id] = named.get(row.key_id, 0) + 1
                accounts = accounts or row.record_class == RecordClass.ACCESS
        after = rows[-1].position
    missing = set(named) - book.held(list(named))
    if missing or (accounts and book.newest(ORGANISATION, RecordClass.MAC) is None):
        raise KeysOlderThanEvents(
            missing_keys=len(missing), events_under_them=sum(named[key_id] for key_id in missing), looked_at=last
        )


def sweep_orphans(
    book: KeyBook, has_events: Callable[[UUID], bool], *, now_us: int, older_than_us: int = ORPHAN_AGE_US
) -> int:
    """Remove the keys of clients who never got an event (an append that failed); returns how many keys went.

    Safe beside writers: an owner is left alone when any of its keys is younger than `older_than_us`, and when a process
    reserved messages under one of them between the look and the removal. Raises ValueError for an age under two hours,
    the time for which processes may hold reservations and a margin. Raises KeysUnavailable.
    """
    if older_than_us < 2 * 3600 * 1_000_000:
        raise ValueError("orphans must be at least two hours old")
    before_us = now_us - older_than_us
    removed = 0
    for owner, count, reserved in book.owners_older_than(before_us):
        if not has_events(owner):
            removed += book.remove_unused(owner, count, reserved, before_us)
    return removed
