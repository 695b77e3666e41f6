"""What a run of the benchmark found, as text and as JSON."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kernels.bench.gate import Verdict
from kernels.bench.machine import Machine, Rates
from kernels.bench.timing import Spread

FORWARD = "forward"
TRAINED = "forward+backward"


@dataclass(frozen=True, slots=True)
class Row:
    """One contender at one shape, skew and mode. `flops` and `moved` are what the subject's function needs at least,
    `floor_ms` the time in which this machine could do that; None where the contender computes something else.
    """

    subject: str
    shape: str
    sizes: str
    mode: str
    skew: str
    contender: str
    time: Spread | None
    flops: int | None = None
    moved: int | None = None
    floor_ms: float | None = None
    peak_bytes: int | None = None
    note: str = ""

    @property
    def share(self) -> float | None:
        """Of the roofline."""
        return self.floor_ms / self.time.median_ms if self.floor_ms and self.time else None


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold, or an aim that may be missed."""

    name: str
    held: bool
    told: str

    def line(self, words: tuple[str, str]) -> str:
        """`words`: for held, and for not."""
        return f"{words[0] if self.held else words[1]}  {self.name}: {self.told}"


@dataclass
class Report:
    """Everything of one run. `checks` must hold, `aims` are hoped for."""

    machine: Machine
    counts: str
    rates: Rates | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    aims: list[Check] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def right(self) -> bool:
        """Whether every exact contender was exact and every check held."""
        return all(verdict.passed for verdict in self.verdicts) and all(check.held for check in self.checks)

    def text(self) -> str:
        """For people."""
        facts = [f"{name}: {fact}" for name, fact in self.machine.facts().items()]
        blocks = ["\n".join(facts), self.counts]
        blocks.append(
            "\n".join(
                ["Errors against float64, ‖found - exact‖ / ‖exact‖, of the worst output or gradient", *self._told()]
            )
        )
        if self.rates is not None:
            blocks.append(f"Measured rates: {self.rates.told()}")
            blocks.extend(_tables(self.rows))
        else:
            blocks.append("Speed isn't measured on a CPU: these kernels are for GPUs, and Triton interprets them here.")
        blocks.append("\n".join(check.line(("ok    ", "FAILED")) for check in self.checks))
        blocks.append("\n".join(aim.line(("reached", "missed ")) for aim in self.aims))
        blocks.append("\n".join(f"left out  {what}" for what in self.left_out))
        blocks.append(f"{'All right' if self.right else 'NOT RIGHT: see FAILED above'}; took {self.took_s:.0f} s")
        return "\n\n".join(block for block in blocks if block) + "\n"

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        found = asdict(self)
        for facts, row in zip(found["rows"], self.rows, strict=True):
            facts["share_of_roofline"] = row.share
        for facts, verdict in zip(found["verdicts"], self.verdicts, strict=True):
            facts["passed"] = verdict.passed
            facts["worst"] = None if math.isnan(verdict.worst) else verdict.worst  # JSON has no NaN
        return {"key": self.machine.key(), "right": self.right, **found}

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(self.facts(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def _told(self) -> list[str]:
        return [verdict.told() for verdict in self.verdicts] + [f"not run  {why}" for why in self.missing]


def table(lines: Sequence[Sequence[str]]) -> str:
    """Columns set apart by spaces; the first one left-aligned, numbers right."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _tables(rows: Sequence[Row]) -> Iterable[str]:
    """One for each subject, shape and mode: a line a contender, its milliseconds by skew."""
    for key in dict.fromkeys((row.subject, row.sizes, row.mode) for row in rows):
        chosen = [row for row in rows if (row.subject, row.sizes, row.mode) == key]
        skews = list(dict.fromkeys(row.skew for row in chosen))
        names = list(dict.fromkeys(row.contender for row in chosen))
        found = {(row.contender, row.skew): row for row in chosen}
        first = found.get((names[0], skews[0]))
        heading = ["ms: median ± spread", *skews, f"x {names[0]}", "over skews", "TFLOP", "GB", "roofline", "peak GiB"]
        lines = [_line(name, [found.get((name, skew)) for skew in skews], first) for name in names]
        yield f"{key[0]}, {key[2]}, {key[1]}\n" + table([heading, *lines])


def _line(name: str, rows: Sequence[Row | None], first: Row | None) -> list[str]:
    known = [row for row in rows if row is not None]
    times = [row.time.median_ms for row in known if row.time]
    one = known[0]
    relative = times[0] / first.time.median_ms if times and first and first.time else None
    over = 100 * (max(times) / min(times) - 1) if len(times) > 1 else None
    return [
        name,
        *(_milliseconds(row) for row in rows),
        _or_blank(relative, "{:.3f}"),
        _or_blank(over, "{:.1f} %"),
        _or_blank(one.flops and one.flops / 1e12, "{:.3g}"),
        _or_blank(one.moved and one.moved / 1e9, "{:.3g}"),
        _or_blank(one.share and 100 * one.share, "{:.0f} %"),
        _or_blank(one.peak_bytes and one.peak_bytes / 2**30, "{:.2f}"),
    ]


def _milliseconds(row: Row | None) -> str:
    if row is None:
        return ""
    if row.time is None:
        return row.note
    return f"{row.time.median_ms:.3f} ± {(row.time.p80_ms - row.time.p20_ms) / 2:.3f}"


def _or_blank(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def aims_of(rows: Sequence[Row]) -> list[Check]:
    """What the kernels are for, at the largest shape of the FFN; nothing where that wasn't measured."""
    found = {(row.mode, row.skew, row.contender): row for row in rows if row.subject == "ffn" and row.shape == "4096"}
    skews = list(dict.fromkeys(skew for _, skew, _ in found))
    aims: list[Check] = []
    for mode, bound, factor in ((FORWARD, 1.05, 2.5), (TRAINED, 1.10, 1.0)):
        times = {
            name: row.time.median_ms
            for (kind, skew, name), row in found.items()
            if kind == mode and skew == skews[0] and row.time
        }
        ours = times.get("triton")
        if ours is None:
            continue
        if "frozen" in times:
            aims.append(_aim(f"{mode} in times of the frozen FFN", ours / times["frozen"], bound, most=True))
        if "PEFT LoRA r=64" in times:
            aims.append(_aim(f"{mode} in times of PEFT's LoRA r=64", ours / times["PEFT LoRA r=64"], 1.0, most=True))
        if "MixLoRA" in times:
            aims.append(_aim(f"MixLoRA in times of our {mode}", times["MixLoRA"] / ours, factor, most=False))
        over = [
            row.time.median_ms
            for (kind, _, name), row in found.items()
            if kind == mode and name == "triton" and row.time
        ]
        if len(over) > 1:
            aims.append(_aim(f"{mode}, % between skews", 100 * (max(over) / min(over) - 1), 3.0, most=True))
    peaks = {name: row.peak_bytes for (_, _, name), row in found.items() if row.peak_bytes}
    if {"triton", "MixLoRA"} <= set(peaks):
        aims.append(
            _aim("peak of activations in times of MixLoRA's", peaks["triton"] / peaks["MixLoRA"], 0.5, most=True)
        )
    return aims


def _aim(name: str, value: float, bound: float, *, most: bool) -> Check:
    return Check(
        name, value <= bound if most else value >= bound, f"{value:.3f}, {'at most' if most else 'at least'} {bound}"
    )
