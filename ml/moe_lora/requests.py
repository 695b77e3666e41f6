"""Chooses one expert a request, for hosts that take one adapter a request and route no tokens."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kernels.router import weigh
from ml.moe_lora.errors import BadConfig, BadInput
from ml.moe_lora.export import adapter_of
from ml.moe_lora.routing import forget_routing, layers_of, recording, routing_of


@dataclass(frozen=True)
class Choice:
    """The expert of one request, and every expert's share of its routing, which sums to 1."""

    expert: str
    shares: dict[str, float]


class RequestRouter:
    """Reads a request once with the routed model, and names the expert that its tokens were sent to most.

    The share of an expert is its routing weight, averaged over real tokens and layers. One adapter for a whole request is less
    than routing each token: what it costs in loss is for an evaluation to say.
    """

    def __init__(self, model: nn.Module, adapter: str | None = None) -> None:
        self._model = model
        self._adapter, self._config = adapter_of(model, adapter)
        if len(self._config.experts) == 1:
            raise BadConfig(f"adapter {self._adapter!r} has one expert: there is nothing to choose")

    @torch.no_grad()
    def choose(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> list[Choice]:
        """One choice for each row of `input_ids` [B, S]; `attention_mask` [B, S] is 0 at padding. Raises BadInput.

        Pad on the right for bases with learned positions (GPT-2), which count padding on the left as text.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        if mask.shape != input_ids.shape or input_ids.numel() == 0 or not bool(mask.any(-1).all()):
            raise BadInput(
                f"input_ids {list(input_ids.shape)} with attention_mask {list(mask.shape)}: give each request at least one real token"
            )
        self._check_acts()
        modes = [(module, module.training) for module in self._model.modules()]
        forget_routing(self._model)
        self._model.eval()
        try:
            with recording(self._model):
                self._model(input_ids=input_ids, attention_mask=mask)
                logits = routing_of(self._model, self._adapter)
        finally:
            for module, mode in modes:
                module.training = mode
            forget_routing(self._model)
        return [self._chosen(shares) for shares in self._shares(list(logits.values()), mask)]

    def _check_acts(self) -> None:
        """Refuse to judge by an adapter that the forward leaves out."""
        for layer in layers_of(self._model):
            resting = layer.disable_adapters or layer.merged or self._adapter not in layer.active_adapters
            if self._adapter in layer.moe_lora_settings and resting:
                raise BadInput(
                    f"adapter {self._adapter!r} doesn't act in {layer.name}: it is switched off, merged or not the active one; "
                    "call set_adapter, enable adapters, or unmerge"
                )

    def _shares(self, logits: list[Tensor], mask: Tensor) -> Tensor:
        """[B, E]."""
        if not logits:
            raise BadInput(
                f"adapter {self._adapter!r} routes nothing: its mixture is fixed (set_mixture(model, None) frees it)"
            )
        experts = len(self._config.experts)
        weights = [weigh(each.reshape(-1, experts), self._config.top_k).reshape(each.shape) for each in logits]
        real = mask.to(weights[0].dtype)[..., None]
        summed = torch.stack([(each * real).sum(-2) for each in weights]).mean(0)
        return (summed / real.sum(-2)).cpu()

    def _chosen(self, shares: Tensor) -> Choice:
        return Choice(
            self._config.experts[int(shares.argmax())],
            {name: float(share) for name, share in zip(self._config.experts, shares, strict=True)},
        )
