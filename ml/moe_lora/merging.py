"""When an adapter can be written into the base's weights, and how."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from ml.moe_lora.errors import MergeRefused
from ml.moe_lora.ffn import COMPUTED

if TYPE_CHECKING:
    from ml.moe_lora.adapted import MoeLoraLayer


def refuse_merge(layer: "MoeLoraLayer", adapter: str) -> str | None:
    """Why an adapter can't be merged into a layer exactly, and what to do instead; None where it can."""
    settings, fixed = layer.moe_lora_settings[adapter], layer.mixture(adapter)
    if not layer.is_fixed(adapter):
        return (
            f"{layer.name}: adapter {adapter!r} routes each token to {settings.top_k} of {len(settings.experts)} experts, and one "
            "weight can't depend on the token; fix a mixture first (set_mixture), export one expert, or leave it unmerged"
        )
    base = layer.get_base_layer()
    if strange := [part for part in (base, *base.children()) if _is_foreign(part)]:
        return (
            f"{layer.name}: its weights are quantised ({type(strange[0]).__name__}), and merging would round the adapter with "
            "them; load the base unquantised to merge, or leave it unmerged"
        )
    if "linear" in layer.shapes:
        return None
    if fixed is not None and not (int(fixed.count_nonzero()) == 1 and float(fixed.max()) == 1.0):
        return (
            f"{layer.name}: adapter {adapter!r} mixes whole FFNs by {[round(w, 4) for w in fixed.tolist()]}, and a sum of FFNs "
            "isn't an FFN; give one expert the weight 1, or use granularity='linear'"
        )
    if layer.merged:
        return f"{layer.name}: adapters {layer.merged_adapters} are merged already; unmerge them before {adapter!r}"
    return None


def _is_foreign(part: nn.Module) -> bool:
    """Whether a part holds weights of its own in a form that isn't a plain matrix."""
    weight = getattr(part, "weight", None)
    plain = isinstance(part, nn.Linear | Conv1D) and isinstance(weight, Tensor) and weight.dtype in COMPUTED
    return any(True for _ in part.parameters(recurse=False)) and not plain


def added(linear: nn.Module, delta: Tensor, adapter: str, name: str, *, safe: bool, as_stored: bool = False) -> Tensor:
    """The weight of a linear layer with delta added, in the weight's type.

    delta is [out, in], or as the weight is stored. `safe` refuses results that aren't numbers. Raises MergeRefused.
    """
    weight = linear.weight
    if not isinstance(weight, Tensor):
        raise MergeRefused(f"{name}: {type(linear).__name__} has no weight to merge adapter {adapter!r} into")
    change = delta.T if isinstance(linear, Conv1D) and not as_stored else delta
    precise = torch.promote_types(weight.dtype, change.dtype)
    result = (weight.data.to(precise) + change.detach().to(precise)).to(weight.dtype)
    if safe and not bool(result.isfinite().all()):
        raise MergeRefused(broken_merge(name, adapter))
    return result


def broken_merge(name: str, adapter: str) -> str:
    """What to say of weights that a merge would make no numbers."""
    return (
        f"{name}: NaNs detected in the merged weights. The adapter {adapter} seems to be broken: nothing was merged here; "
        "load an adapter whose weights are numbers"
    )
