"""How many keys there are, of which class, under which root, and how far they are used: counts, never a key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, and_, case, func, select

from adapters.keys.book import ORGANISATION, living, transaction
from adapters.keys.hierarchy import CLIENT_KEYS
from adapters.keys.root_book import RootBook, RootRow
from adapters.keys.tables import keys

NEARLY: Final = 0.9
"""Part of a key's messages after which it counts as nearly used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCount:
    """A generation and how many living keys hang from it."""

    root: RootRow
    keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """Keys of one class. `epochs` counts the living ones by epoch; times in microseconds since 1970, UTC."""

    key_class: str
    living: int
    destroyed: int
    nearly_used_up: int
    oldest_us: int | None
    epochs: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """`wrapping` are client keys, `sealing` all others; `orphans` are clients with keys and without an event."""

    roots: Sequence[RootCount]
    wrapping: Sequence[ClassCount]
    sealing: Sequence[ClassCount]
    clients: int
    orphans: int


def take_inventory(engine: Engine, messages: int, has_events: Callable[[Sequence[UUID]], set[UUID]]) -> Inventory:
    """`messages` is how many one key may seal; `has_events` gives those clients that the log knows.

    Raises KeysUnavailable and what `has_events` raises.
    """
    book = RootBook(engine)
    counted = _classes(engine, messages)
    owners = _owners(engine)
    known = has_events(owners)
    return Inventory(
        roots=[RootCount(root=root, keys=book.hanging(root.generation)) for root in book.all()],
        wrapping=[each for each in counted if each.key_class in CLIENT_KEYS],
        sealing=[each for each in counted if each.key_class not in CLIENT_KEYS],
        clients=len(owners),
        orphans=sum(owner not in known for owner in owners),
    )


def _classes(engine: Engine, messages: int) -> Sequence[ClassCount]:
    alive = case((living(), 1), else_=0)
    nearly = case((and_(living(), keys.c.reserved > messages * NEARLY), 1), else_=0)
    oldest = func.min(case((living(), keys.c.created_at_us)))
    query = select(keys.c.key_class, keys.c.epoch, func.sum(alive), func.count(), func.sum(nearly), oldest).group_by(
        keys.c.key_class, keys.c.epoch
    )
    with transaction(engine) as connection:
        found = connection.execute(query.order_by(keys.c.key_class, keys.c.epoch)).all()
    return [_counted(name, [row for row in found if row[0] == name]) for name in dict.fromkeys(row[0] for row in found)]


def _counted(name: str, rows: Sequence[Any]) -> ClassCount:
    return ClassCount(
        key_class=name,
        living=sum(int(row[2]) for row in rows),
        destroyed=sum(int(row[3]) - int(row[2]) for row in rows),
        nearly_used_up=sum(int(row[4]) for row in rows),
        oldest_us=min((int(row[5]) for row in rows if row[5] is not None), default=None),
        epochs={int(row[1]): int(row[2]) for row in rows if row[2]},
    )


def _owners(engine: Engine) -> Sequence[UUID]:
    query = select(keys.c.owner).where(keys.c.owner != ORGANISATION, living()).distinct()
    with transaction(engine) as connection:
        return list(connection.execute(query).scalars())
