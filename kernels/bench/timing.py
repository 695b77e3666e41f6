"""Time, memory and capture on a GPU.

Contenders take turns within a round, forwards and backwards, so that clocks and heat are shared; the cache is overwritten
before each run; time is what lies between two events of the device.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import quantiles
from typing import Final, TypeVar

import torch
from torch import Tensor

from kernels.bench.contender import Built, told
from kernels.bench.gate import far

Run = Callable[[], object]
T = TypeVar("T")
ROUNDS: Final = (5, 40)
"""No fewer, no more."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds a run: the median over the rounds, and what a fifth of them was below and above."""

    median_ms: float
    p20_ms: float
    p80_ms: float
    rounds: int


def event() -> torch.cuda.Event:
    """A mark on the device's own clock."""
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch states no types for it


def spread(samples_ms: list[float]) -> Spread:
    """Raises ValueError for fewer than two samples."""
    if len(samples_ms) < 2:
        raise ValueError(f"{len(samples_ms)} samples have no spread: take at least 2")
    fifths = quantiles(samples_ms, n=10, method="inclusive")
    return Spread(fifths[4], fifths[1], fifths[7], len(samples_ms))


def turns(names: list[str], rounds: int) -> list[list[str]]:
    """The order of each round: forwards, then backwards, and so on."""
    return [names if turn % 2 == 0 else names[::-1] for turn in range(rounds)]


def warm_up(runs: Mapping[str, Run]) -> tuple[dict[str, float], dict[str, str]]:
    """Run each three times: seconds of one run of those that do run, and why the others don't.

    Tuning and compiling happen here.
    """
    cost: dict[str, float] = {}
    failed: dict[str, str] = {}
    for name, run in runs.items():
        try:
            for _ in range(2):
                run()
            torch.cuda.synchronize()
            began = time.perf_counter()
            run()
            torch.cuda.synchronize()
            cost[name] = time.perf_counter() - began
        except Exception as fault:  # noqa: BLE001 - whatever one dies of, the others are still timed
            failed[name] = told(fault)
    if failed:
        torch.cuda.empty_cache()
    return cost, failed


def interleaved(runs: Mapping[str, Run], cost: Mapping[str, float], seconds: float) -> dict[str, Spread]:
    """Time what `warm_up` found to run, in about `seconds`."""
    names = list(cost)
    least, most = ROUNDS
    rounds = min(most, max(least, math.ceil(seconds / max(sum(cost.values()), 1e-6))))
    flushed = torch.empty(_flush_bytes(), dtype=torch.int8, device="cuda")
    samples: dict[str, list[float]] = {name: [] for name in names}
    for order in turns(names, rounds):
        events = {name: (event(), event()) for name in order}
        for name in order:
            began, ended = events[name]
            flushed.zero_()
            began.record()
            runs[name]()
            ended.record()
        torch.cuda.synchronize()
        for name, (began, ended) in events.items():
            samples[name].append(began.elapsed_time(ended))
    return {name: spread(taken) for name, taken in samples.items()}


def _flush_bytes() -> int:
    """Several times the cache, and long enough to write that the host is ahead when the clock starts."""
    return max(4 * torch.cuda.get_device_properties(0).L2_cache_size, 2**29)


def peak_bytes(run: Run) -> int:
    """The most memory that one run held beyond what there was before: activations and gradients, weights not."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def captured(run: Callable[[], T]) -> tuple[torch.cuda.CUDAGraph, T]:
    """A CUDA graph of a run, and what it returned: the tensors that replays write. Whatever waits for the device raises here."""
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # as an event's
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = run()
    return graph, outputs


def replays(built: Built, towards: tuple[Tensor, ...]) -> float:
    """Forward and backward captured once, then replayed on other numbers in the same leaves: how far a replay is from a
    run, which is rounding.
    """

    def run() -> tuple[Tensor, ...]:
        outputs, gradients = built.trained(towards, 0.0)
        return (*outputs, *gradients)

    graph, held = captured(run)
    with torch.no_grad():
        for leaf in built.leaves:
            leaf.mul_(-0.5)
    graph.replay()
    torch.cuda.synchronize()
    return max(far(one, other) for one, other in zip(held, run(), strict=True))
