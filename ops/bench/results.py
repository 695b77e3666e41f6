"""What a benchmark yields: rows with their aim and verdict, and the table they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound. `at_least` for rates, otherwise the value must stay below it."""

    bound: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value < self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured number. `value` is the median over rounds, or a percentile over all samples; `least` and `most` are
    those of single rounds. Rows without an aim are there to compare with.
    """

    benchmark: str
    database: str
    what: str
    value: float
    least: float
    most: float
    unit: str
    aim: Aim | None = None
    note: str = ""

    @classmethod
    def of_rounds(cls, values: Sequence[float], **facts: Any) -> Self:
        """From one value a round."""
        return cls(value=median(values), least=min(values), most=max(values), **facts)

    @classmethod
    def of_samples(cls, rounds: Sequence[Sequence[float]], share: float, **facts: Any) -> Self:
        """The percentile `share` (0 to 1) over all samples, and its spread over the rounds."""
        single = [percentile(one, share) for one in rounds]
        pooled = [sample for one in rounds for sample in one]
        return cls(value=percentile(pooled, share), least=min(single), most=max(single), **facts)

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return ""
        return "reached" if self.aim.met(self.value) else "missed"

    def facts(self) -> dict[str, Any]:
        """For JSON lines."""
        aim = {"aim": self.aim.bound, "aim_at_least": self.aim.at_least, "verdict": self.verdict} if self.aim else {}
        return {
            "benchmark": self.benchmark,
            "database": self.database,
            "what": self.what,
            "value": round(self.value, 4),
            "least": round(self.least, 4),
            "most": round(self.most, 4),
            "unit": self.unit,
            **aim,
            "note": self.note,
        }

    def measured(self) -> str:
        """The value, and in brackets the spread of single rounds."""
        value, least, most = (_number(number, self.unit) for number in (self.value, self.least, self.most))
        return value if least == most else f"{value} ({least} to {most})"

    def aimed_at(self) -> str:
        """The aim with its direction; "" without one."""
        if self.aim is None:
            return ""
        return ("≥ " if self.aim.at_least else "< ") + _number(self.aim.bound, self.unit)


def percentile(samples: Sequence[float], share: float) -> float:
    """The nearest-rank percentile. Raises ValueError without samples."""
    ordered = sorted(samples)
    if not ordered:
        raise ValueError("no samples")
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def markdown(rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """What the numbers depend on, then a table with a column for each database."""
    databases = list(dict.fromkeys(row.database for row in rows))
    found = {(row.benchmark, row.what, row.database): row for row in rows}
    headings = ("benchmark", "unit", *(column for name in databases for column in (name, "aim", "verdict")))
    lines = [headings, tuple("---" for _ in headings)]
    for benchmark, what in dict.fromkeys((row.benchmark, row.what) for row in rows):
        alike = [found.get((benchmark, what, name)) for name in databases]
        cells = [
            cell for row in alike for cell in ((row.measured(), row.aimed_at(), row.verdict) if row else ("", "", ""))
        ]
        lines.append((f"{benchmark}: {what}", next(row.unit for row in alike if row), *cells))
    told = "".join(f"* {name}: {fact}\n" for name, fact in facts.items())
    return told + "\n" + "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _number(value: float, unit: str) -> str:
    """Three significant digits for small values, whole numbers with separators for large ones."""
    if unit in ("/s", "MB") or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
