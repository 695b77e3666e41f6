"""What a router does: how sure it is, whom it loads, and how much an input's domain tells of the expert it goes to.

Counts stay on the device of the logits and nothing is read from there until `read`, so that collecting costs no wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from kernels.router import chosen
from ml.moe_lora.errors import BadInput
from ml.moe_lora.losses import UNKNOWN, RealTokens, real_tokens


@dataclass(frozen=True, slots=True)
class RoutingFigures:
    """Of one layer, or of a model: the means over its layers, because an expert's number means nothing between layers."""

    entropy_nats: float
    """Mean over tokens of the entropy of the softmax over all experts: 0 when always sure, ln E when never."""
    entropy_share: float
    """The same divided by ln E, 0 to 1; 0 with a single expert."""
    load: tuple[float, ...]
    """Share of the slots (k a token) that each expert has; sums to 1."""
    information_nats: float | None
    """Mutual information between a token's domain and its first choice of an expert; None without labelled tokens.

    Corrected as Miller and Madow do (1955): less (K_de - K_d - K_e + 1) / 2N, with K the pairs, domains and experts that
    occur and N tokens. Independent routing gives 0 on average, single readings may lie below. N counts tokens as
    independent, which those of one text aren't, so what chance adds is still underrated.
    """
    information_slots_nats: float | None
    """The same between domain and all k choices, each slot counted. At most ln(E/k) where E experts share E domains."""


@dataclass(frozen=True, slots=True)
class RoutingReport:
    """Everything seen since the metrics were made."""

    tokens: int
    """Real tokens a layer."""
    labelled: int
    """Of these, with a known domain."""
    experts: tuple[str, ...]
    by_layer: Mapping[str, RoutingFigures]
    whole: RoutingFigures


class _Layer:
    """One layer's sums. Rows of `choices_2DE` and `slots_DE`: domains, then unknown, then out of range."""

    def __init__(self, experts: int, domains: int, device: torch.device) -> None:
        self.entropy = torch.zeros((), dtype=torch.float64, device=device)
        self.first_DE = torch.zeros(domains + 2, experts, dtype=torch.int64, device=device)
        self.slots_DE = torch.zeros_like(self.first_DE)

    def add(self, tokens: RealTokens, top_k: int) -> None:
        logits_TE, real_T, domains_T = tokens
        rows = len(self.first_DE)
        row_T = torch.full_like(real_T, rows - 2, dtype=torch.int64)
        if domains_T is not None:
            row_T = domains_T.masked_fill((domains_T < UNKNOWN) | (domains_T > rows - 3), rows - 1)
            row_T = row_T.masked_fill(domains_T == UNKNOWN, rows - 2)
        log_p_TE = logits_TE.log_softmax(-1)
        self.entropy -= ((log_p_TE.exp() * log_p_TE).sum(-1) * real_T).sum(dtype=torch.float64)
        self.first_DE.index_add_(0, row_T, (chosen(logits_TE, 1) & real_T[:, None]).long())
        self.slots_DE.index_add_(0, row_T, (chosen(logits_TE, top_k) & real_T[:, None]).long())


class RoutingMetrics:
    """Sums over batches. `add` what `routing_of` gives after each forward; `read` when somebody wants to know."""

    def __init__(self, experts: Sequence[str], top_k: int, domains: int | None = None) -> None:
        """`domains` is how many there are where they aren't one an expert. Raises BadInput on a top_k that doesn't fit."""
        if not 1 <= top_k <= len(experts):
            raise BadInput(
                f"top_k is {top_k}, and there are {len(experts)} experts: give the top_k of the adapter's config."
            )
        self._experts = tuple(experts)
        self._top_k = top_k
        self._domains = len(experts) if domains is None else domains
        self._layers: dict[str, _Layer] = {}

    @torch.no_grad()
    def add(
        self, logits_by_layer: Mapping[str, Tensor], attention_mask: Tensor | None = None, domains: Tensor | None = None
    ) -> Self:
        """Count one batch; shapes as in `routing_losses`. Raises BadInput on shapes that don't fit."""
        for name, logits in logits_by_layer.items():
            if logits.shape[-1] != len(self._experts):
                raise BadInput(
                    f"{name!r} has logits for {logits.shape[-1]} experts, and {len(self._experts)} were named: collect one "
                    "adapter at a time."
                )
            tokens = real_tokens(name, logits.detach(), attention_mask, domains, self._domains)
            if name not in self._layers:
                self._layers[name] = _Layer(len(self._experts), self._domains, logits.device)
            self._layers[name].add(tokens, self._top_k)
        return self

    def read(self) -> RoutingReport:
        """All that was counted, on the host. Raises BadInput when nothing was, or a label was out of range."""
        counted = {name: (layer.first_DE.cpu(), layer.slots_DE.cpu()) for name, layer in self._layers.items()}
        tokens = {name: int(first_DE.sum()) for name, (first_DE, _) in counted.items()}
        if not tokens or not all(tokens.values()):
            raise BadInput("No real token was counted: add the routing of a forward over at least one before reading.")
        first_DE, _ = next(iter(counted.values()))
        if wrong := int(first_DE[-1].sum()):
            raise BadInput(
                f"{wrong} tokens had a domain that is out of range: number domains 0 to {self._domains - 1}."
            )
        by_layer = {
            name: self._figures(float(self._layers[name].entropy), first_DE, slots_DE)
            for name, (first_DE, slots_DE) in counted.items()
        }
        labelled = int(first_DE[:-2].sum())
        return RoutingReport(
            next(iter(tokens.values())), labelled, self._experts, by_layer, _mean(list(by_layer.values()))
        )

    def _figures(self, entropy_sum: float, first_DE: Tensor, slots_DE: Tensor) -> RoutingFigures:
        entropy = max(0.0, entropy_sum / int(first_DE.sum()))
        most = float(torch.tensor(float(len(self._experts)), dtype=torch.float64).log())
        load_E = slots_DE.sum(0).double() / slots_DE.sum()
        return RoutingFigures(
            entropy,
            entropy / most if most else 0.0,
            tuple(load_E.tolist()),
            mutual_information(first_DE[:-2]),
            mutual_information(slots_DE[:-2]),
        )


def mutual_information(counts_DE: Tensor) -> float | None:
    """Mutual information in nats of a table of counts, corrected as in RoutingFigures; None for an empty table."""
    n = int(counts_DE.sum())
    if not n:
        return None
    p_DE = counts_DE.double() / n
    plain = _entropy(p_DE.sum(0)) + _entropy(p_DE.sum(1)) - _entropy(p_DE.flatten())
    pairs, domains, experts = (int((counts > 0).sum()) for counts in (counts_DE, counts_DE.sum(1), counts_DE.sum(0)))
    return plain - (pairs - domains - experts + 1) / (2 * n)


def _entropy(p: Tensor) -> float:
    return float(-torch.special.xlogy(p, p).sum())


def _mean(figures: Sequence[RoutingFigures]) -> RoutingFigures:
    def over(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    return RoutingFigures(
        sum(one.entropy_nats for one in figures) / len(figures),
        sum(one.entropy_share for one in figures) / len(figures),
        tuple(sum(shares) / len(figures) for shares in zip(*(one.load for one in figures), strict=True)),
        over([one.information_nats for one in figures]),
        over([one.information_slots_nats for one in figures]),
    )
