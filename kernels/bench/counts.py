"""The part of a report that is the same on every machine: operations and bytes, and torch's counter beside the formulas."""

from dataclasses import replace

import torch

from kernels.bench.contender import Unavailable
from kernels.bench.counting import Flops, counted, flops, parts
from kernels.bench.ffn import FFN, REFERENCE, TRITON
from kernels.bench.operands import made
from kernels.bench.operations import OPERATIONS
from kernels.bench.report import Check, table
from kernels.bench.shapes import DESIGN, GATE, TINY, Shape

UNSEEN = ("triton", "torch.compile")
"""The counter doesn't look into kernels, and compiled code doesn't pass it."""


def counted_ffn(name: str, shape: Shape, device: torch.device, *, trained: bool) -> Flops:
    """What torch's counter sees of a contender, in float32. Raises Unavailable, and KeyError for an unknown name."""
    torch.manual_seed(0)
    at = made(shape, "70/10/10/10", device).at(torch.float32)
    contender = {one.name: one for one in FFN.contenders}[name]
    return counted(contender.build(at, shape.top_k), at.frozen(), trained=trained)


def checks(device: torch.device, shape: Shape = GATE) -> list[Check]:
    """That every formula is what torch counts, and that base products are those of the frozen FFN for every k."""
    found = []
    for name in (one.name for one in FFN.contenders if one.name not in UNSEEN):
        for trained in (False, True):
            try:
                seen = counted_ffn(name, shape, device, trained=trained)
            except Unavailable:
                continue
            wanted = flops(name, shape, trained=trained)
            mode = "forward+backward" if trained else "forward"
            told = f"{seen.base:,} base + {seen.routed:,} routed FLOP counted, {wanted.base:,} + {wanted.routed:,} by formula"
            found.append(Check(f"FLOPs of {name}, {mode}", seen == wanted, told))
    for name in (REFERENCE.name, TRITON.name):
        for top_k in range(1, TINY.experts + 1):
            try:
                ratio = base_ratio(name, replace(TINY, top_k=top_k), device)
            except Unavailable:
                continue
            told = f"{ratio:.3f} x the frozen FFN's, forward and backward"
            found.append(Check(f"base products of {name}, k = {top_k}", ratio == 1.0, told))
    return found


def base_ratio(name: str, shape: Shape, device: torch.device) -> float:
    """Base products counted in a contender, forward and backward, over those counted in the frozen FFN."""
    ours = counted_ffn(name, shape, device, trained=True).base
    return ours / counted_ffn("frozen", shape, device, trained=True).base


def told(shape: Shape = DESIGN) -> str:
    """Two tables: FLOPs by contender, and what each operation must do and move."""
    frozen = flops("frozen", shape, trained=False).total
    lines = [["forward, at " + shape.told(), "base x", "routed TFLOP", "all TFLOP", "x frozen"]]
    for contender in FFN.contenders:
        found = flops(contender.name, shape, trained=False)
        cells = [found.base / frozen, found.routed / 1e12, found.total / 1e12, found.total / frozen]
        lines.append([contender.name, *(f"{cell:.3f}" for cell in cells)])
    per = [["operation", "TFLOP", "GB", "FLOP/byte", "TFLOP with backward", "GB with backward"]]
    for subject in OPERATIONS:
        most = max(one.experts for one in subject.shapes)
        both = [parts(subject.name, replace(shape, experts=most), trained=way) for way in (False, True)]
        work = [(sum(part.flops for part in way), sum(part.moved for part in way)) for way in both]
        cells = [work[0][0] / 1e12, work[0][1] / 1e9, work[0][0] / work[0][1], work[1][0] / 1e12, work[1][1] / 1e9]
        per.append([f"{subject.name}, E={most}", *(f"{cell:.3f}" for cell in cells)])
    return table(lines) + "\n\n" + table(per)
