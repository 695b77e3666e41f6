"""What `anamnesis doctor` answers for each thing it looked at."""

from dataclasses import dataclass
from enum import StrEnum

from domain.errors import AnamnesisError


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Works, and deserves a look."""
    BROKEN = "broken"
    SKIPPED = "skipped"
    """Can't be asked until something above is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`part` is what was looked at, `code` stable, `text` what is so, `mend` what to do about it."""

    part: str
    text: str
    state: State = State.OK
    code: str = "ok"
    mend: str = ""

    @staticmethod
    def of(part: str, error: AnamnesisError) -> "Finding":
        """An error on purpose, as a finding."""
        return Finding(part=part, state=State.BROKEN, code=error.code, text=error.detail, mend=error.hint)


def warning(part: str, code: str, text: str, mend: str) -> Finding:
    return Finding(part=part, state=State.WARNING, code=code, text=text, mend=mend)


def broken(part: str, code: str, text: str, mend: str) -> Finding:
    return Finding(part=part, state=State.BROKEN, code=code, text=text, mend=mend)


def skipped(part: str, because: str) -> Finding:
    return Finding(part=part, state=State.SKIPPED, code="skipped", text=f"Not looked at: {because}.")
