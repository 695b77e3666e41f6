"""Right before fast: what a contender that claims to be exact must show before it is timed."""

import math
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from kernels.bench.contender import DROPOUT, Built, Contender, Subject, Unavailable, precise, told
from kernels.bench.operands import made
from kernels.bench.shapes import GATE, Shape, Skew

BOUNDS: Final = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
"""‖found - exact‖ / ‖exact‖ in float64, for every output and every gradient."""
SKEWS: Final[tuple[Skew, ...]] = ("25/25/25/25", "97/1/1/1")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far the worst output or gradient of a contender was, over all its checks in one type of number."""

    subject: str
    contender: str
    dtype: str
    worst: float
    where: str
    bound: float
    fault: str = ""

    @property
    def passed(self) -> bool:
        return not self.fault and self.worst <= self.bound  # NaN is on no side of a bound

    def told(self) -> str:
        """One line for people."""
        what = f"{self.subject}: {self.contender}, {self.dtype}"
        if self.fault:
            return f"FAILED  {what}: {self.fault}"
        word = "ok    " if self.passed else "FAILED"
        return f"{word}  {what}: {self.worst:.1e} of at most {self.bound:.0e} ({self.where})"


def far(found: Tensor, exact: Tensor) -> float:
    """‖found - exact‖ / ‖exact‖ in float64; the plain norm where nothing is expected; infinity for another shape."""
    if found.shape != exact.shape:
        return math.inf
    size = float(exact.detach().double().norm())
    return float((found.detach().double() - exact.detach().double()).norm()) / (size or 1.0)


def judge(
    subject: Subject,
    contender: Contender,
    shape: Shape,
    device: torch.device,
    dtype: torch.dtype,
    *,
    masks: bool = True,
) -> Verdict:
    """Hold a contender to the subject's function in float64, on the same numbers, in even and in lopsided routing.

    With dropout too (`masks`) where it draws the masks of kernels.dropout. A contender that raises has failed, and the
    verdict says what it raised. Raises Unavailable where it can't run at all.
    """
    worst, where = 0.0, "nothing compared"
    bound, kind = BOUNDS[dtype], str(dtype).removeprefix("torch.")
    for skew in SKEWS:
        for p in (0.0, DROPOUT) if contender.masked and masks else (0.0,):
            try:
                errors = _errors(subject, contender, shape, skew, device, dtype, p)
            except Unavailable:
                raise
            except Exception as fault:  # noqa: BLE001 - whatever a contender dies of, the others are still judged
                return Verdict(subject.name, contender.name, kind, math.nan, where, bound, told(fault))
            for name, error in errors.items():
                if not error <= worst:  # NaN beats every number
                    worst, where = error, f"{name}, {skew}, dropout {p}"
    return Verdict(subject.name, contender.name, kind, worst, where, bound)


def gate_shape(subject: Subject, contender: Contender) -> Shape:
    """A small shape with the most experts that the contender is measured with."""
    return replace(GATE, experts=max(shape.experts for shape in subject.shapes if contender.fits(shape)))


def _errors(
    subject: Subject,
    contender: Contender,
    shape: Shape,
    skew: Skew,
    device: torch.device,
    dtype: torch.dtype,
    p: float,
) -> dict[str, float]:
    torch.manual_seed(0)
    at = made(shape, skew, device).at(dtype)
    with precise():
        torch.manual_seed(1)
        exact = subject.truth(at, shape.top_k)
        torch.manual_seed(1)
        built = contender.build(at, shape.top_k)
        towards = built.directions()
        wanted = _run(exact, tuple(direction.double() for direction in towards), p)
        _poison(device)
        found = _run(built, towards, p)
    names = [f"output {place}" for place in range(len(towards))]
    names += [f"gradient {place} {list(leaf.shape)}" for place, leaf in enumerate(built.leaves)]
    return {name: far(one, other) for name, one, other in zip(names, found, wanted, strict=True)}


def _run(built: Built, towards: tuple[Tensor, ...], p: float) -> list[Tensor]:
    """Outputs, then gradients; the masks of one seed."""
    torch.manual_seed(2)
    outputs, gradients = built.trained(towards, p)
    return [*outputs, *gradients]


def _poison(device: torch.device) -> None:
    """Leave NaN in memory that is handed out next, so that an element nobody writes shows."""
    if device.type == "cuda":
        held = [torch.full((size,), math.nan, device=device) for size in (2**8, 2**14, 2**18, 2**22) for _ in range(8)]
        del held
