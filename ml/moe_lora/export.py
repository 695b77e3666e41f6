"""Writes experts in a form that other hosts read: ordinary PEFT LoRA adapters, and a base with the attention's pairs merged.

A LoRA adds a fixed matrix to a linear layer. One expert is that, and so is a fixed mixture where single linear layers are routed.
A mixture of whole FFNs is not, since each expert acts inside the activation, and neither is routing, which depends on the token:
both raise NotExpressible, which says what to use instead.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import torch
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ml.moe_lora.config import MoeLoraConfig
from ml.moe_lora.errors import BadConfig, NotExpressible
from ml.moe_lora.ffn import Pair
from ml.moe_lora.layer import MoeLoraBlock, MoeLoraLayer, MoeLoraLinear
from ml.moe_lora.merging import added
from ml.moe_lora.registration import PREFIX
from ml.moe_lora.routing import layers_of

_INSIDE: Final = "base_model.model."


@dataclass(frozen=True)
class LoraAdapter:
    """An ordinary LoRA: what `save` writes, `peft.PeftModel.from_pretrained` and servers that take LoRA adapters load."""

    config: LoraConfig
    weights: dict[str, Tensor]
    """By the names that PEFT saves: lora_A [r, in] and lora_B [out, r] of each linear layer."""

    def save(self, folder: Path | str) -> Path:
        """Write adapter_config.json and adapter_model.safetensors into a folder, which is made; returns the folder."""
        written = Path(folder)
        written.mkdir(parents=True, exist_ok=True)
        self.config.save_pretrained(str(written))
        tensors = {name: weight.detach().cpu().contiguous() for name, weight in self.weights.items()}
        save_file(tensors, written / "adapter_model.safetensors", metadata={"format": "pt"})
        return written


@dataclass(frozen=True)
class _Product:
    """What one linear layer gains: scale · B A."""

    path: str
    a_RI: Tensor
    b_OR: Tensor
    scale: float
    transposed: bool


def as_lora(
    model: nn.Module,
    experts: str | Mapping[str, float] | None,
    *,
    adapter: str | None = None,
    attention: bool = True,
) -> LoraAdapter:
    """One expert by its name, or a fixed mixture {name: weight}, as a LoRA whose logits equal ours under that routing.

    Ranks and scales are made one for all layers (rows of zeros, scale in B), because not every host reads patterns of ranks.
    A mixture's rank is the sum of its experts' ranks. `attention` False leaves the attention's pairs out, for a base into which
    they were merged (`save_base_with_attention`). Raises NotExpressible, BadConfig.
    """
    name, config = adapter_of(model, adapter)
    weights = _weights(config, experts)
    layers = [each for each in layers_of(model) if name in each.moe_lora_settings]
    wanted = [each for each in layers if attention or not _is_attention(each, name)]
    products = [product for layer in wanted for product in _products(layer, name, weights)]
    return _joined(model, name, config, products)


def save_experts(
    model: nn.Module, folder: Path | str, *, adapter: str | None = None, attention: bool = True
) -> dict[str, Path]:
    """Each expert as a LoRA in a folder of its name, for a host that is told one adapter a request (`requests.RequestRouter`
    chooses). Raises NotExpressible, BadConfig.
    """
    _, config = adapter_of(model, adapter)
    return {
        expert: as_lora(model, expert, adapter=adapter, attention=attention).save(Path(folder) / expert)
        for expert in config.experts
    }


def save_base_with_attention(model: nn.Module, folder: Path | str, *, adapter: str | None = None) -> Path:
    """The base model with the attention's pairs added to its weights, as transformers saves models; `model` stays as it is.

    Experts exported for that base are asked for with `attention=False`. Raises NotExpressible, BadConfig, MergeRefused.
    """
    name, _ = adapter_of(model, adapter)
    attention = [each for each in layers_of(model) if name in each.moe_lora_settings and _is_attention(each, name)]
    if not attention:
        raise NotExpressible(
            f"adapter {name!r} has no pairs in the attention (attention_modules is empty): there is nothing to merge; "
            "use the base model as it is"
        )
    if merged := sorted({each for layer in layers_of(model) for each in layer.merged_adapters}):
        raise NotExpressible(
            f"adapters {', '.join(merged)} are merged into the base's weights already, and would be saved, or added twice: "
            "call unmerge_adapter first"
        )
    base = _base_of(model)
    if not isinstance(base, PreTrainedModel):
        raise NotExpressible(
            f"{type(base).__name__} is no model of transformers: merge its attention with merge_attention and save it your way"
        )
    state = dict(_base_state(base))
    for layer in attention:
        if getattr(layer, "quantization_backend", None) is not None:
            raise NotExpressible(
                f"{layer.name}: its weights are quantised, and adding to them would round both; load the base unquantised"
            )
        state[f"{layer.name}.weight"] = added(
            layer.get_base_layer(), layer.delta(name, "linear"), name, layer.name, safe=True
        )
    written = Path(folder)
    base.save_pretrained(str(written), state_dict=state)
    return written


def adapter_of(model: nn.Module, adapter: str | None) -> tuple[str, MoeLoraConfig]:
    """The adapter meant, and its configuration."""
    configs = getattr(model, "peft_config", None)
    if not isinstance(configs, dict):
        raise BadConfig(
            f"{type(model).__name__} has no adapters: give the model that get_peft_model or from_pretrained made"
        )
    active = getattr(model, "active_adapter", None)
    name = adapter if adapter is not None else active
    if not isinstance(name, str) or not isinstance(configs.get(name), MoeLoraConfig):
        raise BadConfig(f"there is no adapter {name!r} with experts; there are {', '.join(sorted(configs))}: name one")
    return name, configs[name]


def _weights(config: MoeLoraConfig, experts: str | Mapping[str, float] | None) -> dict[int, float]:
    """Weights by the experts' numbers, without those that weigh nothing."""
    if experts is None and len(config.experts) > 1:
        raise NotExpressible(
            f"routing sends each token to {config.top_k} of {len(config.experts)} experts, and a LoRA is the same for all tokens: "
            "export one expert by its name, a fixed mixture at linear granularity, or each expert (save_experts) for a host that "
            "takes one adapter a request; to keep routing, load the adapter with PEFT and ml.moe_lora"
        )
    wanted = {experts: 1.0} if isinstance(experts, str) else dict(experts or {config.experts[0]: 1.0})
    if unknown := sorted(set(wanted) - set(config.experts)):
        raise BadConfig(f"no expert is named {', '.join(unknown)}; there are {', '.join(config.experts)}")
    if not any(wanted.values()) or not all(0 <= weight < float("inf") for weight in wanted.values()):
        raise BadConfig(f"mixture {wanted}: give weights of at least 0, not all 0")
    kept = {config.experts.index(name): float(weight) for name, weight in wanted.items() if weight > 0}
    if config.granularity == "block" and list(kept.values()) != [1.0]:
        raise NotExpressible(
            f"mixture {wanted} of whole FFNs: each expert acts inside the activation, so that their sum is no LoRA of the FFN's "
            "layers; give one expert the weight 1, train with granularity='linear' for mixtures, or let a host choose one expert "
            "a request (save_experts)"
        )
    return kept


def _is_attention(layer: MoeLoraLayer, adapter: str) -> bool:
    """Whether a layer holds a plain LoRA beside the experts."""
    return isinstance(layer, MoeLoraLinear) and layer.moe_lora_settings[adapter].experts == ("attention",)


def _products(layer: MoeLoraLayer, adapter: str, weights: Mapping[int, float]) -> Iterator[_Product]:
    """What the base's linear layers under one of ours gain."""
    factors, scale = layer.factors(adapter), layer.moe_lora_settings[adapter].scale
    if isinstance(layer, MoeLoraBlock):
        yield from _block_products(layer, factors, scale, next(iter(weights)))
        return
    a_ERI, b_EOR = factors["linear"]
    used = {0: 1.0} if _is_attention(layer, adapter) else weights
    a_RI = torch.cat([a_ERI[expert] for expert in used])
    b_OR = torch.cat([weight * b_EOR[expert] for expert, weight in used.items()], dim=1)
    yield _Product(layer.name, a_RI, b_OR, scale, isinstance(layer.get_base_layer(), Conv1D))


def _block_products(
    layer: MoeLoraBlock, factors: Mapping[str, tuple[Tensor, Tensor]], scale: float, expert: int
) -> Iterator[_Product]:
    ffn, base = layer.ffn, layer.base_layer
    chosen = {part: (a_ERI[expert], b_EOR[expert]) for part, (a_ERI, b_EOR) in factors.items()}
    names = {"up": ffn.up, "down": ffn.down, **({"gate": ffn.gate} if ffn.gate else {})}
    if (
        ffn.fused is not None
    ):  # one layer gives gate and up: a pair of twice the rank, each half writing its own outputs
        halves = [chosen.pop("gate"), chosen["up"]]
        ordered = halves if ffn.fused == "gate_up" else halves[::-1]
        chosen["up"] = (torch.cat([a for a, _ in ordered]), _side_by_side(ordered[0][1], ordered[1][1]))
    for part, (a_RI, b_OR) in chosen.items():
        linear = getattr(base, names[part])
        yield _Product(_path(layer, names[part]), a_RI, b_OR, scale, isinstance(linear, Conv1D))


def _side_by_side(first: Tensor, second: Tensor) -> Tensor:
    """[first 0; 0 second]."""
    right, left = second.shape[1], first.shape[1]
    return torch.cat([nn.functional.pad(first, (0, right)), nn.functional.pad(second, (left, 0))])


def _path(layer: MoeLoraBlock, part: str) -> str:
    """Where a linear layer of an FFN lies in the base model."""
    if not isinstance(layer.base_layer, Pair):
        return f"{layer.name}.{part}"
    owner, _, _ = layer.name.rpartition(".")
    opening, _, closing = layer.base_layer.names
    return f"{owner}.{opening if part == 'opening' else closing}"


def _joined(model: nn.Module, name: str, config: MoeLoraConfig, products: list[_Product]) -> LoraAdapter:
    rank = max(product.a_RI.shape[0] for product in products)
    scale = products[0].scale
    weights: dict[str, Tensor] = {}
    for product in products:
        lacking = rank - product.a_RI.shape[0]
        ratio = product.scale / scale
        weights[f"{_INSIDE}{product.path}.lora_A.weight"] = nn.functional.pad(product.a_RI.detach(), (0, 0, 0, lacking))
        b_OR = product.b_OR.detach() if ratio == 1.0 else ratio * product.b_OR.detach()
        weights[f"{_INSIDE}{product.path}.lora_B.weight"] = nn.functional.pad(b_OR, (0, lacking))
    saved = get_peft_model_state_dict(model, adapter_name=name)
    weights.update({key: tensor for key, tensor in saved.items() if PREFIX not in key})
    lora = LoraConfig(
        task_type=config.task_type,
        base_model_name_or_path=config.base_model_name_or_path,
        r=rank,
        lora_alpha=scale * rank,  # type: ignore[arg-type]  # PEFT divides it by r; a fraction is as good
        lora_dropout=config.lora_dropout,
        target_modules=_targets(model, [product.path for product in products]),
        fan_in_fan_out=any(product.transposed for product in products),
        modules_to_save=config.modules_to_save,
        inference_mode=True,
    )
    return LoraAdapter(lora, weights)


def _targets(model: nn.Module, paths: list[str]) -> list[str]:
    """The layers' short names where these name nothing else, which every host understands; their whole paths otherwise."""
    short = {path.rpartition(".")[2] for path in paths}
    meant = set(paths)
    for name in _names(_base_of(model)):
        if name.rpartition(".")[2] in short and name not in meant:
            return sorted(meant)
    return sorted(short)


def _base_of(model: nn.Module) -> nn.Module:
    """The model inside PEFT's wrappers."""
    found: nn.Module = cast("Any", model).base_model.model
    return found


def _names(base: nn.Module) -> Iterator[str]:
    """Modules of the base by the names they have without adapters."""
    yield from {key.rpartition(".")[0] for key, _ in _base_state(base)}


def _base_state(base: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The base's own tensors, by the names they have without adapters."""
    pairs = {
        f"{layer.name}.": layer for layer in layers_of(base) if isinstance(getattr(layer, "base_layer", None), Pair)
    }
    for key, tensor in base.state_dict().items():
        if PREFIX in key or ".modules_to_save." in key:
            continue
        owner = next((path for path in pairs if key.startswith(f"{path}base_layer.")), None)
        if owner is not None:
            part, _, rest = key.removeprefix(f"{owner}base_layer.").partition(".")
            if part in {"opening", "closing"}:
                layer = pairs[owner]
                if isinstance(layer, MoeLoraBlock):
                    yield f"{_path(layer, part)}.{rest}", tensor
                continue
        yield key.replace(".base_layer.", ".").replace(".original_module.", "."), tensor
