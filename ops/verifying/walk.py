"""One pass over the rows: what each must say by itself, beside its neighbours, and together up to each checkpoint."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from adapters.log.notes import VerifierKey
from ops.verifying.explained import Explained
from ops.verifying.findings import Findings, Kind
from ops.verifying.leaves import leaf_head, leaf_of, log_name
from ops.verifying.reader import LogReader, Row
from ops.verifying.segments import Anchor, Segments

_UNREADABLE: Final = (TypeError, ValueError, AttributeError, struct.error, OverflowError)
_FARTHEST: Final = 1_000_000
"""Positions that may be missing in a row before what comes behind is taken for inserted."""
_KEPT: Final = 400
"""Odd rows that are tried at other places, to tell the moved from the altered."""


@dataclass(slots=True)
class Ends:
    """How far the rows went, and where incarnations begin."""

    rows: int = 0
    last_position: int = 0
    crossings: dict[int, int] = field(default_factory=lambda: {1: 1})


class _Heads(dict[int, bytes]):
    """What leaves begin with, by incarnation. Raises KeyError for what can't be one."""

    def __init__(self, deployment: UUID) -> None:
        super().__init__()
        self._deployment = deployment

    def __missing__(self, incarnation: int) -> bytes:
        if type(incarnation) is not int or not 1 <= incarnation < 2**15:
            raise KeyError(incarnation)
        head = self[incarnation] = leaf_head(log_name(self._deployment, incarnation))
        return head


class Walk:
    """Feed it all rows in order with `take`, then call `end` once."""

    def __init__(
        self,
        reader: LogReader,
        deployment: UUID,
        anchors: Sequence[Anchor],
        keys: Sequence[VerifierKey],
        findings: Findings,
    ) -> None:
        self._findings = findings
        self._id_bytes: Callable[[Any], bytes] = reader.id_bytes
        self._heads = _Heads(deployment)
        self._explained = Explained(deployment, keys, findings)
        self.segments = Segments(reader, anchors, findings)
        self._expected = 1
        self._versions: dict[Any, int] = {}
        self._at_us = 0
        self._incarnation = 1
        self._odd: dict[int, Row] = {}
        self.ends = Ends()

    def take(self, rows: Sequence[Row]) -> None:
        """The next rows, in order of their positions."""
        heads, id_bytes, segments = self._heads, self._id_bytes, self.segments
        for row in rows:
            position, incarnation, state = row[0], row[7], row[11]
            if position != self._expected and not self._jumped(position):
                continue
            self._expected = position + 1
            try:
                leaf = leaf_of(row, heads[incarnation], id_bytes)
                wrong = type(incarnation) is not int
            except (*_UNREADABLE, KeyError):
                leaf, wrong = None, True
            odd = wrong or leaf != row[10]
            if odd:
                self._mismatch(row)
            self._check_order(row, odd=odd)
            if state is None:
                self._explained.lacking(position)
            elif type(state) is not bytes or sha256(state).digest() != row[9]:
                self._findings.add(Kind.ALTERED, position, "state")
            elif row[3] == "system.1" or str(row[3]).startswith("system."):
                self._explained.take(position, incarnation, state)
            segments.take(leaf, row[10])
        self.ends.rows += len(rows)

    def end(self) -> None:
        """What can only be told when all rows were seen."""
        self.ends.last_position = self._expected - 1
        self.segments.end()
        self._explained.end()
        self._tell_moved()

    def _jumped(self, position: int) -> bool:
        """Whether the row may be looked at in spite of its place."""
        if position < self._expected:
            self._findings.add(Kind.INSERTED, position, "position")
            return False
        if position - self._expected > max(_FARTHEST, self.segments.covered):
            self._findings.add(Kind.INSERTED, position, "far_beyond")
            return False
        self._findings.add_range(Kind.MISSING, self._expected, position - 1)
        for _ in range(self._expected, position):
            self.segments.take(None, None)
        return True

    def _check_order(self, row: Row, *, odd: bool) -> None:
        position, stream, version, at_us, incarnation = row[0], row[1], row[2], row[8], row[7]
        before = self._versions.get(stream)
        if before is None:
            if version not in {0, 1}:
                self._findings.add(Kind.MISSING, position, "stream_begins_late")
        elif version != before + 1:
            why = "version_gap" if isinstance(version, int) and version > before else "version_repeated"
            self._findings.add(Kind.MISSING if why == "version_gap" else Kind.INSERTED, position, why)
        if isinstance(version, int):
            self._versions[stream] = version
        if isinstance(at_us, int) and not odd:  # an odd row must not cast doubt on those around it
            if at_us < self._at_us:
                self._findings.add(Kind.ALTERED, position, "time_runs_back")
            self._at_us = max(self._at_us, at_us)
        if incarnation != self._incarnation and type(incarnation) is int:
            self._cross(position, incarnation, row)

    def _cross(self, position: int, incarnation: int, row: Row) -> None:
        """Into a later incarnation, which begins with a record that says so."""
        if incarnation < self._incarnation or not self._explained.restores(row[3], row[11]):
            self._findings.add(Kind.FORKED, position, "incarnation")
            return
        self._incarnation = incarnation
        self.ends.crossings[incarnation] = position
        announced = self._explained.announced(incarnation, row[11])
        self.segments.crossed(position, incarnation, announced)

    def _mismatch(self, row: Row) -> None:
        if len(self._odd) < _KEPT:
            self._odd[row[0]] = row
        else:
            self._findings.add(Kind.ALTERED, row[0], "row")

    def _tell_moved(self) -> None:
        """A row whose stored leaf fits another place was moved from there; else it was altered."""
        places = {near for odd in self._odd for near in (odd - 1, odd, odd + 1)}
        for position, row in self._odd.items():
            moved = any(self._leaf_at(row, place) == row[10] for place in places if place != position)
            self._findings.add(Kind.MOVED if moved else Kind.ALTERED, position, "" if moved else "row")

    def _leaf_at(self, row: Row, place: int) -> bytes | None:
        try:
            return leaf_of(row, self._heads[row[7]], self._id_bytes, place)
        except (*_UNREADABLE, KeyError):
            return None
