"""What routers decided in the last forward, and deciding in their place."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ml.moe_lora.adapted import MoeLoraLayer, broken_router
from ml.moe_lora.errors import BadConfig, BadInput, RouterBroken


def layers_of(model: nn.Module) -> list[MoeLoraLayer]:
    """All layers with experts or a plain LoRA, in the model's order."""
    return [module for module in model.modules() if isinstance(module, MoeLoraLayer)]


def routing_of(model: nn.Module, adapter: str | None = None, *, check: bool = False) -> dict[str, Tensor]:
    """Logits [B, S, E] of the last forward, by layer; layers with one expert or a fixed mixture have none.

    Layers note them while training, and inside `recording`. A forward replaces those of the one before, so that one that is
    repeated (activation checkpointing) counts once. `adapter` may be left out while one is active.
    Raises BadInput where there was no forward, and RouterBroken, naming the layer, for logits that are no numbers or that
    carry no gradient although their router learns: after a forward without gradients, or under checkpointing with
    use_reentrant=True. Logits on a CPU are always looked at. On an accelerator that would make the host wait once a step, so
    they are looked at only with `check`; without it NaN flows on into what is computed from them, such as the loss.
    """
    found: dict[str, Tensor] = {}
    for layer in layers_of(model):
        for name in [adapter] if adapter is not None else layer.active_adapters:
            if name not in layer.moe_lora_settings or layer.is_fixed(name):
                continue
            if layer.name in found:
                raise BadInput(f"adapters {', '.join(layer.active_adapters)} are active: say whose routing you want")
            found[layer.name] = _logits(layer, name)
    if not torch.compiler.is_compiling():
        _check_numbers({name: logits for name, logits in found.items() if check or logits.device.type == "cpu"})
    return found


def _check_numbers(found: Mapping[str, Tensor]) -> None:
    """Raises RouterBroken. Flags are made for all layers before the first one is waited for."""
    flags = {name: logits.detach().isfinite().all() for name, logits in found.items()}
    for name, fine in flags.items():
        if not bool(fine):
            raise RouterBroken(broken_router(name))


def _logits(layer: MoeLoraLayer, adapter: str) -> Tensor:
    if adapter not in layer.routing:
        raise BadInput(
            f"{layer.name} has noted no routing of adapter {adapter!r}: run a forward in training mode, or inside recording(model); "
            "copies that DataParallel makes note none (use DistributedDataParallel)"
        )
    logits, router = layer.routing[adapter], layer.router(adapter)
    learns = router is not None and router.requires_grad and layer.training
    if learns and torch.is_grad_enabled() and not logits.requires_grad:
        raise RouterBroken(
            f"{layer.name}: the router learns, but its logits carry no gradient. Use gradient checkpointing with "
            "use_reentrant=False, and no torch.no_grad() around the forward; to look only, ask inside torch.no_grad()"
        )
    return logits


def forget_routing(model: nn.Module) -> None:
    """Let go of what was noted, and of the graph behind it."""
    for layer in layers_of(model):
        layer.routing.clear()


@contextmanager
def recording(model: nn.Module) -> Iterator[None]:
    """Note routing inside, in evaluation too."""
    layers = layers_of(model)
    before = [layer.recording for layer in layers]
    for layer in layers:
        layer.recording = True
    try:
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer.recording = was


def set_mixture(model: nn.Module, mixture: Mapping[str, float] | None, adapter: str | None = None) -> None:
    """Weigh experts alike for every token, or (None) let routers decide again. Experts that aren't named weigh 0.

    `adapter` may be left out while one is active. Mixtures aren't saved. Raises BadConfig.
    """
    reached = False
    for layer in layers_of(model):
        for name in [adapter] if adapter is not None else layer.active_adapters:
            if name not in layer.moe_lora_settings or layer.router(name) is None:
                continue
            reached = True
            experts = layer.moe_lora_settings[name].experts
            if unknown := sorted(set(mixture or {}) - set(experts)):
                raise BadConfig(f"no expert is named {', '.join(unknown)}; there are {', '.join(experts)}")
            layer.set_mixture(name, None if mixture is None else [mixture.get(expert, 0.0) for expert in experts])
    if not reached:
        raise BadConfig(
            f"adapter {adapter!r} has no router in this model: name one that was loaded, with more than one expert"
        )
