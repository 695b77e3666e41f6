"""What a document is put together from: figures, tables and paragraphs as plain data, numbered as they come."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.pictures import words
from adapters.pictures.records import Records
from adapters.pictures.timeline import Clock
from domain.errors import NothingToDraw
from domain.ports.pictures import Picture
from domain.progress.report import MeasureProgress, Report, Source

Draw = Callable[[Picture, Report], tuple[str, str]]
"""Draws a picture as SVG and tells it in words. Raises NothingToDraw."""
Block = dict[str, Any]

TEXT_WIDTH_MM, MOST_HEIGHT_MM = 170, 205
BOLD = 1.4
"""How much wider than text in a table its bold head is set, at most."""
WIDEST = 82.0
"""Percent of the text's width: pictures print at 140 mm, their words at ten points."""


@dataclass(slots=True)
class Writer:
    """Collects a document's sections, numbering figures and tables as they come."""

    report: Report
    draw: Draw
    clock: Clock
    records: Records = field(default_factory=Records)
    figures: int = 0
    tables: int = 0

    def figure(
        self, name: str, picture: Picture, sources: Sequence[Source], measure: MeasureProgress | None = None
    ) -> Block | None:
        """A picture with its caption, of one measure alone where it is given; None where there is nothing to draw."""
        shown = self.report if measure is None else replace(self.report, measures=(measure,))
        try:
            svg, alt = self.draw(picture, shown)
        except NothingToDraw:
            return None
        self.figures += 1
        cited = self.records.figure(f"Figure {self.figures}, {name}", sources)
        return {
            "kind": "figure",
            "svg": svg,
            "alt": alt,
            "share": share_of(svg),
            "caption": f"{words.title_case(name)}. Records {cited or 'none'}.",
        }

    def table(self, name: str, head: Sequence[str], rows: Sequence[Sequence[str]], sources: Sequence[Source]) -> Block:
        self.tables += 1
        cited = self.records.figure(f"Table {self.tables}, {name}", sources)
        caption = f"{words.title_case(name)}. Records {cited or 'none'}."
        return {
            "kind": "table",
            "head": list(head),
            "rows": [list(row) for row in rows],
            "widths": widths(head, rows),
            "caption": caption,
        }

    def day(self, at: Any) -> str:
        return words.day_of(self.clock, at)


def widths(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[float]:
    """Shares of the columns, by what their longest cells need within bounds; a head is bold, and one word is never broken."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(head)
    return [
        min(max(6.0, BOLD * len(title), *map(len, cells)), 30.0) + 2 for title, cells in zip(head, columns, strict=True)
    ]


def share_of(svg: str) -> float:
    """How much of the text's width a picture may take, in percent, so that it fits on a page with its caption."""
    found = re.search(r'width="(\d+)" height="(\d+)"', svg)
    width, height = map(int, found.groups()) if found else (1, 1)
    return min(WIDEST, MOST_HEIGHT_MM / height * width / TEXT_WIDTH_MM * 100)


def paragraph(text: str) -> Block:
    return {"kind": "text", "text": text}
