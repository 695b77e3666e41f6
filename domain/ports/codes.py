"""Published code lists."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeEntry:
    """`billable` False for headings that are no diagnosis by themselves (F32 without a fourth character)."""

    code: str
    description: str
    billable: bool


class DiagnosisCodes(Protocol):
    @property
    def edition(self) -> str:
        """Which list and release, such as `icd-10-cm/2025-april`."""

    def find(self, code: str) -> CodeEntry | None:
        """By the code as written, dot or no dot, any case. None when the list has no such code."""
