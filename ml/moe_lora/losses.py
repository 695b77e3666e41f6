"""What keeps a router useful, and what teaches it the domains: balance, z and domain losses, over real tokens only.

Every loss is a mean over tokens, then over layers, so that its weight means the same at any length and depth. Losses are
computed from the logits of the last forward, which layers replace and never append: a forward repeated under activation
checkpointing counts once. In data-parallel training every process takes its own means, as with the language-model loss.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import torch
from torch import Tensor, nn

from kernels.router import chosen
from ml.moe_lora.errors import BadInput
from ml.moe_lora.routing import layers_of, routing_of

UNKNOWN: Final = -1
"""The label of a sequence or token of which no domain is known."""


class RoutingLosses(NamedTuple):
    """Scalars in float32 (float64 for float64 logits), each the mean over layers of a mean over real tokens.

    All three are 0, with gradients of 0, where there is no real token; `domain` also where none is labelled.
    """

    balance: Tensor
    """E · Σ_e f_e P_e with f_e the share of the T·k slots that expert e has and P_e its mean probability: Switch's loss
    (arXiv:2101.03961, eq. 4) for any k. 1 when slots or probabilities are spread evenly, E/k when k experts get all."""
    z: Tensor
    """Mean of (log Σ_e exp logit_e)², which keeps logits small (ST-MoE, arXiv:2202.08906, eq. 5)."""
    domain: Tensor
    """Mean of -log p_d, p the softmax over all experts and d the expert of the token's domain, in nats."""


class RealTokens(NamedTuple):
    """One layer's routing without its shape: what is not real has logits of 0 and counts nowhere."""

    logits_TE: Tensor
    real_T: Tensor
    """bool."""
    domains_T: Tensor | None
    """int64; UNKNOWN where not labelled or not real."""


def routing_losses(
    logits_by_layer: Mapping[str, Tensor],
    top_k: int,
    attention_mask: Tensor | None = None,
    domains: Tensor | None = None,
) -> RoutingLosses:
    """Balance, z and domain loss of one forward.

    `logits_by_layer`: [B, S, E] or [B·S, E] a layer. `attention_mask`: [B, S], non-zero where a token is real; all are
    without it. `domains`: [B] or [B, S] integers, each the number of a domain's expert, or UNKNOWN. Raises BadInput on
    what doesn't fit. Labels that lie on an accelerator aren't looked at, since that would make the host wait: one that is
    out of range makes `domain` NaN.
    """
    if not logits_by_layer:
        raise BadInput(
            "No router logits were collected. Run a forward in training mode first; an adapter with one expert or a fixed "
            "mixture routes nothing: leave these losses out for it, as total_loss does."
        )
    layers = [
        _losses(real_tokens(name, logits, attention_mask, domains, logits.shape[-1]), name, top_k)
        for name, logits in logits_by_layer.items()
    ]
    return RoutingLosses(*(torch.stack(parts).mean() for parts in zip(*layers, strict=True)))


def total_loss(
    model: nn.Module,
    lm_loss: Tensor,
    attention_mask: Tensor | None = None,
    domains: Tensor | None = None,
    *,
    bias_loss: Tensor | None = None,
    adapter: str | None = None,
) -> Tensor:
    """The language-model loss plus those of the adapter's config that weigh something, after a forward in training mode.

    `bias_loss` is what a BiasHead's `loss` gave. A loss of weight 0 isn't in the graph at all, so gradients are those without
    it to the last bit. With one expert or a fixed mixture nothing is routed, and the three losses of routing are absent
    likewise, so that a baseline of one expert trains by the same call. `adapter` may be left out while one is active. Raises BadInput, and RouterBroken as `routing_of` does.
    """
    config = _config(model, adapter)
    total = lm_loss
    weights = (config.balance_weight, config.z_weight, config.domain_weight)
    if any(weights):
        logits_by_layer = routing_of(model, adapter)
        losses = routing_losses(logits_by_layer, config.top_k, attention_mask, domains) if logits_by_layer else ()
        for weight, loss in zip(weights, losses, strict=bool(losses)):
            total = total + weight * loss if weight else total
    if config.bias_weight and bias_loss is not None:
        total = total + config.bias_weight * bias_loss
    return total


def domain_labels(names: Sequence[str | None], experts: Sequence[str]) -> Tensor:
    """The numbers of domains given by name, int64 [len(names)]; None is UNKNOWN. Raises BadInput on another name."""
    for name in names:
        if name is not None and name not in experts:
            raise BadInput(
                f"No expert is named {name!r}: use one of {', '.join(experts)}, or None where none is known."
            )
    return torch.tensor([UNKNOWN if name is None else list(experts).index(name) for name in names], dtype=torch.int64)


def real_tokens(
    name: str, logits: Tensor, attention_mask: Tensor | None, domains: Tensor | None, domain_count: int
) -> RealTokens:
    """One layer's logits as a list of tokens, with mask and labels of the same length. Raises BadInput as routing_losses."""
    shape = _shape(name, logits, attention_mask, domains)
    tokens = logits.shape[:-1].numel()
    real_T = torch.ones(tokens, dtype=torch.bool, device=logits.device)
    if attention_mask is not None:
        real_T = attention_mask.to(logits.device).reshape(-1) != 0
    precise = torch.promote_types(logits.dtype, torch.float32)
    # Filled, not multiplied: what a model computes for padding may be infinite, and 0 · inf is NaN, in gradients too.
    logits_TE = logits.reshape(tokens, logits.shape[-1]).to(precise).masked_fill(~real_T[:, None], 0.0)
    if domains is None:
        return RealTokens(logits_TE, real_T, None)
    _check_labels(domains, domain_count)
    spread = domains.to(logits.device, torch.int64)
    spread = spread[:, None].expand(shape) if spread.ndim == 1 else spread
    return RealTokens(logits_TE, real_T, spread.reshape(-1).masked_fill(~real_T, UNKNOWN))


def _config(model: nn.Module, adapter: str | None) -> Any:
    """The settings of the adapter; a wrapper for data-parallel training may stand around the model."""
    held = next((module for module in model.modules() if hasattr(module, "peft_config")), None)
    configs = cast("dict[str, Any]", held.peft_config) if held is not None else {}
    active = [adapter] if adapter is not None else next((layer.active_adapters for layer in layers_of(model)), [])
    if len(active) != 1 or not hasattr(configs.get(active[0]), "balance_weight"):
        raise BadInput(
            f"Adapter {adapter!r} was asked for, {', '.join(active) or 'none'} active: name one with a MoeLoraConfig, out of "
            f"{', '.join(configs) or 'none (wrap the model by get_peft_model first)'}."
        )
    return configs[active[0]]


def _shape(name: str, logits: Tensor, attention_mask: Tensor | None, domains: Tensor | None) -> tuple[int, int]:
    """Batch and length, from whatever tells them; a layer that flattens its input tells their product alone."""
    if logits.ndim not in (2, 3):
        raise BadInput(f"Router logits of {name!r} have shape {list(logits.shape)}: [B, S, E] or [B·S, E] is expected.")
    tokens = logits.shape[:-1].numel()
    if attention_mask is not None:
        told, what = tuple(attention_mask.shape), "attention_mask"
    elif logits.ndim == 3:
        told, what = tuple(logits.shape[:2]), "the logits"
    elif domains is not None and domains.ndim == 2:
        told, what = tuple(domains.shape), "domains"
    else:
        rows = 1 if domains is None else len(domains)
        told, what = (rows, tokens // rows if rows else 0), "domains"
    if len(told) != 2 or told[0] * told[1] != tokens or (logits.ndim == 3 and told != tuple(logits.shape[:2])):
        raise BadInput(
            f"Shape {list(told)} of {what} doesn't fit the router logits {list(logits.shape)} of {name!r}: give one value a "
            "token, [B, S], of the very batch that the model was run on."
        )
    if domains is not None and tuple(domains.shape) not in ((told[0],), told):
        raise BadInput(
            f"Domains have shape {list(domains.shape)}, and the batch is {list(told)}: give one a sequence, [B], or one a "
            "token, [B, S]."
        )
    return told[0], told[1]


def _check_labels(domains: Tensor, count: int) -> None:
    if domains.is_floating_point() or domains.dtype is torch.bool:
        raise BadInput(
            f"Domains are {domains.dtype}: give the numbers of experts as integers, {UNKNOWN} where unknown."
        )
    if domains.device.type == "cpu" and not torch.compiler.is_compiling():
        wrong = domains[(domains < UNKNOWN) | (domains >= count)]
        if len(wrong):
            raise BadInput(
                f"Domain {int(wrong[0])} is out of range: number them 0 to {count - 1}; use {UNKNOWN} for a "
                "domain that isn't known."
            )


def _losses(tokens: RealTokens, name: str, top_k: int) -> tuple[Tensor, Tensor, Tensor]:
    logits_TE, real_T, domains_T = tokens
    experts = logits_TE.shape[-1]
    if not 1 <= top_k <= experts:
        raise BadInput(f"top_k is {top_k}, and {name!r} has {experts} experts: give the top_k of the adapter's config.")
    real_T1 = real_T[:, None].to(logits_TE.dtype)
    count = real_T1.sum().clamp(min=1)
    log_p_TE = logits_TE.log_softmax(-1)
    share_E = (chosen(logits_TE, top_k) * real_T1).sum(0) / (count * top_k)
    mean_p_E = (log_p_TE.exp() * real_T1).sum(0) / count
    balance = experts * (share_E * mean_p_E).sum()
    z = (logits_TE.logsumexp(-1).square() * real_T1[:, 0]).sum() / count
    return balance, z, logits_TE.new_zeros(()) if domains_T is None else _cross_entropy(log_p_TE, domains_T)


def _cross_entropy(log_p_TE: Tensor, domains_T: Tensor) -> Tensor:
    """Mean over labelled tokens of -log p of the domain's expert; NaN when a label names no expert."""
    experts = log_p_TE.shape[-1]
    known_T = (domains_T != UNKNOWN).to(log_p_TE.dtype)
    at_T1 = domains_T.clamp(0, experts - 1)[:, None]
    mean = -(log_p_TE.gather(-1, at_T1)[:, 0] * known_T).sum() / known_T.sum().clamp(min=1)
    wrong = ((domains_T < UNKNOWN) | (domains_T >= experts)).any()
    return torch.where(wrong, torch.full_like(mean, float("nan")), mean)
