"""What is wrong with a file, and where: lines, columns and pointers, never what stands there."""

from dataclasses import dataclass
from typing import Final

from domain.errors import AnamnesisError, Invalid

FAULTS_SHOWN: Final = 20
"""Of one client; beyond them only how many there are."""


class FileUnreadable(Invalid):
    code = "file_unreadable"
    message = "The file can't be read."
    hint = "Give the path of a file that this user may read; it is read twice, so a pipe won't do."


class FileEmpty(Invalid):
    code = "file_empty"
    message = "The file holds nothing."


class NotTheFormat(Invalid):
    """The file as a whole is something else; nothing was written."""

    code = "not_the_format"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong. `where` is a place such as `line 12, column timestamp` or a JSON pointer."""

    where: str
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilt:
    """A client that is left out: where they begin in the file, the first faults, and how many there are."""

    where: str
    faults: tuple[Fault, ...]
    count: int

    @classmethod
    def by(cls, where: str, faults: list[Fault]) -> "Spoilt":
        return cls(where=where, faults=tuple(faults[:FAULTS_SHOWN]), count=len(faults))

    @classmethod
    def by_error(cls, where: str, error: AnamnesisError) -> "Spoilt":
        """What a command refused. Errors name fields, never what was typed."""
        field = error.facts.get("field")
        place = f"{where}, field {field}" if field else where
        return cls(where=where, faults=(Fault(where=place, code=error.code, text=error.detail),), count=1)
