"""Published code lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeEntry:
    """`billable` False for headings that are no diagnosis by themselves (F32 without a fourth character)."""

    code: str
    description: str
    billable: bool


class DiagnosisCodes(Protocol):
    """A list in its published order. Codes are taken as people write them: dot or no dot, any case, spaces around."""

    @property
    def edition(self) -> str:
        """Which list and release, such as `icd-10-cm/2026-04`."""

    def find(self, code: str) -> CodeEntry | None:
        """None when the list has no such code; chapters and ranges are none."""

    def below(self, code: str, limit: int) -> Sequence[CodeEntry]:
        """The first diagnoses under a heading, billable ones alone; none for what is no heading."""

    def near(self, code: str, limit: int) -> Sequence[CodeEntry]:
        """For a code that the list does not have: diagnoses of its category (the first three characters), those first that
        share the longest beginning, billable ones alone; none when there is no such category.
        """

    def search(self, query: str, limit: int) -> Sequence[CodeEntry]:
        """Codes that begin so, in the list's order; else entries whose description has a word that begins with each word
        asked for, mental disorders first, then the shorter description. Headings are among them.
        """
