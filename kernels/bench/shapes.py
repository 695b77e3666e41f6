"""Which sizes are measured, and how unevenly tokens are spread over the experts."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import torch

Skew = Literal["25/25/25/25", "40/30/20/10", "70/10/10/10", "97/1/1/1"]
"""Shares of the tokens whose *first* choice each expert is. A token chooses k different experts, so no expert can have more
than 1/k of all choices: further choices are drawn from the other experts in proportion to their shares."""

SKEWS: Final[tuple[Skew, ...]] = get_args(Skew)


@dataclass(frozen=True, slots=True)
class Shape:
    """A routed FFN and how many tokens it gets. The names of its sizes are those of kernels.names."""

    name: str
    tokens: int
    width: int
    inner: int
    experts: int = 4
    rank: int = 16
    top_k: int = 2
    dtype: torch.dtype = torch.bfloat16

    def told(self) -> str:
        """For a table."""
        sizes = f"T={self.tokens} d={self.width} f={self.inner} E={self.experts} r={self.rank} k={self.top_k}"
        return f"{sizes} {str(self.dtype).removeprefix('torch.')}"


DESIGN: Final = Shape("4096", tokens=16384, width=4096, inner=14336)
"""A layer of a model of eight billion parameters, and two sequences of 8,192 tokens."""
HALF: Final = Shape("2048", tokens=16384, width=2048, inner=8192)
SMALL: Final = Shape("small", tokens=512, width=1024, inner=2816)
DECODE: Final = Shape("decode", tokens=8, width=4096, inner=14336)
MANY: Final = Shape("many", tokens=8192, width=2048, inner=8192, experts=64)
"""Enough experts for kernels.choice to dispatch tokens to them."""
EIGHT: Final = Shape("eight", tokens=16384, width=2048, inner=8192, experts=8)
"""The widest stack of ranks that the dense kernels take in bfloat16: where dispatch must begin to pay."""
GATE: Final = Shape("gate", tokens=200, width=128, inner=352)
"""What contenders are held to the reference at: small enough for float64, ragged in tokens, several blocks in the rest."""
TINY: Final = Shape("tiny", tokens=24, width=64, inner=80, rank=8, dtype=torch.float32)
"""What Triton's interpreter gets through in seconds."""

SHAPES: Final = (DESIGN, HALF, SMALL, DECODE)


def shares(skew: Skew, experts: int) -> list[float]:
    """Each expert's share, summing to 1. With other than four experts the first keeps its number, unless all are alike,
    and the rest repeat the other numbers in proportion. Raises ValueError for fewer than two experts.
    """
    if experts < 2:
        raise ValueError(f"{experts} expert leaves nothing to share: a skew needs at least 2")
    first, *others = (float(number) for number in skew.split("/"))
    if first == others[0]:
        return [1 / experts] * experts
    rest = [others[place % len(others)] for place in range(experts - 1)]
    return [first / 100, *((1 - first / 100) * number / sum(rest) for number in rest)]
