"""Which tables a database of the deployment has, and what is copied of each."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Column, MetaData, Table

import adapters.access.tables
from adapters.event_store.tables import metadata as events
from adapters.keys.tables import metadata as keys
from ops.backup.manifest import What

METADATA: Final[dict[What, MetaData]] = {"events": events, "keys": keys}
_ = adapters.access.tables  # adds its tables to those of the events


def tables_of(what: What) -> Sequence[Table]:
    """In an order in which they can be filled."""
    return METADATA[what].sorted_tables


def order_of(table: Table) -> Sequence[Column[object]]:
    """By primary key, so that a copy of the log runs in the order of its positions."""
    return tuple(table.primary_key.columns)
