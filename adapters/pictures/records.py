"""The index of records behind a report's figures: each has one number, and each figure names its numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from domain.progress.report import Source


@dataclass(slots=True)
class Records:
    """Numbers records in the order in which the report first draws on them, from 1."""

    _numbers: dict[UUID, int] = field(default_factory=dict)
    _kinds: dict[UUID, str] = field(default_factory=dict)
    _positions: dict[UUID, set[int]] = field(default_factory=dict)
    figures: list[tuple[str, str]] = field(default_factory=list)
    """Name of a figure and the numbers of its records, in words."""

    def cite(self, sources: Iterable[Source]) -> str:
        """The numbers of these records, such as `1–35, 40`; empty for none."""
        numbers = []
        for source in sources:
            number = self._numbers.setdefault(source.id, len(self._numbers) + 1)
            self._kinds.setdefault(source.id, source.kind)
            self._positions.setdefault(source.id, set()).update(source.positions)
            numbers.append(number)
        return ranges(numbers)

    def figure(self, name: str, sources: Iterable[Source]) -> str:
        """`cite`, remembered for the appendix under the figure's name."""
        cited = self.cite(sources)
        self.figures.append((name, cited or "none"))
        return cited

    def lines(self) -> list[str]:
        """`number kind id: event positions`, a line for each record."""
        return [
            f"{number} {self._kinds[record].replace('_', ' ')} {record}: {ranges(self._positions[record])}"
            for record, number in self._numbers.items()
        ]


def ranges(numbers: Iterable[int]) -> str:
    """Whole numbers as runs: 1, 2, 3, 7 → `1–3, 7`."""
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
