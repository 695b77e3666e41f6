"""One run of the benchmark: what is judged, in which order things are measured, and when it stops."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from kernels.bench import counts, timing
from kernels.bench.contender import DROPOUT, NO_MEMORY, Built, Contender, Subject, Unavailable, told
from kernels.bench.counting import floor_s, parts
from kernels.bench.ffn import FFN, FFN_MANY
from kernels.bench.gate import BOUNDS, gate_shape, judge
from kernels.bench.machine import Rates, machine, measured_rates
from kernels.bench.operands import made
from kernels.bench.operations import OPERATIONS
from kernels.bench.report import FORWARD, TRAINED, Check, Report, Row, aims_of
from kernels.bench.shapes import DECODE, SKEWS, SMALL, TINY, Shape, Skew

SUBJECTS = (FFN, *OPERATIONS, FFN_MANY)
NAMES = tuple(subject.name for subject in SUBJECTS)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """`minutes` bounds the measuring: what hasn't begun by then is left out, and the report says so."""

    subjects: tuple[Subject, ...] = SUBJECTS
    quick: bool = False
    minutes: float = 6.5
    seconds: float = 1.5
    """Per shape, skew and mode, for all contenders together."""


@dataclass
class Run:
    """A run in progress."""

    options: Options
    device: torch.device
    report: Report
    say: Say
    began: float = field(default_factory=time.monotonic)
    fit: dict[str, list[Contender]] = field(default_factory=dict)

    def late(self) -> bool:
        return time.monotonic() - self.began > 60 * self.options.minutes

    def contenders(self, subject: Subject) -> list[Contender]:
        """Those that may be timed: judged on the first call, and reported."""
        if subject.name not in self.fit:
            self.fit[subject.name] = [one for one in subject.contenders if self._admit(subject, one)]
        return self.fit[subject.name]

    def _admit(self, subject: Subject, contender: Contender) -> bool:
        if not contender.exact:
            return True
        interpreted = self.device.type == "cpu" and contender.name in ("triton", "dispatch")
        shape, kinds = gate_shape(subject, contender), contender.kinds
        if interpreted:
            shape, kinds = _tiny(shape), (torch.float32,)
        passed = True
        for kind in kinds:
            try:
                # Dropout is other code to compile: once is enough.
                verdict = judge(subject, contender, shape, self.device, kind, masks=kind is kinds[-1])
            except Unavailable as why:
                self.report.missing.append(f"{subject.name}: {contender.name}: {why}")
                return False
            self.report.verdicts.append(verdict)
            self.say(verdict.told())
            passed = passed and verdict.passed
        return passed


def run(options: Options, device: torch.device, say: Say) -> Report:
    """Judge everything; on a GPU measure too."""
    report = Report(machine(device), counts.told())
    running = Run(options, device, report, say)
    # On the CPU also where there is a GPU: counts are the same, and kernels would be compiled anew for each k.
    report.checks.extend(counts.checks(torch.device("cpu")))
    subjects = list(dict.fromkeys(subject for subject, _ in planned(options)))
    for subject in subjects:
        running.contenders(subject)
    if device.type == "cuda":
        report.rates = measured_rates(device)
        say(f"rates: {report.rates.told()}")
        for subject, shape in planned(options):
            try:
                _measure(running, subject, shape, report.rates)
            except Exception as fault:  # noqa: BLE001 - what was measured before is still told
                report.checks.append(Check(f"{subject.name} at {shape.told()}", held=False, told=told(fault)))
        report.aims.extend(aims_of(report.rows))
        for subject in subjects:  # last: a capture that fails can leave the device unusable
            report.checks.extend(_captures(running, subject))
    report.took_s = time.monotonic() - running.began
    return report


def planned(options: Options) -> list[tuple[Subject, Shape]]:
    """Largest shapes first, the whole FFN before its operations: if time runs out, the least is lost."""
    pairs = [(subject, shape) for subject in options.subjects for shape in subject.shapes]
    if options.quick:
        pairs = [(subject, shape) for subject, shape in pairs if shape in (SMALL, DECODE)]
    order = [subject.name for subject in SUBJECTS]
    return sorted(pairs, key=lambda pair: (-pair[1].tokens * pair[1].width * pair[1].inner, order.index(pair[0].name)))


def skews_of(subject: Subject, shape: Shape) -> tuple[Skew, ...]:
    """All for the FFN at sizes that fill a GPU; otherwise the two ends."""
    return SKEWS if subject is FFN and shape.tokens > 1024 else (SKEWS[0], SKEWS[-1])


def _tiny(shape: Shape) -> Shape:
    return replace(TINY, experts=min(shape.experts, 8), top_k=shape.top_k)


def _measure(running: Run, subject: Subject, shape: Shape, rates: Rates) -> None:
    """All skews and modes of one subject at one shape."""
    began = time.monotonic()
    for skew in skews_of(subject, shape):
        for mode in (FORWARD, TRAINED):
            if running.late():
                running.report.left_out.append(f"{subject.name} at {shape.told()}, {skew}, {mode}: out of time")
                continue
            running.report.rows.extend(_rows(running, subject, shape, skew, mode, rates))
            torch.cuda.empty_cache()
    running.say(f"{subject.name} at {shape.told()}: {time.monotonic() - began:.0f} s")


def _rows(running: Run, subject: Subject, shape: Shape, skew: Skew, mode: str, rates: Rates) -> list[Row]:
    torch.manual_seed(0)
    at = made(shape, skew, running.device)
    runs: dict[str, timing.Run] = {}
    notes: dict[str, str] = {}
    chosen = {one.name: one for one in running.contenders(subject) if one.fits(shape)}
    for name, contender in chosen.items():
        try:
            runs[name] = runner(contender.build(at, shape.top_k), mode)
        except Unavailable as why:
            notes[name] = "not here"
            running.report.missing.append(f"{subject.name}: {name}: {why}")
        except Exception as fault:  # noqa: BLE001 - as in warm_up
            notes[name] = told(fault)
    cost, failed = timing.warm_up(runs)
    if subject is FFN and shape.tokens <= SMALL.tokens:
        cost |= _graphs(runs, cost)
    times = timing.interleaved(runs, cost, running.options.seconds)
    notes |= failed
    for name, note in notes.items():
        if note not in ("not here", NO_MEMORY):
            told_by = f"{subject.name} at {shape.told()}, {skew}, {mode}: {name}"
            running.report.checks.append(Check(told_by, held=False, told=note))
    return [
        _row(
            subject,
            shape,
            skew,
            mode,
            name,
            times.get(name),
            chosen.get(name),
            rates,
            runs.get(name),
            notes.get(name, ""),
        )
        for name in [*times, *notes]
    ]


def runner(built: Built, mode: str) -> timing.Run:
    """Forward as in inference, without dropout and without gradients; forward+backward as in training."""
    if mode == TRAINED:
        towards = built.directions()
        return lambda: built.trained(towards, DROPOUT)

    def forward() -> object:
        with torch.no_grad():
            return built.forward(0.0)

    return forward


def _graphs(runs: dict[str, timing.Run], cost: dict[str, float]) -> dict[str, float]:
    """Replays of what was captured, added to `runs`, where launching takes longer than computing."""
    found = {}
    for name in ("frozen", "triton"):
        if name in cost:
            try:
                graph, held = timing.captured(runs[name])
            except RuntimeError:  # told by the check of captures, at the end
                continue
            runs[f"{name}, CUDA graph"] = partial(_replay, graph, held)
            found[f"{name}, CUDA graph"] = cost[name]
    return found


def _replay(graph: torch.cuda.CUDAGraph, held: object) -> object:
    """`held`: what replays write must outlive them."""
    graph.replay()
    return held


def _row(
    subject: Subject,
    shape: Shape,
    skew: Skew,
    mode: str,
    name: str,
    spread: timing.Spread | None,
    contender: Contender | None,
    rates: Rates,
    once: timing.Run | None,
    note: str,
) -> Row:
    plain = name.startswith(("frozen", "plain"))
    peak = timing.peak_bytes(once) if once and spread and contender else None
    row = (subject.name, shape.name, shape.told(), mode, skew, name, spread)
    if not plain and contender is not None and not contender.exact:
        return Row(*row, peak_bytes=peak, note=note)
    work = parts(subject.name, shape, trained=mode == TRAINED, plain=plain)
    floor = 1e3 * floor_s(work, rates.flops_per_s, rates.bytes_per_s)
    operations, moved = sum(part.flops for part in work), sum(part.moved for part in work)
    return Row(*row, operations, moved, floor, peak, note)


def _captures(running: Run, subject: Subject) -> list[Check]:
    """Forward and backward of our kernels in a CUDA graph: nothing in them waits for the host."""
    found = []
    for contender in running.contenders(subject):
        if contender.name not in ("triton", "dispatch"):
            continue
        torch.manual_seed(0)
        shape = gate_shape(subject, contender)
        name = f"{subject.name} by {contender.name} in a CUDA graph"
        try:
            built = contender.build(made(shape, SKEWS[0], running.device), shape.top_k)
            error = timing.replays(built, built.directions())
        except RuntimeError as fault:
            found.append(Check(name, held=False, told=told(fault)))
        else:
            # Not zero: beside a graph the library may split a product otherwise.
            held = error <= BOUNDS[shape.dtype]
            found.append(Check(name, held, f"a replay on new numbers is {error:.1e} from a run"))
    return found
