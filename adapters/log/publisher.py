"""Publishing: what the log is now, signed, cosigned and put off the box, if it goes on from what lies there.

Nothing is signed on the word of stored hashes alone: the root of the last checkpoint must come out of the tiles, and every
row since must hash to the leaf beside it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, insert, select, update

from adapters.db.engines import read_transaction, write_transaction
from adapters.db.errors import translated
from adapters.event_store.envelope import leaf_hash, log_id
from adapters.event_store.log_reader import read_leaves, read_tile
from adapters.event_store.mapper import stream_of
from adapters.event_store.reads import last_position, of_log, rows_of
from adapters.event_store.rows import StoredRow
from adapters.event_store.tables import checkpoint_attempts, checkpoints, deployment
from adapters.event_store.writer import OpenLog
from adapters.log.checkpoints import FOLDER, Checkpoint, SignedCheckpoint
from adapters.log.merkle import consistency_proof
from adapters.log.notes import Note, NoteInvalid, NoteSigner, Signature
from adapters.log.proofs import published
from adapters.log.tiles import Frontier, TileDamaged, tiled_nodes
from adapters.log.witnesses import Witness, WitnessRefused
from domain.ports.log import CheckpointByHand, LogForked, Publication, WitnessesMissing
from domain.ports.offbox import OffBox, OffBoxConflict

_BATCH: Final = 5_000
_log = structlog.get_logger("adapters.log.publisher")


@dataclass(frozen=True, slots=True)
class _Moment:
    """The log as one read saw it, and what was published of this incarnation."""

    log: OpenLog
    checkpoint: Checkpoint
    before: SignedCheckpoint | None


class Publisher:
    """Satisfies domain.ports.log.CheckpointPublisher. Without `off_box` checkpoints are kept in the database alone."""

    def __init__(  # noqa: PLR0913 - what publishing takes
        self,
        engine: Engine,
        signer: NoteSigner,
        off_box: OffBox | None,
        *,
        witnesses: Sequence[Witness] = (),
        needed: int = 0,
        clock_us: Callable[[], int],
    ) -> None:
        """`needed` cosignatures are asked for; `clock_us` gives microseconds since 1970, UTC."""
        self._engine = engine
        self._signer = signer
        self._off_box = off_box
        self._witnesses = witnesses
        self._needed = needed
        self._clock_us = clock_us

    def due(self, every_s: int = 0) -> bool:
        with translated("events"), read_transaction(self._engine) as connection:
            incarnation = OpenLog.of(connection).incarnation
            tried = select(checkpoint_attempts.c.tried_at_us).where(checkpoint_attempts.c.incarnation == incarnation)
            before_us = connection.execute(tried).scalar_one_or_none() or 0
            if every_s and 0 <= self._clock_us() - before_us < every_s * 1_000_000:
                return False
            newest = self._stored(connection, incarnation)
            return newest is None or newest.checkpoint.size != last_position(connection)

    def publish(self, *, by_hand: bool = False) -> Publication:
        try:
            moment = self._moment(by_hand=by_hand)
        except (LookupError, TileDamaged, NoteInvalid) as exc:
            raise LogForked("Stored hashes or checkpoints of the log are damaged.") from exc
        fresh = not moment.before or moment.before.checkpoint.size != moment.checkpoint.size
        silent: tuple[str, ...] = ()
        if moment.before and not fresh:
            note = moment.before.note
        else:
            note, silent = self._cosigned(moment)
            note = self._put_off(moment.checkpoint, note)
        cosignatures = len(SignedCheckpoint(moment.checkpoint, note).cosignatures([one.key for one in self._witnesses]))
        self._remember(moment, note, cosignatures)
        return Publication(checkpoint=published(str(note)), fresh=fresh, cosignatures=cosignatures, silent=silent)

    def failed(self, code: str) -> None:
        with translated("events"), write_transaction(self._engine) as connection:
            self._tried(connection, OpenLog.of(connection).incarnation, code)

    def _moment(self, *, by_hand: bool) -> _Moment:
        """Read, and checked against what lies off the box, in one transaction. Raises LogForked, CheckpointByHand."""
        with translated("events"), read_transaction(self._engine) as connection:
            log, size = OpenLog.of(connection), last_position(connection)
            before = self._last_published(connection, log, by_hand=by_hand)
            known = before.checkpoint if before else None
            frontier = self._proven(connection, known, size)
            for leaves in self._leaves_since(connection, frontier.size, size, log):
                frontier = frontier.extended(leaves)[0]
            checkpoint = Checkpoint(origin=log.name.decode(), size=frontier.size, root=frontier.root())
            if before and before.checkpoint.incarnation != log.incarnation:
                before = None
            return _Moment(log, checkpoint, before)

    def _last_published(self, connection: Connection, log: OpenLog, *, by_hand: bool) -> SignedCheckpoint | None:
        """The newest of this incarnation; for its first, the newest of those before that it goes on from."""
        stored = self._stored(connection, log.incarnation)
        names = self._off_box.names(FOLDER) if self._off_box else ()
        if names and (newest := self._fetched(names[-1])):
            if newest.checkpoint.incarnation > log.incarnation:
                raise LogForked("Off the box lies a later incarnation of the log.", newest=newest.checkpoint.name)
            if newest.checkpoint.incarnation == log.incarnation:
                return newest
        if stored:
            return stored
        if log.incarnation == 1:
            return None
        if not by_hand:
            raise CheckpointByHand(incarnation=log.incarnation)
        first = select(deployment.c.first_position).where(deployment.c.incarnation == log.incarnation)
        begun: int = connection.execute(first).scalar_one()
        kept = [name for name in names if int(name.rpartition("/")[2]) < begun]
        return self._fetched(kept[-1]) if kept else None

    def _fetched(self, name: str) -> SignedCheckpoint | None:
        """Raises LogForked for what this key never signed."""
        content = self._off_box.get(name) if self._off_box else None
        if content is None:
            return None
        try:
            found = SignedCheckpoint.opened(content, self._signer.verifier)
        except NoteInvalid as exc:
            raise LogForked("Off the box lies a checkpoint that this key didn't sign.", name=name) from exc
        if found.checkpoint.name != name:
            raise LogForked("Off the box lies a checkpoint under a wrong name.", name=name)
        return found

    @staticmethod
    def _proven(connection: Connection, known: Checkpoint | None, size: int) -> Frontier:
        """The tree as it was published, from the stored hashes. Raises LogForked, LookupError, TileDamaged."""
        if known is None or known.size == 0:
            return Frontier()
        if known.size > size:
            raise LogForked("The log is shorter than what was published of it.", published=known.size, stored=size)
        frontier = Frontier.at(
            known.size,
            lambda level, number: read_tile(connection, level, number),
            lambda start, end: read_leaves(connection, start, end),
        )
        if frontier.root() != known.root:
            raise LogForked(published=known.size, stored=size)
        return frontier

    @staticmethod
    def _leaves_since(connection: Connection, after: int, size: int, log: OpenLog) -> Iterator[list[bytes]]:
        """Leaves computed from the rows. Raises LogForked where a row says something else than its leaf."""
        while after < size:
            rows = rows_of(connection, of_log(after, _BATCH, size))
            if [row.position for row in rows] != list(range(after + 1, after + len(rows) + 1)) or not rows:
                raise LogForked("Rows of the log are missing.", after=after)
            for row in rows:
                altered = row.leaf != _leaf(row, log) or not (
                    row.redacted or sha256(row.state).digest() == row.state_hash
                )
                if altered:
                    raise LogForked("A row of the log was altered.", position=row.position)
            after += len(rows)
            yield [row.leaf for row in rows]

    def _cosigned(self, moment: _Moment) -> tuple[Note, tuple[str, ...]]:
        """Signed, with what witnesses added, and the names of those that added nothing. Raises WitnessesMissing."""
        text = moment.checkpoint.text
        note = Note(text, (self._signer.signature(text),))
        known = moment.before.checkpoint.size if moment.before else 0
        signatures: list[Signature] = []
        silent: list[str] = []
        for witness in self._witnesses:
            try:
                signatures.append(
                    witness.cosign(note, moment.checkpoint.size, known, self._proof_to(moment.checkpoint))
                )
            except WitnessRefused as refused:
                silent.append(witness.key.name)
                _log.warning("A witness did not cosign", code=refused.code, part=witness.key.name)
        if len(signatures) < self._needed:
            raise WitnessesMissing(needed=self._needed, cosigned=len(signatures))
        return note.with_signatures(signatures), tuple(silent)

    def _proof_to(self, checkpoint: Checkpoint) -> Callable[[int], Sequence[bytes]]:
        def proof(first: int) -> Sequence[bytes]:
            with translated("events"), read_transaction(self._engine) as connection:
                node = tiled_nodes(
                    checkpoint.size,
                    lambda level, number: read_tile(connection, level, number),
                    lambda start, end: read_leaves(connection, start, end),
                )
                return consistency_proof(first, checkpoint.size, node) if first else []

        return proof

    def _put_off(self, checkpoint: Checkpoint, note: Note) -> Note:
        """What lies off the box under this size: ours, or that of another worker that was first. Raises LogForked."""
        if self._off_box is None:
            return note
        try:
            self._off_box.put(checkpoint.name, bytes(note))
        except OffBoxConflict as exc:
            found = self._fetched(checkpoint.name)
            if found is None or found.checkpoint != checkpoint:
                raise LogForked("Off the box lies another checkpoint of this size.", name=checkpoint.name) from exc
            return found.note
        return note

    def _stored(self, connection: Connection, incarnation: int) -> SignedCheckpoint | None:
        newest = (
            select(checkpoints.c.note)
            .where(checkpoints.c.incarnation == incarnation)
            .order_by(checkpoints.c.size.desc())
            .limit(1)
        )
        note: str | None = connection.execute(newest).scalar_one_or_none()
        if note is None:
            return None
        try:
            return SignedCheckpoint.opened(note, self._signer.verifier)
        except NoteInvalid as exc:
            raise LogForked("The database holds a checkpoint that this key didn't sign.") from exc

    def _remember(self, moment: _Moment, note: Note, cosignatures: int) -> None:
        key = {"incarnation": moment.log.incarnation, "size": moment.checkpoint.size}
        there = select(checkpoints.c.size).filter_by(**key)
        row = {"published_at_us": self._clock_us(), "cosignatures": cosignatures, "note": str(note)}
        with translated("events"), write_transaction(self._engine) as connection:
            if connection.execute(there).first() is None:
                connection.execute(insert(checkpoints).values(**key, **row))
            self._tried(connection, moment.log.incarnation, "")

    def _tried(self, connection: Connection, incarnation: int, outcome: str) -> None:
        row = {"tried_at_us": self._clock_us(), "outcome": outcome}
        table = checkpoint_attempts
        if not connection.execute(update(table).where(table.c.incarnation == incarnation).values(row)).rowcount:
            connection.execute(insert(table).values(incarnation=incarnation, **row))


def _leaf(row: StoredRow, log: OpenLog) -> bytes:
    return leaf_hash(
        log_id(log.deployment_id, row.incarnation),
        row.position,
        stream_of(row),
        row.originator_version,
        row.topic,
        row.subject,
        row.record_class,
        row.key_id,
        row.recorded_at_us,
        row.state_hash,
    )
