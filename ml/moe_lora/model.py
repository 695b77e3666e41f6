"""The tuner: puts experts into a base model, checks everything before it changes anything, and merges where that is exact."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from peft.tuners.tuners_utils import (
    BaseTuner,
    BaseTunerLayer,
    _find_minimal_target_modules,
    _maybe_include_all_linear_layers,
    check_target_module_exists,
)
from peft.utils.constants import DUMMY_TARGET_MODULES
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from ml.moe_lora.adapted import Settings, check_rank
from ml.moe_lora.config import MoeLoraConfig
from ml.moe_lora.discovery import Place, describe_base, linears_of, longest, need_ffns, search
from ml.moe_lora.errors import BadConfig, BadInput, FfnNotFound, MergeRefused, WrongBase
from ml.moe_lora.ffn import Pair, sizes
from ml.moe_lora.layer import MoeLoraBlock, MoeLoraLayer, MoeLoraLinear
from ml.moe_lora.merging import refuse_merge
from ml.moe_lora.registration import PREFIX


@dataclass(frozen=True)
class Target:
    """What one module gets: experts for an FFN or for a linear layer, or a plain LoRA."""

    place: Place | None
    """None: a linear layer."""
    plain: bool


class MoeLoraModel(BaseTuner):
    """A base model with routed LoRA experts. Made by `peft.get_peft_model` from a MoeLoraConfig."""

    prefix: str = PREFIX
    tuner_layer_cls = MoeLoraLayer
    target_module_mapping: dict[str, list[str]] = {}  # noqa: RUF012 - PEFT declares it as an instance's; none is used

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The base model's forward. Raises BadInput for sequences past its limit."""
        self._check_length(*args, **kwargs)
        return super().forward(*args, **kwargs)

    @contextmanager
    def _enable_peft_forward_hooks(self, *_: Any, **kwargs: Any) -> Iterator[None]:
        """PEFT calls this around a forward and leaves adapter_names out of it, so that they would be ignored unseen."""
        if kwargs.get("adapter_names") is not None:
            raise BadInput(
                f"adapter_names={kwargs['adapter_names']!r}: one batch runs by one adapter, whose experts are chosen by token; "
                "call set_adapter, and run the rows of each adapter as a batch of their own"
            )
        yield

    def _check_length(self, *args: Any, **kwargs: Any) -> None:
        """Positions that the caller gives are the caller's affair."""
        names = [name for name in ("input_ids", "inputs_embeds") if kwargs.get(name) is not None]
        tokens = kwargs[names[0]] if names else (args[0] if args else None)
        if self._longest is None or not isinstance(tokens, Tensor) or tokens.ndim < 2:
            return
        if tokens.shape[1] > self._longest and kwargs.get("position_ids") is None:
            raise BadInput(
                f"a sequence of {tokens.shape[1]} tokens, {type(self.model).__name__} has positions for {self._longest} "
                "(max_position_embeddings): shorten it, split it, or load the base with a longer limit"
            )

    # -- putting experts in

    def _check_new_adapter_config(self, config: Any) -> None:
        super()._check_new_adapter_config(config)
        others: dict[str, Any] = self.peft_config
        for name, other in others.items():
            if other.granularity != config.granularity:
                raise BadConfig(
                    f"granularity={config.granularity!r} beside adapter {name!r} with {other.granularity!r}: adapters of one "
                    "model share their granularity; use another copy of the base"
                )

    def _prepare_adapter_config(self, peft_config: Any, model_config: dict[str, Any]) -> Any:  # noqa: ARG002 - PEFT's signature
        return peft_config

    def _prepare_model(self, peft_config: Any, model: nn.Module) -> None:
        """Decide what every module gets, before the first one is changed."""
        config: MoeLoraConfig = peft_config
        _check_base(config, model)
        self._targets: dict[str, Target] = {}
        self._longest = longest(model)
        if config.target_modules == DUMMY_TARGET_MODULES:
            return
        if config.granularity == "linear":
            if config.target_modules is None:
                config.target_modules = _short_names(list(linears_of(model)), model)
            _maybe_include_all_linear_layers(config, model)
            self._targets = _linear_targets(config, model)
        else:
            self._targets = _block_targets(config, model)
        self._targets.update(_attention_targets(config, model, self._targets))
        config.remember_base(describe_base(model))

    @staticmethod
    def _check_target_module_exists(peft_config: Any, key: str) -> Any:
        if peft_config.target_modules is None:
            return False
        found = check_target_module_exists(peft_config, key)
        return found or check_target_module_exists(_attention_view(peft_config), key) or found

    def _create_and_replace(
        self,
        peft_config: Any,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        parameter_name: str | None = None,  # noqa: ARG002 - PEFT's signature
    ) -> None:
        config: MoeLoraConfig = peft_config
        wanted = self._targets.get(current_key)
        if wanted is None:
            raise BadConfig(
                f"the saved adapter has weights for {current_key}, which target_modules={config.target_modules} don't name: "
                "load it with the adapter_config.json that it was saved with"
            )
        settings = _settings(config, plain=wanted.plain)
        start = {"init_weights": config.init_weights, "inference_mode": config.inference_mode}
        if isinstance(target, MoeLoraLayer):
            target.update_layer(adapter_name, settings, **start)
            return
        new = self._new_layer(config, wanted, target, parent, current_key)
        new.update_layer(adapter_name, settings, **start)
        new.set_adapter(adapter_name)
        if adapter_name not in self.active_adapters:
            new.requires_grad_(requires_grad=False)
        self._replace_module(parent, target_name, new, target)

    def _new_layer(
        self, config: MoeLoraConfig, wanted: Target, target: nn.Module, parent: nn.Module, key: str
    ) -> MoeLoraLayer:
        """Training or not as the module is whose place it takes: dropout must not begin in a model that is being used."""
        new: MoeLoraLayer
        if wanted.place is not None:
            base = target if wanted.place.pair is None else Pair(parent, wanted.place.pair)
            new = MoeLoraBlock(base, key, wanted.place.ffn)
        else:
            inner = target.get_base_layer() if isinstance(target, BaseTunerLayer) else target
            transposed = isinstance(inner, Conv1D) or config.fan_in_fan_out
            new = MoeLoraLinear(target, key, fan_in_fan_out=transposed)
        new.training = target.training
        return new

    def _replace_module(
        self,
        parent: nn.Module,
        child_name: str,
        new_module: nn.Module,
        child: nn.Module,  # noqa: ARG002 - PEFT's signature
    ) -> None:
        """Factors are made where the base is, so nothing has to be moved; a pair takes and gives back three places."""
        if isinstance(new_module, MoeLoraBlock) and isinstance(new_module.base_layer, Pair):
            new_module.base_layer.take(parent, new_module)
        elif isinstance(new_module, Pair):
            new_module.give_back(parent)
        else:
            setattr(parent, child_name, new_module)

    def _cast_adapter_dtype(self, adapter_name: str, autocast_adapter_dtype: bool = True) -> None:  # noqa: FBT001, FBT002 - PEFT's signature
        """As PEFT's, which would leave the factors it casts learning, whether they did or not."""
        held = [
            getattr(layer, name)
            for layer in self.moe_lora_layers()
            for name in layer.adapter_layer_names
            if adapter_name in getattr(layer, name)
        ]
        learning = [factors[adapter_name].requires_grad for factors in held]
        super()._cast_adapter_dtype(adapter_name, autocast_adapter_dtype)
        for factors, did in zip(held, learning, strict=True):
            factors[adapter_name].requires_grad_(did)

    # -- merging

    def moe_lora_layers(self) -> list[MoeLoraLayer]:
        """All layers with experts or a plain LoRA, in the model's order."""
        return [module for module in self.model.modules() if isinstance(module, MoeLoraLayer)]

    def _refuse_merges(self, adapter_names: list[str] | None) -> None:
        """Refuse before the first layer is touched, so that no model is left half merged."""
        if isinstance(adapter_names, str):
            raise TypeError(f"adapter_names should be a list of strings, got {adapter_names!r}.")
        reasons = []
        owners = Counter(id(weight) for module in self.model.modules() for weight in module.parameters(recurse=False))
        for layer in self.moe_lora_layers():
            wanted = layer.active_adapters if adapter_names is None else adapter_names
            present = [n for n in wanted if n in layer.moe_lora_settings and n not in layer.merged_adapters]
            reasons += [reason for name in present if (reason := refuse_merge(layer, name))]
            if present and any(owners[id(weight)] > 1 for weight in layer.base_layer.parameters()):
                reasons.append(
                    f"{layer.name}: its weight is shared with another module (tied embeddings), which merging would change "
                    "too; untie them (tie_word_embeddings=False), or leave the adapter unmerged"
                )
            if isinstance(layer, MoeLoraBlock) and len(present) > 1:
                reasons.append(f"{layer.name}: {', '.join(present)} can't act on one FFN together; merge one of them")
        if reasons:
            more = f" ({len(reasons) - 1} more layers likewise)" if len(reasons) > 1 else ""
            raise MergeRefused(reasons[0] + more)

    def merge_adapter(self, adapter_names: list[str] | None = None, safe_merge: bool = False) -> None:  # noqa: FBT001, FBT002 - PEFT's signature
        """As PEFT's. Raises MergeRefused, with nothing merged, where an adapter can't be written as weights."""
        self._refuse_merges(adapter_names)
        super().merge_adapter(adapter_names=adapter_names, safe_merge=safe_merge)

    def merge_attention(self, adapter_names: list[str] | None = None, *, safe_merge: bool = False) -> None:
        """Merge the plain LoRA of the attention alone; `unmerge_adapter` takes it back. Raises MergeRefused."""
        for layer in self.moe_lora_layers():
            wanted = layer.active_adapters if adapter_names is None else adapter_names
            plain = [n for n in wanted if n in layer.moe_lora_settings and layer.router(n) is None]
            if isinstance(layer, MoeLoraLinear) and plain:
                layer.merge(safe_merge=safe_merge, adapter_names=plain)

    def _unload_and_optionally_merge(
        self,
        merge: bool = True,  # noqa: FBT001, FBT002 - PEFT's signature
        progressbar: bool = False,  # noqa: FBT001, FBT002 - PEFT's signature
        safe_merge: bool = False,  # noqa: FBT001, FBT002 - PEFT's signature
        adapter_names: list[str] | None = None,
    ) -> Any:
        if merge:
            self._refuse_merges(adapter_names)
        return super()._unload_and_optionally_merge(merge, progressbar, safe_merge, adapter_names)


def _settings(config: MoeLoraConfig, *, plain: bool) -> Settings:
    if plain:
        rank, scale = config.attention
        return Settings(("attention",), rank, scale, config.lora_dropout, 1)
    return Settings(tuple(config.experts), config.r, config.scale, config.lora_dropout, config.top_k)


def _check_base(config: MoeLoraConfig, model: nn.Module) -> None:
    """Refuse an adapter that was saved for another base. Raises WrongBase."""
    found, saved = describe_base(model) or {}, config.base or {}
    differing = [
        f"{key} {saved[key]!r}, here {found[key]!r}" for key in saved if key in found and saved[key] != found[key]
    ]
    if differing:
        raise WrongBase(
            f"the adapter was saved for another base model: {'; '.join(differing)}. Load that base "
            f"({config.base_model_name_or_path or 'its name was not saved'}), or train an adapter for this one"
        )


def _attention_view(config: MoeLoraConfig) -> Any:
    """The attention's targets, with the other conditions, as PEFT's matcher reads them."""
    return SimpleNamespace(
        target_modules=config.attention_modules or [],
        target_parameters=None,
        exclude_modules=config.exclude_modules,
        modules_to_save=config.modules_to_save,
        layers_to_transform=config.layers_to_transform,
        layers_pattern=config.layers_pattern,
    )


def _outside_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Modules by name, without what lies inside layers that are adapted already."""
    found: dict[str, nn.Module] = {}
    inside: list[str] = []
    for name, module in model.named_modules():
        if name and not name.startswith(tuple(inside)):
            found[name] = module
            if isinstance(module, BaseTunerLayer):
                inside.append(f"{name}.")
    return found


def _short_names(names: list[str], model: nn.Module) -> set[str]:
    """As few endings of names as tell these modules from all others."""
    others = [name for name, _ in model.named_modules() if name and name not in set(names)]
    return set(_find_minimal_target_modules(names, others))


def _block_targets(config: MoeLoraConfig, model: nn.Module) -> dict[str, Target]:
    named = config.target_modules is not None
    found = search(model) if named else need_ffns(model)
    if not named:
        config.target_modules = _short_names(list(found.places), model)
    modules = _outside_layers(model)
    matched = [name for name in modules if check_target_module_exists(config, name)]
    for name in matched:
        if name not in found.places:
            reasons = {refused: reason for refused, _, reason in found.refused}
            why = (
                "a linear layer"
                if sizes(modules[name])
                else reasons.get(name, "no module with linear layers of its own")
            )
            raise FfnNotFound(
                f"{name} ({type(modules[name]).__name__}) is no FFN: {why}. FFNs of this model: "
                f"{', '.join(list(found.places)[:4]) or 'none'}; use granularity='linear' to target linear layers"
            )
        place = found.places[name]
        check_rank(name, {"up": (place.ffn.width, place.ffn.inner)}, config.r)
    if not matched:
        raise FfnNotFound(
            f"target_modules={config.target_modules} (layers_to_transform={config.layers_to_transform}, "
            f"exclude_modules={config.exclude_modules}) leave no module. FFNs of this model: "
            f"{', '.join(list(found.places)[:4]) or 'none'}; name some of them, or leave target_modules out"
        )
    return {name: Target(found.places[name], plain=False) for name in matched}


def _linear_targets(config: MoeLoraConfig, model: nn.Module) -> dict[str, Target]:
    modules = _outside_layers(model)
    matched = [name for name in modules if check_target_module_exists(config, name)]
    for name in matched:
        _check_linear(name, modules[name], config.r)
    return {name: Target(None, plain=False) for name in matched}


def _attention_targets(config: MoeLoraConfig, model: nn.Module, routed: dict[str, Target]) -> dict[str, Target]:
    if not config.attention_modules:
        return {}
    modules, view = _outside_layers(model), _attention_view(config)
    matched = [name for name in modules if check_target_module_exists(view, name)]
    if not matched:
        raise BadConfig(
            f"attention_modules={config.attention_modules} name no module of {type(model).__name__}: name linear layers of its "
            "attention, such as q_proj and v_proj"
        )
    blocks = tuple(f"{name}." for name, target in routed.items() if target.place is not None)
    for name in matched:
        if name.startswith(blocks):
            raise BadConfig(
                f"attention_modules={config.attention_modules} name {name}, which lies inside an FFN with experts: leave it out"
            )
        _check_linear(name, modules[name], config.attention[0])
    return {name: Target(None, plain=True) for name in matched}


def _check_linear(name: str, module: nn.Module, rank: int) -> None:
    """Raises BadConfig."""
    found = sizes(module)
    if found is None:
        raise BadConfig(
            f"Target module {name} ({type(module).__name__}) is not supported: experts go into linear layers; name those, or "
            "leave target_modules out"
        )
    check_rank(name, {"linear": found}, rank)
