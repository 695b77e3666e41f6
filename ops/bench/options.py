"""What a run measures and how long it may take."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    only: tuple[str, ...] = ()
    """Names of benchmarks; empty for all."""
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    rounds: int = 3
    """Rounds of each measure; the alternatives take turns within one."""
    seconds: float = 2.0
    """Length of a round of what is measured by the clock."""
    scale: float = 1.0
    """Multiplies how many events a round holds; 1 is what the documented numbers were taken with."""
    writers: int = 32
    postgres_url: str | None = None
    folder: Path | None = None

    def size(self, usual: int) -> int:
        """`usual` scaled, at least one for each writer."""
        return max(self.writers, round(usual * self.scale))
