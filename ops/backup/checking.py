"""Whether a back-up is whole: its files are those that its manifest names, and its log gives the root stated there."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import UUID

from adapters.event_store.envelope import leaf_hash, log_id
from adapters.event_store.tables import deployment, events, tiles
from adapters.log.tiles import Frontier
from ops.backup.copies import content_of
from ops.backup.errors import BackupDamaged
from ops.backup.manifest import NAME, Manifest
from ops.backup.places import Place
from ops.backup.reading import Row, rows_of

_BATCH: Final = 4096


@dataclass(frozen=True, slots=True)
class Opening:
    """One row of `deployment`: an incarnation, and the first position that was written in it."""

    incarnation: int
    deployment_id: UUID
    first_position: int


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What the log in a back-up is. `roots` are those at the sizes that were asked for, as far as it reaches."""

    openings: tuple[Opening, ...]
    position: int
    root: bytes
    recorded_at_us: int
    """Of the newest event, microseconds since 1970, UTC; 0 without one."""
    roots: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def newest(self) -> Opening:
        return self.openings[-1]


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raises BackupDamaged naming the file, OSError."""
    for wanted in manifest.files:
        try:
            found = content_of(folder / wanted.name, wanted.table, wanted.columns)
        except FileNotFoundError as exc:
            raise BackupDamaged("A file of the back-up is missing.", file=wanted.name) from exc
        if found != wanted:
            raise BackupDamaged("A file of the back-up was altered or cut off.", file=wanted.name, bytes=found.size)


def check_log(folder: Path, manifest: Manifest, sizes: Collection[int] = ()) -> LogFacts:
    """Every leaf from its row, every tile and the root from the leaves, against what stands there. Raises BackupDamaged."""
    facts = examine(folder, manifest, sizes)
    stated = (manifest.position, manifest.root, manifest.incarnation, manifest.deployment_id)
    if (facts.position, facts.root.hex(), facts.newest.incarnation, facts.newest.deployment_id) != stated:
        raise BackupDamaged("The log in the back-up does not give the root that its manifest states.", file=NAME)
    return facts


def examine(folder: Path, manifest: Manifest, sizes: Collection[int] = ()) -> LogFacts:
    """As `check_log`, without a look at what the manifest says of the log. Raises BackupDamaged."""
    openings = openings_of(folder, manifest)
    log = _Log(openings, frozenset(sizes))
    for row in rows_of(folder, manifest, events):
        log.take(row)
    log.fold()
    stored = {(row[0], row[1]): sha256(row[2]).digest() for row in rows_of(folder, manifest, tiles)}
    if stored != log.tiles:
        raise BackupDamaged("Tiles in the back-up are not made of its events.")
    return LogFacts(openings, log.position, log.frontier.root(), log.recorded_at_us, log.roots)


def openings_of(folder: Path, manifest: Manifest) -> tuple[Opening, ...]:
    """Every incarnation in the back-up, oldest first. Raises BackupDamaged."""
    openings = tuple(Opening(row[0], row[1], row[2]) for row in rows_of(folder, manifest, deployment))
    if not openings or len({one.deployment_id for one in openings}) != 1:
        raise BackupDamaged("The back-up holds no opened log.")
    return openings


class _Log:
    """Follows the rows in order."""

    def __init__(self, openings: Iterable[Opening], sizes: frozenset[int]) -> None:
        self._openings = {one.incarnation: one.first_position for one in openings}
        self._names = {one.incarnation: log_id(one.deployment_id, one.incarnation) for one in openings}
        self._sizes = sizes
        self._leaves: list[bytes] = []
        self.frontier = Frontier()
        self.position = 0
        self.recorded_at_us = 0
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.roots: dict[int, bytes] = {0: self.frontier.root()} if 0 in sizes else {}
        self._incarnation = 0

    def take(self, row: Row) -> None:
        """The next row of `events`. Raises BackupDamaged naming its position."""
        position, stream, version, topic, subject, record_class, key_id, incarnation, at_us, state_hash, leaf, state = (
            row
        )
        whole = (
            position == self.position + 1
            and incarnation >= self._incarnation
            and position >= self._openings.get(incarnation, position + 1)
            and at_us >= self.recorded_at_us
            and (state is None or sha256(state).digest() == state_hash)
            and leaf
            == leaf_hash(
                self._names[incarnation],
                position,
                stream,
                version,
                topic,
                subject,
                record_class,
                key_id,
                at_us,
                state_hash,
            )
        )
        if not whole:
            raise BackupDamaged("An event in the back-up is missing or altered.", position=self.position + 1)
        self.position, self.recorded_at_us, self._incarnation = position, at_us, incarnation
        self._leaves.append(leaf)
        if len(self._leaves) >= _BATCH or position in self._sizes:
            self.fold()

    def fold(self) -> None:
        """Take what has gathered into the tree."""
        self.frontier, filled = self.frontier.extended(self._leaves)
        self._leaves = []
        self.tiles.update({(tile.level, tile.number): sha256(tile.hashes).digest() for tile in filled})
        if self.position in self._sizes:
            self.roots[self.position] = self.frontier.root()


def checked(place: Place, name: str) -> Manifest:
    """One back-up, read whole. Raises BackupMissing, BackupDamaged, BackupUnfit, PlaceUnusable."""
    with place.fetched(name) as folder:
        manifest = Manifest.decoded(place.manifest(name))
        check_files(folder, manifest)
        if manifest.what == "events":
            check_log(folder, manifest)
        return manifest
