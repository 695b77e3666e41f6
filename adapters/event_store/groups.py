"""Who of a group may write, and where: pure decisions on what the database says under the lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from adapters.event_store.envelope import leaf_hash
from adapters.event_store.rows import Append, Appended, NewRow, StateWrite
from adapters.log.tiles import Tile
from domain.errors import AnamnesisError, Erased, IdempotencyKeyReused, StaleVersion


class TrackingBehind(StaleVersion):
    """A process recorder has handled that position already."""

    code = "tracking_behind"
    message = "This position was processed before."


@dataclass(frozen=True, slots=True)
class Questions:
    """What a group must know before any of it is written."""

    streams: Sequence[UUID]
    commands: Sequence[UUID]
    subjects: Sequence[UUID]
    applications: Sequence[str]

    @staticmethod
    def of(group: Iterable[Append]) -> "Questions":
        """Each stream, command, subject and tracked application of the group, once."""
        streams: dict[UUID, None] = {}
        commands: dict[UUID, None] = {}
        subjects: dict[UUID, None] = {}
        applications: dict[str, None] = {}
        for append in group:
            commands[append.command.id] = None
            if append.tracking:
                applications[append.tracking[0]] = None
            for row in append.rows:
                streams[row.stream] = None
                if row.subject:
                    subjects[row.subject] = None
        return Questions(list(streams), list(commands), list(subjects), list(applications))


@dataclass(slots=True)
class Facts:
    """The database's answers, read under the lock. `incarnation` 0 means that no log was opened."""

    incarnation: int = 0
    last_position: int = 0
    last_recorded_at_us: int = 0
    last_leaf: bytes = b""
    server_us: int | None = None
    """The database server's clock, where there is one besides ours."""
    heads: dict[UUID, int] = field(default_factory=dict)
    commands: dict[UUID, Appended] = field(default_factory=dict)
    fenced: set[UUID] = field(default_factory=set)
    tracking: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Placement:
    """What a group writes: rows with their leaves from position `first` on, in order."""

    first: int
    recorded_at_us: int
    incarnation: int
    rows: list[NewRow] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    commands: list[Appended] = field(default_factory=list)
    writes: list[StateWrite] = field(default_factory=list)
    tracking: dict[str, int] = field(default_factory=dict)
    tiles: list[Tile] = field(default_factory=list)

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


Verdict = Appended | AnamnesisError


def place(group: Sequence[Append], facts: Facts, log: bytes, now_us: int) -> tuple[Placement, list[Verdict]]:
    """Judge each append in turn and give the winners gapless positions. `facts` is consumed.

    The verdicts stand in the order of the group: an Appended (`replayed` when the command had been carried out before,
    in an earlier group or in this one), or the error its caller gets.
    """
    placement = Placement(
        facts.last_position + 1, max(now_us, facts.last_recorded_at_us), facts.incarnation, tracking={}
    )
    verdicts: list[Verdict] = []
    for append in group:
        try:
            verdicts.append(_replayed(append, facts) or _placed(append, facts, placement, log))
        except AnamnesisError as error:
            verdicts.append(error)
    return placement, verdicts


def _replayed(append: Append, facts: Facts) -> Appended | None:
    stored = facts.commands.get(append.command.id)
    if stored is None:
        return None
    if stored.command.fingerprint != append.command.fingerprint:
        raise IdempotencyKeyReused(command=append.command.id)
    return Appended(
        first=stored.first,
        last=stored.last,
        recorded_at_us=stored.recorded_at_us,
        command=stored.command,
        replayed=True,
    )


def _placed(append: Append, facts: Facts, placement: Placement, log: bytes) -> Appended:
    heads = _heads_after(append.rows, facts)
    if append.tracking:
        application, position = append.tracking
        if position <= facts.tracking.get(application, position - 1):
            raise TrackingBehind(application=application, position=position)
        facts.tracking[application] = placement.tracking[application] = position
    facts.heads.update(heads)
    position = first = placement.first + len(placement.rows)
    for row in append.rows:
        placement.leaves.append(
            leaf_hash(
                log,
                position,
                row.stream,
                row.version,
                row.topic,
                row.subject,
                row.record_class,
                row.key_id,
                placement.recorded_at_us,
                row.state_hash,
            )
        )
        position += 1
    placement.rows.extend(append.rows)
    placement.writes.extend(append.writes)
    appended = Appended(first=first, last=position - 1, recorded_at_us=placement.recorded_at_us, command=append.command)
    placement.commands.append(appended)
    facts.commands[append.command.id] = appended
    return appended


def _heads_after(rows: Sequence[NewRow], facts: Facts) -> dict[UUID, int]:
    """The stream heads once these rows are in. A stream begins at version 0 or 1 and goes on by one.

    Raises StaleVersion, Erased.
    """
    heads: dict[UUID, int] = {}
    for row in rows:
        if row.subject in facts.fenced:
            raise Erased(client=row.subject)
        head = heads.get(row.stream, facts.heads.get(row.stream))
        if head is None:
            if row.version not in (0, 1):
                raise StaleVersion(stream=row.stream, version=row.version, stored="none")
        elif row.version != head + 1:
            raise StaleVersion(stream=row.stream, version=row.version, stored=head)
        heads[row.stream] = row.version
    return heads
