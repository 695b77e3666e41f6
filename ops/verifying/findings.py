"""What a verification found: which positions, and what became of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """What is wrong with a range of positions, or may be."""

    ALTERED = "altered"
    """The row, its state or its leaf is not what was stored."""
    MISSING = "missing"
    """The row or its state is gone, and no signed record says why."""
    MOVED = "moved"
    """The row stands where it wasn't stored."""
    INSERTED = "inserted"
    """The row has no place in the log."""
    FORKED = "forked"
    """Rows that agree with one another, and not with the checkpoint: history was written anew somewhere in the range."""
    UNPROVEN = "unproven"
    """The checkpoint covers the range, but leaves that its proof needs are lost."""
    DAMAGED_TILE = "damaged_tile"
    """Stored hashes over these rows are wrong; the rows themselves are right."""
    UNPROTECTED = "unprotected"
    """No checkpoint covers the range yet: whoever rules the database could still change it unseen."""
    RESTORED = "restored"
    """Published, and given up when a back-up was restored, as a record in the log says."""
    VIEW_WRONG = "view_wrong"
    """A view says something else than the log."""


HARMLESS: Final = frozenset((Kind.UNPROTECTED, Kind.RESTORED))
_SENTENCES: Final = {
    Kind.ALTERED: "altered",
    Kind.MISSING: "missing, and no signed record says why",
    Kind.MOVED: "moved from where it was stored",
    Kind.INSERTED: "inserted",
    Kind.FORKED: "not the history that was published",
    Kind.UNPROVEN: "covered by a checkpoint that can't be proven without the rows that are lost",
    Kind.DAMAGED_TILE: "stored hashes over these rows are damaged",
    Kind.UNPROTECTED: "past the newest checkpoint: not protected yet",
    Kind.RESTORED: "given up when a back-up was restored",
    Kind.VIEW_WRONG: "told otherwise by a view",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Positions `first` to `last`; `why` is a code that narrows the kind down."""

    kind: Kind
    first: int
    last: int
    why: str = ""

    @property
    def harmless(self) -> bool:
        return self.kind in HARMLESS

    @property
    def text(self) -> str:
        """A sentence for people."""
        where = f"Position {self.first:,}" if self.first == self.last else f"Positions {self.first:,} to {self.last:,}"
        return f"{where}: {_SENTENCES[self.kind]}" + (f" ({self.why})." if self.why else ".")

    def facts(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "first": self.first, "last": self.last, "why": self.why}


@dataclass(slots=True)
class Findings:
    """Collects by position, and joins neighbours of one kind."""

    _single: dict[tuple[int, Kind], str] = field(default_factory=dict)
    _ranges: list[Finding] = field(default_factory=list)

    def add(self, kind: Kind, position: int, why: str = "") -> None:
        self._single.setdefault((position, kind), why)

    def add_range(self, kind: Kind, first: int, last: int, why: str = "") -> None:
        if first <= last:
            self._ranges.append(Finding(kind=kind, first=first, last=last, why=why))

    def has(self, first: int, last: int) -> bool:
        """Whether anything single was found there, or a missing range."""
        return any(first <= position <= last for position, _ in self._single) or any(
            each.kind is Kind.MISSING and each.first <= last and first <= each.last for each in self._ranges
        )

    def listed(self) -> list[Finding]:
        """In order of positions, neighbours of one kind and reason joined."""
        singles = (
            Finding(kind=kind, first=position, last=position, why=why) for (position, kind), why in self._single.items()
        )
        return sorted(_joined([*singles, *self._ranges]), key=lambda each: (each.first, each.last, each.kind))


def _joined(findings: Iterable[Finding]) -> list[Finding]:
    joined: list[Finding] = []
    for each in sorted(findings, key=lambda one: (one.kind, one.why, one.first, one.last)):
        before = joined[-1] if joined else None
        if before and (before.kind, before.why) == (each.kind, each.why) and each.first <= before.last + 1:
            joined[-1] = Finding(kind=each.kind, first=before.first, last=max(before.last, each.last), why=each.why)
        else:
            joined.append(each)
    return joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`covered` is the size of the largest checkpoint that the log was held against, 0 without one."""

    rows: int
    last_position: int
    covered: int
    cosigned: int
    """The largest size that as many witnesses as were named have cosigned."""
    checkpoints: int
    findings: tuple[Finding, ...]

    def sound(self, *, strict: bool = False) -> bool:
        """Whether nothing is wrong; `strict` also minds what no checkpoint covers."""
        return all(each.harmless and not (strict and each.kind is Kind.UNPROTECTED) for each in self.findings)
