"""What layers with routed LoRA pairs share: the tensors of each adapter, how tokens are routed, and when one can be merged."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import torch
from peft.tuners._buffer_dict import BufferDict
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from torch import Tensor, nn

from kernels.dropout import draw_seed
from kernels.shrink import route_and_shrink
from ml.moe_lora.errors import BadConfig, BadInput, MergeRefused, RouterBroken
from ml.moe_lora.ffn import COMPUTED, compute_dtype
from ml.moe_lora.merging import refuse_merge

ROUTER_SPREAD: Final = 0.02
"""Standard deviation of a new router's weights: near-uniform routing at the start."""


@dataclass(frozen=True)
class Settings:
    """What a layer knows of one adapter beside its tensors."""

    experts: tuple[str, ...]
    r: int
    scale: float
    dropout: float
    top_k: int


class _Precise(nn.Module):
    """Tensors that follow their model to other devices and to float64, but are never rounded to 16 bits with it.

    A rounded router routes otherwise than the one that was trained, and a rounded mixture of whole FFNs no longer sums to 1.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:  # noqa: FBT001, FBT002 - torch's signature
        def precisely(tensor: Tensor) -> Tensor:
            found = fn(tensor)
            wanted = torch.promote_types(found.dtype, torch.float32)
            return found if found.dtype == wanted else tensor.to(found.device, wanted)

        super()._apply(precisely, recurse)  # type: ignore[no-untyped-call]  # torch leaves it without types
        return self


class _PreciseParameters(_Precise, nn.ParameterDict):
    pass


class _PreciseBuffers(_Precise, BufferDict):
    pass


class MoeLoraLayer(nn.Module, BaseTunerLayer):
    """What both kinds of layers share: factors, router and fixed mixture by adapter, and how tokens are routed."""

    parts: tuple[str, ...] = ()
    """Which linear layers have pairs, for a kind of layer; those of one layer are in `shapes`."""
    other_param_names = ("moe_lora_settings", "moe_lora_mixture", "routing")

    def __init__(self, base_layer: nn.Module, name: str, shapes: Mapping[str, tuple[int, int]]) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.name = name
        self.shapes = dict(shapes)
        self.moe_lora_settings: dict[str, Settings] = {}
        self.moe_lora_router = _PreciseParameters({})
        self.moe_lora_mixture = _PreciseBuffers({}, persistent=False)
        for part in self.parts:
            setattr(self, f"moe_lora_A_{part}", nn.ParameterDict({}))
            setattr(self, f"moe_lora_B_{part}", nn.ParameterDict({}))
        self.routing: dict[str, Tensor] = {}
        """Logits [..., E] of the last forward with a learned router, by adapter: set while training, or while `recording`,
        and let go of by any other."""
        self.recording = False
        self._active_adapter = []
        self._disable_adapters = False
        self.merged_adapters = []

    # -- what an adapter consists of

    def factors(self, adapter: str) -> dict[str, tuple[Tensor, Tensor]]:
        """A [E, R, in] and B [E, out, R] of each part that has pairs."""
        return {
            part: (getattr(self, f"moe_lora_A_{part}")[adapter], getattr(self, f"moe_lora_B_{part}")[adapter])
            for part in self.shapes
        }

    def router(self, adapter: str) -> Tensor | None:
        """The learned router [E, in], None where there is one expert."""
        found: Tensor | None = self.moe_lora_router.get(adapter, None)
        return found

    def mixture(self, adapter: str) -> Tensor | None:
        """Fixed weights [E] of the experts, None while the router decides."""
        return self.moe_lora_mixture[adapter] if self.has_mixture(adapter) else None

    def has_mixture(self, adapter: str) -> bool:
        """Whether the experts' weights are fixed."""
        return adapter in self.moe_lora_mixture

    def set_mixture(self, adapter: str, weights: Sequence[float] | Tensor | None) -> None:
        """Fix the experts' weights for every token, or give them back to the router. Raises BadConfig."""
        if weights is None:
            if self.has_mixture(adapter):
                self.moe_lora_mixture.pop(adapter)  # type: ignore[no-untyped-call]  # PEFT leaves it without types
            return
        fixed = torch.as_tensor(weights, dtype=torch.float32)
        self._check_mixture(fixed, self.moe_lora_settings[adapter])
        self.moe_lora_mixture[adapter] = fixed.to(self._device())

    def _check_mixture(self, fixed: Tensor, settings: Settings) -> None:
        if (
            fixed.shape != (len(settings.experts),)
            or not bool(((fixed >= 0) & fixed.isfinite()).all())
            or not fixed.any()
        ):
            raise BadConfig(
                f"mixture {fixed.tolist()} for {len(settings.experts)} experts ({', '.join(settings.experts)}): give one "
                "weight of at least 0 for each, not all 0"
            )

    def is_fixed(self, adapter: str) -> bool:
        """Whether every token is routed alike: one expert, or a fixed mixture."""
        return self.router(adapter) is None or self.has_mixture(adapter)

    def update_layer(
        self, adapter: str, settings: Settings, *, init_weights: bool = True, inference_mode: bool = False
    ) -> None:
        """Give the layer an adapter of that name, with new weights. Raises BadConfig."""
        check_rank(self.name, self.shapes, settings.r)
        self.moe_lora_settings[adapter] = settings
        count, device, dtype = len(settings.experts), self._device(), self._dtype()
        for part, (inputs, outputs) in self.shapes.items():
            a_ERI = torch.empty(count, settings.r, inputs)
            b_EOR = torch.zeros(count, outputs, settings.r)
            for expert in range(count):  # as LoRA starts each pair
                nn.init.kaiming_uniform_(a_ERI[expert], a=math.sqrt(5))
                if not init_weights:
                    nn.init.kaiming_uniform_(b_EOR[expert], a=math.sqrt(5))
            getattr(self, f"moe_lora_A_{part}")[adapter] = nn.Parameter(a_ERI.to(device, dtype))
            getattr(self, f"moe_lora_B_{part}")[adapter] = nn.Parameter(b_EOR.to(device, dtype))
        if count > 1:
            width = next(iter(self.shapes.values()))[0]
            precise = torch.promote_types(dtype, torch.float32)
            router_ED = torch.randn(count, width) * ROUTER_SPREAD
            self.moe_lora_router[adapter] = nn.Parameter(router_ED.to(device, precise))
        self.set_adapter(self.active_adapters, inference_mode=inference_mode)

    def _linear(self) -> nn.Module:
        """The base's linear layer that tells device and type."""
        return self.get_base_layer()

    def _device(self) -> torch.device:
        return next(self._linear().parameters()).device

    def _dtype(self) -> torch.dtype:
        return compute_dtype(self._linear())

    def _move_adapter_to_device_of_base_layer(self, adapter_name: str, device: torch.device | None = None) -> None:
        """Moves, and changes no type: a router rounded to 16 bits would route otherwise than it was trained."""
        target = self._device() if device is None else device
        for name in self.adapter_layer_names:
            held = getattr(self, name)
            if adapter_name in held and not held[adapter_name].is_meta:
                held[adapter_name].data = held[adapter_name].data.to(target)
        if self.has_mixture(adapter_name):
            self.moe_lora_mixture[adapter_name] = self.moe_lora_mixture[adapter_name].to(target)

    def __getstate__(self) -> dict[str, Any]:
        """A copy doesn't hold the logits of the original's last forward, which belong to its graph."""
        return {**self.__dict__, "routing": {}}

    def __repr__(self) -> str:
        return f"moe_lora.{super().__repr__()}"

    # -- the forward pass

    def _present(self) -> list[str]:
        """Active adapters that this layer has."""
        return [name for name in self.active_adapters if name in self.moe_lora_settings]

    def _rests(self) -> bool:
        """Whether the base alone answers."""
        if self.disable_adapters and self.merged:
            self.unmerge()
        return self.disable_adapters or self.merged or not self._present()

    def _check_input(self, x: Tensor) -> None:
        told, linear = x.dtype, self._linear()
        weight = getattr(linear, "weight", None)
        if not isinstance(weight, Tensor) or torch.is_autocast_enabled(x.device.type):
            return
        if weight.dtype in COMPUTED and told != weight.dtype:
            raise BadInput(
                f"{self.name}: the input is {told}, the base's weights are {weight.dtype}; cast one to the other, "
                "or run inside torch.autocast"
            )

    def _seed(self, adapter: str, device: torch.device) -> Tensor | None:
        """A seed for one mask of dropout, None where nothing is dropped."""
        return draw_seed(device) if self.training and self.moe_lora_settings[adapter].dropout > 0 else None

    def _route(
        self, adapter: str, x_TD: Tensor, a_ND: Tensor, seed: Tensor | None, shape: torch.Size
    ) -> tuple[Tensor, Tensor, int]:
        """Weights [T, E], z [T, N] = dropout(x) Aᵀ, and how many weights of a token aren't zero."""
        settings, router = self.moe_lora_settings[adapter], self.router(adapter)
        count, p = len(settings.experts), settings.dropout
        if router is None or self.is_fixed(adapter):
            blank_ED = torch.zeros(count, x_TD.shape[1], dtype=torch.float32, device=x_TD.device)
            z_TN = x_TD @ a_ND.T if seed is None else route_and_shrink(x_TD, blank_ED, a_ND, 1, seed, p)[2]
            fixed = self.mixture(adapter)
            precise = torch.promote_types(x_TD.dtype, torch.float32)
            weights_E = torch.ones(1, dtype=precise, device=x_TD.device) if fixed is None else fixed.to(precise)
            return weights_E.expand(x_TD.shape[0], count).contiguous(), z_TN, count
        logits_TE, weights_TE, z_TN = route_and_shrink(x_TD, router, a_ND, settings.top_k, seed, p)
        self._check_logits(logits_TE)
        # DataParallel's copies share this dict, and each would replace the rows of the others.
        if (self.training or self.recording) and not getattr(self, "_is_replica", False):
            self.routing[adapter] = logits_TE.reshape(*shape[:-1], count)
        elif adapter in self.routing:  # of an earlier forward: a loss would take it for this one's
            del self.routing[adapter]
        return weights_TE, z_TN, settings.top_k

    def _check_logits(self, logits_TE: Tensor) -> None:
        """On a CPU at once. An accelerator isn't waited for: there NaN flows on, and who reads `routing_of` is told."""
        if (
            logits_TE.device.type == "cpu"
            and not torch.compiler.is_compiling()
            and not bool(logits_TE.isfinite().all())
        ):
            raise RouterBroken(broken_router(self.name))

    # -- merging

    def delta(self, adapter: str, part: str) -> Tensor:
        """What one part's weight [out, in] gains by the adapter, in the factors' type. Exact where routing is fixed."""
        a_ERI, b_EOR = self.factors(adapter)[part]
        settings, fixed = self.moe_lora_settings[adapter], self.mixture(adapter)
        weights_E = torch.ones(len(settings.experts), device=a_ERI.device) if fixed is None else fixed
        return settings.scale * torch.einsum("e,eor,eri->oi", weights_E.to(a_ERI.dtype), b_EOR, a_ERI)

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:  # noqa: FBT001, FBT002 - PEFT's signature
        """Add adapters to the base's weights. Raises MergeRefused, before anything has changed."""
        # PEFT's own choice, which warns where nothing is left to merge and where something was merged before.
        wanted = [name for name in check_adapters_to_merge(self, adapter_names) if name in self.moe_lora_settings]
        for name in wanted:
            if reason := refuse_merge(self, name):
                raise MergeRefused(reason)
        for name in wanted:
            self._add(name, 1.0, safe=safe_merge)
            self.merged_adapters.append(name)

    def unmerge(self) -> None:
        """Take merged adapters out of the base's weights again: what rounding leaves, stays."""
        while self.merged_adapters:
            self._add(self.merged_adapters.pop(), -1.0, safe=False)

    @abstractmethod
    def _add(self, adapter: str, sign: float, *, safe: bool) -> None:
        """Add sign times what the adapter is worth to the base's weights. `safe` refuses weights that are no numbers."""

    def supports_lora_conversion(self, adapter_name: str = "default") -> bool:
        """PEFT converts a layer by the one weight it changes; a block changes several, and has an export of its own."""
        convertible = adapter_name in self.moe_lora_settings and "linear" in self.shapes
        return convertible and refuse_merge(self, adapter_name) is None


def check_rank(name: str, shapes: Mapping[str, tuple[int, int]], rank: int) -> None:
    """Refuse a rank that no pair of factors needs. Raises BadConfig."""
    for part, (inputs, outputs) in shapes.items():
        if rank > max(inputs, outputs):
            raise BadConfig(
                f"r={rank} for {name} ({part}: {inputs} inputs, {outputs} outputs): a pair of factors that is larger than "
                f"the weight itself adds nothing; choose r up to {min(inputs, outputs)}"
            )


def broken_router(name: str) -> str:
    """What to say of logits that are no numbers."""
    return (
        f"{name}: the router's logits hold NaN or infinity. Look at this layer's input first; then lower the learning rate, "
        "clip gradients, or load the last good adapter"
    )
