"""Who goes to which expert when.

In each of k turns every token goes to one of its experts. So within a turn no two programs write to the same token, and sums
over a token's experts are taken turn by turn: always in the same order, without atomics.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Turns:
    """The tokens of each turn in the order of their experts, cut into blocks that hold one expert's tokens each.

    Everything is computed on the device and has a shape that follows from T, E, k and the block's length alone.
    """

    experts_KT: Tensor
    """Each token's expert."""
    order_KT: Tensor
    """Token numbers by expert, those of one expert ascending."""
    starts_KE1: Tensor
    """Where in `order` each expert's tokens start; the last entry is T."""
    owners_KB: Tensor
    """The expert of each block, E where there is nothing left to do."""
    firsts_KB: Tensor
    """Where in `order` each block starts."""


def take_turns(weights_TE: Tensor, top_k: int, block: int) -> Turns:
    """In turn j each token goes to the j-th of its experts of weight other than zero, by number, or to an idle one after those."""
    tokens, experts = weights_TE.shape
    device = weights_TE.device
    used = (weights_TE != 0).to(torch.int8)
    experts_KT = used.sort(dim=1, descending=True, stable=True).indices[:, :top_k].T.contiguous()
    ascending, order_KT = experts_KT.sort(dim=1, stable=True)
    edges = torch.arange(experts + 1, device=device).expand(top_k, -1).contiguous()
    starts_KE1 = torch.searchsorted(ascending, edges)
    blocks_KE = (starts_KE1.diff(dim=1) + (block - 1)) // block
    ends_KE = blocks_KE.cumsum(1)
    # A block more for each expert whose last one isn't full.
    numbers = torch.arange(-(-tokens // block) + experts, device=device).expand(top_k, -1).contiguous()
    owners_KB = torch.searchsorted(ends_KE, numbers, right=True)
    owned = owners_KB.clamp(max=experts - 1)
    ahead = numbers - (ends_KE - blocks_KE).gather(1, owned)
    return Turns(experts_KT, order_KT, starts_KE1, owners_KB, starts_KE1.gather(1, owned) + ahead * block)


def spread(values_KTR: Tensor, turns: Turns, experts: int) -> Tensor:
    """What tokens got at their experts, [T, E, R], zeros elsewhere."""
    top_k, tokens, rank = values_KTR.shape
    index = turns.experts_KT.T[:, :, None].expand(tokens, top_k, rank)
    return values_KTR.new_zeros((tokens, experts, rank)).scatter(1, index, values_KTR.transpose(0, 1))
