"""Layers that add routed LoRA pairs to a frozen part of a model: to a whole FFN, or to one linear layer.

Base products always go through the base's own modules, so that quantised layers work and each runs once.
"""

from collections.abc import Callable
from typing import Any, Final

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import resolve_quantization_backend
from torch import Tensor, nn

from kernels.expand import expand
from kernels.linear import add_routed
from kernels.swiglu import Pairs, routed_hidden
from ml.moe_lora.adapted import MoeLoraLayer, Settings
from ml.moe_lora.errors import BadConfig, BadInput
from ml.moe_lora.ffn import Ffn, sizes
from ml.moe_lora.merging import added

__all__ = ["MoeLoraBlock", "MoeLoraLayer", "MoeLoraLinear"]

MIXED: Final = 1e-5
"""How far a mixture of whole FFNs may sum from 1: what rounding 64 weights to float32 leaves, and no more."""


def _layers(*parts: str) -> tuple[str, ...]:
    return ("moe_lora_router", *(f"moe_lora_{factor}_{part}" for part in parts for factor in "AB"))


class MoeLoraBlock(MoeLoraLayer):
    """An FFN whose experts are whole FFNs that share its frozen weights (kernels.swiglu has the formula)."""

    parts = ("gate", "up", "down")
    adapter_layer_names = _layers("gate", "up", "down")

    def __init__(self, base_layer: nn.Module, name: str, ffn: Ffn) -> None:
        gate = {"gate": (ffn.width, ffn.inner)} if ffn.gated else {}
        super().__init__(base_layer, name, {**gate, "up": (ffn.width, ffn.inner), "down": (ffn.inner, ffn.width)})
        self.ffn = ffn

    def _linear(self) -> nn.Module:
        found = getattr(self.base_layer, self.ffn.up)
        return found.get_base_layer() if isinstance(found, BaseTunerLayer) else found

    def forward(self, x: Tensor) -> Tensor:
        """y [..., D] of x [..., D]. Raises BadInput, RouterBroken."""
        if self._rests():
            return self._base(x)
        adapter, *others = self._present()
        if others:
            raise BadInput(
                f"{self.name}: adapters {', '.join(self._present())} are active together, which a whole FFN can't be by; "
                "activate one (set_adapter), or use granularity='linear'"
            )
        self._check_input(x)
        gate, up = self.ffn.products(self.base_layer, x)
        with torch.autocast(x.device.type, enabled=False):
            hidden_TF, z_down_TER = self._hidden(adapter, x, gate, up)
        y = self.ffn.close(self.base_layer, hidden_TF.reshape(up.shape))
        b_down_EOR = self.factors(adapter)["down"][1]
        with torch.autocast(x.device.type, enabled=False):
            flat_TO = y.reshape(-1, self.ffn.width)
            added_TO = expand(flat_TO, z_down_TER.to(y.dtype), b_down_EOR.to(y.dtype))
        return self.ffn.finish(self.base_layer, added_TO.reshape(y.shape))

    def _check_mixture(self, fixed: Tensor, settings: Settings) -> None:
        super()._check_mixture(fixed, settings)
        whole = float(fixed.sum())
        if abs(whole - 1.0) > MIXED:
            raise BadConfig(
                f"{self.name}: mixture {[round(w, 4) for w in fixed.tolist()]} sums to {whole:.6g}: weights of whole FFNs "
                "must sum to 1, or the base's own output would be scaled with them; divide each by their sum"
            )

    def _base(self, x: Tensor) -> Tensor:
        found = self.base_layer(x)
        if not isinstance(found, Tensor):
            raise BadInput(
                f"{self.name}: the base gave {type(found).__name__}, not a tensor; put the experts elsewhere"
            )
        return found

    def _hidden(self, adapter: str, x: Tensor, gate: Tensor | None, up: Tensor) -> tuple[Tensor, Tensor]:
        """Σ_e w_e h_e [T, F] and what it shrinks to for the down pairs [T, E, R], in up's type."""
        settings, dtype = self.moe_lora_settings[adapter], up.dtype
        factors = {part: (a.to(dtype), b.to(dtype)) for part, (a, b) in self.factors(adapter).items()}
        opening = [factors[part][0].flatten(0, 1) for part in ("gate", "up") if part in factors]
        x_TD = x.reshape(-1, self.ffn.width).to(dtype)
        first, second = self._seed(adapter, x.device), self._seed(adapter, x.device)
        weights_TE, z_TN, top_k = self._route(adapter, x_TD, torch.cat(opening), first, x.shape)
        *gate_z, up_z = z_TN.reshape(-1, len(opening), len(settings.experts), settings.r).unbind(1)
        pairs = Pairs(
            up_z,
            factors["up"][1],
            factors["down"][0],
            gate_z[0] if gate_z else None,
            factors["gate"][1] if gate_z else None,
        )
        gate_TF = None if gate is None else gate.reshape(-1, self.ffn.inner)
        operands = (
            gate_TF,
            up.reshape(-1, self.ffn.inner),
            pairs,
            weights_TE,
            settings.scale,
            self.ffn.activation,
            top_k,
        )
        return routed_hidden(*operands, second, settings.dropout)

    def _add(self, adapter: str, sign: float, *, safe: bool) -> None:
        changes: dict[str, list[Tensor]] = {}
        names = {"gate": self.ffn.gate or self.ffn.up, "up": self.ffn.up, "down": self.ffn.down}
        order = ("up", "gate", "down") if self.ffn.fused == "up_gate" else ("gate", "up", "down")
        for part in order:
            if part in self.shapes:
                changes.setdefault(names[part], []).append(sign * self.delta(adapter, part))
        linears = {name: getattr(self.base_layer, name) for name in changes}
        weights = {
            name: added(linears[name], torch.cat(parts), adapter, self.name, safe=safe)
            for name, parts in changes.items()
        }
        for name, weight in weights.items():
            linears[name].weight.data = weight


class MoeLoraLinear(MoeLoraLayer):
    """One linear layer with routed pairs of its own; with one expert, a plain LoRA."""

    parts = ("linear",)
    adapter_layer_names = _layers("linear")

    def __init__(self, base_layer: nn.Module, name: str, *, fan_in_fan_out: bool) -> None:
        inner = base_layer.get_base_layer() if isinstance(base_layer, BaseTunerLayer) else base_layer
        found = sizes(inner)
        if found is None:
            raise BadConfig(f"{name} is {type(inner).__name__}, not a linear layer: target linear layers")
        super().__init__(base_layer, name, {"linear": found})
        self.in_features, self.out_features = found
        self.fan_in_fan_out = fan_in_fan_out
        self.quantization_backend = resolve_quantization_backend(inner)  # for PEFT's get_base_weight, and for exports

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """y [..., O] of x [..., I]. Raises BadInput, RouterBroken."""
        if self._rests():
            return self._base(x, *args, **kwargs)
        self._check_input(x)
        y = self._base(x, *args, **kwargs)
        with torch.autocast(x.device.type, enabled=False):
            x_TI, y_TO = x.reshape(-1, self.in_features).to(y.dtype), y.reshape(-1, self.out_features)
            for adapter in self._present():
                y_TO = self._add_experts(adapter, x_TI, y_TO, x.shape)
        return y_TO.reshape(y.shape)

    def _base(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        forward: Callable[..., Tensor] = self.base_layer
        return forward(x, *args, **kwargs)

    def _add_experts(self, adapter: str, x_TI: Tensor, y_TO: Tensor, shape: torch.Size) -> Tensor:
        settings = self.moe_lora_settings[adapter]
        a_ERI, b_EOR = (factor.to(y_TO.dtype) for factor in self.factors(adapter)["linear"])
        seed = self._seed(adapter, x_TI.device)
        weights_TE, z_TN, _ = self._route(adapter, x_TI, a_ERI.flatten(0, 1), seed, shape)
        z_TER = z_TN.reshape(-1, len(settings.experts), settings.r)
        return add_routed(y_TO, z_TER, b_EOR, weights_TE, settings.scale)

    def get_delta_weight(self, adapter: str) -> Tensor:
        """What the weight gains, in the layout it is stored in."""
        delta = self.delta(adapter, "linear")
        return delta.T if self.fan_in_fan_out else delta

    def _add(self, adapter: str, sign: float, *, safe: bool) -> None:
        delta = sign * self.get_delta_weight(adapter)
        self.set_base_weight(added(self.get_base_layer(), delta, adapter, self.name, safe=safe, as_stored=True))
