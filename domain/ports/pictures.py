"""Progress as pictures and on paper. The same report gives the same bytes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.progress.report import Report


class Picture(StrEnum):
    """What can be drawn of a report."""

    SCORES = "scores"
    """One instrument: its scores, the reliable-change band about the first, the cut-offs."""
    GOALS = "goals"
    EMOTIONS = "emotions"
    ATTENDANCE = "attendance"
    JOURNEY = "journey"


class PictureFormat(StrEnum):
    """Media types."""

    SVG = "image/svg+xml"
    PNG = "image/png"
    SPEC = "application/vnd.vegalite.v6+json"
    """The Vega-Lite specification itself, for a page that draws it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """`alt` tells in words what the picture shows, for those who can't see it; it stands in the SVG too."""

    body: bytes
    media_type: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Whose report it is, as its reader should see it; `practice` may be empty."""

    client_name: str
    practice: str = ""
    prepared_for: str = ""


class Pictures(Protocol):
    def draw(
        self, picture: Picture, picture_format: PictureFormat, report: Report, *, instrument: str | None = None
    ) -> Drawing:
        """`instrument` names whose scores. Raises NothingToDraw when the report holds no data for it: an empty frame would
        look like a finding.
        """


class ReportPrinter(Protocol):
    def pdf(self, report: Report, heading: Heading) -> bytes:
        """PDF/UA-1, tagged, in the order in which it is read; an appendix names the events behind every figure. A report
        without data prints that there is none.
        """
