"""The index of records behind a report's figures: each has one number, and each figure names its numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from domain.progress.report import Source


@dataclass(slots=True)
class Record:
    number: int
    kind: str
    id: UUID
    positions: tuple[int, ...]


@dataclass(slots=True)
class Records:
    """Numbers records in the order in which the report first draws on them, from 1."""

    # Keyed by the id's integer: a UUID's own hash is Python code, and ten years cite it 20,000 times.
    _known: dict[int, Record] = field(default_factory=dict)
    figures: list[tuple[str, str]] = field(default_factory=list)
    """Name of a figure and the numbers of its records, in words."""

    def cite(self, sources: Iterable[Source]) -> str:
        """The numbers of these records, such as 1 to 35 and 40 in short; empty for none."""
        known = self._known
        numbers = []
        for source in sources:
            key = source.id.int
            record = known.get(key)
            if record is None:
                record = known[key] = Record(len(known) + 1, source.kind, source.id, source.positions)
            elif record.positions != source.positions:
                record.positions = tuple(sorted({*record.positions, *source.positions}))
            numbers.append(record.number)
        return ranges(numbers)

    def figure(self, name: str, sources: Iterable[Source]) -> str:
        """`cite`, remembered for the appendix under the figure's name."""
        cited = self.cite(sources)
        self.figures.append((name, cited or "none"))
        return cited

    def lines(self) -> list[str]:
        """`number kind id: event positions`, a line for each record."""
        return [
            f"{one.number} {one.kind.replace('_', ' ')} {one.id}: {_positions(one.positions)}"
            for one in self._known.values()
        ]


def _positions(positions: tuple[int, ...]) -> str:
    return str(positions[0]) if len(positions) == 1 else ranges(positions)


def ranges(numbers: Iterable[int]) -> str:
    """Whole numbers as runs: neighbours from three on with a dash between their ends."""
    ordered = sorted(set(numbers))
    if not ordered:
        return ""
    breaks = [index for index, (one, two) in enumerate(pairwise(ordered), 1) if two != one + 1]
    parts = [ordered[a:b] for a, b in pairwise([0, *breaks, len(ordered)])]
    return ", ".join(_run(part) for part in parts)


def _run(part: Sequence[int]) -> str:
    if len(part) < 3:
        return ", ".join(map(str, part))
    return f"{part[0]}\u2013{part[-1]}"
