"""Where in a model the FFNs are."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from ml.moe_lora.errors import FfnNotFound
from ml.moe_lora.ffn import Ffn, NotAnFfn, Pair, read_ffn, sizes
from ml.moe_lora.layer import MoeLoraBlock

PAIRS: Final = {"OPTDecoderLayer": ("fc1", "activation_fn", "fc2")}
"""Decoder layers that hold an FFN's parts themselves, and call these three one after the other, with nothing between."""
SHOWN: Final = 12


@dataclass(frozen=True)
class Place:
    """One FFN: the module that experts take the place of, and how it is built."""

    name: str
    ffn: Ffn
    pair: tuple[str, str, str] | None = None

    @property
    def linears(self) -> list[str]:
        """Names of its linear layers in the model."""
        if self.pair is not None:
            owner = self.name.rpartition(".")[0]
            return [f"{owner}.{part}" for part in (self.pair[0], self.pair[2])]
        parts = (self.ffn.gate, self.ffn.up, self.ffn.down)
        return [f"{self.name}.{part}" for part in parts if part is not None]


@dataclass
class Search:
    """What was found, and why the rest was not."""

    places: dict[str, Place] = field(default_factory=dict)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, class and reason."""
    sparse: list[tuple[str, str]] = field(default_factory=list)
    """Name and class of what is a mixture of experts already."""

    def report(self) -> str:
        """Where it was looked, one example for each class and reason."""
        seen: dict[tuple[str, str], list[str]] = {}
        for name, kind, reason in self.refused:
            seen.setdefault((kind, reason), []).append(name)
        lines = [
            f"  {names[0]}{f' and {len(names) - 1} alike' if len(names) > 1 else ''} ({kind}): {reason}"
            for (kind, reason), names in seen.items()
        ]
        rest = [f"  … and {len(lines) - SHOWN} other kinds"] if len(lines) > SHOWN else []
        return "\n".join(lines[:SHOWN] + rest) or "  no module holds a linear layer"


def search(model: nn.Module) -> Search:
    """Every FFN of the model, by the name of the module that experts would take the place of."""
    found = Search()
    inside: list[str] = []
    for name, module in model.named_modules():
        if name.startswith(tuple(inside)):
            continue
        if _is_sparse(name, module):
            found.sparse.append((name, type(module).__name__))
        if isinstance(module, BaseTunerLayer):
            inside.append(f"{name}.")
        if (place := _read(name, module, found)) is not None:
            found.places[place.name] = place
            inside.append(f"{place.name}.")
    return found


def _read(name: str, module: nn.Module, found: Search) -> Place | None:
    if isinstance(module, MoeLoraBlock):
        pair = module.base_layer.names if isinstance(module.base_layer, Pair) else None
        return Place(name, module.ffn, pair)
    if isinstance(module, BaseTunerLayer) or not name:
        return None
    parts = PAIRS.get(type(module).__name__)
    if parts is not None and isinstance(getattr(module, parts[0]), MoeLoraBlock):
        return None
    try:
        if parts is not None:
            return Place(f"{name}.{parts[0]}", read_ffn(Pair(module, parts)), parts)
        return Place(name, read_ffn(module))
    except NotAnFfn as refusal:
        if any(sizes(child) is not None for child in module.children()):
            found.refused.append((name, type(module).__name__, str(refusal)))
        return None


def _is_sparse(name: str, module: nn.Module) -> bool:
    """Whether a module holds experts of the base's own: a list of them, or their weights stacked."""
    if "expert" not in name.rpartition(".")[2].lower() or "shared" in name.rpartition(".")[2].lower():
        return False
    stacked = any(weight.ndim == 3 for weight in module.parameters(recurse=False))
    return stacked or (isinstance(module, nn.ModuleList) and len(module) > 1)


def need_ffns(model: nn.Module) -> Search:
    """The FFNs of a model that was given without saying where they are. Raises FfnNotFound."""
    found = search(model)
    if found.sparse:
        name, kind = found.sparse[0]
        raise FfnNotFound(
            f"the base model is a mixture of experts already ({name}, {kind}): its router decides which FFN a token meets. "
            "Name its dense FFNs in target_modules, or use granularity='linear' with target_modules such as its attention"
        )
    if not found.places:
        raise FfnNotFound(
            f"no FFN was found in {type(model).__name__}. These modules hold linear layers:\n{found.report()}\n"
            "Name the linear layers in target_modules with granularity='linear' instead"
        )
    return found


def linears_of(model: nn.Module) -> Iterator[str]:
    """Names of all linear layers in the model's FFNs."""
    for place in need_ffns(model).places.values():
        yield from place.linears


def describe_base(model: nn.Module) -> dict[str, Any] | None:
    """What an adapter's shapes depend on, from the model's configuration; None where it has none."""
    config = getattr(model, "config", None)
    if config is None or not hasattr(config, "model_type"):
        return None
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    sought = {
        "model_type": ("model_type",),
        "hidden_size": ("hidden_size",),
        "intermediate_size": ("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size"),
        "layers": ("num_hidden_layers",),
    }
    found = {
        key: next((v for n in names if (v := getattr(text, n, None)) is not None), None)
        for key, names in sought.items()
    }
    return {key: value for key, value in found.items() if value is not None}


def longest(model: nn.Module) -> int | None:
    """How many tokens the model has positions for; None where it doesn't say, or stretches its positions as it needs."""
    config = getattr(model, "config", None)
    if config is None or not hasattr(config, "get_text_config"):
        return None
    text = config.get_text_config()
    limit = getattr(text, "max_position_embeddings", None)
    stretches = "dynamic" in str(getattr(text, "rope_parameters", None))
    return limit if isinstance(limit, int) and not stretches else None
