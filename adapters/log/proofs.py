"""Proofs and published checkpoints from the event database. Satisfies domain.ports.log.LogProofs and PublishedLog."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, select

from adapters.db.engines import read_transaction
from adapters.db.errors import translated
from adapters.event_store.log_reader import read_leaves, read_tile
from adapters.event_store.reads import last_position
from adapters.event_store.tables import checkpoints
from adapters.event_store.writer import OpenLog
from adapters.log.checkpoints import Checkpoint
from adapters.log.merkle import Node, consistency_proof, inclusion_proof, subtree_hash
from adapters.log.notes import Note
from adapters.log.tiles import TileDamaged, tiled_nodes
from domain.errors import StoreUnavailable
from domain.ports.log import CheckpointMissing, ConsistencyProof, InclusionProof, ProofOutOfRange, PublishedCheckpoint

_MOST_ROOTS: Final = 100_000


class SqlLogProofs:
    """Remembers roots of full tiles, which never change. Safe for threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._roots: dict[tuple[int, int], bytes] = {}

    def inclusion(self, position: int, size: int | None = None) -> InclusionProof:
        with self._tree(size) as (connection, node, end):
            if not 1 <= position <= end:
                raise ProofOutOfRange(position=position, size=end)
            return InclusionProof(
                position=position,
                size=end,
                leaf=read_leaves(connection, position - 1, position)[0],
                hashes=inclusion_proof(position - 1, end, node),
                root=subtree_hash(0, end, node),
            )

    def consistency(self, first: int, second: int | None = None) -> ConsistencyProof:
        with self._tree(second) as (_, node, end):
            if not 0 <= first <= end:
                raise ProofOutOfRange(first=first, second=end)
            return ConsistencyProof(
                first=first,
                second=end,
                first_root=subtree_hash(0, first, node),
                second_root=subtree_hash(0, end, node),
                hashes=consistency_proof(first, end, node),
            )

    def root(self, size: int) -> bytes:
        """Raises ProofOutOfRange, StoreUnavailable."""
        with self._tree(size) as (_, node, end):
            return subtree_hash(0, end, node)

    def latest(self) -> PublishedCheckpoint:
        with translated("events"), read_transaction(self._engine) as connection:
            incarnation = OpenLog.of(connection).incarnation
            newest = (
                select(checkpoints.c.note)
                .where(checkpoints.c.incarnation == incarnation)
                .order_by(checkpoints.c.size.desc())
                .limit(1)
            )
            note: str | None = connection.execute(newest).scalar_one_or_none()
        if note is None:
            raise CheckpointMissing(incarnation=incarnation)
        return published(note)

    @contextmanager
    def _tree(self, size: int | None) -> Iterator[tuple[Connection, Node, int]]:
        """A connection on one moment, the nodes of the tree of that size, and the size. Raises ProofOutOfRange."""
        if len(self._roots) > _MOST_ROOTS:
            self._roots.clear()
        with translated("events"), read_transaction(self._engine) as connection:
            last = last_position(connection)
            end = last if size is None else size
            if not 0 <= end <= last:
                raise ProofOutOfRange(size=end, last=last)
            try:
                yield connection, _nodes(connection, end, self._roots), end
            except (LookupError, TileDamaged) as exc:
                raise StoreUnavailable(
                    "Stored hashes of the log are missing or damaged; `anamnesis verify` says which."
                ) from exc


def _nodes(connection: Connection, size: int, roots: dict[tuple[int, int], bytes]) -> Node:
    return tiled_nodes(
        size,
        lambda level, number: read_tile(connection, level, number),
        lambda start, end: read_leaves(connection, start, end),
        roots,
    )


def published(note: str) -> PublishedCheckpoint:
    """Raises NoteInvalid."""
    checkpoint = Checkpoint.parse(Note.parse(note).text)
    return PublishedCheckpoint(origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root, note=note)
